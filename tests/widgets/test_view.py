"""The base of live views: questions, answers, errors, and pages."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import zlib

import numpy as np
import pytest
import traitlets

from genviz._errors import UsageError
from genviz.widgets.messages import Answer, Later, question_key
from genviz.widgets.view import View


class Sums(View):
    """Adds."""

    scripts = ()
    start = traitlets.Int(3).tag(sync=True)

    def __init__(self):
        super().__init__()
        self.sent = []
        self.more = threading.Condition()

    def send(self, content, buffers=None):
        with self.more:
            self.sent.append((content, buffers or []))
            self.more.notify_all()

    def handlers(self):
        return {
            "add": self._add,
            "slowly": lambda asked: Later("sum", self._slowly),
            "fail": lambda asked: 1 / 0,
        }

    def _add(self, asked):
        return Answer({"text": "<b>"}, {"sum": np.array([asked["a"] + self.start], np.float32)})

    def _slowly(self, task):
        task.report(0.5, "adding")
        return Answer({"done": True})

    def page_questions(self):
        return [("add", {"a": 1}), ("add", {"a": 2}), ("slowly", {})]


@pytest.fixture
def view():
    made = Sums()
    yield made
    made.close()


def ask(view, number, what, **asked):
    view._receive(view, {"id": number, "ask": what, "with": asked}, [])


def test_an_answer_has_the_number_of_its_question(view):
    ask(view, 4, "add", a=1)
    (content, (buffer,)) = view.sent[-1]
    assert content["id"] == 4 and content["data"] == {"text": "<b>"}
    assert content["parts"] == [{"name": "sum", "type": "float32", "shape": [1]}]
    assert np.frombuffer(buffer, "<f4") == [4.0]


def test_long_work_reports_and_answers(view):
    ask(view, 1, "slowly")
    with view.more:
        assert view.more.wait_for(lambda: "data" in view.sent[-1][0], timeout=10)
    assert [content.get("progress") for content, _ in view.sent] == [0.0, 0.5, None]


@pytest.mark.parametrize(("what", "said"), [("fail", "division by zero"), ("multiply", "a question of add")])
def test_what_goes_wrong_is_told(view, what, said):
    ask(view, 2, what)
    content, _ = view.sent[-1]
    assert content["id"] == 2 and said in content["error"]


def test_cancel_is_told_as_such(view):
    begun = threading.Event()

    def work(task):
        begun.set()
        for _ in range(1000):
            time.sleep(0.01)
            task.check()

    view._handlers = {"wait": lambda asked: Later("wait", work)}
    ask(view, 3, "wait")
    begun.wait(10)
    view._receive(view, {"cancel": "wait"}, [])
    with view.more:
        assert view.more.wait_for(lambda: view.sent[-1][0].get("cancelled"), timeout=10)


def test_two_displays_of_a_view_do_not_cancel_each_other(view):
    """Each looks for itself; what changes something is one lane for both."""
    lanes = []
    view.lanes.submit = lambda task: lanes.append(task.lane)
    for deed in (False, True):
        view._handlers = {"look": lambda asked, deed=deed: Later("look", lambda task: Answer(), deed=deed)}
        for display in ("a", "b"):
            view._receive(view, {"id": f"{display}-1", "of": display, "ask": "look", "with": {}}, [])
    assert lanes == ["a/look", "b/look", "look", "look"]
    stopped = []
    view.lanes.stop = stopped.append
    view._receive(view, {"cancel": "look", "of": "b"}, [])
    assert stopped == ["look", "b/look"]


def test_a_page_with_a_number_that_is_none_is_not_written(view, tmp_path):
    view._handlers = {**view._handlers, "add": lambda asked: Answer({"x": float("nan")})}
    with pytest.raises(ValueError, match="JSON"):
        view.to_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_arrays_of_other_types_are_refused():
    with pytest.raises(UsageError, match="float64"):
        Answer(arrays={"x": np.zeros(2)}).packed()


def test_questions_have_one_writing():
    assert question_key("a", {"b": 1, "a": ["x", 2, True, None]}) == 'a{"a":["x",2,true,null],"b":1}'
    with pytest.raises(UsageError, match=r"0\.5"):
        question_key("a", {"b": [0.5]})


def test_a_page_holds_its_answers_and_nothing_foreign(view, tmp_path):
    text = view.to_html(tmp_path / "page.html", title="A <title>").read_text(encoding="utf-8")
    content = json.loads(re.search(r'id="answers">(.*?)</script>', text, re.S).group(1))
    assert set(content["answers"]) == {'add{"a":1}', 'add{"a":2}', "slowly{}"}
    (place,) = content["answers"]['add{"a":2}']["buffers"]
    raw = zlib.decompress(base64.b64decode(content["buffers"][place]))
    assert np.frombuffer(raw, "<f4") == [5.0]
    assert content["state"]["start"] == 3 and "_esm" not in content["state"]
    assert "A &lt;title&gt;" in text and "<b>" not in text
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_a_page_needs_its_folder(view, tmp_path):
    with pytest.raises(UsageError, match="Make it first"):
        view.to_html(tmp_path / "none" / "page.html")


def test_the_state_that_a_notebook_keeps_is_small(view):
    kept = {name: getattr(view, name) for name in view.trait_names(sync=True)}
    assert len(json.dumps(kept, default=str)) < 100_000
