"""SlideView without a browser: questions, traits, the figure and the page."""

from __future__ import annotations

import io
import json
import re
import threading
import time

import numpy as np
import pytest
from PIL import Image

from genviz import widgets
from genviz._errors import MissingKeyError, UsageError
from genviz.controllers.slide import controller as slide
from genviz.widgets.messages import Later, question_key
from tests.controllers.slide_cases import NASTY, section

pytest.importorskip("anywidget")


@pytest.fixture
def view():
    """A view of a small section that keeps what it sends."""
    made = widgets.SlideView(section(), gene="left")
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers or []))
    yield made
    made.close()


def asked(view, what, **more):
    """The answer as the front end gets it."""
    view.sent.clear()
    view._receive(view, {"id": 1, "ask": what, "with": {"library": "S1", **more}}, [])
    end = time.monotonic() + 10
    while not (found := [one for one in view.sent if {"data", "error"} & set(one[0])]):
        assert time.monotonic() < end
        time.sleep(0.01)
    return next(one for one in found if "event" not in one[0])


def array(answer, name):
    content, buffers = answer
    at = next(i for i, part in enumerate(content["parts"]) if part["name"] == name)
    return np.frombuffer(buffers[at], content["parts"][at]["type"]).reshape(content["parts"][at]["shape"])


def test_a_gene_is_one_message_with_all_that_the_hover_needs(view):
    answer = asked(view, "values", gene="left")
    assert {part["name"] for part in answer[0]["parts"]} == {"measured", "predicted", "lower", "upper"}
    np.testing.assert_array_equal(array(answer, "measured"), view.controller.values("left")["measured"])
    assert answer[0]["data"]["limits"]["error"][0] < 0
    json.dumps(answer[0], allow_nan=False)


def test_the_start_and_the_section(view):
    start = asked(view, "start")[0]["data"]
    assert start["genes"] == ["left", "flat", "none", NASTY]
    assert start["panels"] == ["measured", "predicted", "error", "uncertainty"]
    answer = asked(view, "section", px=1024)
    assert array(answer, "xy").shape == (64, 2)
    picture = Image.open(io.BytesIO(answer[1][1]))
    assert picture.format == "JPEG"
    assert answer[0]["data"]["mpp"] == 0.5


def test_stop_while_the_tissue_is_read_leaves_the_spots_and_says_so(view, monkeypatch):
    begun, never = threading.Event(), threading.Event()
    monkeypatch.setattr(
        slide, "overview_of", lambda *_: begun.set() or never.wait(30) or (np.zeros((4, 4, 3), np.uint8), 1.0)
    )
    question = {"id": 7, "of": "d", "ask": "section", "with": {"library": "S1", "px": 64}}
    view._receive(view, question, [])
    assert begun.wait(10)
    view._receive(view, {"cancel": "section", "of": "d"}, [])
    end = time.monotonic() + 10
    while not (found := [one for one in view.sent if "data" in one[0]]):
        assert time.monotonic() < end and not [one for one in view.sent if "cancelled" in one[0]]
        time.sleep(0.01)
    never.set()
    data = found[0][0]["data"]
    assert array(found[0], "xy").shape == (64, 2)
    assert data["levels"] == [] and "Stopped" in data["note"]
    monkeypatch.undo()
    assert "Stopped" not in asked(view, "section", px=64)[0]["data"]["note"]  # asked again it is read


def test_closing_the_view_cancels_its_work_and_ends_its_thread():
    view, begun = widgets.SlideView(section(), gene="left"), threading.Event()

    def work(task):
        begun.set()
        while True:
            time.sleep(0.001)
            task.check()

    view._handlers = {"long": lambda asked: Later("long", work)}
    view._receive(view, {"id": 1, "ask": "long", "with": {}}, [])
    assert begun.wait(10)
    view.close()
    view.lanes._thread.join(10)
    assert not view.lanes._thread.is_alive()


def test_tiles_are_jpeg_and_kept(view):
    first = asked(view, "tiles", level=0, places=[[0, 0], [1, 1]])
    assert [part["name"] for part in first[0]["parts"]] == ["0,0", "1,1"]
    assert Image.open(io.BytesIO(first[1][0])).size == (256, 256)
    assert asked(view, "tiles", level=0, places=[[0, 0]])[1][0] is first[1][0]


def test_the_lasso_writes_obs_at_once(view):
    answer = asked(view, "select", column="region", rows=[1, 2], category=NASTY, mode="replace")
    assert list(view.controller.adata.obs["region"].dropna()) == [NASTY, NASTY]
    assert answer[0]["data"]["categories"][0]["count"] == 2
    assert array(answer, "codes")[:4].tolist() == [-1, 0, 0, -1]
    assert asked(view, "undo", column="region")[0]["data"] == {
        "categories": [],
        "canUndo": False,
        "canRedo": True,
    }
    assert "region" not in view.controller.adata.obs


def test_what_python_draws_is_told(view):
    view.sent.clear()
    view.controller.select([3], "tumour")
    assert view.sent[0][0]["event"] == "regions"


def test_errors_reach_the_view(view):
    assert "Expected one of 4 genes" in asked(view, "values", gene="nope")[0]["error"]
    assert (
        "name for the region"
        in asked(view, "select", column="region", rows=[1], category=" ", mode="add")[0]["error"]
    )


def test_traits_refuse_what_is_not_there(view):
    for name, value in (("gene", "nope"), ("library", "S9"), ("column", "nope"), ("shown", ["nope"]),
                        ("region_column", "depth")):  # fmt: skip
        with pytest.raises(UsageError):
            setattr(view, name, value)
    view.shown = ["error", "measured"]
    assert view.shown == ["measured", "error"]


def test_bad_objects_say_what_to_do():
    with pytest.raises(MissingKeyError, match="predict"):
        widgets.SlideView(section(), key="ridge")
    bare = section(measured=False, predicted=False)
    view = widgets.SlideView(bare)
    assert (view.gene, view.shown) == ("", [])
    with pytest.raises(UsageError, match="gene"):
        view.to_figure()


def test_the_figure_has_the_colours_of_the_view(view):
    view.shown = ["measured", "error"]
    figure = view.to_figure()
    assert len(figure.data) == 2
    low, high = view.controller.limits("left")["measured"]
    assert (figure.data[0].marker.cmin, figure.data[0].marker.cmax) == (low, high)
    measured_only = widgets.SlideView(section(predicted=False), gene="flat").to_figure()
    assert len(measured_only.data) == 1
    view.gene = NASTY
    assert "<img" not in view.to_figure().layout.title.text


def test_the_page_carries_what_was_chosen(view, tmp_path):
    path = view.to_html(tmp_path / "page.html", genes=["flat", NASTY])
    text = path.read_text(encoding="utf-8")
    answers = json.loads(re.search(r'id="answers">(.*?)</script>', text, re.S).group(1))["answers"]
    assert question_key("values", {"library": "S1", "gene": NASTY}) in answers
    assert question_key("values", {"library": "S1", "gene": "left"}) in answers  # the one in view
    assert question_key("values", {"library": "S1", "gene": "none"}) not in answers
    assert answers["start{}"]["data"]["genes"] == sorted(["left", "flat", NASTY], key=str.lower)
    assert "<img src=x" not in text.split('id="answers"')[0]
    assert asked(view, "start")[0]["data"]["genes"][0] == "left"  # the notebook has them all again
    with pytest.raises(UsageError, match="nope"):
        view.to_html(tmp_path / "other.html", genes=["nope"])


def test_the_state_stays_small(view):
    state = {k: v for k, v in view.get_state().items() if k not in {"_esm", "_css"}}
    assert len(json.dumps(state, default=str)) < 10_000
