"""Names that load when they are used, and optional packages that say how to be installed."""

from __future__ import annotations

import sys

import pytest

from genviz._errors import MissingDependencyError
from genviz._lazy import attach, require


def test_names_come_from_where_they_are_defined():
    get, listed, names = attach("json", {"loads": "json", "decoder": "json.decoder", "dumps": "json"})
    import json
    import json.decoder

    assert get("loads") is json.loads and get("decoder") is json.decoder
    assert listed() == names == ["decoder", "dumps", "loads"]
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'load'"):
        get("load")


def test_an_absent_package_names_its_extra(monkeypatch):
    with pytest.raises(
        MissingDependencyError, match=r"^no_such_package is needed to fly .*pip install 'genviz\[wings\]'"
    ):
        require("no_such_package", extra="wings", purpose="fly")
    assert require("json", extra="wings", purpose="read") is sys.modules["json"]


def test_a_package_that_is_there_but_broken_speaks_for_itself(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import something_else_that_is_absent\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_that_is_absent") as caught:
        require("half_installed", extra="wings", purpose="fly")
    assert not isinstance(caught.value, MissingDependencyError)
