"""Errors that can be caught as what they are, and that print as one plain line."""

from __future__ import annotations

import pytest

from genviz import _errors
from genviz._errors import GenvizError, MissingKeyError, UsageError

CLASSES = [
    value for value in vars(_errors).values() if isinstance(value, type) and issubclass(value, GenvizError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_the_message_is_what_was_said(kind):
    assert str(kind("Expected 'a'; got 'b'.")) == "Expected 'a'; got 'b'."
    assert kind("x").exit_code == (2 if kind is UsageError else 1)


def test_they_are_also_pythons_own_kinds():
    kinds = {kind.__name__: [base.__name__ for base in kind.__mro__] for kind in CLASSES}
    for name, builtin in {
        "UsageError": "ValueError", "DataError": "ValueError", "MissingKeyError": "KeyError",
        "FileFormatError": "OSError", "DownloadError": "OSError", "MissingDependencyError": "ImportError",
    }.items():  # fmt: skip
        assert builtin in kinds[name]


def test_an_empty_key_error_prints_nothing():
    assert str(MissingKeyError()) == ""
