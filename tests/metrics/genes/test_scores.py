"""The whole call: joins by name, pairing, baselines, bad input, real sections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genviz import metrics, pp
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Layers, Obs
from tests.metrics.cases import KEY, predicted, random_case


def same(first: dict[str, metrics.Score], second: dict[str, metrics.Score]) -> bool:
    return first.keys() == second.keys() and all(
        first[name].value == pytest.approx(second[name].value, nan_ok=True) for name in first
    )


def test_order_of_rows_and_genes_does_not_matter() -> None:
    true, pred = random_case()
    expected = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    rng = np.random.default_rng(1)
    mixed = pred[rng.permutation(60)][:, rng.permutation(30)].copy()
    assert same(metrics.expression(true, mixed, key=KEY, n_bootstrap=0), expected)
    assert not same(
        metrics.expression(true, predicted(true, mixed.layers[f"{KEY}_log2"]), key=KEY, n_bootstrap=0),
        expected,
    )


def test_counts_layer_before_X_and_sections_from_either() -> None:
    true, pred = random_case()
    expected = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    other = true.copy()
    other.layers[Layers.COUNTS] = other.X.copy()
    other.X = np.log1p(other.X)
    del other.obs[Obs.LIBRARY]
    assert same(metrics.expression(other, pred, key=KEY, n_bootstrap=0), expected)
    del pred.obs[Obs.LIBRARY]
    pooled = metrics.expression(other, pred, key=KEY, n_bootstrap=0)
    assert pooled["mse"].value == pytest.approx(pooled["mse_published"].value)


def test_only_common_rows_are_scored_and_that_is_said() -> None:
    true, pred = random_case()
    with pytest.warns(UserWarning, match="20 of 60 predicted rows have no measured counts"):
        scores = metrics.expression(true[:40], pred, key=KEY, n_bootstrap=0)
    assert scores["mse"].n == 40
    assert metrics.expression(true, pred[:40], key=KEY, n_bootstrap=0)["mse"].n == 40


def test_some_genes() -> None:
    true, pred = random_case()
    genes = ["G7", "G1", "G20"]
    scores = metrics.expression(true, pred, key=KEY, genes=genes, n_bootstrap=0)
    assert same(scores, metrics.expression(true, pred[:, genes].copy(), key=KEY, n_bootstrap=0))
    assert scores["pcc_10"].n == 3


def test_seed_fixes_the_intervals() -> None:
    true, pred = random_case()
    first, again, other = (metrics.expression(true, pred, key=KEY, n_bootstrap=50, seed=s) for s in (1, 1, 2))
    assert first["mse"].ci == again["mse"].ci != other["mse"].ci
    assert first["mse"].value == other["mse"].value


def test_small_blocks_of_replicates_are_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    true, pred = random_case()
    whole = metrics.expression(true, pred, key=KEY)["pcc_10"]
    monkeypatch.setattr("genviz.metrics.genes.measure._BLOCK_VALUES", 7 * 150)
    blocks = metrics.expression(true, pred, key=KEY)["pcc_10"]
    assert blocks.value == pytest.approx(whole.value)
    assert blocks.ci == pytest.approx(whole.ci, abs=0.01)


def test_baseline_stands_beside() -> None:
    true, pred = random_case()
    worse = predicted(true, np.tile(pred.layers[f"{KEY}_log2"].mean(0), (60, 1)), key="mean")
    baseline = metrics.expression(true, worse, key="mean")
    scores = metrics.expression(true, pred, key=KEY, baseline=baseline, log_likelihood=np.zeros(60))
    assert scores["mse"].baseline == baseline["mse"].value > scores["mse"].value
    assert scores["joint_nll"].baseline is None


def test_difference_is_paired() -> None:
    true, pred = random_case(n=120, noise=0.8)
    log = pred.layers[f"{KEY}_log2"]
    better = predicted(true, log * 0.9 + np.log2(np.asarray(true.X) + 1) * 0.1, key="better")
    alone = [metrics.expression(true, p, key=k)["mse"] for p, k in ((better, "better"), (pred, KEY))]
    found = metrics.expression_difference(true, better, pred[::-1], keys=("better", KEY))["mse"]
    assert found.value == pytest.approx(alone[0].value - alone[1].value)
    assert found.ci is not None
    assert found.ci[1] < 0
    assert found.ci[1] - found.ci[0] < (alone[0].ci[1] - alone[0].ci[0]) / 2
    with pytest.raises(DataError, match="same rows"):
        metrics.expression_difference(true, better[:5], pred[:7], keys=("better", KEY))


def test_bad_input() -> None:
    true, pred = random_case()
    with pytest.raises(MissingKeyError, match=r"layers\['genar_log2'\]"):
        metrics.expression(true, pred)
    with pytest.raises(DataError, match="'G29'"):
        metrics.expression(true[:, :29].copy(), pred, key=KEY)
    other = pred.copy()
    other.obs_names = [f"x{i}" for i in range(60)]
    with pytest.raises(DataError, match="rows and genes in common"):
        metrics.expression(true, other, key=KEY)
    twice = pred.copy()
    twice.obs_names = ["same"] * 60
    with pytest.raises(DataError, match="occur more than once"):
        metrics.expression(true, twice, key=KEY)
    broken = pred.copy()
    broken.layers[f"{KEY}_log2"][4, 2] = np.nan
    with pytest.raises(DataError, match="1 rows hold NaN"):
        metrics.expression(true, broken, key=KEY)
    fractional = true.copy()
    fractional.X = fractional.X + 0.5
    with pytest.raises(DataError):
        metrics.expression(fractional, pred, key=KEY)
    with pytest.raises(UsageError, match="n_bootstrap"):
        metrics.expression(true, pred, key=KEY, n_bootstrap=-1)


def test_inputs_are_not_changed() -> None:
    true, pred = random_case()
    x, obs = true.X.copy(), true.obs.copy()
    metrics.expression(true, pred, key=KEY, n_bootstrap=5)
    np.testing.assert_array_equal(true.X, x)
    pd.testing.assert_frame_equal(true.obs, obs)


def test_mean_of_training_spots_on_real_sections(her2st_dir: Path, her2st_rows: dict) -> None:
    """The known figures of this baseline, leaving one section out: MSE 1.437, MAE .947, no correlation."""
    from genviz import io

    rows = io.concat_sections(her2st_rows)
    pp.select_genes(rows, panel=her2st_dir / "genes_genar200.txt")
    panel = pp.panel_of(rows)
    log = np.log2(io.counts_of(rows, panel).toarray() + 1)
    held_out = {s: (rows.obs[Obs.LIBRARY] == s).to_numpy() for s in her2st_rows}
    mean = np.empty_like(log)
    for test in held_out.values():
        mean[test] = log[~test].mean(axis=0)
    scores = metrics.expression(rows, predicted(rows[:, panel], mean), key=KEY)
    assert scores["mse"].value == pytest.approx(1.437, abs=0.001)
    assert scores["mae"].value == pytest.approx(0.947, abs=0.001)
    assert scores["pcc_200"].value == 0
    assert scores["mse"].n == 732
