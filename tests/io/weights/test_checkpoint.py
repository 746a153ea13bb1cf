from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from genviz._errors import CheckpointError, UsageError
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint

CONFIG = {"scales": (1, 4), "name": "nano"}
TEXTS = {"genes.txt": "A\nB\n", "split.json": "{}", "card.md": "# card"}
RELEASED = Path(__file__).parent / "fixtures"


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "model"
    save_checkpoint(folder, CONFIG, {"w": torch.arange(6.0).reshape(2, 3), "n": np.int32([3])}, TEXTS)
    return folder


def edit(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_what_was_saved_comes_back(saved):
    read = load_checkpoint(saved, kind="genar")
    assert read.config == {"scales": [1, 4], "name": "nano"}
    assert read.texts == TEXTS
    assert torch.equal(read.tensors["w"], torch.arange(6.0).reshape(2, 3))
    assert read.tensors["n"].dtype == torch.int32


def test_shared_and_strided_tensors_are_saved(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    save_checkpoint(tmp_path / "m", {}, {"a": base, "b": base, "t": base.T})
    assert torch.equal(load_checkpoint(tmp_path / "m").tensors["t"], base.T)
    strided = np.arange(6.0).reshape(2, 3).T
    save_checkpoint(tmp_path / "n", {}, {"t": strided})
    assert np.array_equal(load_checkpoint(tmp_path / "n").tensors["t"], strided)


def test_half_precision_survives(tmp_path):
    weight = torch.randn(4).to(torch.bfloat16)
    save_checkpoint(tmp_path / "m", {}, {"w": weight})
    assert torch.equal(load_checkpoint(tmp_path / "m").tensors["w"], weight)


def test_the_digest_depends_on_content_alone(tmp_path):
    def save(name: str, value: float) -> str:
        return save_checkpoint(tmp_path / name, CONFIG, {"b": torch.ones(1), "w": torch.full((2,), value)})

    assert save("a", 1.0) == save("b", 1.0) == load_checkpoint(tmp_path / "a").sha256
    assert save("c", 2.0) != save("d", 1.0)


def test_no_pickle_inside(saved):
    assert sorted(p.name for p in saved.iterdir()) == [
        "card.md",
        "config.json",
        "genes.txt",
        "split.json",
        "weights.safetensors",
    ]
    assert (saved / "weights.safetensors").read_bytes()[8:9] == b"{"


def test_a_checkpoint_may_be_replaced_and_nothing_else(saved, tmp_path):
    save_checkpoint(saved, {"name": "new"}, {"w": torch.ones(1)})
    assert load_checkpoint(saved).config == {"name": "new"}
    assert load_checkpoint(saved).texts == {}
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("x")
    with pytest.raises(UsageError, match=r"chapter.tex"):
        save_checkpoint(other, {}, {})
    empty = tmp_path / "empty"
    empty.mkdir()
    save_checkpoint(empty, {}, {"w": torch.ones(1)})
    assert load_checkpoint(empty).kind == "genar"


@pytest.mark.parametrize("name", ["../x", "a/b", "config.json", "weights.safetensors", ".hidden", ""])
def test_texts_have_plain_names(tmp_path, name):
    with pytest.raises(UsageError, match="plain file name"):
        save_checkpoint(tmp_path / "m", {}, {}, {name: "x"})
    assert not (tmp_path / "m").exists()


def test_a_configuration_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(UsageError, match="JSON"):
        save_checkpoint(tmp_path / "m", {"a": np.ones(2)}, {})


@pytest.mark.parametrize("name", ["weights.safetensors", "genes.txt", "config.json"])
@pytest.mark.parametrize("harm", ["missing", "truncated", "tampered"])
def test_damage_is_noticed(saved, name, harm):
    file = saved / name
    data = bytearray(file.read_bytes())
    if harm == "missing":
        file.unlink()
    elif harm == "truncated":
        file.write_bytes(data[: len(data) // 2])
    else:
        at = data.index(b"nano") if name == "config.json" else len(data) - 2
        data[at] ^= 1
        file.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"config\.json|weights|genes\.txt") as caught:
        load_checkpoint(saved)
    assert "Copy it again" in str(caught.value) or "Check the path" in str(caught.value)


def test_a_newer_format_asks_for_an_upgrade(saved):
    edit(saved, format=99, genviz="9.0", files="a list some day")
    with pytest.raises(CheckpointError, match=r"format 99, written by genviz 9\.0.*[Uu]pgrade"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "changes",
    [{"format": 0}, {"format": "1"}, {"files": None}, {"files": {}}, {"kind": 3}, {"config": []}],
)
def test_a_header_with_nonsense_is_damage(saved, changes):
    edit(saved, **changes)
    with pytest.raises(CheckpointError, match="undamaged checkpoint"):
        load_checkpoint(saved)


def test_files_outside_the_folder_are_not_read(saved):
    edit(saved, files={"../secret.txt": "0" * 64})
    with pytest.raises(CheckpointError, match="outside the folder"):
        load_checkpoint(saved)


def test_another_kind_is_refused(saved):
    with pytest.raises(CheckpointError, match=r"checkpoint of pathar .* it is one of genar"):
        load_checkpoint(saved, kind="pathar")


def test_no_folder_at_all(tmp_path):
    with pytest.raises(CheckpointError, match="is not there"):
        load_checkpoint(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        load_checkpoint(tmp_path)


def test_a_failed_save_keeps_the_old_checkpoint(saved, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genviz.io.weights.checkpoint.atomic_write_json", full)
    with pytest.raises(Exception, match="full"):
        save_checkpoint(saved, {"name": "new"}, {})
    assert load_checkpoint(saved).config["name"] == "nano"
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("folder", sorted(RELEASED.glob("checkpoint_v*")), ids=lambda path: path.name)
def test_every_released_format_stays_readable(folder):
    read = load_checkpoint(folder, kind="genar")
    assert read.config["preset"] == "fixture"
    assert read.texts["genes.txt"].split() == ["ACTB", "ERBB2"]
    assert read.tensors["weight"].tolist() == [[0.0, 0.5], [1.0, 1.5]]
