"""Networks that are known by a short name, as timm loads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TimmModel:
    """A network and how it wants its tiles.

    Attributes
    ----------
    hub
        timm name; ``hf-hub:...`` for weights on the Hugging Face Hub.
    mpp
        Micrometres per pixel it was trained at.
    size_px
        Side of the input.
    gated
        Whether its authors ask for an agreement before download.
    options
        Arguments of ``timm.create_model``.
    layers
        Arguments that are classes of ``timm.layers``, by their names.
    with_patches
        Whether features are the class token followed by the mean of the patch tokens; the network gives all tokens.
    package
        The authors' own package, where timm cannot build the network.
    """

    hub: str
    mpp: float = 0.5
    size_px: int = 224
    gated: bool = False
    options: tuple[tuple[str, object], ...] = ()
    layers: tuple[tuple[str, str], ...] = ()
    with_patches: bool = False
    package: str = ""

    @property
    def repository(self) -> str:
        """Name of its repository on the Hugging Face Hub."""
        return self.hub.removeprefix("hf-hub:") if self.hub.startswith("hf-hub:") else f"timm/{self.hub}"

    @property
    def page(self) -> str:
        """Page where its terms are shown."""
        return f"https://huggingface.co/{self.repository}"


MODELS = {
    "resnet18": TimmModel("resnet18.a1_in1k"),
    "resnet50": TimmModel("resnet50.a1_in1k"),
    "dinov2": TimmModel("vit_base_patch14_dinov2.lvd142m", options=(("img_size", 224),)),
    "uni": TimmModel(
        "hf-hub:MahmoodLab/UNI", gated=True, options=(("init_values", 1e-5), ("dynamic_img_size", True))
    ),
    "virchow": TimmModel(
        "hf-hub:paige-ai/Virchow",
        gated=True,
        options=(("act_layer", "silu"), ("global_pool", "")),
        layers=(("mlp_layer", "SwiGLUPacked"),),
        with_patches=True,
    ),
    # Tiles of 256 px, of which the middle 224 are taken: at 0.5 um/px the same pixels as a tile of 224.
    "gigapath": TimmModel("hf-hub:prov-gigapath/prov-gigapath", gated=True),
    "conch": TimmModel("hf-hub:MahmoodLab/conch", size_px=448, gated=True, package="conch"),
}
