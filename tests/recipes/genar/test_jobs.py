"""Files in, files out: what the command line calls."""

from __future__ import annotations

import json
from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz import io, metrics
from genviz._errors import UsageError
from genviz.metrics import Score
from genviz.models import GenAR
from genviz.recipes.genar import jobs
from tests.recipes.cases import on_slide, rows_with_features


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with rows, a trained model, a prediction and the measured table."""
    folder = tmp_path_factory.mktemp("run")
    adata = rows_with_features(60)
    io.write_h5ad(adata, folder / "rows.h5ad")
    jobs.train_genar(str(folder / "rows.h5ad"), **options(folder / "out"))
    new = held_out()
    table = pd.DataFrame(new.X.toarray().astype(int), index=new.obs_names, columns=new.var_names)
    table.to_csv(folder / "counts.tsv", sep="\t")
    predict(folder, new)
    return folder


def held_out():
    """Sections that the model has not seen."""
    new = rows_with_features(20, seed=1)
    new.obs["library_id"] = [f"N{name[1:]}" for name in new.obs["library_id"]]
    new.uns["spatial"] = {f"N{name[1:]}": entry for name, entry in new.uns["spatial"].items()}
    return new


def options(out, **others):
    return {
        "sections": None, "val": None, "panel": None, "preset": "nano", "epochs": 2,
        "resume": False, "seed": 0, "device": "cpu", "out": out,
    } | others  # fmt: skip


def predict(folder, rows, name="predicted.h5ad"):
    return jobs.predict_genar(
        rows,
        model=str(folder / "out" / "model"),
        out=folder / name,
        depth=None,
        n_samples=16,
        seed=0,
        device="cpu",
    )


def test_training_leaves_a_model_that_loads(run):
    model = GenAR.load(run / "out" / "model")
    assert model.genes == tuple(rows_with_features(2).var_names)
    assert (run / "out" / "run.json").is_file()


def test_a_folder_with_content_is_not_written_over_but_resumed(run):
    rows = str(run / "rows.h5ad")
    with pytest.raises(UsageError, match="out"):
        jobs.train_genar(rows, **options(run / "out"))
    before = (run / "out" / "model" / "weights.safetensors").read_bytes()
    jobs.train_genar(rows, **options(run / "out", resume=True))
    assert (run / "out" / "model" / "weights.safetensors").read_bytes() == before


def test_the_validation_section_is_added_and_not_trained_on(run, tmp_path):
    rows = str(run / "rows.h5ad")
    folder = jobs.train_genar(rows, **options(tmp_path / "v", sections=["S0"], val="S1"))
    assert set(GenAR.load(folder).fitted.training_rows) == {"S0"}


def test_a_panel_file_chooses_the_genes(run, tmp_path):
    (tmp_path / "genes.txt").write_text("G3\nG1\nG7\n")
    folder = jobs.train_genar(
        str(run / "rows.h5ad"), **options(tmp_path / "p", panel=tmp_path / "genes.txt", epochs=1)
    )
    assert set(GenAR.load(folder).genes) == {"G1", "G3", "G7"}


def test_prediction_is_written_and_repeats_itself(run):
    written = ad.read_h5ad(run / "predicted.h5ad")
    again = predict(run, held_out(), "again.h5ad")
    np.testing.assert_array_equal(written.layers["genar"], again.layers["genar"])
    assert json.loads(written.uns["genviz"]["genar"])["seed"] == 0


def test_a_folder_in_the_place_of_the_result_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "c5").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(jobs.GenAR, "load", lambda *a, **k: pytest.fail("loaded"))
    monkeypatch.setattr(jobs.io, "read_h5ad", lambda *a, **k: pytest.fail("read"))
    for name, said in (("c5", "is a folder"), ("file/x", "it is a file")):
        with pytest.raises(UsageError, match=said):
            predict(tmp_path, None, name)
        with pytest.raises(UsageError, match=said):
            jobs.evaluate_genar(tmp_path / "p.h5ad", tmp_path / "counts.tsv", tmp_path / name)


def test_features_are_made_where_there_are_none(tmp_path, monkeypatch):
    adata = on_slide(tmp_path)
    jobs.ensure_features(adata)
    assert adata.obsm["X_morphology"].shape[0] == 9 and "tiles" in adata.uns["genviz"]
    monkeypatch.setattr(jobs.pp, "embed", lambda *a, **k: pytest.fail("embedded again"))
    jobs.ensure_features(adata)


def test_rows_to_predict_are_embedded_as_the_training_rows_were(tmp_path):
    trained = SimpleNamespace(
        features="X_plain", recipe={"name": "morphology", "ring": "none", "stain": "none"}
    )
    adata = on_slide(tmp_path)
    jobs.embed_as_in_training(adata, SimpleNamespace(fitted=trained))
    record = json.loads(adata.uns["genviz"]["features"]["plain"])
    assert (record["ring"], record["stain"]) == ("none", "none")
    assert adata.obsm["X_plain"].shape == (9, record["n_own"])
    unknown = SimpleNamespace(features="X_mine", recipe={})
    with pytest.raises(UsageError, match=r"obsm\['X_mine'\].*not recorded.*--adata"):
        jobs.embed_as_in_training(adata, SimpleNamespace(fitted=unknown))


def test_evaluation_joins_by_name_and_counts_what_it_left_out(run, tmp_path):
    table = pd.read_csv(run / "counts.tsv", sep="\t", index_col=0)
    table.iloc[::-1, ::-1].iloc[:15].to_csv(tmp_path / "part.tsv", sep="\t")
    text = jobs.evaluate_genar(run / "predicted.h5ad", tmp_path / "part.tsv", tmp_path / "m.json")
    document = json.loads((tmp_path / "m.json").read_text())
    assert (document["n_rows"], document["n_rows_without_counts"]) == (15, 5)
    assert document["schema"] == "genviz.scores/1" and 0 < document["metrics"]["pcc_200"]["value"] <= 1
    assert "genar" in text.splitlines()[0] and any(line.startswith("pcc_200") for line in text.splitlines())


def test_report_with_and_without_a_table(run, tmp_path):
    arguments = {"genes": ["G1"], "title": "T"}
    with_table = jobs.write_report(
        run / "predicted.h5ad", tmp_path / "a.html", counts=run / "counts.tsv", **arguments
    )
    assert (
        "Scores against baselines" in with_table.read_text() and "<title>T</title>" in with_table.read_text()
    )
    bare = ad.read_h5ad(run / "predicted.h5ad")
    del bare.layers["counts"]
    io.write_h5ad(bare, tmp_path / "bare.h5ad")
    without = jobs.write_report(tmp_path / "bare.h5ad", tmp_path / "b.html", counts=None, **arguments)
    assert (
        "Scores against baselines" not in without.read_text() and "No measured counts" in without.read_text()
    )


def test_an_image_alone_is_not_enough():
    with pytest.raises(UsageError, match="both an image and a spot table"):
        jobs.rows_from_slide(None, None, section="S", mpp=None)


def test_scores_as_text_keep_their_columns():
    scores = {"a": {"mse": Score(1.0), "x": Score(0.5, ci=(0.4, 0.6))}, "b": {"mse": Score(2.0)}}
    head, mse, x = jobs.aligned(metrics.scores_table(scores)).splitlines()
    assert head.split() == ["a", "b"]
    assert mse.split() == ["mse", "1.000", "2.000"]
    assert x.split() == ["x", "0.500", "[0.400,", "0.600]", "–"]
    assert len({len(line) for line in (head, mse, x)}) == 1
