"""One training a run folder at a time."""

from __future__ import annotations

import threading

import pytest

from genviz._errors import UsageError
from genviz.io.files.locks import TRAINING, training_in
from tests.io.files.held import training_elsewhere


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_folder_is_held_until_the_outermost_block_ends(tmp_path):
    with training_in(None), training_in(tmp_path):
        with training_in(tmp_path / "." / ""):
            pass
        refused = []

        def other():
            try:
                with training_in(tmp_path):
                    pass
            except UsageError as err:
                refused.append(str(err))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert refused and "a training is running in" in refused[0]
        assert names(tmp_path) == [TRAINING]
    assert not names(tmp_path)
    with training_in(tmp_path):
        pass


def test_the_lock_of_a_killed_training_keeps_nobody_out(tmp_path):
    with training_elsewhere(tmp_path), pytest.raises(UsageError, match="running"), training_in(tmp_path):
        pytest.fail("the block must not run")
    assert names(tmp_path) == [TRAINING]
    with training_in(tmp_path):
        pass
    assert not names(tmp_path)


def test_a_place_that_knows_no_locks_is_told_and_used(tmp_path, monkeypatch, caplog):
    def unknown(self, *_, **__):
        raise NotImplementedError("FileLock")

    monkeypatch.setattr("filelock.FileLock.acquire", unknown)
    with caplog.at_level("WARNING", logger="genviz"), training_in(tmp_path):
        (tmp_path / "a").touch()
    assert (tmp_path / "a").exists() and "cannot be locked" in caplog.text
