"""Checkpoints that are damaged, newer or of something else; runs that cannot be resumed."""

from __future__ import annotations

import json

import pytest


def _cut(name):
    def spoil(folder):
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw[: len(raw) // 2])

    return spoil


def _header(**changes):
    def spoil(folder):
        header = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(header | changes))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut("weights.safetensors"), "weights.safetensors is truncated"),
        (_cut("config.json"), "config.json is truncated"),
        (_cut("genes.txt"), "genes.txt is truncated"),
        (lambda folder: (folder / "weights.safetensors").unlink(), "weights.safetensors is missing"),
        (lambda folder: (folder / "config.json").unlink(), "it has no config.json"),
        (_header(format=99), "Upgrade it: pip install -U genviz"),
        (_header(kind="pathar"), "it is one of pathar"),
    ],
)
def test_checkpoints(predict, tissue, model_copy, nothing_left, spoil, words):
    spoil(model_copy)
    said = predict(model=model_copy, adata=tissue.rows)
    assert said.code == 1
    assert words in said.error
    nothing_left("out")


def test_no_model(predict, tissue, tmp_path, nothing_left):
    said = predict(model=tmp_path / "no", adata=tissue.rows)
    assert said.code == 2
    assert "genviz train" in said.error
    nothing_left("out")


def test_resuming_another_run(train, tissue, tmp_path):
    """Another panel, other epochs, or a damaged checkpoint: refused; the run stays as it was."""
    assert train().code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run" / "model").iterdir()}
    (tmp_path / "panel.txt").write_text("\n".join(tissue.read().var_names[:12]) + "\n")
    for changes in ({"panel": tmp_path / "panel.txt"}, {"epochs": 2}):
        said = train("--resume", **changes)
        assert said.code == 2
        assert "with its own options and rows; they differ" in said.error
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    last.write_bytes(last.read_bytes()[:1000])
    assert "cannot be used" in train("--resume").error
    assert {path: path.read_bytes() for path in (tmp_path / "run" / "model").iterdir()} == before
    said = train()
    assert said.code == 2
    assert "Go on with a training there by --resume" in said.error


def test_what_cannot_be_trained(train, nothing_left):
    for changes in (
        {"data": "nope"},
        {"data": "her2st", "sections": "Z9"},
        {"preset": "huge"},
        {"counts": "none"},
        {"val": "C9"},
        {"device": "tpu"},
        {"epochs": 0},
    ):
        said = train(**changes)
        assert said.code == 2, changes
        assert "Traceback" not in said.err
    assert train(val="P1").code == 1  # no row is left to train on
    nothing_left()
