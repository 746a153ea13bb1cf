"""The swap view without a browser: its questions, its traits, its page."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from genviz._errors import UsageError
from tests.models.pathar.tile_cases import loaded_as, tiles, untrained

pytest.importorskip("anywidget", reason="needs the notebook extra")

from genviz.widgets.token_swap import TokenSwap


@pytest.fixture(scope="module")
def model():
    return loaded_as(untrained())


@pytest.fixture
def view(model):
    made = TokenSwap(model, tiles(1))
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    yield made
    made.close()


def receive(view, what, asked, number=1):
    view._receive(view, {"id": number, "ask": what, "with": asked}, [])


def answers(view, number=1, timeout_s=20):
    end = time.monotonic() + timeout_s
    while True:
        found = [
            content for content, _ in view.sent if content.get("id") == number and "progress" not in content
        ]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def test_it_starts_with_the_first_two_tiles(view):
    assert (view.tile, view.other, view.cells, view.seed, view.step) == ("dark0", "stained0", [], 0, 0)
    start = view.ask("start")
    assert [tile["name"] for tile in start.data["tiles"]] == ["dark0", "stained0"]
    assert start.arrays["given"].shape[0] == 2 and start.data["grid"] == [4, 4]
    json.dumps(start.data, allow_nan=False)


def test_a_swap_answers_at_once_with_its_frame(view):
    edit = {"do": "swap", "tile": "dark0", "other": "stained0", "what": "appearance", "cells": [0, 1]}
    receive(view, "do", {"edit": edit})
    answer = answers(view)[-1]
    assert answer["data"]["step"] == 1 == view.step
    assert {part["name"] for part in answer["parts"]} == {"image", "mask", "grey", "structure", "appearance"}
    assert answer["data"]["history"]["steps"][1]["brief"] == "appearance, 2 cells"
    assert any(content.get("event") == "changed" for content, _ in view.sent)
    frame = view.ask("frame", {"tile": 0, "step": 1})
    np.testing.assert_array_equal(
        frame.arrays["image"], view.edits.picture(view.edits.card("dark0")).image_HW3
    )


def test_drawing_reports_how_far_it_is(view):
    receive(view, "do", {"edit": {"do": "draw", "tile": "dark0", "what": "both", "cells": None, "seed": 5}})
    assert answers(view)[-1]["data"]["step"] == 1
    assert [content["progress"] for content, _ in view.sent if content.get("word") == "drawing tissue"][
        -1
    ] == 1


def test_another_edit_ends_the_drawing(view, monkeypatch):
    """What was begun is cancelled at its next piece, and leaves no step."""
    from genviz.controllers.tokens import making as token_making

    own = token_making.draw_cells

    def slow(*words):
        for _ in range(200):
            words[-1](0, 1)
            time.sleep(0.02)
        return own(*words)

    monkeypatch.setattr(token_making, "draw_cells", slow)
    receive(view, "do", {"edit": {"do": "draw", "tile": "dark0"}}, number=1)
    receive(view, "do", {"edit": {"do": "swap", "tile": "dark0", "other": "stained0"}}, number=2)
    assert answers(view, 1)[-1].get("cancelled")
    assert [edit["do"] for edit in view.edits.edits[1:]] == ["swap"]


def test_python_leads_and_the_view_follows(view):
    view.edits.swap("dark0", "stained0", "structure")
    assert view.step == 1
    view.step = 0
    assert view.edits.history.at == 0
    view.cells = [3, 1, 1]
    assert view.cells == [1, 3]
    for name, value in (("tile", "nobody"), ("cells", [99]), ("step", 7)):
        with pytest.raises(UsageError, match="Expected"):
            setattr(view, name, value)


def test_rows_are_kept_by_button(view):
    with pytest.raises(UsageError, match="Add to rows"):
        _ = view.rows
    view.edits.draw("dark0", seed=1)
    receive(view, "keep", {"tile": 0, "step": 1})
    assert view.rows.obs_names.tolist() == ["dark0~1"]
    receive(view, "go", {"to": "back"}, number=2)
    assert view.edits.history.at == 0
    assert answers(view, 2)[-1]["data"]["history"]["kept"] == [[0, 1]]


@pytest.mark.parametrize(
    ("what", "asked", "message"),
    [
        ("frame", {"tile": 9, "step": 0}, "0 to 1"),
        ("frame", {"tile": 0, "step": 4}, "0 to 0"),
        ("do", {"edit": {}}, "do out of"),
        ("go", {"to": 12}, "0 to 0"),
        ("dance", {}, "question of"),
    ],
)
def test_errors_reach_the_view(view, what, asked, message):
    receive(view, what, asked)
    assert message in answers(view)[-1]["error"]


def test_the_figure_shows_what_changed(view):
    assert len(view.to_figure().data) == 3
    view.edits.swap("dark0", "stained0")
    view.edits.swap("stained0", "dark0", "structure")
    figure = view.to_figure()
    assert len(figure.data) == 6
    assert "synthetic" in figure.layout.annotations[0].text


def test_the_page_holds_swaps_renderings_and_steps(view, tmp_path):
    view.edits.swap("dark0", "stained0", "structure", cells=[2])
    asked = list(view.page_questions())
    frames = [with_ for what, with_ in asked if what == "frame"]
    assert {"tile": 0, "step": 1} in frames
    assert {"tile": 1, "other": 0, "what": "matched"} in frames
    assert {"tile": 1, "label": 0} in frames
    expected = view.edits.made({"do": "draw", "tile": "stained0", "label": "dark", "seed": 0}, 0)
    found = view.ask("frame", {"tile": 1, "label": 0})
    np.testing.assert_array_equal(found.arrays["appearance"], expected.appearance_N)
    text = view.to_html(tmp_path / "page.html").read_text()
    assert "http://" not in text.replace("http://www.w3.org", "") and "synthetic" in text


def test_state_in_a_notebook_is_small(view):
    view.cells = list(range(16))
    assert len(json.dumps(view.state())) < 10_000


def test_names_are_text(model):
    odd = tiles(1)
    odd.obs_names = ["<img src=x onerror=alert(1)>", "</script><b>"]
    view = TokenSwap(model, odd)
    assert view.ask("start").data["tiles"][0]["name"].startswith("<img")
    view.close()
