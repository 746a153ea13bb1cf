"""recipes.inputs: which rows a job reads, and which folders it takes."""

import pytest

import genviz as gv
from genviz import datasets
from genviz._errors import UsageError
from genviz.recipes import inputs
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
    inputs.check_run_folder(tmp_path / "new", go_on=False)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "vae").touch()
    with pytest.raises(UsageError, match=r"among them 'vae'.*--resume"):
        inputs.check_run_folder(tmp_path / "old", go_on=False)
    inputs.check_run_folder(tmp_path / "old", go_on=True)
