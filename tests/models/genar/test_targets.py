"""T5-T8, T11: tokens, soft targets and losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genviz._errors import DataError, UsageError
from genviz.core.gene_tree import GeneTree
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels, level_groups
from genviz.models.genar.token_counts import TokenTargets
from genviz.nn.soft_targets import gaussian_target, hard_nll, sparse_kl, two_point_target
from tests.models.genar.cases import GENES, SCALES, counts, network, tree

V = 40


def _dense(value, probability):
    return torch.zeros(*value.shape[:-1], V, dtype=probability.dtype).scatter_add_(-1, value, probability)


def _targets(**options):
    config = GenARConfig(counts="tokens", vocabulary=V, **options)
    return TokenTargets(config, Levels(level_groups(config, tree()), tree().order))


def test_sums_agree_at_every_scale():
    """T5: with nested scales the sum of every scale is the panel total, and children sum to their parent."""
    counts_NG = counts(10)
    for k, n_groups in enumerate(SCALES):
        sums = tree().aggregate(counts_NG, k)
        assert sums.shape == (10, n_groups)
        assert np.array_equal(sums.sum(axis=1), counts_NG.sum(axis=1))
        if k:
            up = np.zeros((10, SCALES[k - 1]), int)
            np.add.at(up, (slice(None), tree().parents(k)), sums)
            assert np.array_equal(up, tree().aggregate(counts_NG, k - 1))


def test_scales_that_do_not_nest_are_refused():
    """T5: a count tree needs nested scales; windows are for tokens only."""
    groups = np.array([[0, 0, 0], [0, 1, 1], [1, 1, 2], [1, 2, 3]], np.int32)
    with pytest.raises(DataError, match="nest"):
        GeneTree(tuple("ABCD"), groups, np.arange(4, dtype=np.int32))


@pytest.mark.parametrize("mean", [0.0, 0.25, 3.0, 3.7, V - 1.0])
def test_two_points_keep_the_mean(mean):
    """T6: sums to 1, not negative, mean exact, two points."""
    value, probability = two_point_target(torch.tensor([mean], dtype=torch.float64), V)
    assert (probability >= 0).all()
    assert probability.sum() == 1
    assert (probability * value).sum().item() == pytest.approx(mean, abs=1e-12)
    assert (_dense(value, probability) > 0).sum() <= 2


def test_gene_target():
    """T7: sums to 1, mode at the count, width grows linearly, bias near 0 as documented."""
    targets = _targets(sigma_alpha=0.1)
    count = torch.tensor([0.0, 1.0, 10.0, 20.0], dtype=torch.float64)
    value, probability = gaussian_target(count, targets.sigma(count), V, targets.gene_half_width)
    dense = _dense(value, probability)
    torch.testing.assert_close(dense.sum(-1), torch.ones(4, dtype=torch.float64))
    assert dense.argmax(-1).tolist() == [0, 1, 10, 20]
    grid = torch.arange(V, dtype=torch.float64)
    mean = (dense * grid).sum(-1)
    std = (dense * (grid - mean[:, None]) ** 2).sum(-1).sqrt()
    assert std[2].item() == pytest.approx(2.0, rel=0.01)
    assert std[3].item() == pytest.approx(3.0, rel=0.01)
    one = gaussian_target(torch.tensor([0.0]), torch.tensor([1.0]), V, 6)
    assert (one[0] * one[1]).sum().item() == pytest.approx(0.52, abs=0.01)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(
            targets.sigma(count), _targets(sigma_alpha=0.1, sigma_form="variance").sigma(count)
        )


def test_sparse_loss_is_the_dense_divergence():
    """T7: sparse closed form = dense KL; zero when the logits are the target's logarithm."""
    torch.manual_seed(0)
    count = torch.tensor([0.0, 2.0, 7.0, V - 1.0])
    value, probability = gaussian_target(count, 1 + 0.01 * count, V, V)
    dense = _dense(value, probability)
    logits = torch.randn(4, V)
    expected = (dense * (dense.clamp(min=1e-30).log() - logits.log_softmax(-1))).sum(-1)
    torch.testing.assert_close(sparse_kl(logits, value, probability), expected, atol=1e-5, rtol=1e-5)
    perfect = sparse_kl(dense.clamp(min=1e-30).log(), value, probability)
    torch.testing.assert_close(perfect, torch.zeros(4), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.7}, {"final_loss": "cross_entropy"}, {"sigma_form": "variance"}]
)
@pytest.mark.parametrize("genes", [True, False])
def test_losses(options, genes):
    """T8: gradcheck in double precision; adding a constant to logits changes nothing; uniform logits."""
    targets = _targets(**options)
    mean = torch.tensor([[0.0, 3.0, 11.0]]) + (0.0 if genes else 0.3)
    logits = torch.randn(1, 3, V, dtype=torch.float64, requires_grad=True)

    def loss(z):
        return targets.divergence(z, mean.double(), genes=genes).sum()

    assert torch.autograd.gradcheck(loss, logits)
    torch.testing.assert_close(loss(logits + 5.0), loss(logits))
    uniform = targets.divergence(torch.zeros(1, 3, V, dtype=torch.float64), mean.double(), genes=genes)
    assert (uniform <= np.log(V) + 1e-9).all()
    if genes and options.get("final_loss") == "cross_entropy":
        torch.testing.assert_close(uniform, torch.full((1, 3), np.log(V), dtype=torch.float64))


def test_tokens_round_trip_and_clip():
    """T11: counts 0..cap are their own tokens; larger ones are clipped, and counted."""
    targets = _targets()
    counts_BG = torch.zeros(1, 12)
    counts_BG[0, :5] = torch.tensor([0.0, 1.0, V - 1.0, V, 10 * V])
    tokens = targets.tokens(targets.group_means(counts_BG))[0, -12:]
    assert tokens[:5].tolist() == [0, 1, V - 1, V - 1, V - 1]
    assert targets.clipped(counts_BG) == 2
    assert network("tokens").n_clipped(np.full((2, 12), 31)) == 0
    assert network("tokens").n_clipped(np.full((2, 12), 32)) == 24


def test_tokens_need_a_vocabulary():
    """A configuration that has not seen training counts says so."""
    with pytest.raises(UsageError, match="resolve"):
        TokenTargets(
            GenARConfig(counts="tokens"),
            Levels(level_groups(GenARConfig(counts="tokens"), tree()), tree().order),
        )


def test_hard_nll_is_cross_entropy():
    """The hard loss is torch's."""
    logits, value = torch.randn(6, V), torch.randint(0, V, (6,))
    torch.testing.assert_close(
        hard_nll(logits, value), torch.nn.functional.cross_entropy(logits, value, reduction="none")
    )


def test_genes_are_named():
    """The tree keeps the panel's order."""
    assert list(tree().genes) == GENES
