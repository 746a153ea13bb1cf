"""The gene tree widget without a browser: questions, state, page."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

pytest.importorskip("anywidget")

import genviz as gv
from genviz._errors import UsageError
from genviz.models import GenAR
from tests.models.genar.cases import GENES, tissue

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def model():
    gv.settings.progress = False
    adata = named(tissue())
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano").train(3, seed=0)


def named(adata):
    adata.var_names = [*GENES[:-1], NASTY]
    return adata


@pytest.fixture
def view(model, monkeypatch):
    monkeypatch.setattr(gv.settings, "progress", False)
    made = gv.widgets.GeneTree(
        named(tissue(20, seed=1)), model, gene_sets={"a": GENES[:4]}, gene="G2", scale=4
    )
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    yield made
    made.close()


def ask(view, what, asked=None):
    view._receive(view, {"id": 1, "ask": what, "with": asked or {}}, [])
    return [content for content, _ in view.sent if content.get("id") == 1][-1]


def test_start_and_groups(view):
    """Everything that the icicle and the maps need; JSON without NaN; small state."""
    start = ask(view, "start")
    assert start["data"]["genes"][-1] == NASTY
    assert [part["name"] for part in start["parts"]] == ["groups", "order", "mean"]
    group = ask(view, "group", {"scale": 1, "group": 0, "library": "S0"})
    json.dumps([start, group], allow_nan=False)
    assert {part["name"]: part["shape"] for part in group["parts"]} == {"predicted": [10], "measured": [10]}
    assert len(json.dumps(view.get_state(), default=str)) < 300_000
    assert view.state()["gene"] == "G2" and view.state()["scale"] == 4


def test_no_answer_holds_rows_as_text(model):
    """100,000 spots are sent as they lie in memory; only the tree and its genes are words."""
    lengths = []
    for n in (20, 400):
        view = gv.widgets.GeneTree(named(tissue(n, seed=1)), model)
        view.controller.clamp(1, 0, factor=2)
        questions = (
            ("start", {}),
            ("section", {"library": "S0"}),
            ("group", {"scale": 1, "group": 0, "library": "S0"}),
        )
        lengths.append([len(json.dumps(view.ask(*question).packed()[0])) for question in questions])
        view.close()
    assert np.abs(np.diff(lengths, axis=0)).max() < 50


def test_clamp_by_question_and_by_call(view):
    group = view.controller.chain("G2")[1]
    answer = view.ask("clamp", {"scale": 1, "group": group, "factor": 2.5, "selected": False})
    assert "× 2.5" in answer.data["words"]
    assert {"event": "changed", "data": {}, "parts": []} in [content for content, _ in view.sent]
    found = view.ask("group", {"scale": 0, "group": 0, "library": "S1"})
    assert (found.arrays["change"] > 0).all()
    view.select([0, 2])
    view.clamp(4, group, value=9, selected=True)
    assert view.selection == list(view.controller.adata.obs_names[[0, 2]])
    view.ask("keep")
    assert np.allclose(view.result.obsm["genar_scale_4"][[0, 2], group], 9)
    view.ask("release")
    assert view.ask("start").data["clamped"] is None


def test_edits_by_question(view):
    n = view.controller.tree.scales[2]
    for asked in (
        {"op": "rename", "scale": 1, "group": 0, "name": NASTY},
        {"op": "split", "scale": 2, "group": n - 1},
        {"op": "move", "gene": "G2", "scale": 1, "group": (view.controller.chain("G2")[1] + 1) % 4},
        {"op": "undo"}, {"op": "redo"}, {"op": "go", "step": 1},
        {"op": "merge", "scale": 2, "groups": [0, 1]},
    ):  # fmt: skip
        assert "error" not in ask(view, "edit", asked)
    assert view.ask("start").data["labels"][1][0] == NASTY
    assert len(view.ask("start").data["history"]["steps"]) == 5
    assert "Expected" in ask(view, "edit", {"op": "merge", "scale": 2, "groups": [0]})["error"]
    assert "Expected" in ask(view, "group", {"scale": 9, "group": 0, "library": "S0"})["error"]
    assert (
        "changed in between" in ask(view, "edit", {"op": "split", "scale": 1, "group": 0, "at": 0})["error"]
    )
    view.ask("write")
    assert view.controller.adata.uns["genviz"]["gene_tree"]


def test_refuses_what_is_not_there(model):
    with pytest.raises(UsageError, match="panel"):
        gv.widgets.GeneTree(named(tissue(5)), model, gene="NOPE")


def test_page_and_figure(view, tmp_path):
    """All groups are in the page, gene names as text; the figure has the maps of the present state."""
    view.clamp(4, 1, factor=2)
    page = view.to_html(tmp_path / "tree.html").read_text()
    assert NASTY not in page and page.count("group{") >= sum(view.controller.tree.scales)
    figure = view.to_figure()
    assert [trace.type for trace in figure.data] == ["icicle", "scatter", "scatter", "scatter"]
    assert len(figure.data[1].x) == 10


def test_large_sections_leave_rare_genes_out_of_the_page(view, monkeypatch):
    monkeypatch.setattr("genviz.widgets.gene_tree._PAGE_NUMBERS", 200)
    asked = [asked for what, asked in view.page_questions() if what == "group"]
    assert {one["scale"] for one in asked} >= {0, 1} and len(asked) < 30


def test_scales_and_sections_that_are_not_there_are_refused(view, model):
    """In the call, at the start, and as traits; after an edit the scale in view is still known."""
    rows = named(tissue(6))
    for wrong in ({"scale": 41}, {"library": "typo"}, {"gene": ""}):
        with pytest.raises(UsageError, match="Expected"):
            gv.widgets.GeneTree(rows, model, **wrong)
    with pytest.raises(UsageError, match="1, 4, 8, 12; got 41"):
        view.clamp(41, 0, factor=2)
    assert view.controller.clamps == []
    for name, value in (("scale", 41), ("library", "typo"), ("gene", "NOPE")):
        with pytest.raises(UsageError, match="Expected"):
            setattr(view, name, value)
    assert (view.gene, view.scale, view.library) == ("G2", 4, "S0")
    view.controller.split(1, 3)
    assert view.controller.tree.scales[1] == 5
    assert "5 groups" in view.to_figure().layout.title.text
    view.scale = 5


def test_release_and_stop_end_a_clamp_that_runs(view, monkeypatch):
    """What was asked before the release is not held after it; the newest of two is."""
    started, go = threading.Event(), threading.Event()
    expected = type(view.controller.model).expected

    def slow(self, *args, **options):
        started.set()
        assert go.wait(20)
        return expected(self, *args, **options)

    def wait(number):
        for _ in range(400):
            ends = [c for c, _ in view.sent if c.get("id") == number and "progress" not in c]
            if ends:
                return ends[-1]
            time.sleep(0.05)
        raise AssertionError(number)

    def clamp(number, factor):
        asked = {"scale": 1, "group": 0, "factor": factor}
        view._receive(view, {"id": number, "ask": "clamp", "with": asked}, [])

    monkeypatch.setattr(type(view.controller.model), "expected", slow)
    clamp(10, 2)
    assert started.wait(20)
    view._receive(view, {"id": 11, "ask": "release", "with": {}}, [])
    go.set()
    assert wait(10).get("cancelled") and view.controller.clamps == []
    started.clear()
    go.clear()
    clamp(12, 2)
    assert started.wait(20)
    clamp(13, 3)
    go.set()
    assert wait(12).get("cancelled") and "words" in wait(13)["data"]
    assert view.controller.clamps[0]["factor"] == 3
