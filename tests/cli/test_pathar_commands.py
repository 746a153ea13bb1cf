"""PathAR on the command line: from images to pairs to scores, and what is refused."""

from __future__ import annotations

import json

import pytest

import genviz as gv
from tests.models.pathar.tile_cases import discs, trained


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Rows in a file and a model in a folder; not to be changed."""
    folder = tmp_path_factory.mktemp("pathar")
    gv.io.write_h5ad(discs(6, 40), folder / "rows.h5ad")
    trained().save(folder / "model")
    return folder


def test_train_generate_evaluate(run, home, tmp_path):
    """The main job; pairs that were generated are data like others."""
    said = run(
        "train",
        "pathar",
        "--data",
        home / "rows.h5ad",
        "--preset",
        "nano",
        "--out",
        tmp_path / "run",
        "--json",
    )
    assert said.code == 0, said.err
    assert json.loads(said.out) == {"model": str(tmp_path / "run" / "model")}
    pairs = tmp_path / "pairs"
    words = ("--model", tmp_path / "run", "--label", "dark, stained", "-n", 2, "--rule", "paper")
    said = run("generate", "pathar", *words, "--out", pairs, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out) == {"out": str(pairs), "n": 4, "synthetic": True}
    assert len(list(pairs.rglob("*.png"))) == 8
    said = run(
        "evaluate",
        "pathar",
        "--model",
        tmp_path / "run",
        "--data",
        home / "rows.h5ad",
        "--json",
        tmp_path / "s",
    )
    assert said.code == 0, said.err
    assert "mask_dice" in said.out and "all scores in" in said.out.splitlines()[-1]
    stamp = json.loads((tmp_path / "s").read_text())["leakage"]
    assert (stamp["overridden"], stamp["kinds"]) == (False, {})
    assert {"mask_dice", "ce_structure_dark"} <= set(json.loads((tmp_path / "s").read_text())["metrics"])
    said = run(
        "evaluate",
        "pathar",
        "--model",
        tmp_path / "run",
        "--data",
        pairs,
        "--split",
        "all",
        "--json",
        tmp_path / "t",
    )
    assert said.code == 0, said.err


def test_images_trained_on_are_refused_or_stamped(run, home, tmp_path):
    words = ("--model", home / "model", "--data", home / "rows.h5ad", "--split", "train", "--device", "cpu")
    said = run("evaluate", "pathar", *words, "--json", tmp_path / "s.json")
    assert said.code == 2 and "8 were trained on" in said.error and "--allow-seen" in said.error
    assert not (tmp_path / "s.json").exists()
    said = run("evaluate", "pathar", *words, "--json", tmp_path / "s.json", "--allow-seen")
    assert said.code == 0, said.err
    stamp = json.loads((tmp_path / "s.json").read_text())["leakage"]
    assert (stamp["overridden"], stamp["kinds"]) == (True, {"row": 8})
    assert "Warning: Scores say nothing about other rows" in said.err


def test_one_pair_is_a_pair_and_labels_may_be_repeated(run, home, tmp_path):
    words = ("--model", home / "model", "-n", 1)
    said = run("generate", "pathar", *words, "--label", "dark", "--out", tmp_path / "one.h5ad")
    assert said.out.startswith("Made 1 synthetic pair: ")
    said = run(
        "generate", "pathar", *words, "--label", "dark", "--label", "stained", "--out", tmp_path / "two.h5ad"
    )
    assert said.out.startswith("Made 2 synthetic pairs: ")


def test_the_same_seed_gives_the_same_pictures(run, home, tmp_path):
    pictures = []
    for name, seed, sampler in (("a", 3, "paired"), ("b", 3, "two_phase"), ("c", 4, "paired")):
        words = (
            "--label",
            "dark",
            "-n",
            1,
            "--seed",
            seed,
            "--sampler",
            sampler,
            "--out",
            tmp_path / f"{name}.h5ad",
        )
        assert run("generate", "pathar", "--model", home / "model", *words).code == 0
        pictures.append(gv.io.read_h5ad(tmp_path / f"{name}.h5ad").obsm["pathar"])
    assert (pictures[0] == pictures[1]).all() and (pictures[0] != pictures[2]).any()


def test_bench(run, tmp_path):
    words = (
        "--preset",
        "nano",
        "--batch",
        "1",
        "--samplers",
        "paired",
        "--device",
        "cpu",
        "--json",
        tmp_path / "b.json",
    )
    said = run("bench", "pathar", *words)
    assert said.code == 0, said.err
    assert "paired_b1_seconds_per_pair" in said.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("generate", "--label", "blue", "--out", "out"), 2, "labels out of dark, stained; got blue"),
        (("generate", "--label", ",", "--out", "out"), 2, "labels out of dark, stained; got ,"),
        (("generate", "--rule", "wild", "--out", "out"), 2, "plain, paper, model"),
        (("generate", "--sampler", "fast", "--out", "out"), 2, "a sampler out of"),
        (("generate", "--seed", "-1", "--out", "out"), 2, "a seed from 0"),
        (("evaluate", "--split", "test", "--data", "ROWS", "--json", "out"), 2, "a split out of train, val, all"),
        (("evaluate", "--data", "nowhere", "--json", "out"), 2, "an index.csv or an .h5ad file; got 'nowhere'"),
        (("train", "--data", "nowhere", "--out", "run"), 2, "an index.csv or an .h5ad file; got 'nowhere'"),
        (("train", "--data", "ROWS", "--stage", "prior", "--preset", "nano", "--out", "run"), 2, "a trained tokenizer"),
        (("train", "--data", "ROWS", "--preset", "huge", "--out", "run"), 2, "nano, mini, paper"),
        (("train", "--data", "ROWS", "--label-key", "stain", "--out", "run"), 1, "label_key="),
        (("train", "--data", "ROWS", "--organ-key", "part", "--out", "run"), 1, "organ_key="),
        (("generate", "--label", "dark", "--organ", "skin", "--out", "out"), 2, "organ"),
        (("train", "--data", "ROWS", "--preset", "mini", "--out", "run"), 1, "at least 128 pixels a side"),
    ],
)  # fmt: skip
def test_misuse_is_one_line_and_leaves_nothing(
    run, home, tmp_path, monkeypatch, nothing_left, words, code, said
):
    monkeypatch.chdir(tmp_path)
    given = [str(home / "rows.h5ad") if word == "ROWS" else word for word in words[1:]]
    model = () if words[0] == "train" else ("--model", home / "model")
    answer = run(words[0], "pathar", *model, *given)
    assert answer.code == code
    assert said in answer.error
    nothing_left()


def test_a_model_of_another_kind_is_refused(run, tissue, tmp_path):
    answer = run("generate", "pathar", "--model", tissue.model, "--out", tmp_path / "out")
    assert answer.code == 1 and "a checkpoint of pathar" in answer.error
