"""Tokens: a told depth reaches every scale, and counts beyond the vocabulary are said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from genviz._settings import settings
from genviz.models import GenAR
from tests.models.genar.cases import generators, inputs, network, tissue

pytestmark = pytest.mark.filterwarnings("ignore:Section .*(told|trained on)", "ignore:It is not known")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(settings, "progress", False)


def model(adata, epochs, **options):
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", counts="tokens", **options)


@pytest.mark.parametrize(("skip", "epochs"), [(True, 4), (True, 40), (False, 4)])
@pytest.mark.parametrize("factor", [0.1, 2.0])
def test_counts_of_genes_and_groups_follow_a_told_depth(skip, epochs, factor):
    made = model(tissue(120), epochs, skip=skip, dropout=0.1).train(epochs, seed=0)
    new = tissue(40, seed=1)
    untold = made.predict(new, n_samples=32)
    told = factor * float(np.median(untold.X.sum(axis=1)))
    result = made.predict(new, n_samples=32, depth=told)
    assert np.median(result.X.sum(axis=1)) == pytest.approx(told, rel=0.25)
    groups = [k for k in result.obsm if k.startswith("genar_scale_") and k.count("_") == 2]
    assert groups
    for name in groups:
        assert result.obsm[name].sum() == pytest.approx(factor * untold.obsm[name].sum(), rel=0.25)
    totals = np.rint(told * np.linspace(0.5, 2, 40))
    exact = made.predict(new, n_samples=32, depth=totals)
    np.testing.assert_allclose(exact.X.sum(axis=1), totals, rtol=0.15, atol=2)
    np.testing.assert_array_equal(exact.obsm["genar_scale_1"][:, 0], totals)


def test_the_network_itself_does_and_untold_samples_stay():
    net = network("tokens")
    x, xy = inputs(3)
    untold = net.sample(x, xy, generators(3), 400)
    ones = net.sample(x, xy, generators(3), 400, depth_scale_B=np.ones(3))
    assert np.array_equal(untold[0], ones[0])
    doubled = net.sample(x, xy, generators(3), 400, depth_scale_B=np.full(3, 2.5))
    for before, after in zip(untold, doubled, strict=True):
        assert after.sum(axis=2).mean() == pytest.approx(2.5 * before.sum(axis=2).mean(), rel=0.1)
    thinned = net.sample(x, xy, generators(3), 400, depth_scale_B=np.full(3, 0.1))[-1]
    assert thinned.mean() == pytest.approx(0.1 * untold[-1].mean(), rel=0.1)
    nothing = net.sample(x, xy, generators(3), 5, total_B=np.zeros(3))
    assert all((level == 0).all() for level in nothing)


def test_what_cannot_follow_says_so():
    """The most probable counts of a sparse model are all zero: nothing to scale."""
    adata = tissue(60)
    adata.X.data[:] = np.minimum(adata.X.data, 1)
    adata.X[:, :] = adata.X.multiply(np.random.default_rng(0).random(adata.shape) < 0.2).tocsr()
    made = model(adata, 3).train(3, seed=0)
    with pytest.warns(UserWarning, match="does not follow a told depth"):
        made.predict(tissue(20, seed=1), n_samples=8, greedy=True, depth=500.0)


def test_counts_beyond_a_given_vocabulary_are_said_once():
    adata = tissue(60)
    n = int((adata.X.toarray() > 9).sum())
    with pytest.warns(UserWarning, match=rf"{n} training counts are above 9, .*vocabulary=10") as caught:
        made = model(adata, 1, vocabulary=10, n_members=2).train(1, seed=0)
    assert sum("training counts" in str(w.message) for w in caught) == 1
    new = tissue(20, seed=1)
    n = int((new.X.toarray() > 9).sum())
    with pytest.warns(UserWarning, match=rf"{n} of the counts are above 9"):
        made.log_likelihood(new)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(adata, 1).train(1, seed=0).log_likelihood(adata)
