"""Where networks come from, and what is said when they do not come."""

from __future__ import annotations

import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from genviz._errors import CheckpointError, DownloadError, GenvizError, MissingDependencyError, UsageError
from genviz.features.timm_encoder import TimmEncoder
from genviz.features.timm_loading import ClassAndPatches, load_local, load_released, tensors_digest
from genviz.features.timm_models import MODELS


def local(path, architecture="test_vit", **options):
    return load_local(path, architecture, "small", options)


def test_a_classifier_in_the_file_is_left_out(saved):
    loaded = local(saved.path)
    assert not loaded.network.training and loaded.mean == (0.5,) * 3
    assert set(load_file(saved.path)) - set(loaded.network.state_dict()) == {"head.weight", "head.bias"}
    assert torch.equal(loaded.network.state_dict()["pos_embed"], saved.network.state_dict()["pos_embed"])


def test_weights_of_another_architecture_are_refused(saved):
    with pytest.raises(CheckpointError, match=r"weights of test_resnet.*is missing.*more.*architecture"):
        local(saved.path, "test_resnet")


def test_what_does_not_fit_is_named(saved, tmp_path):
    tensors = load_file(saved.path)
    tensors["norm.weight"] = torch.zeros(3)
    tensors["extra"] = torch.zeros(1)
    del tensors["norm.bias"]
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError) as caught:
        local(tmp_path / "other.safetensors")
    for part in (
        "norm.bias is missing",
        "extra is not part of it",
        "norm.weight has shape (3,) and not (64,)",
    ):
        assert part in str(caught.value)


def test_damaged_files_are_refused(saved, tmp_path):
    cut = tmp_path / "cut.safetensors"
    for data in (saved.path.read_bytes()[:5000], b"not weights at all", b""):
        cut.write_bytes(data)
        with pytest.raises(CheckpointError, match=r"damaged or of another kind.*Copy it again"):
            local(cut)


@pytest.mark.parametrize("name", ["model.bin", "model.pth", "model.pt", "model.ckpt"])
def test_pickles_are_not_opened(tmp_path, name, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("a pickle was opened"))
    (tmp_path / name).write_bytes(b"\x80\x02")
    with pytest.raises(UsageError, match=r"\.safetensors file; got model.*weights_only=True"):
        local(tmp_path / name)


def test_absent_files_and_unknown_architectures(saved, tmp_path):
    with pytest.raises(UsageError, match="there is none"):
        local(tmp_path / "nothing.safetensors")
    with pytest.raises(UsageError, match=r"got 'vit_of_oz'. timm.list_models"):
        local(saved.path, "vit_of_oz")
    with pytest.raises(UsageError, match="timm architecture"):
        local(saved.path, "hf-hub:someone/something")


def test_another_checksum_than_expected_is_refused(saved):
    with pytest.raises(CheckpointError, match=r"sha256 00ff.*its bytes have [0-9a-f]{64}"):
        load_local(saved.path, "test_vit", "small", {}, "00ff")


def test_without_timm_the_extra_is_named(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "genviz\[encoders\]"'):
        local(saved.path)


def test_the_digest_is_of_names_shapes_and_numbers(saved):
    tensors = saved.network.state_dict()
    turned = dict(reversed(tensors.items()))
    assert tensors_digest(turned) == tensors_digest(tensors)
    assert tensors_digest(tensors | {"norm.bias": tensors["norm.bias"] + 1}) != tensors_digest(tensors)
    assert tensors_digest({"a": torch.zeros(2, 3)}) != tensors_digest({"a": torch.zeros(3, 2)})
    assert tensors_digest({"scale": torch.tensor(2.0)}) != tensors_digest({"scale": torch.tensor(3.0)})


def test_released_weights_come_through_timm(saved, monkeypatch):
    import timm

    asked = {}

    def create_model(name, **kwargs):
        asked[name] = kwargs
        return saved.network

    monkeypatch.setattr(timm, "create_model", create_model)
    encoder = TimmEncoder.named("uni", ring="each", pitch_um=100.0, device="cpu")
    wanted = {"pretrained": True, "num_classes": 0, "init_values": 1e-5, "dynamic_img_size": True}
    assert asked == {"hf-hub:MahmoodLab/UNI": wanted}
    recipe = encoder.recipe()
    assert recipe["weights_sha256"] == tensors_digest(saved.network.state_dict())
    assert recipe["verified"] is False  # genviz knows no checksum of these weights
    assert (recipe["name"], recipe["mpp"], recipe["ring"], recipe["pitch_um"]) == ("uni", 0.5, "each", 100.0)


# What the authors' config.json on the hub says of their networks, their numbers of parameters and features.
PUBLISHED = {
    "virchow": ("vit_huge_patch14_224", {"init_values": 1e-5, "mlp_ratio": 5.3375}, 631_229_184, 2560),
    "gigapath": ("vit_giant_patch14_dinov2", {"patch_size": 16, "mlp_ratio": 5.33334}, 1_134_953_984, 1536),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_large_networks_have_their_published_size_and_width(name, saved, monkeypatch):
    import timm

    from genviz.features import timm_loading

    architecture, config, n_parameters, width = PUBLISHED[name]
    create = timm.create_model

    def without_weights(hub, *, pretrained, **kwargs):
        assert pretrained and hub == MODELS[name].hub
        with torch.device("meta"):
            return create(architecture, img_size=224, **config, **kwargs)

    monkeypatch.setattr(timm, "create_model", without_weights)
    monkeypatch.setattr(timm_loading, "tensors_digest", lambda tensors: "")  # there are no numbers
    loaded = load_released(name, MODELS[name])
    assert sum(parameter.numel() for parameter in loaded.network.parameters()) == n_parameters
    size = MODELS[name].size_px
    assert loaded.network(torch.zeros(2, 3, size, size, device="meta")).shape == (2, width)
    assert not loaded.network.training


def test_the_class_token_comes_before_the_mean_of_the_patches():
    import timm

    network = timm.create_model("test_vit", num_classes=0, global_pool="", reg_tokens=2).eval()
    tiles = torch.rand(3, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        tokens, features = network(tiles), ClassAndPatches(network)(tiles)
    assert features.shape == (3, 128)
    torch.testing.assert_close(features[:, :64], tokens[:, 0])
    torch.testing.assert_close(features[:, 64:], tokens[:, 3:].mean(dim=1))


def hub_error(kind: str) -> Exception:
    """An error as the hub's client raises it."""
    from huggingface_hub import errors

    if kind == "offline":
        return errors.LocalEntryNotFoundError("cannot find the requested files in the local cache")
    if kind == "timeout":
        return type("ReadTimeout", (Exception,), {"__module__": "httpx"})("timed out")
    error = getattr(errors, kind)
    return error.__new__(error)  # its constructor wants a response of the client's own kind


@pytest.mark.parametrize("kind", ["GatedRepoError", "RepositoryNotFoundError"])
@pytest.mark.parametrize(
    ("name", "page"),
    [("uni", "MahmoodLab/UNI"), ("virchow", "paige-ai/Virchow"), ("gigapath", "prov-gigapath/prov-gigapath")],
)
def test_gated_weights_say_what_to_accept_and_how_to_log_in(name, page, kind, saved, monkeypatch):
    import timm

    def refuse(*args, **kwargs):
        raise hub_error(kind)

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(GenvizError) as caught:
        TimmEncoder.named(name)
    said = str(caught.value)
    for part in (
        f"https://huggingface.co/{page}, ",
        "hf auth login",
        "HF_TOKEN",
        "encoder='morphology'",
    ):
        assert part in said
    assert caught.value.exit_code == 1 and "\n" not in said


@pytest.mark.parametrize("kind", ["offline", "timeout"])
def test_offline_says_the_ways_out(kind, saved, monkeypatch):
    import timm

    def fail(*args, **kwargs):
        raise hub_error(kind)

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(DownloadError, match=r"HF_HOME.*from_checkpoint.*morphology"):
        load_released("resnet50", MODELS["resnet50"])


def test_other_errors_are_not_dressed_up(saved, monkeypatch):
    import timm

    def fail(*args, **kwargs):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        load_released("resnet50", MODELS["resnet50"])


def test_pages_of_the_models():
    assert MODELS["resnet50"].page == "https://huggingface.co/timm/resnet50.a1_in1k"
    assert [name for name, model in MODELS.items() if model.gated] == ["uni", "virchow", "gigapath", "conch"]
