"""`TrainingMonitor` without a browser: what it sends, what it answers, how it ends."""

from __future__ import annotations

import json
import time

import pytest

from genviz._errors import TrainingStopped, UsageError
from genviz.widgets import TrainingMonitor
from tests.models.pathar import tile_cases as cases


def short(**tokenizer):
    return cases.declared(tokenizer={"gan_epochs": 1, **tokenizer})


@pytest.fixture(scope="module")
def ended():
    """A monitor after a training."""
    monitor = TrainingMonitor(short(), every=1)
    monitor.start(device="cpu")
    monitor.wait(120)
    return monitor


def said(monitor, ask, **asked):
    """What comes back for a question."""
    sent = []
    monitor.send = lambda content, buffers=None: sent.append((content, buffers))
    monitor._receive(monitor, {"id": 1, "ask": ask, "with": asked}, [])
    return sent[-1]


def test_everything_is_in_small_traits(ended):
    state = ended.get_state()
    record = state["_record"]
    assert record["state"] == "finished" and record["model"] == "PathAR"
    assert [stage["name"] for stage in record["stages"]] == ["tokenizer", "sharpen", "prior"]
    assert len(json.dumps(record)) + len(state["_sheet"]) < 100_000
    assert state["_sheet"][:2] == b"\xff\xd8" and state["_shown"]["stage"] == 2
    assert ["drawn image", True] in state["_shown"]["rows"]


def test_pictures_of_earlier_epochs_are_answers(ended):
    content, buffers = said(ended, "samples", stage=0, epoch=1)
    assert content["data"]["rows"][0] == ["tile", False] and content["data"]["n"] == 6
    assert buffers[0][:2] == b"\xff\xd8"
    for wrong in ({"stage": 0, "epoch": 99}, {"stage": 7, "epoch": 1}, {}):
        assert said(ended, "samples", **wrong)[0]["kind"] == "UsageError"


def test_page_and_figure(ended, tmp_path):
    page = ended.to_html(tmp_path / "training.html").read_text(encoding="utf-8")
    assert "<title>Training</title>" in page and "samples{" in page
    assert len(ended.to_figure().data) == sum(
        len(panel["curves"]) for stage in ended._record["stages"] for panel in stage["panels"]
    )
    assert set(ended.table["stage"]) == {"tokenizer", "sharpen", "prior"}


def test_the_button_stops_as_ctrl_c_does(tmp_path):
    monitor = TrainingMonitor(short(max_epochs=1000), every=0)
    assert monitor.start(device="cpu", out_dir=tmp_path) is monitor and monitor.running
    end = time.monotonic() + 60
    while not (monitor._record["stages"] and monitor._record["stages"][0]["epochs"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert said(monitor, "stop")[0]["data"] == {"state": "stopping"}
    with pytest.raises(TrainingStopped, match="resume=True"):
        monitor.wait(60)
    assert monitor._record["state"] == "stopped" and not monitor.running
    assert (tmp_path / "tokenizer" / "part_fit" / "last.ckpt").is_file()


def test_within_a_block_any_training_is_watched(capsys):
    with TrainingMonitor(every=0) as monitor:
        short().train(device="cpu", stage="tokenizer")
        short().train(device="cpu", stage="tokenizer")
        with pytest.raises(UsageError, match="still watches"):
            monitor.__enter__()
    assert [stage["name"] for stage in monitor._record["stages"]][::2] == ["tokenizer", "tokenizer (2)"]
    assert monitor._record["state"] == "finished"
    with pytest.raises(ZeroDivisionError), TrainingMonitor() as monitor:
        1 / 0  # noqa: B018
    assert monitor._record["state"] == "failed" and "division" in monitor._record["message"]


def test_run_folder_and_misuse(tmp_path):
    short().train(device="cpu", stage="tokenizer", out_dir=tmp_path / "run<b>")
    monitor = TrainingMonitor(tmp_path / "run<b>")
    assert monitor._record["state"] == "read" and "run<b>" in monitor._record["message"]
    with pytest.raises(UsageError, match="every"):
        TrainingMonitor(every=-1)
    with pytest.raises(UsageError, match="has none"):
        monitor.start()
    monitor.every = 2
    assert monitor.training.record.every == 2
