"""Networks side by side: each on its own, reproducible, and of use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import gelu

from genviz.models.baselines import mlp as module
from genviz.models.baselines.mlp import Members, mlp, mlp_path, train_members
from tests.models.baselines.cases import problem, tissue


@pytest.fixture
def _short(monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 3)
    monkeypatch.setattr(module, "WIDTH", 16)


def test_members_are_separate_networks():
    torch.manual_seed(0)
    network = Members(3, 6, 8, 2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    x_SBF = torch.randn(3, 5, 6)
    found = network(x_SBF)
    for s in range(3):
        hidden = gelu(x_SBF[s] @ network.w_SFH[s] + network.b_S1H[s])
        assert torch.allclose(found[s], hidden @ network.w_SHG[s] + network.b_S1G[s], atol=1e-5)
    found[0].sum().backward()
    assert not network.w_SFH.grad[1:].any() and network.w_SFH.grad[0].any()


def test_training_starts_from_the_mean(monkeypatch):
    monkeypatch.setattr(module, "LR", 0.0)
    given = problem()
    fold = given.whole
    found = train_members(fold.fit_NF, given.log2_NG, fold.predict_MF, 2, seed=0)
    assert np.allclose(found, given.log2_NG.mean(axis=0))


@pytest.mark.usefixtures("_short")
def test_equal_seeds_give_equal_numbers_and_others_do_not():
    given = problem()
    args = (given.whole.fit_NF, given.log2_NG, given.whole.predict_MF)
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    first, other = mlp_path(*args, [0, 1])
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(456)
    assert np.array_equal(next(mlp_path(*args, [0])), first)
    assert not np.allclose(other, first)


@pytest.mark.usefixtures("_short")
def test_both_targets_and_what_was_done():
    found = mlp(problem())
    assert found.log2_MG.shape == found.mean_MG.shape == found.normalised_MG.shape == (15, 8)
    assert found.chosen["members"] == module.N_MEMBERS
    assert mlp(problem(rate=5.0)).normalised_MG is None


@pytest.mark.usefixtures("_short")
def test_direct_prediction_is_fitted_on_deep_rows_alone():
    given = problem()
    shallow = np.arange(60) % 2 == 0
    library = np.where(shallow, 100.0, given.library_N)
    poisoned = np.where(shallow[:, None], 1e4, given.counts_NG)
    before, after = (mlp(problem(library_N=library, counts_NG=c)) for c in (given.counts_NG, poisoned))
    assert np.array_equal(before.normalised_MG, after.normalised_MG)
    assert not np.allclose(before.log2_MG, after.log2_MG)


def test_better_than_the_mean(monkeypatch):
    monkeypatch.setattr(module, "EPOCHS", 40)
    monkeypatch.setattr(module, "WIDTH", 64)
    found = mlp(problem(n=300, m=100, sections=2))
    counts = tissue("Z", 100, seed=1).X.toarray()[:, :8].astype(float)
    for predicted, true in ((found.log2_MG, np.log2(1 + counts)), (found.mean_MG, counts)):
        floor = ((true - true.mean(axis=0)) ** 2).mean()
        assert ((predicted - true) ** 2).mean() < 0.85 * floor
