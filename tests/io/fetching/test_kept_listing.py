"""What a source told is kept beside its files, and read again or refused."""

from __future__ import annotations

import json

import pytest

from genviz._errors import DataError
from genviz.io.fetching.kept_listing import LISTING, read_kept, write_kept


def files_of(folder):
    return read_kept(folder, "the archive", lambda told: list(told["files"]))


def test_it_comes_back(tmp_path):
    assert files_of(tmp_path) is None
    write_kept(tmp_path, {"files": ["a", "b"]})
    assert files_of(tmp_path) == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": "one"}', '{"format": 1}', '{"format": 1, "files": 3}']
)
def test_a_damaged_one_says_how_to_ask_again(tmp_path, text):
    (tmp_path / LISTING).write_text(text)
    with pytest.raises(DataError, match=r"damaged.*Remove it: the next fetch asks the archive again"):
        files_of(tmp_path)


def test_one_of_a_later_version_is_not_called_damaged(tmp_path):
    (tmp_path / LISTING).write_text(json.dumps({"format": 2, "entries": {}}))
    with pytest.raises(DataError, match=r"format 1 or older.*Update genviz"):
        files_of(tmp_path)
