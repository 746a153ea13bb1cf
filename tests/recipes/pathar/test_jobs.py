"""PathAR from files to files."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, io
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models import PathAR
from genviz.recipes.pathar import jobs
from genviz.recipes.pathar.jobs import generate_pathar, load_image_rows, train_pathar
from tests.models.pathar.tile_cases import SHORT, SIDE, discs

NANO = {"preset": "nano", "device": "cpu", **SHORT}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Rows in a file, and a model trained on them."""
    folder = tmp_path_factory.mktemp("pathar")
    io.write_h5ad(discs(), folder / "rows.h5ad")
    train_pathar(str(folder / "rows.h5ad"), out=folder / "run", **NANO)
    return folder


def test_training_leaves_a_model_of_the_train_split(home):
    model = PathAR.load(home / "run", device="cpu")
    assert model.labels == ("dark", "stained")
    assert not {"dark2", "dark5"} & set(model.fitted.training_rows)
    assert (home / "run" / "tokenizer" / "model" / "config.json").is_file()


def test_stage_by_stage_in_one_folder(home, tmp_path):
    rows = str(home / "rows.h5ad")
    with pytest.raises(UsageError, match="a trained tokenizer for stage='prior'"):
        train_pathar(rows, out=tmp_path / "run", stage="prior", **NANO)
    folder = train_pathar(rows, out=tmp_path / "run", stage="tokenizer", **NANO)
    assert PathAR.load(folder).fitted.prior is None
    train_pathar(rows, out=tmp_path / "run", stage="prior", **NANO)
    whole, parts = PathAR.load(home / "run").fitted, PathAR.load(folder).fitted
    for name, value in whole.prior.state_dict().items():
        assert np.array_equal(value, parts.prior.state_dict()[name])


def test_organs_come_from_a_column_and_are_asked_for_by_name(tmp_path):
    rows = discs()
    rows.obs["organ"] = ["skin", "liver"] * (rows.n_obs // 2) + ["skin"] * (rows.n_obs % 2)
    io.write_h5ad(rows, tmp_path / "rows.h5ad")
    train_pathar(str(tmp_path / "rows.h5ad"), out=tmp_path / "run", organ_key="organ", **NANO)
    model = str(tmp_path / "run")
    made = generate_pathar(model, out=tmp_path / "a.h5ad", organs=["skin"], n=2, device="cpu")
    assert set(made.obs["organ"]) == {"skin"}
    each = generate_pathar(model, out=tmp_path / "b.h5ad", organs=["skin", "liver"], n=1, device="cpu")
    assert each.obs["organ"].tolist() == ["skin", "liver"]


def test_a_folder_with_content_is_resumed_and_not_written_over(home):
    rows = str(home / "rows.h5ad")
    with pytest.raises(UsageError, match="--resume"):
        train_pathar(rows, out=home / "run", **NANO)
    before = (home / "run" / "model" / "weights.safetensors").read_bytes()
    train_pathar(rows, out=home / "run", resume=True, **NANO)
    assert (home / "run" / "model" / "weights.safetensors").read_bytes() == before


def test_a_folder_of_pairs_can_be_made_and_trained_on(home, tmp_path):
    made = generate_pathar(str(home / "run"), out=tmp_path / "pairs", n=3, seed=1, device="cpu")
    assert list(made.obs["label"].unique()) == ["dark", "stained"] and made.n_obs == 6
    train_pathar(str(tmp_path / "pairs"), out=tmp_path / "run", stage="tokenizer", **NANO)
    train_pathar(str(tmp_path / "pairs" / "index.csv"), out=tmp_path / "b", stage="tokenizer", **NANO)
    assert len(PathAR.load(tmp_path / "b").fitted.training_rows) == 6


def test_a_file_holds_what_the_model_gives(home, tmp_path):
    made = generate_pathar(str(home / "run"), out=tmp_path / "p.h5ad", labels=["dark"], n=2, device="cpu")
    found = io.read_h5ad(tmp_path / "p.h5ad")
    for key in made.obsm:
        np.testing.assert_array_equal(found.obsm[key], made.obsm[key])
    assert found.obsm["pathar"].shape == (2, SIDE, SIDE, 3)


def test_nothing_is_made_where_nothing_can_be_written(home, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    for words in ({"out": tmp_path / "full"}, {"out": tmp_path / "new", "labels": ["blue"]}):
        with pytest.raises(UsageError):
            generate_pathar(str(home / "run"), device="cpu", **words)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "full"]


def test_which_images(home, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "dsb2018", lambda: "dsb")
    assert load_image_rows("dsb2018") == "dsb"
    with pytest.raises(UsageError, match=r"\(dsb2018, phantom\).*got 'nowhere'"):
        load_image_rows("nowhere")
    rows = discs()
    del rows.obsm["masks"]
    io.write_h5ad(rows, tmp_path / "bare.h5ad")
    with pytest.raises(MissingKeyError, match=r"obsm\['masks'\]"):
        load_image_rows(str(tmp_path / "bare.h5ad"))


def test_the_phantom_has_a_split(monkeypatch):
    monkeypatch.setattr(jobs, "_PHANTOM_IMAGES", 4)
    painted = datasets.phantom
    monkeypatch.setattr(
        datasets, "phantom", lambda *a, **k: painted(*a, **k | {"size_px": 48, "labels": ["histology"]})
    )
    assert load_image_rows("phantom").obs["split"].tolist() == ["train"] * 3 + ["val"]


def test_rows_without_a_train_split_are_refused(tmp_path):
    rows = discs()
    rows.obs["split"] = "test"
    io.write_h5ad(rows, tmp_path / "rows.h5ad")
    with pytest.raises(DataError, match="== 'train'"):
        train_pathar(str(tmp_path / "rows.h5ad"), out=tmp_path / "run", **NANO)
    assert not (tmp_path / "run").exists()
