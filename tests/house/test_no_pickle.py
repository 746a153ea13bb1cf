"""Nothing that runs code on opening is read or written."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import imports, modules, tree, where

PICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
READERS = {"read_pickle", "to_pickle"}


def unsafe(root: ast.AST):
    """Calls that may unpickle."""
    for node in ast.walk(root):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        options = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
        owner = ast.unparse(node.func.value)
        if (
            node.func.attr in READERS
            or (owner == "torch" and node.func.attr == "load" and options.get("weights_only") is not True)
            or options.get("allow_pickle", False) is not False
        ):
            yield node


def test_no_pickle():
    found = [
        where(path, node)
        for path in modules()
        for name, node, _ in imports(path)
        if name.partition(".")[0] in PICKLERS
    ]
    found += [where(path, node) for path in modules() for node in unsafe(tree(path))]
    assert not found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("torch.load(path)", 1),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.load(path, weights_only=True)", 0),
        ("np.load(path, allow_pickle=True)", 1),
        ("np.load(path)", 0),
        ("pd.read_pickle(path)", 1),
    ],
)
def test_the_reader_of_calls_sees(source, expected):
    assert len(list(unsafe(ast.parse(source)))) == expected
