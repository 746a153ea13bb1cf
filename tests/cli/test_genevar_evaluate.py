"""`genviz evaluate genevar`: scores of unseen rows as text and JSON; seen ones only when asked for."""

from __future__ import annotations

import json

import pytest

from genviz import io
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A model of section A, and rows of A and B."""
    folder, given = tmp_path_factory.mktemp("genevar_evaluate"), rows(40)
    trained = model(given)
    trained.fitted.facts["sections"] = ["A"]
    trained.fitted.training_rows = given.obs_names[(given.obs["library_id"] == "A").to_numpy()].tolist()
    trained.save(folder / "model")
    io.write_h5ad(given, folder / "rows.h5ad")
    return folder


def words(home, file):
    given = ("--data", home / "rows.h5ad", "--min-reads", 0, "--extractor", "statistics", "--json", file)
    return ("evaluate", "genevar", "--model", home / "model", *given)


def test_scores_are_printed_and_written(run, home, tmp_path):
    said = run(*words(home, tmp_path / "s.json"), "--sections", "B", "-n", 1)
    assert said.code == 0, said.err
    assert "r_mean_share" in said.out
    document = json.loads((tmp_path / "s.json").read_text())
    assert document["schema"] == "genviz.scores/1" and document["sections"] == ["B"]
    assert document["leakage"]["overridden"] is False
    said = run(*words(home, tmp_path / "a.json"), "--sections", "A", "-n", 1, "--allow-seen")
    assert said.code == 0, said.err
    document = json.loads((tmp_path / "a.json").read_text())
    assert (document["leakage"]["overridden"], document["leakage"]["kinds"]) == (True, {"row": 20})


def test_all_sections_are_scored_when_none_is_named_and_seen_ones_may_be(run, home, tmp_path):
    trained = model(rows(40))  # on both sections: nothing is left that it has not seen
    trained.save(tmp_path / "model")
    given = [
        tmp_path / "model" if word == home / "model" else word for word in words(home, tmp_path / "s.json")
    ]
    said = run(*given, "-n", 1)
    assert said.code == 2 and "there are none" in said.error and "--allow-seen" in said.error
    said = run(*given, "-n", 1, "--allow-seen")
    assert said.code == 0, said.err
    document = json.loads((tmp_path / "s.json").read_text())
    assert document["sections"] == ["A", "B"] and document["leakage"]["kinds"] == {"row": 40}


def test_seen_sections_and_no_draws_are_refused(run, home, tmp_path):
    file = tmp_path / "s.json"
    assert "--allow-seen" in run(*words(home, file), "--sections", "A").error
    assert "n" in run(*words(home, file), "-n", 0).error
    assert "got also C9" in run(*words(home, file), "--sections", "C9").error
    assert not file.exists()


def test_what_cannot_be_is_said_before_rows_are_read(run, home, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "genviz.recipes.genevar.rows.load_training_rows", lambda *_: pytest.fail("rows were read")
    )
    said = words(home, tmp_path / "s.json")
    for wrong in (("--seed", -1), ("--rule", "none"), ("--extractor", "none"), ("--sections", "")):
        assert "Expected" in run(*said, *wrong).error
    assert "would be lost" in run(*words(home, home / "rows.h5ad")).error


def test_too_many_reads_asked_for_are_said(run, home, tmp_path):
    said = run(*words(home, tmp_path / "s.json"), "--min-reads", 10**8)
    assert said.code == 2 and "min_reads" in said.error and not (tmp_path / "s.json").exists()
