"""`Velocity`: where a flow takes noise, beside shuffled arrows and what the numbers say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.controllers.velocity.controller import NONE, VelocityPaths
from genviz.controllers.velocity.words import CAUTION, headline
from genviz.pl.velocity_figure import velocity as velocity_figure
from genviz.widgets.messages import Answer, Asked, Handler, jpeg, png
from genviz.widgets.view import View

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from anndata import AnnData

_SHEET = 64  # rows whose tiles lie in one picture of a page
_PX, _SMALL_PX, _MANY = 64, 32, 2000  # side of a tile in a page, and above how many rows it shrinks
_BUDGET = 5200  # tiles that a page holds, about 10 MB


class Velocity(View):
    """Trajectories from noise to tissue, as a t-SNE or UMAP with words that say what may be read from it.

    Each arrow is one row: it begins at the row's noise and ends where one step of the flow arrives, told the row's
    profile. Models that were compared stand side by side, from the same noise. Null arrows can be drawn beside: ends
    dealt to other rows, and ends under other rows' profiles. Pointing at an arrow shows the row's tiles.

    Parameters
    ----------
    adata
        From `gv.tl.velocity`; with ``frames=5`` it also holds tiles along the way. Not changed.
    key
        Result key.
    colour
        Column of ``obs``; default the one that the numbers are about.
    control
        Null arrows to begin with.

    Attributes
    ----------
    colour, share, control, row
        What is shown, settable: column; share of the way from noise (0) to data (1); null arrows, "none", "shuffled"
        or "others"; name of the pinned row, "" for none.

    Raises
    ------
    MissingKeyError
        When `adata` holds no trajectories, or has no such column; the message says which call makes them.
    DataError
        When its places are damaged.
    UsageError
        For unknown null arrows.

    Examples
    --------
    >>> paths = gv.tl.velocity(model, adata, frames=5)  # doctest: +SKIP
    >>> gv.widgets.Velocity(paths)  # doctest: +SKIP
    """

    scripts = ("spots", "velocity_data", "velocity_canvas", "velocity_side", "velocity")
    styles = ("velocity",)

    colour = traitlets.Unicode().tag(sync=True)
    share = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)
    control = traitlets.Unicode(NONE).tag(sync=True)
    row = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, adata: AnnData, *, key: str = "velocity", colour: str | None = None, control: str = NONE
    ) -> None:
        self.paths = VelocityPaths(adata, key)
        colour = self.paths.default_colour if colour is None else colour
        if colour:
            self.paths.colours(colour)
        if control not in self.paths.controls:
            raise UsageError(f"Expected control out of {', '.join(self.paths.controls)}; got {control!r}.")
        super().__init__(colour=colour, control=control)

    @property
    def verdict(self) -> list[str]:
        """What the numbers say, in plain words."""
        return [one.text for one in self.paths.findings]

    def to_figure(self) -> go.Figure:
        """The still figure, `gv.pl.velocity`, in the present colours."""
        return velocity_figure(self.paths.adata, key=self.paths.key, colour=self.colour or None)

    # ---- checks of what Python sets

    @traitlets.validate("colour")
    def _known_colour(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name:
            self.paths.colours(name)
        return name

    @traitlets.validate("control")
    def _known_control(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self.paths.controls:
            raise UsageError(f"Expected control out of {', '.join(self.paths.controls)}; got {name!r}.")
        return name

    @traitlets.validate("row")
    def _known_row(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name:
            self.paths.row(name)
        return name

    # ---- questions

    def handlers(self) -> Mapping[str, Handler]:
        """Questions: all places and words; colours of a column; tiles of a row; a sheet of tiles for a page."""
        return {"start": self._start, "colour": self._colour, "tile": self._tile, "sheet": self._sheet}

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """Everything: a page colours, hovers and moves along the way as the notebook does."""
        yield "start", {}
        for choice in self.paths.columns():
            yield "colour", {"column": choice.name}
        if self.paths.tiles.frames or not self.paths.tiles.why_not:
            for sheet in range(-(-self.paths.adata.n_obs // _SHEET)):
                yield "sheet", {"n": sheet}

    def _start(self, _: Asked) -> Answer:
        paths = self.paths
        arrays: dict[str, NDArray[Any]] = {
            "start": paths.start_N2,
            "drawn": paths.drawn_N.astype(np.uint8),
            "dealt": paths.dealt_N,
        }
        for i, path in enumerate(paths.paths):
            arrays[f"end_{i}"] = path.end_N2
            if path.null_N2 is not None:
                arrays[f"null_{i}"] = path.null_N2
        arrays = {
            name: np.nan_to_num(values) if values.dtype.kind == "f" else values
            for name, values in arrays.items()
        }
        record, tiles = paths.record, paths.tiles
        page = self._page_frames()
        data = {
            "names": [str(name) for name in paths.adata.obs_names],
            "models": paths.names,
            "controls": paths.controls,
            "columns": [
                {"name": one.name, "numeric": one.numeric, "internal": one.internal} for one in paths.columns()
            ],
            "findings": [[one.level, one.text] for one in paths.findings],
            "headline": headline(paths.findings),
            "caution": CAUTION,
            "numbers": record["numbers"],
            "scale": int(record.get("parameters", {}).get("scale", 0)),
            "shares": tiles.shares,
            "page": {
                "shares": [tiles.shares[i] for i in page], "rows": _SHEET, "px": self._page_px(),
            },
            "real": not tiles.why_not,
            "um": tiles.extent_um,
            "drawn_tissue": tiles.synthetic,
            "missing": tiles.told(),
        }  # fmt: skip
        return Answer(data, arrays)

    def _colour(self, asked: Asked) -> Answer:
        found = self.paths.colours(str(asked["column"]))
        data = {
            "name": found.name,
            "numeric": found.numeric,
            "names": found.names,
            "colours": found.colours,
            "low": found.low,
            "high": found.high,
            "stops": list(found.stops),
            "note": found.note,
        }
        return Answer(data, {"values": found.value_N if found.numeric else found.code_N})

    def _tile(self, asked: Asked) -> Answer:
        """The real tile of a row, and per model its tiles along the way beside each other."""
        row = self.paths.row(str(asked["row"]))
        pictures = {}
        real_1HW3 = self.paths.tiles.real([row])
        if real_1HW3 is not None:
            pictures["real"] = png(real_1HW3[0])
        for i, name in enumerate(self.paths.names):
            along_1SHW3 = self.paths.tiles.along(name, [row])
            if along_1SHW3 is not None:
                pictures[f"along_{i}"] = png(np.concatenate(list(along_1SHW3[0]), axis=1))
        return Answer({"missing": self.paths.tiles.told()}, pictures=pictures)

    def _sheet(self, asked: Asked) -> Answer:
        """Tiles of 64 rows, a row of pixels each: the real one, then per model those along the way."""
        n, frames, px = int(asked["n"]), self._page_frames(), self._page_px()
        rows = range(n * _SHEET, min((n + 1) * _SHEET, self.paths.adata.n_obs))
        columns = []
        real_RHW3 = self.paths.tiles.real(rows)
        if real_RHW3 is not None:
            columns.append(_shrunk(real_RHW3, px))
        for name in self.paths.names:
            along_RSHW3 = self.paths.tiles.along(name, rows, frames)
            if along_RSHW3 is not None:
                columns += [_shrunk(along_RSHW3[:, s], px) for s in range(along_RSHW3.shape[1])]
        if not columns:
            return Answer()
        strips = [np.concatenate(list(column), axis=0) for column in columns]
        return Answer(pictures={"sheet": jpeg(np.concatenate(strips, axis=1), quality=80)})

    def _page_px(self) -> int:
        return _PX if self.paths.adata.n_obs <= _MANY else _SMALL_PX

    def _page_frames(self) -> list[int]:
        """Which frames a page holds: as many as its size allows, the end always."""
        n, n_models = len(self.paths.tiles.shares), max(len(self.paths.tiles.frames), 1)
        if not n:
            return []
        room = int(max(1, (_BUDGET / max(self.paths.adata.n_obs, 1) - 1) // n_models))
        kept = np.linspace(0, n - 1, min(n, room)) if room > 1 else np.array([n - 1])
        return sorted({round(float(i)) for i in kept})


def _shrunk(tiles_RHW3: NDArray[np.uint8], px: int) -> NDArray[np.uint8]:
    """Tiles of a side of `px`."""
    from PIL import Image

    if tiles_RHW3.shape[1:3] == (px, px):
        return tiles_RHW3
    made = [Image.fromarray(tile).resize((px, px), Image.Resampling.LANCZOS) for tile in tiles_RHW3]
    return np.stack([np.asarray(one) for one in made])
