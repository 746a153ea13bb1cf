"""The coherent likelihood: exact, coherent, steerable."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from genviz._errors import UsageError
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.network import GenARNetwork
from tests.models.genar.cases import SCALES, generators, inputs, network, tree


@pytest.mark.parametrize("autoregressive", [False, True])
def test_probabilities_of_all_count_vectors_sum_to_one(autoregressive):
    """Four genes, totals up to 14: what is missing from 1 is the probability of larger totals."""
    counts = np.random.default_rng(0).poisson([0.4, 0.2, 0.3, 0.5], (60, 4))
    small = fit_gene_tree(counts, list("ABCD"), scales=(1, 2, 4))
    torch.manual_seed(0)
    net = GenARNetwork(GenARConfig(width=8, depth_width=8, autoregressive=autoregressive), small, 3).eval()
    net.init_from_counts(counts)
    every = np.array([c for c in itertools.product(range(15), repeat=4) if sum(c) <= 14])
    x = torch.randn(1, 3).expand(len(every), 3)
    xy = torch.zeros(len(every), 2)
    probability = net.log_prob(x, xy, torch.as_tensor(every)).exp().sum().item()
    assert probability == pytest.approx(1.0, abs=2e-3)
    assert probability <= 1 + 1e-9


@pytest.mark.parametrize("trunk", ["mlp", "transformer"])
def test_samples_are_coherent(trunk):
    """Every coarser scale is the exact sum of the finer, in every sample."""
    net = network("tree", trunk)
    x, xy = inputs(4)
    samples = net.sample(x, xy, generators(4), 20)
    finest = samples[-1].reshape(-1, 12)
    for k in range(len(SCALES) - 1):
        assert np.array_equal(samples[k].reshape(-1, SCALES[k]), tree().aggregate(finest, k))


def test_mean_is_what_samples_average_to():
    """The closed form of E[X] against 4,000 samples."""
    net = network()
    x, xy = inputs(2)
    mean = net.mean(x, xy).numpy()
    drawn = net.sample(x, xy, generators(2), 4000)[-1]
    error = np.abs(drawn.mean(axis=0) - mean) / (drawn.std(axis=0) / np.sqrt(4000) + 1e-6)
    assert np.median(error) < 1.5
    assert error.max() < 5


def test_a_given_total_is_kept():
    """Known depth: every sample of a row has its panel total."""
    net = network()
    x, xy = inputs(3)
    samples = net.sample(x, xy, generators(3), 10, total_B=[5, 50, 500])
    assert (samples[0][:, :, 0] == [5, 50, 500]).all()
    torch.testing.assert_close(
        net.mean(x, xy, None, [5, 50, 500]).sum(1), torch.tensor([5.0, 50, 500]).double()
    )


def test_a_depth_factor_scales_the_expected_total():
    """Twice the depth, twice the counts on average; composition stays."""
    net = network()
    x, xy = inputs(2)
    once, twice = net.mean(x, xy), net.mean(x, xy, [2.0, 2.0])
    torch.testing.assert_close(twice, 2 * once)
    drawn = net.sample(x, xy, generators(2), 2000, depth_scale_B=[2.0, 2.0])[-1].mean(axis=0)
    assert np.allclose(drawn.sum(axis=1), twice.sum(1), rtol=0.1)


def test_a_clamped_programme_doubles_and_its_genes_follow():
    """clamp: the group's counts double, everything finer is drawn anew, siblings stay."""
    net = network()
    x, xy = inputs(1)
    before = net.sample(x, xy, generators(1), 3000)
    after = net.sample(x, xy, generators(1), 3000, clamp={(1, 0): 2.0})
    ratio = after[1].mean(axis=(0, 1)) / before[1].mean(axis=(0, 1))
    assert ratio[0] == pytest.approx(2.0, rel=0.1)
    assert np.allclose(ratio[1:], 1.0, rtol=0.1)
    assert np.array_equal(after[-1].sum(axis=2), after[0][:, :, 0])


def test_likelihood_beats_independent_genes_where_genes_go_together():
    """T15: on correlated genes the tree's joint likelihood is better than one scale's, at equal training."""
    from tests.models.genar.cases import counts

    train, test = counts(400, 1), counts(200, 2)
    nll = {}
    for name, multi in (("tree", True), ("one scale", False)):
        torch.manual_seed(0)
        net = GenARNetwork(GenARConfig(width=16, depth_width=8, multi_scale=multi, dropout=0.0), tree(), 6)
        net.init_from_counts(train)
        x, xy = torch.zeros(200, 6), torch.zeros(200, 2)  # uninformative tissue: only the counts can tell
        nll[name] = -net.log_prob(x, xy, torch.as_tensor(test)).mean().item()
    assert nll["tree"] < nll["one scale"] - 1.0


@pytest.mark.parametrize(
    "options",
    [{"clamp": {(9, 0): 2.0}}, {"clamp": {(1, 0): -1.0}}, {"total_B": [1.0]}, {"greedy": True}],
)
def test_impossible_options(options):
    """Each is refused by name before anything is drawn."""
    x, xy = inputs(2)
    with pytest.raises(UsageError, match=r"Expected .*(clamp|total_B|greedy)"):
        network().sample(x, xy, generators(2), 3, **options)
