"""Images of discs that are drawn in milliseconds, and models of the smallest preset trained on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from genviz._keys import Obs, Obsm
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.models import PathAR
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.fitted import TOKENIZER, Fitted, new_prior
from genviz.models.pathar.presets import preset
from genviz.models.pathar.tokenizer.config import TokenizerConfig
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.pathar.training.image_set import ImageSet, image_set

LABELS = ("dark", "stained")
SIDE = 32  # of a tile of the nano preset
SHORT: dict[str, Any] = {
    "tokenizer": {"max_epochs": 2, "tiles_per_epoch": 32, "batch_size": 8},
    "prior": {"max_epochs": 2, "views_per_epoch": 32, "n_views": 64, "batch_size": 8},
}


def discs(n: int = 6, side: int = 48, seed: int = 0) -> AnnData:
    """`n` images of each label: light discs on black (grey), violet discs on pink; every third is for validation."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    tiles, masks, labels = [], [], []
    for label in LABELS:
        for _ in range(n):
            mask = np.zeros((side, side), np.uint16)
            for k in range(6):
                cy, cx, r = *rng.integers(0, side, 2), rng.integers(4, 8)
                mask[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = k + 1
            inside, outside = (200, 20) if label == "dark" else ((110, 60, 150), (225, 180, 210))
            tile = np.where((mask > 0)[..., None], np.array(inside), np.array(outside))
            noise = rng.integers(-9, 10, (side, side, 1 if label == "dark" else 3))
            tile = np.clip(np.broadcast_to(tile, (side, side, 3)) + noise, 0, 255)
            tiles.append(tile.astype(np.uint8))
            masks.append(mask)
            labels.append(label)
    names = pd.Index([f"{label}{k % n}" for k, label in enumerate(labels)], dtype=object)
    obs = pd.DataFrame({Obs.LABEL: pd.Categorical(labels)}, index=names)
    obs[Obs.SPLIT] = pd.Categorical(["val" if k % n % 3 == 2 else "train" for k in range(2 * n)])
    obs[Obs.SCENE] = pd.Categorical([f"scene{k % n}" for k in range(2 * n)])
    adata = ad.AnnData(obs=obs)
    adata.obsm[Obsm.TILES], adata.obsm[Obsm.MASKS] = np.stack(tiles), np.stack(masks)
    return adata


def tiles(n: int = 3, seed: int = 5) -> AnnData:
    """`discs` of the size of a tile, without a split."""
    adata = discs(n, SIDE, seed)
    del adata.obs[Obs.SPLIT]
    return adata


def disc_set(n: int = 6, side: int = 48) -> ImageSet:
    """The same, in memory as training has them."""
    return image_set(discs(n, side), Obs.LABEL, LABELS, SIDE)


def declared(adata: AnnData | None = None, **options: Any) -> PathAR:
    """An untrained nano model of `discs` with a short recipe; options replace it."""
    adata = discs() if adata is None else adata
    PathAR.setup_anndata(adata)
    recipe = {part: SHORT[part] | options.get(part, {}) for part in SHORT}
    return PathAR(adata, preset=options.get("preset", "nano"), **recipe)


@cache
def trained() -> PathAR:
    """One trained nano model; not to be changed."""
    return declared().train(seed=0, device="cpu")


def untrained(config: PathARConfig | None = None, seed: int = 0) -> Fitted:
    """Random networks; heads of the prior are not zero, so that every token depends on what it may see."""
    config = config or preset("nano")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tokenizer = spread(DualTokenizer(config.tokenizer))
        prior = new_prior(config.prior, tokenizer, len(LABELS))
        with torch.no_grad():
            for head in (prior.structure_out, prior.appearance_out):
                if head is not None:
                    head.weight.normal_(std=0.4)
    facts = {"label_key": Obs.LABEL, "grey_labels": [], TOKENIZER: tensors_digest(tokenizer.state_dict())}
    return Fitted(config, LABELS, tokenizer.eval(), prior.eval(), ["a"], facts)


def spread(tokenizer: DualTokenizer) -> DualTokenizer:
    """Codes as far apart as encoder outputs are, so that all of them occur."""
    images = disc_set()
    x, m = pixels(images)
    tokenizer.start_codebooks(x, m)
    return tokenizer


def pixels(images: ImageSet, n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Corner tiles of some images, as the tokenizer takes them."""
    x = np.stack([image[:SIDE, :SIDE] for image in images.images[-n:]])
    m = np.stack([mask[:SIDE, :SIDE] for mask in images.masks[-n:]])
    return torch.from_numpy(x).permute(0, 3, 1, 2) / 127.5 - 1, torch.from_numpy(m)[:, None].float()


def loaded_as(fitted: Fitted) -> PathAR:
    """The user's object around networks."""
    model = PathAR.__new__(PathAR)
    model._fitted, model._device, model._adata = fitted, "cpu", None
    model.config = fitted.config
    return model


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all tensors."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def nano_tokenizer(**changes: Any) -> TokenizerConfig:
    """The nano tokenizer with a short recipe."""
    return replace(preset("nano").tokenizer, **SHORT["tokenizer"] | changes)
