"""What a napari view shows of a section, without napari: the state, and the colours that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.controllers.slide.controller import DEFAULT_KEY, SlideController
from genviz.controllers.slide.values import (
    ERROR,
    LOWER,
    MEASURED,
    PREDICTED,
    UNCERTAINTY,
    UPPER,
    Limits,
    Values,
    limits_of,
    panels_of,
)
from genviz.controllers.slide.words import TITLES, UNITS
from genviz.napari.colouring import Rgba, colours_of, faded, reaches, rgba_of
from genviz.napari.groups import Group, Groups
from genviz.pl.gene_values import interval_name

if TYPE_CHECKING:
    from anndata import AnnData

FADE, HIDE = "fade", "hide"
RING = 0.16  # of the diameter, width of the ring around a spot of a region
COLOURING = frozenset({"gene", "group", "panel", "threshold", "below"})


class Session:
    """One object in one viewer.

    Parameters
    ----------
    adata
        As for `genviz.controllers.slide.controller.SlideController`.
    gene
        Gene to begin with; default the one that varies most.
    key
        Result key of the model.
    library
        Section to begin with.
    path
        File it was read from, if it was.

    Attributes
    ----------
    gene
        In view, when `group` is None.
    group
        Group of the gene tree in view: (number of groups of the scale, place); None for a gene.
    panel
        ``measured``, ``predicted``, ``error`` or ``uncertainty``.
    threshold
        In the panel's unit; None for none.
    below
        What happens to spots below it: ``"fade"`` or ``"hide"``.
    """

    def __init__(
        self,
        adata: AnnData,
        *,
        gene: str | None = None,
        key: str = DEFAULT_KEY,
        library: str | None = None,
        path: Path | None = None,
    ) -> None:
        self.controller = SlideController(adata, key=key, library=library)
        self.groups = Groups(adata, key)
        self.path = path
        self.unsaved = False
        self.gene = self.controller.first_gene(gene)
        self.group: Group | None = None
        self.threshold: float | None = None
        self.below = FADE
        self._listeners: list[Callable[[frozenset[str]], None]] = []
        panels = self.controller.panels
        self.panel = PREDICTED if PREDICTED in panels else next(iter(panels), MEASURED)
        self._kept: tuple[Any, dict[str, Values]] = (None, {})
        self.controller.stored(self.gene)  # a gene that is not there, or nothing to show, is said at once
        self.controller.on_change(self._on_regions)

    # ---- state

    def set(self, **state: Any) -> None:
        """Change what is in view, all at once or not at all, and tell who listens.

        Parameters
        ----------
        state
            Any of ``gene``, ``group``, ``panel``, ``threshold``, ``below``, ``library``.

        Raises
        ------
        UsageError
            Something that is not there; nothing changes then.
        """
        known = COLOURING | {"library"}
        if unknown := set(state) - known:
            raise UsageError(f"Expected {', '.join(sorted(known))}; got {', '.join(sorted(unknown))}.")
        if state.get("gene") is not None and "group" not in state:
            state["group"] = None
        before = {name: getattr(self, name) for name in COLOURING} | {"library": self.library}
        try:
            self._put(state)
            self._check()
        except Exception:
            self._put(before)
            raise
        after = {name: getattr(self, name) for name in COLOURING} | {"library": self.library}
        changed = frozenset(name for name in known if after[name] != before[name])
        if changed:
            self._tell(changed)

    def _put(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            if name == "library":
                self.controller.library = value
            else:
                setattr(self, name, value)

    def _check(self) -> None:
        """What is in view is there; a panel that a group lacks gives way to one that it has."""
        there = panels_of(self.parts)
        if self.panel not in TITLES:
            raise UsageError(f"Expected a panel of {', '.join(there)}; got {self.panel!r}.")
        if self.panel not in there:
            if self.panel in self.controller.panels and self.group is not None:
                self.panel = PREDICTED
            else:
                raise UsageError(
                    f"Expected a panel of {', '.join(there)}; got {self.panel!r}. Predictions and intervals come from "
                    f"model.predict(adata, key_added={self.controller.key!r}), counts from gv.io.read_*."
                )
        if self.below not in (FADE, HIDE):
            raise UsageError(f"Expected below '{FADE}' or '{HIDE}'; got {self.below!r}.")
        if self.threshold is not None and not np.isfinite(self.threshold):
            raise UsageError(f"Expected a finite threshold, or None; got {self.threshold}.")

    @property
    def library(self) -> str:
        """The section in view."""
        return self.controller.library

    def on_change(self, listener: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call a function with the names of what changed; ``"regions"`` among them. Returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _on_regions(self, column: str) -> None:
        self.unsaved = True
        self._tell(frozenset({"regions"}))

    def _tell(self, changed: frozenset[str]) -> None:
        for listener in list(self._listeners):
            listener(changed)

    # ---- what follows from it

    @property
    def parts(self) -> dict[str, Values]:
        """Gene or group over all rows: measured, predicted, lower, upper; each float32 (n_obs,)."""
        if self.group is None:
            return self.controller.stored_everywhere(self.gene)
        if self._kept[0] != self.group:
            self._kept = self.group, self.groups.parts(self.group)
        return self._kept[1]

    @property
    def stored(self) -> dict[str, Values]:
        """The same over the spots of the section, each (n,)."""
        rows = self.controller.spots.rows
        return {name: values[rows] for name, values in self.parts.items()}

    @property
    def panels(self) -> tuple[str, ...]:
        """Panels that the gene or group has."""
        return tuple(name for name in self.controller.panels if name in panels_of(self.parts))

    @property
    def values(self) -> Values:
        """Values of the panel over the spots, float32 (n,)."""
        return panels_of(self.stored)[self.panel]

    @property
    def limits(self) -> Limits:
        """Colour limits of the panel, the same in all sections."""
        return limits_of(panels_of(self.parts))[self.panel]

    @property
    def reach(self) -> tuple[float, float]:
        """Least and greatest threshold that makes sense."""
        low, high = self.limits
        return (0.0, high) if self.panel == ERROR else (low, high)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Spots that reach the threshold, (n,)."""
        if self.threshold is None:
            return np.ones(len(self.controller.spots.rows), bool)
        return reaches(self.values, self.threshold, self.panel)

    @property
    def face(self) -> Rgba:
        """Colour of each spot, float32 (n, 4)."""
        rgba_n4 = colours_of(self.values, self.limits, self.panel)
        return faded(rgba_n4, self.kept) if self.below == FADE else rgba_n4

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Spots that are drawn at all, (n,)."""
        return self.kept if self.below == HIDE else np.ones(len(self.controller.spots.rows), bool)

    @property
    def rings(self) -> tuple[Rgba, NDArray[np.float64]]:
        """Colour and relative width of the ring around each spot: of its region, none without."""
        codes = self.controller.region_codes()
        palette = np.array(
            [rgba_of(one.colour) for one in self.controller.categories()] + [(0, 0, 0, 0)], np.float32
        )
        return palette[codes], np.where(codes >= 0, RING, 0.0)  # code -1 takes the last

    @property
    def features(self) -> dict[str, Any]:
        """Columns of the layer, which napari shows on hover; numbers in log2(1 + count)."""
        stored = {name: values.astype(np.float64) for name, values in self.stored.items()}
        columns: dict[str, Any] = {"spot": np.array(self.controller.spots.names, dtype=object)}
        columns |= {name: stored[name] for name in (MEASURED, PREDICTED) if name in stored}
        if LOWER in stored:
            interval = interval_name(self.controller.level)
            columns |= {f"{interval} from": stored[LOWER], f"{interval} to": stored[UPPER]}
        if MEASURED in stored and PREDICTED in stored:
            columns[ERROR] = stored[PREDICTED] - stored[MEASURED]
        return columns

    @property
    def subject(self) -> str:
        """The gene, or the group, in words."""
        return self.gene if self.group is None else self.groups.names(self.group[0])[self.group[1]]

    @property
    def title(self) -> str:
        """One line about what is in view."""
        panel = TITLES[self.panel].lower()
        if self.panel == UNCERTAINTY:  # in few words: the line has the width of the canvas
            panel = f"width of {interval_name(self.controller.level)}"
        line = f"{self.subject} · {panel}, {UNITS[self.panel]} · section {self.library}"
        return line + (" · synthetic tissue" if self.controller.synthetic else "")
