"""Ctrl-C in training: what to type next, in the words of whoever asked."""

from __future__ import annotations

import pytest

import genviz as gv
from genviz._errors import TrainingStopped
from tests.models.pathar.tile_cases import discs

STAGE = {
    "genar": "genviz.models.genar.model.fit",
    "pathar": "genviz.models.pathar.model.train",
    "genevar": "genviz.models.genevar.model.train_rows",
}


@pytest.mark.parametrize("name", STAGE)
def test_the_command_line_names_its_own_option(run, tissue, tmp_path, monkeypatch, name):
    data = tissue.rows
    if name == "pathar":
        data = tmp_path / "rows.h5ad"
        gv.io.write_h5ad(discs(6, 40), data)
    monkeypatch.setattr(STAGE[name], lambda *_, **__: None)  # as after Ctrl-C
    said = run("train", name, "--data", data, "--preset", "nano", "--out", tmp_path / "run")
    assert said.code == 1
    assert str(tmp_path / "run") in said.error and said.error.endswith("run the command again with --resume.")


def test_python_names_its_own_argument():
    assert str(TrainingStopped("there")).endswith("Finished epochs are in there: go on with resume=True.")
    assert str(TrainingStopped()).endswith("Nothing was kept: pass out_dir= next time.")
    assert isinstance(TrainingStopped(), KeyboardInterrupt)


@pytest.mark.parametrize("name", STAGE)
@pytest.mark.parametrize("before", [True, False])
def test_what_an_earlier_run_finished_is_not_said_to_be_nothing(
    run, tissue, tmp_path, monkeypatch, name, before
):
    """Stopped while rows are read, before training has begun."""

    def stopped(*_, **__):
        raise KeyboardInterrupt

    rows = "load_image_rows" if name == "pathar" else "load_training_rows"
    monkeypatch.setattr(f"genviz.recipes.{name}.jobs.{rows}", stopped)
    if before:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "run.json").write_text("{}")
    words = ("train", name, "--data", tissue.rows, "--preset", "nano", "--out", tmp_path / "run", "--resume")
    said = run(*words)
    assert said.code == 1
    assert said.error.endswith(
        "again with --resume." if before else "Nothing was left under the final names."
    )
    assert (str(tmp_path / "run") in said.error) == before
