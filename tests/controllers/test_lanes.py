"""Long work: the newest of a lane wins, what is cancelled stops, a failure reaches whoever asked."""

from __future__ import annotations

import threading
import time

import pytest

from genviz.controllers.lanes import Cancelled, Lanes, Task


class Listener:
    """Collects what tasks tell."""

    def __init__(self):
        self.found, self.errors, self.told = [], [], []
        self._more = threading.Condition()

    def task(self, lane, work):
        return Task(
            lane, work, done=self._keep(self.found), failed=self._keep(self.errors), progress=self._tell
        )

    def _keep(self, where):
        def keep(what):
            with self._more:
                where.append(what)
                self._more.notify_all()

        return keep

    def _tell(self, share, word):
        self.told.append((share, word))

    def wait(self, n):
        with self._more:
            assert self._more.wait_for(lambda: len(self.found) + len(self.errors) >= n, timeout=10)


@pytest.fixture
def lanes():
    made = Lanes()
    yield made
    made.close()


def test_work_is_done_and_tells_how_far_it_is(lanes):
    listener = Listener()

    def work(task):
        task.report(0.5, "half")
        return 7

    lanes.submit(listener.task("a", work))
    listener.wait(1)
    assert listener.found == [7] and listener.told == [(0.5, "half")]


def test_of_fifty_moves_the_last_counts(lanes):
    listener, begun, go_on = Listener(), threading.Event(), threading.Event()
    ran = []

    def slow(task):
        begun.set()
        go_on.wait(10)
        task.check()
        ran.append("first")

    lanes.submit(listener.task("slider", slow))
    begun.wait(10)
    for i in range(50):
        lanes.submit(listener.task("slider", lambda task, i=i: ran.append(i) or i))
    go_on.set()
    listener.wait(51)
    assert ran == [49] and listener.found == [49]
    assert len(listener.errors) == 50 and all(isinstance(error, Cancelled) for error in listener.errors)


def test_lanes_do_not_cancel_each_other(lanes):
    listener = Listener()
    for lane in "abc":
        lanes.submit(listener.task(lane, lambda task: task.lane))
    listener.wait(3)
    assert listener.found == ["a", "b", "c"]


def test_a_cancelled_task_stops_at_its_next_word(lanes):
    listener, begun, go_on = Listener(), threading.Event(), threading.Event()

    def work(task):
        begun.set()
        go_on.wait(10)
        task.report(0.9)
        raise AssertionError("went on")

    lanes.submit(listener.task("a", work))
    begun.wait(10)
    lanes.cancel("a")
    go_on.set()
    listener.wait(1)
    assert isinstance(listener.errors[0], Cancelled) and not listener.told


def test_a_failure_is_told_and_the_thread_lives_on(lanes):
    listener = Listener()
    lanes.submit(listener.task("a", lambda task: 1 / 0))
    lanes.submit(listener.task("b", lambda task: 1))
    listener.wait(2)
    assert isinstance(listener.errors[0], ZeroDivisionError) and listener.found == [1]


def test_a_listener_that_fails_does_not_end_the_thread(lanes):
    listener = Listener()
    lanes.submit(Task("a", lambda task: 1, done=lambda value: 1 / 0, failed=listener.errors.append))
    lanes.submit(listener.task("b", lambda task: 2))
    listener.wait(1)
    assert listener.found == [2]


def test_closing_cancels_what_runs_and_what_waits_and_ends_the_thread():
    lanes, listener, begun = Lanes(), Listener(), threading.Event()
    gone_on = []

    def work(task):
        begun.set()
        while True:
            time.sleep(0.001)
            task.report(0.5)

    lanes.submit(listener.task("a", work))
    lanes.submit(listener.task("b", gone_on.append))
    begun.wait(10)
    lanes.close()
    listener.wait(2)
    lanes._thread.join(10)
    assert not lanes._thread.is_alive() and not gone_on
    assert len(listener.errors) == 2 and all(isinstance(error, Cancelled) for error in listener.errors)


def test_what_comes_after_closing_is_cancelled_at_once():
    lanes, listener = Lanes(), Listener()
    lanes.close()
    lanes.submit(listener.task("a", lambda task: 1))
    assert isinstance(listener.errors[0], Cancelled) and lanes._thread is None
    lanes.close()  # twice does no harm


@pytest.mark.parametrize("partial", [True, False])
def test_stopped_work_answers_with_what_it_has_or_is_cancelled(lanes, partial):
    listener, begun, never = Listener(), threading.Event(), threading.Event()

    def work(task):
        begun.set()
        late = task.aside(lambda: never.wait(30) and "late")
        return late or "what there is"

    task = listener.task("a", work)
    task.partial = partial
    lanes.submit(task)
    begun.wait(10)
    lanes.stop("a")
    listener.wait(1)
    never.set()
    if partial:
        assert listener.found == ["what there is"]
    else:
        assert isinstance(listener.errors[0], Cancelled)


def test_work_done_aside_gives_its_value_and_its_error(lanes):
    listener = Listener()
    lanes.submit(listener.task("a", lambda task: task.aside(lambda: 3)))
    lanes.submit(listener.task("b", lambda task: task.aside(lambda: 1 / 0)))
    listener.wait(2)
    assert listener.found == [3] and isinstance(listener.errors[0], ZeroDivisionError)


def test_a_newer_task_frees_the_thread_from_what_is_done_aside(lanes):
    listener, begun, never = Listener(), threading.Event(), threading.Event()

    def reads(task):
        begun.set()
        return task.aside(lambda: never.wait(30))

    lanes.submit(listener.task("section", reads))
    begun.wait(10)
    lanes.submit(listener.task("section", lambda task: "second"))
    listener.wait(2)
    assert listener.found == ["second"] and not never.is_set()
    never.set()
