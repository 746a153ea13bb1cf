"""Bags: planted tiles are found, true synthetic bags help, and nothing of a tested patient leaks."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from genviz import metrics
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.metrics.judges.bag_net import bag_net, bag_proba
from genviz.metrics.protocols.bags import bags_of
from genviz.metrics.protocols.slides import MAJORITY, SlideProtocol

QUICK = SlideProtocol(
    width=32, epochs=20, pretrain_epochs=20, n_tiles=16, batch_size=8, learning_rate=3e-3, n_folds=2
)
F = 6


def bags(n: int = 40, seed: int = 0, n_patients: int = 20, share: float = 0.2, shuffled: bool = False):
    """Bags of 8 to 20 tiles; of MSI slides a share of the tiles lies apart. The last feature tells the patient."""
    rng = np.random.default_rng(seed)
    patient = np.arange(n) % n_patients
    label = patient % 2
    features = []
    for row in range(n):
        tiles = rng.normal(size=(rng.integers(8, 21), F))
        if label[row]:
            tiles[: max(1, round(share * len(tiles))), :2] += 4
        tiles[:, -1] = patient[row]
        features.append(rng.permutation(tiles))
    if shuffled:
        label = rng.permutation(np.arange(n_patients) % 2)[patient]
    names = np.array([f"P{i:02d}" for i in patient], object)
    return metrics.BagSet(features, np.array(["MSS", "MSI"], object)[label], names)


def run(*args, **options):
    return metrics.slide_classification(
        *args, **({"protocol": QUICK, "device": "cpu", "seeds": (0,)} | options)
    )


def test_planted_tiles_are_found():
    table = run(bags())
    assert list(table) == [MAJORITY, "mean", "gated_attention", "transmil"]
    assert table["gated_attention"]["auc"].value > 0.9 and table["transmil"]["auc"].value > 0.75
    found = table["gated_attention"]["auc"]
    assert found.n == 40 and found.baseline == 0.5 and found.ci[0] > 0.5
    assert {"accuracy", "f1", "f1_weighted", "auc_fold_sd", "auc_gain"} <= set(table["mean"])


def test_shuffled_labels_are_at_chance():
    found = run(bags(shuffled=True), networks=["gated_attention"], seeds=(0, 1))["gated_attention"]["auc"]
    assert found.ci[0] < 0.5 < found.ci[1]


def test_pretraining_helps_when_it_tells_the_truth():
    little = SlideProtocol(**vars(QUICK) | {"epochs": 1, "learning_rate": 1e-3})
    table = run(bags(), bags(200, seed=1), networks=["gated_attention"], protocol=little)
    found = table["gated_attention + pre-training"]["auc"]
    assert found.baseline == table["gated_attention"]["auc"].value
    assert table["gated_attention + pre-training"]["auc_gain"].ci[0] > 0


def test_no_bag_of_a_tested_patient_is_trained_on(monkeypatch):
    from genviz.metrics.protocols import slides as module

    trained: list[tuple[str, set[str]]] = []
    tested: list[set[str]] = []
    everybody = np.sort(np.unique(np.arange(20)))

    def whose(parts):
        """By the last feature, which every bag of a fold has on one scale."""
        return {round(float(part[0, -1]), 4) for part in parts}

    def train(network, parts, target, fit, **_):
        trained.append((fit.purpose, whose(parts)))

    def judge(network, parts, device):
        tested.append(whose(parts))
        return np.full((len(parts), 2), 0.5)

    monkeypatch.setattr(module, "train_bag_net", train)
    monkeypatch.setattr(module, "bag_proba", judge)
    run(bags(), bags(60, seed=1), networks=["mean"], seeds=(0, 1))
    assert len(tested) == 2 * 2 * 2 and len(trained) == 2 * 2 * 3
    for fold in range(4):
        held = tested[2 * fold]
        for purpose, seen in trained[3 * fold : 3 * fold + 3]:
            assert not seen & held and len(seen) + len(held) == len(everybody), purpose
        assert [purpose.split()[-1] for purpose, _ in trained[3 * fold : 3 * fold + 3]] == [
            "slides", "synthetic", "slides"
        ]  # fmt: skip


def test_any_network_may_be_given():
    class Last(torch.nn.Module):
        """Log-odds of the second label, as libraries of two-class networks give them."""

        def __init__(self, n_features: int) -> None:
            super().__init__()
            self.head = torch.nn.Linear(n_features, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x.amax(dim=1)).squeeze(-1)

    fast = SlideProtocol(**vars(QUICK) | {"learning_rate": 0.1, "epochs": 40})
    table = run(bags(), networks={"max": lambda f, c: Last(f)}, protocol=fast)
    assert table["max"]["auc"].value > 0.9
    with pytest.raises(UsageError, match="mean, gated_attention, transmil"):
        run(bags(), networks=["wikg"])


def test_long_bags_are_looked_at_evenly():
    net = bag_net("mean", F, 2, 8, 0)
    bag = np.random.default_rng(0).normal(size=(101, F)).astype(np.float32)
    few = bag_proba(net, [bag], torch.device("cpu"), max_tiles=11)
    np.testing.assert_allclose(few, bag_proba(net, [bag[::10]], torch.device("cpu")), rtol=1e-6)


def test_bags_of_a_table_of_tiles():
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(
        {"library_id": list("bbaab"), "label": list("xxyyx"), "patient": list("ppqqp")}, index=list("12345")
    )
    adata = ad.AnnData(obs=obs, obsm={"X_morphology": rng.normal(size=(5, 3))})
    found = bags_of(adata)
    assert found.names.tolist() == ["a", "b"] and found.labels.tolist() == ["y", "x"]
    np.testing.assert_allclose(found.features[1], adata.obsm["X_morphology"][[0, 1, 4]], rtol=1e-6)
    with pytest.raises(MissingKeyError, match="X_uni"):
        bags_of(adata, "X_uni")
    with pytest.raises(DataError, match="one label for a slide"):
        metrics.bag_set(np.zeros((2, 3)), ["a", "a"], ["x", "y"])


def test_wrong_input():
    with pytest.raises(UsageError, match="Embed both with one encoder"):
        wide = metrics.BagSet([np.zeros((2, F + 1))] * 4, np.array(list("abab")), np.array(list("pqrs")))
        run(bags(), wide)
    with pytest.raises(DataError, match="finite"):
        metrics.BagSet([np.full((2, 3), np.nan)], np.array(["a"]), np.array(["p"]))
    with pytest.raises(UsageError, match="two labels"):
        run(bags().rows(np.flatnonzero(bags().labels == "MSI")))
    with pytest.raises(DataError, match="more patients"):
        run(bags(), bags(1, seed=1), networks=["mean"])
