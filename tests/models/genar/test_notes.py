"""What a prediction says before it is believed: foreign sections, untold depth, features without a record."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from genviz._settings import settings
from genviz.models import GenAR
from genviz.models.genar.checkpoint import load_fitted
from genviz.models.genar.scaler import Scaler
from tests.models.genar.cases import tissue


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(settings, "progress", False)


def trained(adata, **options):
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", **options).train(2, seed=0)


def renamed(adata, prefix="N"):
    """The rows as sections that no model was trained on."""
    adata.obs["library_id"] = [prefix + name[1:] for name in adata.obs["library_id"]]
    adata.uns["spatial"] = {prefix + name[1:]: value for name, value in adata.uns["spatial"].items()}
    return adata


def said(model, adata, **options):
    """Warnings of a prediction, which must be those of its provenance."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = model.predict(adata, n_samples=8, **options)
    record = json.loads(result.uns["genviz"]["genar"])
    issued = [str(w.message) for w in caught if w.category is UserWarning]
    assert sorted(record["warnings"]) == sorted(issued)
    return issued


@pytest.fixture(scope="module")
def model():
    settings.progress = False
    adata = tissue(240, n_sections=3)
    adata.obs["patient"] = "p1"
    return trained(adata)


def known(n=200, seed=1):
    adata = renamed(tissue(n, seed=seed))
    adata.obs["patient"] = "p1"
    return adata


def test_a_restained_section_is_named_though_its_rows_are_not_extreme(model):
    new = known()
    assert not said(model, new)
    rows = (new.obs["library_id"] == "N1").to_numpy()
    new.obsm["X_morphology"][rows] += 0.8 * new.obsm["X_morphology"].std(axis=0)
    notes = said(model, new)
    assert len(notes) == 1 and notes[0].startswith("Section N1: as a whole its features lie apart")
    assert "stain, scanner or a wrong mpp" in notes[0] and "intervals" in notes[0]


def test_the_line_is_kept_with_the_model_and_absent_from_older_ones(model, tmp_path):
    model.save(tmp_path / "m")
    shift = load_fitted(tmp_path / "m").ensemble.scaler.shift
    assert shift == model.fitted.ensemble.scaler.shift and shift > 0
    ensemble = model.fitted.ensemble
    values = {"distance": ensemble.scaler.distance, "by_section": False}
    older = type(ensemble).from_tensors(ensemble.config, ensemble.tree, values, ensemble.tensors())
    assert older.scaler.shift is None
    assert older.scaler.foreign(np.full((40, 6), 1e3, np.float32), np.array(["a"] * 40)) == {}


def test_the_largest_shift_leaves_the_section_out():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 5)).astype(np.float32)
    section = np.repeat(["a", "b", "c"], 100).astype(object)
    features[section == "c"] += 1.0
    expected = ((features[section == "c"].mean(0) - features[:200].mean(0)) / features[:200].std(0)) ** 2
    assert Scaler.fit(features, section, "train").shift == pytest.approx(expected.mean(), rel=1e-2)
    assert Scaler.fit(features, section, "section").shift is None
    one = np.array(["a"] * 300, dtype=object)
    assert Scaler.fit(features, one, "train").shift is None
    xy = np.stack([np.arange(300.0)[::-1], np.zeros(300)], axis=1).astype(np.float32)
    strips = Scaler.fit(features, one, "train", xy).shift
    own, others = features[:75], features[75:]  # the order of positions, not of rows, makes the strips
    strip = (((own.mean(0) - others.mean(0)) / others.std(0)) ** 2).mean()
    assert strips is not None and strips >= strip * 0.99
    assert Scaler.fit(features[rng.permutation(300)], one, "train", xy).shift < strips / 3


def test_untold_depth_of_unknown_tissue_is_one_warning_with_both_numbers(model):
    new = renamed(tissue(80, seed=1))
    (note,) = said(model, new)
    counts = model.fitted.facts["median_panel_counts"]
    assert set(counts) == {"S0", "S1", "S2"}
    for text in ("depth=", "--depth", "(N0)", "(N1)", *(f"{v:.0f} ({k})" for k, v in counts.items())):
        assert text in note
    predicted = model.predict(new, n_samples=8)
    total = predicted.X.sum(axis=1)[(new.obs["library_id"] == "N0").to_numpy()]
    assert f"{np.median(total):.0f} (N0)" in note
    assert not said(model, new, depth=float(np.median(total)))


def test_another_patient_is_the_same_warning(model):
    new = known()
    new.obs["patient"] = "p2"
    (note,) = said(model, new)
    assert (
        note.startswith("Trained on patient p1, predicting patient p2: depth and intervals")
        and "--depth" in note
    )
    (told,) = said(model, new, depth=model.fitted.facts["median_panel_count"])
    assert "intervals may not carry over" in told and "depth" not in told


def test_training_sections_need_no_depth(model):
    notes = said(model, tissue(60))
    assert len(notes) == 1 and "trained on: scores" in notes[0]


def test_depth_of_each_row_warns_when_it_is_far_off(model):
    new = known()
    predicted = model.predict(new, n_samples=8).X.sum(axis=1)
    assert not said(model, new, depth=predicted * 1.5)
    far = np.where(new.obs["library_id"] == "N1", predicted * 5, predicted)
    (note,) = said(model, new, depth=far)
    assert note.startswith("Section N1: predicted median panel count")


RECORD = {"name": "uni", "version": 2}


def test_features_without_a_record_are_warned_about():
    adata = tissue()
    adata.uns["genviz"] = {"features": {"morphology": json.dumps(RECORD)}}
    model = trained(adata)
    new = tissue(30, seed=1)
    with pytest.warns(UserWarning, match="carry no record of how they were made"):
        model.log_likelihood(new)
    assert any(
        "obsm['X_morphology']: these features carry no record" in n and "uni" in n for n in said(model, new)
    )
    new.uns["genviz"] = {"features": {"morphology": json.dumps({"name": "uni"})}}
    assert any("version unknown" in note for note in said(model, new))
    new.uns["genviz"] = {"features": {"morphology": json.dumps(RECORD)}}
    assert not any("record" in note for note in said(model, new))


def test_provenance_says_what_was_told_and_where_the_weights_are(tmp_path):
    adata = tissue(120, n_sections=3)
    GenAR.setup_anndata(adata)
    model = GenAR(adata, preset="nano").train(3, seed=0, val="S2")

    def record(**options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return json.loads(model.predict(tissue(5), n_samples=4, **options).uns["genviz"]["genar"])

    unsaved = record()
    assert unsaved["model"] == "GenAR" and unsaved["transductive"] == []
    assert unsaved["checkpoint_sha256"] is None and unsaved["checkpoint_format"] is None
    assert (unsaved["depth_told"], unsaved["depth_value"]) == ("no", None)
    assert unsaved["validation_section"] == "S2"
    assert len(unsaved["best_epochs"]) == 1 and 0 <= unsaved["best_epochs"][0] < 3
    assert "no separate calibration" in unsaved["calibration"]
    model.save(tmp_path / "m")
    assert record(depth=80)["depth_value"] == 80
    told = record(depth=[1, 2, 3, 40, 50])
    assert (told["depth_told"], told["depth_value"]) == ("spot", 3)
    assert len(told["checkpoint_sha256"]) == 64 and told["checkpoint_format"] == 1
    model = GenAR.load(tmp_path / "m")
    loaded = record()
    assert loaded["checkpoint_format"] == 1
    assert [loaded[name] for name in ("validation_section", "best_epochs")] == ["S2", unsaved["best_epochs"]]
