"""Lazy public names (PEP 562) and optional dependencies."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from genviz._errors import MissingDependencyError


def attach(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make a package's ``__getattr__``, ``__dir__`` and ``__all__``.

    Parameters
    ----------
    package
        The package's ``__name__``.
    names
        Public name → module that defines it. A module whose last part is the public name itself,
        and that does not define it, is handed out as the module.

    Returns
    -------
    The three objects, in this order.
    """

    def __getattr__(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(names[name])
        return module if names[name] == f"{package}.{name}" else getattr(module, name)

    def __dir__() -> list[str]:
        return sorted(names)

    return __getattr__, __dir__, sorted(names)


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Parameters
    ----------
    module
        Dotted module name.
    extra
        The extra of genviz that installs it.
    purpose
        What it is needed for, as it completes "... is needed to".

    Raises
    ------
    MissingDependencyError
        When the package is absent.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as err:
        if err.name is None or err.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingDependencyError(
            f"{module} is needed to {purpose} and is not installed. Install it with: pip install 'genviz[{extra}]'"
        ) from err
