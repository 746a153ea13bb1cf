"""recipes.inputs: which rows a job reads, and which folders it takes."""

import re
from functools import partial

import pytest

import genviz as gv
from genviz import datasets
from genviz._errors import UsageError
from genviz.recipes import inputs
from genviz.recipes.genar.jobs import train_genar
from genviz.recipes.genevar.jobs import train_genevar
from genviz.recipes.pathar.jobs import train_pathar
from tests.io.files.held import training_elsewhere
from tests.recipes.cases import rows_with_features


def test_which_rows_to_train_on(tmp_path, monkeypatch):
    rows = str(tmp_path / "rows.h5ad")
    gv.io.write_h5ad(rows_with_features(60), rows)
    assert inputs.load_training_rows(rows, None).n_obs == 60
    assert set(inputs.load_training_rows(rows, ["S1"]).obs["library_id"]) == {"S1"}
    with pytest.raises(UsageError, match=r"\(S0, S1\); got also S7, S9"):
        inputs.load_training_rows(rows, ["S9", "S0", "S7"])
    with pytest.raises(
        UsageError,
        match=r"a dataset \(her2st, hest-\.\.\., phantom\) or an .h5ad file, got 'nowhere'.*genviz data list",
    ):
        inputs.load_training_rows("nowhere", None)
    asked = []
    monkeypatch.setattr(datasets, "her2st", asked.append)
    inputs.load_training_rows("her2st", None)
    inputs.load_training_rows("her2st", ["A1"])
    assert asked == [["C2", "C3", "C4", "C5"], ["A1"]]
    monkeypatch.setattr(datasets, "hest", lambda *told, images: asked.append((*told, images)))
    inputs.load_training_rows("hest-prad", ["MEND145"])
    assert asked[-1] == ("hest-prad", ["MEND145"], "slide")


def test_a_list_of_no_sections_is_not_all_of_them():
    inputs.check_sections(None)
    inputs.check_sections(["C2"])
    with pytest.raises(UsageError, match="names of sections; got none"):
        inputs.check_sections([])


def test_a_run_folder_with_content_is_only_gone_on_with(tmp_path):
    with inputs.run_folder(tmp_path / "new", go_on=False):
        assert (tmp_path / "new").is_dir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "vae").touch()
    with (
        pytest.raises(UsageError, match=r"holds 1 entries, among them 'vae'.*--resume"),
        inputs.run_folder(tmp_path / "old", go_on=False),
    ):
        pytest.fail("the block must not run")
    with inputs.run_folder(tmp_path / "old", go_on=True):
        pass
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["vae"]
    with (
        pytest.raises(UsageError, match="is a file"),
        inputs.run_folder(tmp_path / "old" / "vae", go_on=True),
    ):
        pytest.fail("the block must not run")


def test_a_run_folder_in_which_a_training_runs_is_refused_as_that(tmp_path):
    """Whatever it holds by then, and whether or not it is to be gone on with."""
    folder = tmp_path / "run"
    with training_elsewhere(folder):
        (folder / "run.json").touch()
        for go_on in (False, True):
            with (
                pytest.raises(UsageError, match=f"a training is running in {re.escape(str(folder))}"),
                inputs.run_folder(folder, go_on=go_on),
            ):
                pytest.fail("the block must not run")
    with inputs.run_folder(folder, go_on=True):  # it was killed: what it left keeps nobody out
        pass
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_every_training_holds_its_run_folder(tmp_path):
    genar = {"val": None, "panel": None, "preset": "nano", "epochs": 1, "seed": 0, "device": "cpu"}
    with training_elsewhere(tmp_path):
        for train in (partial(train_genar, sections=None, **genar), train_genevar, train_pathar):
            with pytest.raises(UsageError, match="a training is running in"):
                train("nowhere", out=tmp_path, resume=True)


def test_a_start_that_fails_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError), inputs.run_folder(tmp_path / "new" / "run", go_on=False):
        raise ValueError
    assert not any(tmp_path.iterdir())
