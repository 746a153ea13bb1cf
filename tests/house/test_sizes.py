"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
import statistics

from tests.house.sources import ROOT, modules, tree, where

FILE_MAX = 400
FILE_MEDIAN = 150
FUNCTION_MAX = 80
VAGUE = {"utils", "util", "helpers", "misc", "common"}


def lengths(paths) -> dict[str, int]:
    """File -> lines."""
    return {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}


def test_no_file_is_long():
    others = [
        path for folder in ("tests", "benchmarks", "data_manifests") for path in (ROOT / folder).rglob("*.py")
    ]
    assert not {name: n for name, n in lengths([*modules(), *others]).items() if n > FILE_MAX}


def test_the_median_file_is_short():
    assert statistics.median(lengths(modules()).values()) < FILE_MEDIAN


def test_no_function_is_long():
    found = {
        f"{where(path, node)} {node.name}": node.end_lineno - node.lineno + 1
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno + 1 > FUNCTION_MAX
    }
    assert not found


def test_files_say_what_they_are_about():
    assert not [path for path in modules() if path.stem in VAGUE]
