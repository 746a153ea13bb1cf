"""Genes that move statistics are found, whether by gradient or by editing; others are not."""

from __future__ import annotations

import numpy as np
import pytest

import genviz as gv
from genviz._errors import UsageError
from genviz.metrics.tiles.tissue import TissueStandard
from genviz.models.genevar.rows import drawn_rows
from genviz.tl.perturbation.matched_genes import matched
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def adata():
    return rows(60)


@pytest.fixture
def painter(adata, monkeypatch):
    """A model whose tiles get redder with the first number of the code, whatever else they show."""
    known = model(adata)

    def paint(rows_, code, n, seed, *, rule=None):
        made = drawn_rows(rows_, n)
        noise = np.random.default_rng(seed).integers(0, 90, (len(code) * n, 32, 32, 3))
        red = np.repeat(12 * np.asarray(code)[:, 0], n)[:, None, None, None] * np.array([1.0, 0, 0])
        made.obsm["genevar"] = np.clip(90 + noise + red, 0, 255).astype(np.uint8)
        return made

    monkeypatch.setattr(known, "generate_from_code", paint)
    return known


def test_a_planted_effect_is_found_both_ways(painter, adata):
    found = gv.tl.attribute(painter, adata, statistics=["red", "blue"], n=2, n_edited=4, fold=2.0, seed=0)
    assert found.statistics == ("red", "blue") and len(found.genes) == 12 and len(found.edited) == 4
    loading_U = np.abs(painter.fitted.conditioner.components_ZU[0])
    used = [painter.genes[i] for i in painter.fitted.conditioner.scaler.columns_U]
    assert found.genes[0] in {used[i] for i in np.argsort(-loading_U)[:3]}
    assert found.r2_S[0] > 0.9 > 0.2 > found.r2_S[1]
    assert found.agreement > 0.95
    np.testing.assert_allclose(found.gradient_US[:4, 0], found.difference_ES[:, 0], rtol=0.4)
    assert np.abs(found.gradient_US[:, 1]).max() < 0.5 * np.abs(found.gradient_US[:, 0]).max()
    assert (np.abs(found.difference_ES[:, 0]) > 5 * found.difference_se_ES[:, 0]).all()
    assert not set(found.edited) & set(found.partner)


def test_the_frame_and_the_record(painter, adata):
    found = gv.tl.attribute(painter, adata, n=1, n_edited=1, seed=0)
    frame = found.to_frame()
    assert len(frame) == 12 * 14 and frame["gradient"].abs().is_monotonic_decreasing
    assert frame["difference"].notna().sum() == 14
    assert (frame["gradient_p"] > 0).all() and (frame["gradient_p"] <= 1).all()
    assert found.record["operation"] == "attribute" and "depth held" in found.record["units"]
    again = TissueStandard.from_dict(found.record["standard"])
    same = gv.tl.attribute(painter, adata, n=1, n_edited=1, seed=0, standard=again)
    assert np.array_equal(same.gradient_US, found.gradient_US)


def test_asked_genes_are_edited(painter, adata):
    used = [painter.genes[i] for i in painter.fitted.conditioner.scaler.columns_U]
    found = gv.tl.attribute(painter, adata, genes=[used[5], used[2]], statistics=["red"], n=1)
    assert set(found.edited) == set(found.genes) == {used[5], used[2]}
    whole = gv.tl.attribute(painter, adata, statistics=["red"], n=1, n_edited=0)
    assert whole.edited == () and np.isnan(whole.agreement)
    assert whole.gradient_US[whole.genes.index(used[5])] == found.gradient_US[found.genes.index(used[5])]


def test_it_runs_on_a_network(adata):
    known = model(adata)
    found = gv.tl.attribute(known, adata[:12].copy(), n=1, n_edited=1, seed=0)
    assert np.isfinite(found.gradient_US).all() and np.isfinite(found.difference_ES).all()


def test_what_cannot_be_asked_is_refused(painter, adata):
    unused = sorted(
        set(painter.genes) - {painter.genes[i] for i in painter.fitted.conditioner.scaler.columns_U}
    )
    for words, said in (
        ({"statistics": ["mitoses"]}, "got mitoses"),
        ({"genes": unused[:1]}, f"does not use '{unused[0]}'"),
        ({"fold": 1.0}, "fold above 0 other than 1"),
        ({"fold": -2.0}, "fold above 0"),
        ({"n": 0}, "n"),
    ):
        with pytest.raises(UsageError, match=said):
            gv.tl.attribute(painter, adata, **words)
    with pytest.raises(UsageError, match="at least 10 rows"):
        gv.tl.attribute(painter, adata[:5])


def test_matched_genes_are_the_nearest_in_expression():
    mean_U = np.random.default_rng(0).gamma(1.0, size=130)
    near_UM = matched(mean_U)
    for gene in (0, 17, int(mean_U.argmin()), int(mean_U.argmax())):
        distance = np.abs(mean_U - mean_U[gene])
        distance[gene] = np.inf
        assert set(near_UM[gene]) == set(np.argsort(distance)[:50])
    assert matched(mean_U[:4]).shape == (4, 3)
