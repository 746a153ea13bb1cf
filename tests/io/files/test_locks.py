"""One process at a time: run folders, and working folders that outlive theirs."""

from __future__ import annotations

import threading

import pytest

from genviz._errors import UsageError
from genviz.io.files.atomic import atomic_dir
from genviz.io.files.locks import TRAINING, training_in
from tests.io.files.held import training_elsewhere, written_elsewhere


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


def test_a_working_folder_goes_when_its_process_is_gone_and_not_before(tmp_path):
    target = tmp_path / "pairs.v1"
    with written_elsewhere(target):
        (working,) = (path for path in tmp_path.iterdir() if path.is_dir())
        (working / "a.png").touch()
        with atomic_dir(target) as mine:
            (mine / "b.png").touch()
        assert (working / "a.png").exists()
    assert working.exists()  # killed
    with atomic_dir(tmp_path / "pairs.v2"):
        pass
    assert working.exists()  # of another target
    with atomic_dir(target, replace=True):
        pass
    assert names(tmp_path) == ["pairs.v1", "pairs.v2"]


def test_a_working_folder_of_which_nothing_is_known_stays_and_is_told(tmp_path, caplog):
    unknown = tmp_path / ".pairs.0123456789ab.partial"
    unknown.mkdir()
    (tmp_path / ".pairs.mine.partial").mkdir()
    with caplog.at_level("WARNING", logger="genviz"), atomic_dir(tmp_path / "pairs"):
        pass
    assert names(tmp_path) == [unknown.name, ".pairs.mine.partial", "pairs"]
    assert f"{unknown} may be left" in caplog.text and "mine" not in caplog.text
