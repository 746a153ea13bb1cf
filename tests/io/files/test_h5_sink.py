"""Ctrl-C while HDF5 writes: not raised inside its calls, never lost, and nothing is left."""

from __future__ import annotations

import signal
from contextlib import suppress

import h5py
import numpy as np
import pytest

from genviz.io.files import h5_sink
from genviz.io.files.atomic import atomic_path


def met(name, at):
    """A method of the sink that meets a Ctrl-C in a frame of the module, where no `try` is around it."""
    source = (
        "def method(self, *args):\n"
        "    calls.append(self)\n"
        "    if len(calls) == at:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    return own(self, *args)\n"
    )
    told = {"calls": [], "at": at, "signal": signal, "own": getattr(h5_sink._Sink, name)}
    exec(compile(source, h5_sink.__file__, "exec"), told)
    return told["method"], told["calls"]


def write(path):
    with atomic_path(path) as working, h5_sink.h5_file(working) as file:
        for i in range(20):
            file[str(i)] = np.arange(5000) + i


@pytest.mark.parametrize(
    ("name", "at"), [("seek", 1), ("seek", 5), ("write", 1), ("write", 5), ("truncate", 1), ("flush", 1)]
)
def test_a_stop_inside_a_call_of_hdf5_waits_for_its_end(tmp_path, monkeypatch, name, at):
    method, calls = met(name, at)
    monkeypatch.setattr(h5_sink._Sink, name, method)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.h5")
    assert len(calls) >= at and list(tmp_path.iterdir()) == []


def test_a_stop_that_is_swallowed_on_its_way_is_kept(tmp_path, monkeypatch):
    own = h5py.Group.__setitem__

    def swallowing(self, name, value):
        if name == "7":
            with suppress(KeyboardInterrupt):  # as in a callback of a weak reference
                signal.raise_signal(signal.SIGINT)
        own(self, name, value)

    monkeypatch.setattr(h5py.Group, "__setitem__", swallowing)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_the_handler_is_given_back(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    write(tmp_path / "a.h5")
    assert signal.getsignal(signal.SIGINT) is before and (tmp_path / "a.h5").exists()
