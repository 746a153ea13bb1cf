"""What training profiles span: measured on them, kept with the model, and absent where nothing kept it."""

from __future__ import annotations

import json

import numpy as np
import pytest

import genviz as gv
from genviz._errors import CheckpointError
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint
from genviz.models import GeneVAR
from genviz.models.genevar.checkpoint import KIND, RANGE, load_fitted, save_fitted
from genviz.models.genevar.conditions import conditions, told_by
from genviz.models.genevar.training_range import range_of, training_range
from tests.models.genevar.model_cases import model, rows

KINDS = {
    "pca": {},
    "linear": {"condition": {"kind": "linear", "n_genes": 12}, "flow": {"use_z": False}},
}


def spanned(**changes):
    """The fitted parts of a model that keeps its range, and the profiles it was measured on."""
    given = rows(24)
    fitted = model(given, **changes).fitted
    profiles = told_by(fitted, given).profiles
    fitted.span = training_range(fitted, profiles)
    return fitted, profiles


def outside(fitted, profiles, span=None):
    span, scaler = span or fitted.span, fitted.conditioner.scaler
    every = range(len(scaler.columns_U))
    genes_N = span.genes_outside(profiles, scaler, fitted.conditioner.config, every)
    return genes_N, span.codes_outside(conditions(fitted, profiles))


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_keeps_it(kind, tmp_path):
    fitted, profiles = spanned(**KINDS[kind])
    save_fitted(fitted, tmp_path / "model")
    found = load_fitted(tmp_path / "model")
    assert found.span.of == "the model's 24 training rows" and found.span.n_rows == 24
    for name in ("low_U", "high_U", "centre_Z"):
        np.testing.assert_allclose(getattr(found.span, name), getattr(fitted.span, name), atol=1.01e-4)
    assert not outside(found, profiles)[0].any()  # rounding is outwards
    assert outside(found, profiles)[1].sum() <= 1
    assert (tmp_path / "model" / RANGE).stat().st_size < 500


def test_it_is_the_least_and_the_largest_logarithm(tmp_path):
    fitted, profiles = spanned()
    logs_NU = fitted.conditioner.scaler.logs(profiles, fitted.conditioner.config)
    np.testing.assert_array_equal(fitted.span.low_U, logs_NU.min(axis=0))
    np.testing.assert_array_equal(fitted.span.high_U, logs_NU.max(axis=0))
    few = range_of(fitted, "few", profiles.take(np.arange(6)))
    alone = (logs_NU > logs_NU[:6].max(axis=0) + 1e-5) | (logs_NU < logs_NU[:6].min(axis=0) - 1e-5)
    np.testing.assert_array_equal(outside(fitted, profiles, few)[0], alone.any(axis=1))


def test_a_checkpoint_from_before_it_was_kept_has_none(tmp_path):
    fitted, _ = spanned()
    save_fitted(fitted, tmp_path / "new")
    new = load_checkpoint(tmp_path / "new", kind=KIND)
    texts = {name: text for name, text in new.texts.items() if name != RANGE}
    save_checkpoint(tmp_path / "old", new.config, new.tensors, texts, kind=KIND)
    assert load_fitted(tmp_path / "old").span is None
    assert GeneVAR.load(tmp_path / "old", device="cpu").generate(rows(2)).n_obs == 2


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"low": [0], "high": [1], "code_centre": [0], "of": "", "rows": 1}']
)
def test_the_range_of_another_model_is_refused(text, tmp_path):
    fitted, _ = spanned()
    save_fitted(fitted, tmp_path / "model")
    own = load_checkpoint(tmp_path / "model", kind=KIND)
    save_checkpoint(tmp_path / "mixed", own.config, own.tensors, own.texts | {RANGE: text}, kind=KIND)
    with pytest.raises(CheckpointError, match="fit together"):
        load_fitted(tmp_path / "mixed")


def test_a_model_that_is_told_classes_has_none():
    fitted, _ = spanned(condition={"kind": "class"})
    assert fitted.span is None


def test_the_shipped_model_knows_its_own():
    """Of the 732 rows of its split, C5's among them."""
    shipped = GeneVAR.load("genevar-her2st-mini", device="cpu")
    section = gv.datasets.her2st("C5", images=False)
    profiles = told_by(shipped.fitted, section).profiles
    genes_N, codes_N = outside(shipped.fitted, profiles)
    assert (
        shipped.fitted.span.n_rows == 732 == sum("tile-" not in row for row in shipped.fitted.training_rows)
    )
    assert not genes_N.any() and codes_N.mean() < 0.05
    path = gv.models.zoo.folder_of("genevar-her2st-mini") / RANGE
    assert set(json.loads(path.read_text())) == {"of", "rows", "low", "high", "code_centre", "code_length_99"}
