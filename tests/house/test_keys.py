"""Key strings of AnnData objects occur in `_keys.py` only."""

from __future__ import annotations

import ast

import pytest

from genviz import _keys
from tests.house.sources import modules, tree, where

SLOTS = {"obs", "var", "obsm", "varm", "obsp", "varp", "uns", "layers"}
METHODS = {"get", "pop", "setdefault"}


def keys() -> set[str]:
    """Every key string of `_keys`, made or constant, other tools' file names left out."""
    spaces = [_keys.Obs, _keys.Var, _keys.Varm, _keys.Layers, _keys.Obsm, _keys.Uns]
    return {value for space in spaces for name, value in vars(space).items() if name.isupper()}


def of_slot(node: ast.AST) -> bool:
    """Whether an expression is ``<something>.obs`` or a value inside it."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Attribute) and node.attr in SLOTS


def literals(root: ast.AST):
    """Strings used to look into a slot: subscripts, ``get`` and its like, ``in``."""
    for node in ast.walk(root):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(str(key))) if of_slot(value):
                yield node, key
            case ast.Call(
                func=ast.Attribute(value=value, attr=method), args=[ast.Constant(str(key)), *_]
            ) if method in METHODS and of_slot(value):
                yield node, key
            case ast.Compare(
                left=ast.Constant(str(key)), ops=[ast.In() | ast.NotIn()], comparators=[value]
            ) if of_slot(value):
                yield node, key


def test_keys_occur_in_one_file():
    found = [
        f'{where(path, node)}: "{key}"'
        for path in modules()
        if path.name != "_keys.py"
        for node, key in literals(tree(path))
    ]
    assert not found, "write these with genviz._keys:\n" + "\n".join(found)


def test_there_are_keys_to_look_for():
    assert {"spatial", "genviz", "library_id", "counts", "gene_tree"} <= keys()


@pytest.mark.parametrize(
    "source",
    [
        'adata.obs["library_id"]',
        'adata.uns[Uns.SPATIAL][name]["images"]',
        'adata.obsm.get("spatial")',
        '"counts" in adata.layers',
        'del a.b.uns["genviz"]',
    ],
)
def test_the_reader_of_keys_sees(source):
    assert len(list(literals(ast.parse(source)))) == 1
