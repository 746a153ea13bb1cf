"""Edits of tokens as JSON: what a step says of itself, checked, and its name for people."""

from __future__ import annotations

from typing import Any

from genviz._errors import UsageError

Edit = dict[str, Any]

TAKEN = ("structure", "appearance", "both")
DRAWN = ("appearance", "both")
_DEFAULTS: dict[str, Edit] = {
    "swap": {"other": None, "what": "both", "cells": None, "matched": False},
    "draw": {"what": "appearance", "cells": None, "label": None, "seed": 0},
    "restore": {"cells": None},
}


def edit_of(edit: Edit) -> Edit:
    """An edit with everything that it needs said.

    Parameters
    ----------
    edit
        ``{"do": "swap", "tile": ..., "other": ..., "what": ..., "cells": [...] or None, "matched": ...}``,
        ``{"do": "draw", "tile": ..., "what": ..., "cells": ..., "label": ..., "seed": ...}``, or
        ``{"do": "restore", "tile": ..., "cells": ...}``.

    Raises
    ------
    UsageError
        For another kind of edit, or words that it does not have.
    """
    kind = edit.get("do")
    if kind not in _DEFAULTS:
        raise UsageError(f"Expected do out of {', '.join(_DEFAULTS)}; got {kind!r}.")
    known = {"do", "tile", *_DEFAULTS[kind]}
    if unknown := sorted(set(edit) - known):
        raise UsageError(f"Expected only {', '.join(sorted(known))} in {kind!r}; got {', '.join(unknown)}.")
    done = _DEFAULTS[kind] | edit
    if isinstance(done["cells"], list):
        done["cells"] = sorted(set(done["cells"]))
    return done


def named(edit: Edit, n_cells: int) -> str:
    """What was done, for people.

    Parameters
    ----------
    edit
        Of `edit_of`.
    n_cells
        Cells of a tile.
    """
    cells = edit["cells"]
    where = "" if cells is None or len(cells) == n_cells else f", {len(cells)} cell{'s' * (len(cells) != 1)}"
    if edit["do"] == "restore":
        return f"as it was{where}"
    what = "structure and appearance" if edit["what"] == "both" else edit["what"]
    if edit["do"] == "swap":
        return f"{'matched ' * edit['matched']}{what} of {edit['other']}{where}"
    label = f" as {edit['label']}" if edit["label"] else ""
    return f"{what} drawn{label}{where}, seed {edit['seed']}"


def brief(edit: Edit, n_cells: int) -> str:
    """The same in a few words, without names of tiles; for a small picture's caption.

    Parameters
    ----------
    edit, n_cells
        As `named`.
    """
    cells = edit["cells"]
    where = "" if cells is None or len(cells) == n_cells else f", {len(cells)} cell{'s' * (len(cells) != 1)}"
    if edit["do"] == "restore":
        return f"as it was{where}"
    if edit["do"] == "swap":
        return f"{'matched' if edit['matched'] else edit['what']}{where}"
    return f"drawn{' as ' + edit['label'] if edit['label'] else ''}{where}"
