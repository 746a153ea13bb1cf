"""A path in place of an AnnData is a likely first mistake: every public function says what to do."""

from __future__ import annotations

import importlib
import inspect

import pytest

from genviz._errors import UsageError
from tests.house.test_imports import NAMES

ROWS = ("adata", "true", "before")  # as public functions call an AnnData that they cannot do without
OTHERS = {
    "pred": "x.h5ad",
    "after": "x.h5ad",
    "first": "x.h5ad",
    "second": "x.h5ad",
    "gene": "A",
    "path": "x",
    "folder": "x",
}
# They look at their model first, or take arrays too.
ELSEWHERE = {"genviz.tl.perturb", "genviz.tl.roundtrip", "genviz.metrics.masks", "genviz.metrics.psnr"}
ELSEWHERE |= {"genviz.widgets.PerturbationSweep", "genviz.metrics.mask_rows"}


def asked(value: object) -> dict[str, object] | None:
    """Arguments with a path for the rows; None for what takes none."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    rows = [name for name in needed if name in ROWS]
    return {name: "x.h5ad" if name in rows else OTHERS.get(name, 1) for name in needed} if rows else None


FUNCTIONS = [
    pytest.param(value, arguments, id=f"{package}.{name}")
    for package, name in NAMES
    if f"{package}.{name}" not in ELSEWHERE
    for value in [getattr(importlib.import_module(package), name)]
    if (inspect.isfunction(value) or package == "genviz.widgets") and (arguments := asked(value))
]


@pytest.mark.parametrize(("function", "arguments"), FUNCTIONS)
def test_a_path_is_refused_with_the_way_to_read_it(function, arguments):
    with pytest.raises(
        UsageError, match=r"Expected .*an AnnData; got a str\. Read it with gv\.io\.read_h5ad\."
    ):
        function(**arguments)


def test_there_is_something_to_ask():
    assert len(FUNCTIONS) > 20
