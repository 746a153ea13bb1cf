"""`Velocity` in Python: questions and answers, what may be set, the page and the figure."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("anywidget")

import genviz as gv
from genviz._errors import MissingKeyError, UsageError
from genviz.widgets.velocity import Velocity
from tests.controllers.velocity_cases import paths


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def test_start_holds_places_and_words():
    view = Velocity(paths())
    answer = view.ask("start")
    assert answer.data["models"] == ["model", "vanilla"] and answer.data["names"][:2] == ["r0", "r1"]
    assert answer.data["headline"].endswith(
        "Do not read: clusters of ends, RNA's part, directions of arrows."
    )
    assert {"start", "end_0", "end_1", "null_0", "null_1", "drawn", "dealt"} == set(answer.arrays)
    _, buffers = answer.packed()
    assert sum(map(len, buffers)) < 60 * 60
    assert view.verdict == [text for _, text in answer.data["findings"]]


def test_state_saved_in_a_notebook_is_small():
    view = Velocity(paths(2000))
    assert len(str(view.get_state(["colour", "share", "control", "row", "_footer", "_still"]))) < 2000
    assert len(view._esm) + len(view._css) < 80_000


def test_tiles_of_a_row_are_exact():
    answer = Velocity(paths()).ask("tile", {"row": "r9"})
    assert (pixels(answer.pictures["real"])[..., 0] == 9).all()
    strip = pixels(answer.pictures["along_1"])
    assert strip.shape == (16, 48, 3) and strip[0, [0, 16, 32], 1].tolist() == [0, 80, 160]


def test_sheets_of_a_page_hold_every_row():
    view = Velocity(paths(70))
    asked = list(view.page_questions())
    assert (
        ("start", {}) in asked and ("sheet", {"n": 1}) in asked and ("colour", {"column": "reads"}) in asked
    )
    page = view.ask("start").data["page"]
    assert page == {"shares": [0.0, 0.5, 1.0], "rows": 64, "px": 64}
    sheet = pixels(view.ask("sheet", {"n": 1}).pictures["sheet"])
    assert sheet.shape == (6 * 64, 64 * (1 + 2 * 3), 3)
    assert np.abs(sheet[32 + 64 * 5, 32].astype(int) - [69, 0, 0]).max() < 6
    assert np.abs(sheet[32, 64 * 6 + 32].astype(int) - [0, 160, 240]).max() < 8


def test_a_page_of_many_rows_keeps_the_ends():
    view = Velocity(paths(2001, px=8))
    page = view.ask("start").data["page"]
    assert page["px"] == 32 and page["shares"] == [1.0]


def test_what_python_sets_is_checked():
    view = Velocity(paths())
    view.colour, view.control, view.row, view.share = "reads", "others", "r5", 0.25
    with pytest.raises(MissingKeyError, match="stage"):
        view.colour = "stage"
    with pytest.raises(UsageError, match="none, shuffled, others"):
        view.control = "nothing"
    with pytest.raises(UsageError, match="name of a row"):
        view.row = "r99"
    assert (view.colour, view.control, view.row) == ("reads", "others", "r5")
    with pytest.raises(MissingKeyError, match="stage"):
        Velocity(paths(), colour="stage")
    with pytest.raises(UsageError, match="control"):
        Velocity(paths(), control="nothing")


def test_errors_reach_the_view():
    view, sent = Velocity(paths()), []
    view.send = lambda content, buffers=None: sent.append(content)
    view._receive(view, {"id": 1, "ask": "colour", "with": {"column": "stage"}}, [])
    view._receive(view, {"id": 2, "ask": "tile", "with": {"row": "r1"}}, [])
    assert sent[0]["kind"] == "MissingKeyError" and "stage" in sent[0]["error"] and sent[1]["id"] == 2


def test_to_figure_has_the_present_colours():
    view = Velocity(paths())
    shown = [trace.name for trace in view.to_figure().data[:-1] if trace.showlegend]
    assert shown == ["noise", "<img src=x onerror=alert(1)>", "kidney", "liver"]
    view.colour = "reads"
    assert any(trace.mode == "markers" and trace.marker.showscale for trace in view.to_figure().data[:-1])


def test_to_html_needs_nothing_and_runs_no_text_of_the_data(tmp_path):
    text = Velocity(paths()).to_html(tmp_path / "v.html").read_text()
    assert not re.search(r"(src|href)=[\"']?https?:", text) and "<img src=x" not in text
    assert len(text) < 400_000


def test_public_name():
    assert gv.widgets.Velocity is Velocity


def test_two_views_of_one_result_do_not_touch_it():
    adata = paths()
    before = adata.copy()
    one, two = Velocity(adata), Velocity(adata, control="shuffled")
    one.colour = "reads"
    one.ask("tile", {"row": "r1"})
    assert two.colour == "organ" and two.control == "shuffled"
    assert list(adata.obs) == list(before.obs) and adata.uns["genviz"] == before.uns["genviz"]
