"""The sweep view without a browser: questions, events, a page, still figures."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from genviz import tl
from genviz._errors import DataError, UsageError
from tests.models.genevar.model_cases import model, rows

pytest.importorskip("anywidget", reason="needs genviz[notebook]")
from genviz.widgets.perturbation_sweep import PerturbationSweep

ASKED = {"together": False, "doses": [0.5, 2], "kind": "fold", "n": 1, "seed": 0, "controls": 0}


@pytest.fixture(scope="module")
def trained():
    return model(rows(24))


@pytest.fixture
def view(trained):
    made = PerturbationSweep(trained, rows(24))
    made.genes = made.ask("start").data["genes"][:1]
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers or []))
    yield made
    made.close()


def settled(view, number: int, timeout_s: float = 60) -> dict:
    """The last word on a question."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        for content, _ in list(view.sent):
            if content.get("id") == number and "progress" not in content:
                return content
        time.sleep(0.02)
    raise AssertionError(f"no answer to {number}: {[content for content, _ in view.sent][-3:]}")


def events(view, name: str) -> list[tuple[dict, list]]:
    return [(content["data"], buffers) for content, buffers in view.sent if content.get("event") == name]


def test_start_says_what_can_be_picked(view):
    answer = view.ask("start")
    assert len(answer.data["genes"]) == 12 and answer.data["side"] == 32 and answer.data["runs"] == []
    assert answer.arrays["places"].shape == (24, 2) and len(view.rows) == 6
    json.dumps(answer.data, allow_nan=False)


def test_a_run_fills_in_and_is_the_result(view, trained):
    asked = ASKED | {"genes": view.genes, "rows": view.rows, "n": 2, "controls": 1}
    view._receive(view, {"id": 1, "ask": "run", "with": asked}, [])
    assert settled(view, 1)["data"] == {"run": 1}
    (begun, _), steps, (ended, _) = events(view, "begun")[0], events(view, "step"), events(view, "ended")[0]
    assert begun["frame"]["doses"] == ["x0.5", "x1", "x2"] and ended["run"] == 1 and view.shown == 1
    assert len(steps[0][1][0]) == 2 * 32 * 32 * 3  # the first row comes alone
    json.dumps([data for data, _ in steps], allow_nan=False)
    expected = tl.perturb(
        trained, rows(24)[view.rows].copy(), view.genes, fold=(0.5, 2), n=2, seed=0, controls=1
    )
    np.testing.assert_array_equal(view.result.obsm["genevar"], expected.obsm["genevar"])
    assert tl.perturbation_summary(view.result).equals(tl.perturbation_summary(expected))
    raw = view.ask("tiles", {"run": 1, "gene": view.genes[0], "as": "raw"})
    assert raw.arrays["tiles"].shape == (3, 6, 2, 32, 32, 3)
    sheet = view.ask("tiles", {"run": 1, "gene": view.genes[0], "as": "jpeg"})
    assert sheet.pictures["sheet"][:2] == b"\xff\xd8"


def test_from_python_with_history_and_figures(view):
    view.doses, view.n, view.controls = [0, 4], 1, 1
    view.run()
    view.seed = 7
    second = view.run()
    assert view.result is second and view.shown == 2 and len(view.history.steps) == 3
    first = view.look(1)
    assert view.result is first is not second and view.shown == 1
    assert view.ask("look", {"run": 2}).data["run"] == 2 and view.result is second
    assert len(view.to_figure().data) and len(view.to_figure("tiles").layout.images) == 5
    with pytest.raises(UsageError, match="'effects' or 'tiles'"):
        view.to_figure("pie")
    for wrong in (0, 3, "1", None):
        with pytest.raises(UsageError, match="from 1 to 2"):
            view.ask("look", {"run": wrong})


def test_before_the_first_run(view, tmp_path):
    assert view.result is None
    for act in (view.to_figure, lambda: view.to_html(tmp_path / "a.html"), lambda: view.look(1)):
        with pytest.raises(UsageError, match="Press Run"):
            act()
    view.genes = ["absent"]
    with pytest.raises(DataError, match="absent"):
        view.run()


def test_stop_keeps_what_is_there(view):
    done = []

    def stopping(content, buffers=None):
        view.sent.append((content, buffers or []))
        if (
            content.get("event") == "step"
            and content["data"]["complete"]
            and content["data"]["dose"] == "x0.5"
        ):
            if not done:
                view._receive(view, {"cancel": "run"}, [])
            done.append(1)

    view.send = stopping
    asked = ASKED | {"genes": view.genes, "rows": view.rows, "controls": 4}
    view._receive(view, {"id": 1, "ask": "run", "with": asked}, [])
    assert settled(view, 1) == {"id": 1, "cancelled": True}
    assert events(view, "ended")[0][0]["run"] == 1
    assert view.history.state.stopped and "x0.5" in set(view.result.obs["dose_label"])


def test_fifty_runs_at_once_and_bad_ones(view):
    for number in range(1, 51):
        asked = ASKED | {"genes": view.genes, "rows": view.rows[:2], "seed": number}
        view._receive(view, {"id": number, "ask": "run", "with": asked}, [])
    assert settled(view, 50)["data"]["run"] == view.history.at
    assert view.history.state.asked.seed == 50 and len(view.history.steps) < 10
    for number, changes in enumerate(({"doses": [-1]}, {"rows": []}, {"genes": ["?"]}, {"n": 0}), 100):
        asked = ASKED | {"genes": view.genes, "rows": view.rows, **changes}
        view._receive(view, {"id": number, "ask": "run", "with": asked}, [])
        assert settled(view, number)["error"].startswith("Expected")
    assert view.history.state.asked.seed == 50


def test_two_views_of_one_model(view, trained):
    other = PerturbationSweep(trained, rows(24), genes=view.genes, controls=0, n=1)
    view.controls, view.n = 0, 1
    np.testing.assert_array_equal(view.run().obsm["genevar"], other.run().obsm["genevar"])
    other.close()


def test_the_state_stays_small_and_the_page_is_whole(view, tmp_path):
    view.doses, view.n, view.controls = [0, 4], 1, 1
    view.run()
    assert len(json.dumps(view.state())) < 20_000
    page = view.to_html(tmp_path / "sweep.html", title="<b>Sweep</b>").read_text(encoding="utf-8")
    assert "&lt;b&gt;Sweep" in page and 'look{\\"run\\":1}' in page and "<b>Sweep" not in page
