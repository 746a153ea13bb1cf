"""The package's source, parsed once: what the tests of this folder look at."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "genviz"


def modules() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def room(path: Path) -> str:
    """The room of a file: the folder under ``genviz/``, or the name of a file that lies in none."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def where(path: Path, node: ast.AST) -> str:
    """File and line, to click on."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def imports(path: Path) -> Iterator[tuple[str, ast.AST, bool]]:
    """Imported modules, where, and whether inside a function; those for type checking only are left out."""
    yield from _imports(tree(path), inside=False)


def _imports(node: ast.AST, *, inside: bool) -> Iterator[tuple[str, ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for other in child.orelse:
                    yield from _imports(other, inside=inside)
                continue
            case ast.Import():
                yield from ((alias.name, child, inside) for alias in child.names)
            case ast.ImportFrom(module=str(name)):
                yield name, child, inside
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(str(name)), *_]
            ):
                if called in {"require", "import_module"}:
                    yield name, child, inside
        yield from _imports(child, inside=inside or isinstance(child, ast.FunctionDef | ast.Lambda))


def pyproject() -> dict:
    """``pyproject.toml``."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
