"""Sweeps without a front end: runs equal tl.perturb, stop in the middle, and are remembered."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from genviz import tl
from genviz._errors import DataError, UsageError
from genviz.controllers.lanes import Cancelled, Task
from genviz.controllers.sweep.controller import Sweeping, SweepRequest
from genviz.controllers.sweep.rows import groups_of, places_of
from genviz.controllers.sweep.told import dose_of, frame_of, held_against, run_of, tiles_of
from genviz.metrics.tiles.tissue import TISSUE
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def trained():
    return model(rows(24))


@pytest.fixture(scope="module")
def genes(trained):
    return Sweeping(trained, rows(24)).genes


def request(known, **changes):
    names = rows(24).obs_names[[3, 0, 7]]
    return SweepRequest(
        **{
            "genes": tuple(known[:2]),
            "rows": tuple(names),
            "doses": (0.5, 1, 4),
            "n": 2,
            "seed": 5,
            "controls": 1,
            **changes,
        }
    )


def task(stop_after: int = 10**9):
    seen = []

    def progress(share, word):
        seen.append((share, word))
        if len(seen) == stop_after:
            made.cancel()

    made = Task("run", lambda task: None, done=print, failed=print, progress=progress)
    return made, seen


def same(a, b):
    assert list(a.obs_names) == list(b.obs_names) and set(a.obsm) == set(b.obsm)
    pd.testing.assert_frame_equal(a.obs, b.obs)
    for key in a.obsm:
        np.testing.assert_array_equal(a.obsm[key], b.obsm[key])
    assert set(a.uns["genviz"]) == set(b.uns["genviz"])
    for key in ("genevar_statistics", "genevar_tokens"):
        assert a.uns["genviz"][key] == b.uns["genviz"][key]
    records = [json.loads(one.uns["genviz"]["genevar"]) for one in (a, b)]
    assert records[0] | {"time": ""} == records[1] | {"time": ""}


@pytest.mark.parametrize("together", [False, True])
def test_a_run_equals_perturb(trained, genes, together):
    sweeping, asked = Sweeping(trained, rows(24)), request(genes, together=together)
    run = sweeping.run(asked)
    given = rows(24)[list(asked.rows)].copy()
    expected = tl.perturb(
        trained, given, list(asked.genes), fold=(0.5, 4), together=together, n=2, seed=5, controls=1
    )
    same(run.result, expected)
    assert not run.stopped and sweeping.result is run.result


def test_tiles_come_piece_by_piece_and_are_those_of_the_result(trained, genes):
    sweeping, asked = Sweeping(trained, rows(24)), request(genes)
    seen, shares = {}, []

    def made(under_way, step):
        if step.images_MHW3 is not None:
            seen.setdefault((step.gene, step.dose), []).append(step.images_MHW3)
        told = dose_of(under_way, step)
        assert (told is None) == (step.changes is None)
        if told:
            assert len(told["effects"]["change"]) == len(TISSUE)
            assert ("outside" in told) == (step.part is not None)

    run = sweeping.run(asked, task=(watched := task())[0], made=made)
    shares = [share for share, _ in watched[1]]
    assert shares == sorted(shares) and shares[-1] == 1
    assert len(seen["", "x1"][0]) == 2  # the first row alone: it comes at once
    for gene in asked.genes:
        labels, tiles = tiles_of(run, gene, "genevar")
        assert labels == ["x0.5", "x1", "x4"] and tiles.shape == (3, 3, 2, 32, 32, 3)
        for k, label in enumerate(labels):
            parts = seen["" if label == "x1" else gene, label]
            np.testing.assert_array_equal(np.concatenate(parts), tiles[k].reshape(-1, 32, 32, 3))
    with pytest.raises(UsageError, match="'nothing'"):
        tiles_of(run, "nothing", "genevar")


def test_a_whole_run_in_plain_values(trained, genes):
    sweeping = Sweeping(trained, rows(24))
    asked = request(genes)
    frames = []
    run = sweeping.run(asked, begun=lambda under_way: frames.append(frame_of(under_way)))
    told = run_of(run, "genevar")
    assert frames[0]["doses"] == told["frame"]["doses"] == ["x0.5", "x1", "x4"]
    assert frames[0]["rows"] == told["frame"]["rows"] == list(asked.rows)
    assert frames[0]["total"] == 3 * 2 * (2 + 2 * 2 * 3)
    effects = tl.perturbation_effects(run.result)
    assert len(told["doses"]) == 6 and told["stopped"] is False
    one = next(d for d in told["doses"] if d["gene"] == genes[0] and d["dose"] == "x4")
    own = effects[(effects["gene"] == genes[0]) & (effects["dose"] == "x4")]
    for name in ("change", "p", "q", "matched_largest"):
        np.testing.assert_allclose(one["effects"][name], own[name], rtol=1e-5, atol=1e-12)
    assert one["effects"]["ridge_change"] == [None] * 14
    assert one["line"]["verdict"] in ("needs 19 controls, has 2", "within its controls")
    assert any("needs 19; take 10 of each kind" in line for line in told["held"])
    assert next(d for d in told["doses"] if d["dose"] == "x1")["line"] is None
    assert any("correlational" in line for line in told["held"])
    assert not any("random steps alone" in line for line in told["held"])


def test_sets_without_matches_are_named():
    facts = {
        "controls": 10,
        "matched_sets": {"half of all": [], "two": [["A", "B"]] * 10},
        "range": {"of": "the training rows"},
        "ridge": {},
    }
    said = [line for line in held_against(facts, 8) if "random steps alone" in line]
    assert len(said) == 1 and "'half of all'" in said[0] and "'two'" not in said[0]


@pytest.mark.parametrize("stop_after", [4, 8])
def test_stopping_keeps_what_is_there(trained, genes, stop_after):
    sweeping, asked = Sweeping(trained, rows(24)), request(genes)
    whole = tl.perturb(
        trained, rows(24)[list(asked.rows)].copy(), list(genes[:2]), fold=(0.5, 4), n=2, seed=5, controls=1
    )
    stopping, _ = task(stop_after + 2)
    run = sweeping.run(asked, stopping)
    assert run.stopped and sweeping.history.at == 1 and "(stopped)" in sweeping.history.steps[1].name
    part = whole[run.result.obs_names]
    np.testing.assert_array_equal(run.result.obsm["genevar"], part.obsm["genevar"])
    assert 0 < run.result.n_obs <= whole.n_obs
    assert "stopped" in tl.perturbation_facts(run.result)
    assert run_of(run, "genevar")["held"][0].startswith("Stopped")
    figure_of = pytest.importorskip("genviz.pl.dose_figure")
    gene = run_of(run, "genevar")["frame"]["sets"][-1]["name"]
    figure_of.doses(run.result, gene), figure_of.dose_effects(run.result, gene)


def test_stopped_before_anything_is_nothing(trained, genes):
    sweeping = Sweeping(trained, rows(24))
    stopping, _ = task(1)
    with pytest.raises(Cancelled):
        sweeping.run(request(genes), stopping)
    assert sweeping.result is None and len(sweeping.history.steps) == 1
    sweeping.run(request(genes, controls=0))
    assert sweeping.result is not None


def test_runs_are_remembered(trained, genes):
    sweeping = Sweeping(trained, rows(24))
    first = sweeping.run(request(genes, controls=0))
    second = sweeping.run(request(genes, controls=0, kind="absolute", doses=(0, 7)))
    assert sweeping.result is second.result
    sweeping.history.go(1)
    assert sweeping.result is first.result
    assert [step.name for step in sweeping.history.steps[1:]] == [first.asked.name, second.asked.name]
    assert run_of(second, "genevar")["frame"]["doses"] == ["measured", "=0", "=7"]


def test_on_a_cluster_it_is_the_same(trained, genes):
    from distributed import Client, LocalCluster

    here = Sweeping(trained, rows(24)).run(request(genes))
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        there = Sweeping(trained, rows(24)).run(request(genes))
        stopping, _ = task(6)
        stopped = Sweeping(trained, rows(24)).run(request(genes), stopping)
    same(there.result, here.result)
    assert stopped.stopped


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"genes": ()}, UsageError, "at least one gene"),
        ({"genes": ("absent",)}, DataError, "absent"),
        ({"genes": ("G01", "G01")}, UsageError, "more than once"),
        ({"rows": ()}, UsageError, "at least one row"),
        ({"rows": ("nobody",)}, UsageError, "nobody"),
        ({"rows": ("0x0_0", "0x0_0")}, UsageError, "each row once"),
        ({"doses": ()}, UsageError, "at least one dose"),
        ({"doses": (-1.0, 2)}, UsageError, "from 0"),
        ({"doses": (2, 2.0)}, UsageError, "more than once"),
        ({"doses": (1,)}, UsageError, "other than the measured"),
        ({"kind": "much"}, UsageError, "'fold' or 'absolute'"),
        ({"n": 0}, UsageError, "from 1"),
        ({"seed": -1}, UsageError, "seed"),
        ({"controls": -1}, UsageError, "controls"),
    ],
)
def test_impossible_requests_are_refused(trained, genes, changes, error, said):
    with pytest.raises(error, match=said):
        Sweeping(trained, rows(24)).run(request(genes, **changes))


def test_impossible_models_and_rows_are_refused(trained, genes):
    with pytest.raises(UsageError, match=r"Expected a GeneVAR.*got dict"):
        Sweeping({}, rows(24))
    with pytest.raises(UsageError, match="told genes"):
        Sweeping(model(rows(24), condition={"kind": "class"}), rows(24))
    with pytest.raises(DataError, match="at least one row"):
        Sweeping(trained, rows(24)[:0].copy())
    with pytest.raises(DataError, match=f"absent: '{genes[0]}'"):
        Sweeping(trained, rows(24)[:, [n for n in rows(24).var_names if n != genes[0]]].copy())
    twice = rows(24)
    twice.obs_names = ["a"] * 24
    with pytest.raises(DataError, match="different names"):
        Sweeping(trained, twice)
    silent = rows(24)
    silent.X = silent.X.toarray()
    silent.X[:, silent.var_names.get_loc(genes[0])] = 0
    with pytest.raises(DataError, match=r"have none.*absolute"):
        Sweeping(trained, silent).run(request(genes))


def test_places_and_groups():
    given = rows(24)
    places = places_of(given)
    assert places.dtype == np.float32 and places.shape == (24, 2)
    own = (given.obs["library_id"] == "B").to_numpy()
    assert places[own].max() <= 1 and places[~own, 0].min() > 1
    groups = groups_of(given)
    assert groups["library_id"]["of"] == ["A", "B"] and len(groups["project"]["at"]) == 24
    assert Sweeping(model(given), given).first_rows()[0] == given.obs_names[0]
