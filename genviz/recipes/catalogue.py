"""All recipes that come with genviz."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path

from genviz._errors import UsageError
from genviz.recipes.recipe import Recipe, read_recipe

_FOLDER = Path(__file__).parent
_PAPERS = ("GenAR", "GeneVAR", "PathAR")


@cache
def recipes() -> dict[str, Recipe]:
    """Give every recipe by name, paper after paper in the order of the files' names."""
    found = [read_recipe(path) for path in sorted(_FOLDER.glob("*.toml"))]
    found.sort(key=lambda recipe: _PAPERS.index(recipe.paper))
    return {recipe.name: recipe for recipe in found}


def recipe(name: str) -> Recipe:
    """Give the recipe of a name, or of a file that ends in ``.toml``.

    Parameters
    ----------
    name
        Out of `recipes`, or a path: a recipe of one's own.

    Raises
    ------
    UsageError
        For an unknown name; it says which are near.
    FileFormatError
        When the file is no recipe.
    """
    if name.endswith(".toml"):
        if not (path := Path(name)).is_file():
            raise UsageError(f"Expected a recipe at {path}; there is no such file.")
        return read_recipe(path)
    known = recipes()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.4) or list(known)[:3]
        raise UsageError(
            f"Expected a recipe, for example {', '.join(near)}; got {name!r}. See `genviz recipe list`."
        )
    return known[name]
