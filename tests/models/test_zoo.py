"""Where a model's folder is: a path, a run, or a name."""

from __future__ import annotations

import pytest

from genviz._errors import UsageError
from genviz.models import zoo


@pytest.fixture
def box(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "_ZOO", tmp_path / "box")
    for name in ("small", "large"):
        (tmp_path / "box" / name).mkdir(parents=True)
        (tmp_path / "box" / name / "config.json").write_text("{}")
    (tmp_path / "box" / "unfinished").mkdir()
    return tmp_path / "box"


def test_names_are_those_of_whole_models(box):
    assert zoo.names() == ["large", "small"]
    assert zoo.folder_of("small") == box / "small"


def test_a_run_folder_stands_for_the_model_in_it(box, tmp_path):
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    assert zoo.folder_of(run) == zoo.folder_of(str(run / "model")) == run / "model"
    (run / "config.json").write_text("{}")  # itself a model, with a folder of that name
    assert zoo.folder_of(run) == run


def test_a_folder_of_the_same_name_goes_first(box, tmp_path, monkeypatch):
    (tmp_path / "small").mkdir()
    monkeypatch.chdir(tmp_path)
    assert zoo.folder_of("small").resolve() == tmp_path / "small"


def test_neither_is_refused_with_what_there_is(box):
    with pytest.raises(UsageError, match=r"in the box \(large, small\); got 'unfinished'.*genviz train"):
        zoo.folder_of("unfinished")
