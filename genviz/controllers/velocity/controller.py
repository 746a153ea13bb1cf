"""Trajectories of a flow as a view shows them: places, null arrows, tiles and numbers, read from the result's rows.

Shape legend: N rows, M models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.controllers.velocity.colours import Colouring, choices, colouring
from genviz.controllers.velocity.tiles import PathTiles
from genviz.controllers.velocity.words import Finding, findings
from genviz.core.arguments import check_adata
from genviz.core.keyed import row_generator

if TYPE_CHECKING:
    from anndata import AnnData

ITSELF = "model"
NONE, SHUFFLED, OTHERS = "none", "shuffled", "others"
"""Null arrows: none; the ends dealt to other rows; the ends that the flow finds under other rows' profiles."""
_RUN = "Run paths = gv.tl.velocity(model, adata) first and pass what it returns."


@dataclass(frozen=True)
class Path:
    """The arrows of one model.

    Attributes
    ----------
    name
        Of the model, "model" for the first.
    end_N2
        Where arrows end.
    null_N2
        Where they end under other rows' profiles; None where the result does not say.
    """

    name: str
    end_N2: NDArray[np.float32]
    null_N2: NDArray[np.float32] | None


class VelocityPaths:
    """The result of `gv.tl.velocity`, checked and ready to be drawn; nothing of it is changed.

    Parameters
    ----------
    adata
        From `gv.tl.velocity`.
    key
        Result key.

    Attributes
    ----------
    record
        Provenance and numbers.
    paths
        Of each model; all begin at `start_N2`.
    drawn_N
        Which rows have places everywhere; the others are counted and not drawn.

    Raises
    ------
    MissingKeyError
        Without a result of that key.
    DataError
        When its places are no N x 2 numbers, or none is finite.
    """

    def __init__(self, adata: AnnData, key: str = "velocity") -> None:
        check_adata(adata)
        self.adata, self.key = adata, key
        self.record = _record(adata, key)
        self.start_N2 = _places(adata, Obsm.path_start(key))
        names = [ITSELF, *(str(name) for name in self.record.get("compare", []))]
        self.paths = [self._path(name) for name in names]
        self.seed = int(self.record.get("seed", 0) or 0)
        ends = [place for path in self.paths for place in (path.end_N2, path.null_N2) if place is not None]
        self.drawn_N = np.isfinite(np.concatenate([self.start_N2, *ends], axis=1)).all(axis=1)
        if not self.drawn_N.any():
            raise DataError(
                f"Expected finite places in obsm['{Obsm.path_start(key)}'] and its ends; no row has any. {_RUN}"
            )
        self.tiles = PathTiles(adata, key, names, self.record)

    def _path(self, name: str) -> Path:
        told = "" if name == ITSELF else name
        null = Obsm.path_null(self.key, told)
        return Path(
            name,
            _places(self.adata, Obsm.path_end(self.key, told)),
            _places(self.adata, null) if null in self.adata.obsm else None,
        )

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return [path.name for path in self.paths]

    @property
    def controls(self) -> list[str]:
        """Null arrows that can be drawn."""
        found = [NONE]
        if self.drawn_N.sum() > 1:
            found.append(SHUFFLED)
        if all(path.null_N2 is not None for path in self.paths):
            found.append(OTHERS)
        return found

    @cached_property
    def dealt_N(self) -> NDArray[np.int32]:
        """For each row the row at whose end its shuffled arrow ends: one great circle of the drawn rows."""
        rows = np.flatnonzero(self.drawn_N)
        circle = rows[row_generator(self.seed, "", "shuffled", "arrows").permutation(len(rows))]
        dealt_N = np.arange(len(self.drawn_N), dtype=np.int32)
        dealt_N[circle] = np.roll(circle, 1)
        return dealt_N

    def null_ends(self, name: str, control: str) -> NDArray[np.float32]:
        """Where the null arrows of a model end, (N, 2).

        Parameters
        ----------
        name
            Model.
        control
            One of `controls` but "none".

        Raises
        ------
        UsageError
            For another one.
        """
        path = next((one for one in self.paths if one.name == name), None)
        if path is None or control not in self.controls[1:]:
            raise UsageError(
                f"Expected a model of {', '.join(self.names)} and null arrows of {', '.join(self.controls[1:])}; got "
                f"{name!r} and {control!r}."
            )
        if control == SHUFFLED:
            return path.end_N2[self.dealt_N]
        assert path.null_N2 is not None
        return path.null_N2

    # ---- colours and words

    @property
    def default_colour(self) -> str:
        """The column that the numbers are about, or the first one that there is."""
        column = str(self.record.get("parameters", {}).get("colour_key", ""))
        if column in self.adata.obs:
            return column
        found = [choice.name for choice in self.columns()]
        return found[0] if found else ""

    def columns(self) -> list[Any]:
        """Columns of ``obs`` to colour by, that of the numbers first."""
        first = str(self.record.get("parameters", {}).get("colour_key", ""))
        found = choices(self.adata.obs)
        return sorted(found, key=lambda choice: (choice.name != first, choice.internal))

    def colours(self, column: str) -> Colouring:
        """Colours of the rows: those of ``uns["<column>_colors"]`` where it is there, else those of all views.

        Parameters
        ----------
        column
            Of ``obs``.

        Raises
        ------
        MissingKeyError
            There is no such column.
        """
        return colouring(self.adata.obs, column, self.adata.uns.get(Uns.colours(column)))

    @cached_property
    def findings(self) -> list[Finding]:
        """What the numbers say, in plain words."""
        return findings(self.record, self.adata.n_obs)

    def row(self, name: str) -> int:
        """Number of a row.

        Parameters
        ----------
        name
            Its name.

        Raises
        ------
        UsageError
            There is no such row.
        """
        if name not in self.adata.obs_names:
            raise UsageError(
                f"Expected the name of a row, such as {self.adata.obs_names[0]!r}; got {name!r}."
            )
        return int(np.flatnonzero(self.adata.obs_names == name)[0])

    def agreement(self, name: str) -> NDArray[np.float32] | None:
        """Mean cosine of each row's arrow with those that begin nearest; None where the result does not say.

        Parameters
        ----------
        name
            Model.
        """
        column = Obs.agreement(self.key, "" if name == ITSELF else name)
        return self.adata.obs[column].to_numpy(np.float32) if column in self.adata.obs else None


def _record(adata: AnnData, key: str) -> dict[str, Any]:
    known = adata.uns.get(Uns.GENVIZ, {})
    text = known.get(key) if isinstance(known, Mapping) else None
    if text is None or Obsm.path_start(key) not in adata.obsm:
        others = [
            name
            for name in (known if isinstance(known, Mapping) else ())
            if Obsm.path_start(name) in adata.obsm
        ]
        hint = f" There are trajectories under {others[0]!r}: pass key={others[0]!r}." if others else ""
        raise MissingKeyError(f"Expected trajectories under {key!r}; there are none. {_RUN}{hint}")
    try:
        record = json.loads(text)
    except (TypeError, ValueError) as err:
        raise DataError(f"Expected JSON in uns['{Uns.GENVIZ}']['{key}']; it is damaged. {_RUN}") from err
    if not isinstance(record, dict) or "numbers" not in record:
        raise DataError(f"Expected the record of trajectories in uns['{Uns.GENVIZ}']['{key}']. {_RUN}")
    return record


def _places(adata: AnnData, slot: str) -> NDArray[np.float32]:
    if slot not in adata.obsm:
        raise MissingKeyError(f"Expected obsm['{slot}'], places of trajectories; it is absent. {_RUN}")
    found = np.asarray(adata.obsm[slot])
    if found.ndim != 2 or found.shape[1] != 2 or not np.issubdtype(found.dtype, np.number):
        raise DataError(
            f"Expected numbers (n_obs, 2) in obsm['{slot}']; got {found.dtype} {found.shape}. {_RUN}"
        )
    return found.astype(np.float32)
