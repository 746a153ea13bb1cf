"""A section with its genes, image and regions, as every slide view shows it: the notebook's and napari's."""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Layers
from genviz.controllers.slide.drawing import Drawing
from genviz.controllers.slide.pyramid import Pyramid
from genviz.controllers.slide.section import (
    Column,
    Spots,
    column_of,
    columns_to_show,
    image_of,
    overview_of,
    sections_of,
    spots_of,
)
from genviz.controllers.slide.values import GeneReader, Limits, Values, limits_of, panels_of
from genviz.core.arguments import check_adata
from genviz.io.library import is_synthetic
from genviz.io.slides.levels import Pixels

if TYPE_CHECKING:
    from anndata import AnnData

_KEPT_SECTIONS = 4
DEFAULT_KEY = "genar"


class SlideController(Drawing):
    """What a slide view does, without a front end.

    Values are in log2(1 + count). Arrays over spots follow the rows of the present section, ``spots.rows``.

    Parameters
    ----------
    adata
        Reads ``obsm["spatial"]``, ``uns["spatial"]``, ``obs["library_id"]``; counts, a prediction, or both. Regions are
        written into ``obs`` at once.
    key
        Result key of the model.
    library
        Section to begin with; default the first.

    Raises
    ------
    MissingKeyError
        No coordinates; a key other than the default without a prediction.
    UsageError
        No such section.
    """

    def __init__(self, adata: AnnData, *, key: str = DEFAULT_KEY, library: str | None = None) -> None:
        check_adata(adata)
        super().__init__(adata)
        self.key = key
        if key != DEFAULT_KEY and Layers.log2(key) not in adata.layers:
            raise MissingKeyError(
                f"Expected layers[{Layers.log2(key)!r}], the prediction under key={key!r}; found "
                f"{sorted(adata.layers) or 'no layers'}. Run model.predict(adata, key_added={key!r}), or pass the key "
                "it has."
            )
        self._sections = sections_of(adata)
        self.libraries: list[str] = list(dict.fromkeys(str(name) for name in self._sections))
        if not self.libraries:
            raise UsageError("Expected rows to show; the object has none.")
        self._reader = GeneReader(adata, key)
        self._spots: dict[str, Spots] = {}
        self._images: OrderedDict[str, tuple[Pyramid | None, str]] = OrderedDict()
        self._opening = Lock()  # a reader that was left behind may still be at it
        self._library = self.libraries[0]
        self.library = self._library if library is None else library
        _ = self.spots  # coordinates that cannot be used are said at once

    # ---- the section

    @property
    def library(self) -> str:
        """The present section; may be set."""
        return self._library

    @library.setter
    def library(self, name: str) -> None:
        """Go to another section."""
        if name not in self.libraries:
            raise UsageError(
                f"Expected a section of this object ({', '.join(self.libraries)}); got {name!r}."
            )
        self._library = name

    def at(self, library: str) -> SlideController:
        """The same controller with another section in view; all else is shared, also the column drawn in last.

        Parameters
        ----------
        library
            Its section.
        """
        other = copy(self)
        other.library = library
        return other

    @property
    def spots(self) -> Spots:
        """The spots of the present section."""
        if self._library not in self._spots:
            rows = np.flatnonzero(self._sections == self._library)
            self._spots[self._library] = spots_of(self.adata, rows, self._library)
        return self._spots[self._library]

    @property
    def pyramid(self) -> Pyramid | None:
        """The image of the present section; None where there is none."""
        return self._image[0]

    @property
    def note(self) -> str:
        """A remark for the reader when the image is not the slide itself; else empty."""
        return self._image[1]

    @property
    def _image(self) -> tuple[Pyramid | None, str]:
        with self._opening:
            if self._library not in self._images:
                self._images[self._library] = image_of(self.adata, self._library)
                while len(self._images) > _KEPT_SECTIONS:
                    self._images.popitem(last=False)
            self._images.move_to_end(self._library)
            return self._images[self._library]

    def overview(self, most_px: int) -> tuple[Pixels, float] | None:
        """A picture of the whole section and full-resolution pixels per pixel of it; None without image.

        Parameters
        ----------
        most_px
            Longer side at most.
        """
        return overview_of(self.adata, self._library, self.pyramid, most_px)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the tissue's place, full-resolution pixels: around the spots."""
        spots = self.spots
        room = 1.5 * spots.diameter_px
        left, top = spots.xy.min(axis=0) - room
        right, bottom = spots.xy.max(axis=0) + room
        return float(left), float(top), float(right), float(bottom)

    @property
    def synthetic(self) -> bool:
        """Whether the tissue was drawn by a program."""
        return is_synthetic(self.adata)

    # ---- values

    @property
    def genes(self) -> list[str]:
        """Names of the genes."""
        return self._reader.genes

    @property
    def panels(self) -> tuple[str, ...]:
        """Panels that the object holds, of ``measured``, ``predicted``, ``error`` and ``uncertainty``."""
        return self._reader.panels

    @property
    def level(self) -> float | None:
        """Share of the credible interval, e.g. 0.9; None where not recorded."""
        return self._reader.level

    def values(self, gene: str) -> dict[str, Values]:
        """Values of a gene by panel, each float32 (n,), NaN where there is none.

        Parameters
        ----------
        gene
            Its name.

        Raises
        ------
        UsageError
            No such gene.
        MissingKeyError
            Neither counts nor a prediction.
        """
        return panels_of(self.stored(gene))

    def stored(self, gene: str) -> dict[str, Values]:
        """What the object holds of a gene: measured, predicted, lower, upper; each float32 (n,).

        Parameters
        ----------
        gene
            Its name.
        """
        rows = self.spots.rows
        return {name: values[rows] for name, values in self._reader.parts(gene).items()}

    def stored_everywhere(self, gene: str) -> dict[str, Values]:
        """As `stored`, over all rows of the object, each float32 (n_obs,).

        Parameters
        ----------
        gene
            Its name.
        """
        return self._reader.parts(gene)

    def first_gene(self, gene: str | None = None) -> str:
        """The gene to begin with: the one asked for, else the one that varies most; "" where there is none.

        Parameters
        ----------
        gene
            Its name; None: nobody asked.
        """
        return gene if gene is not None else next(iter(self.most_variable(1)), "")

    def limits(self, gene: str) -> dict[str, Limits]:
        """Colour limits by panel, over all sections, so that a colour means the same in each.

        Parameters
        ----------
        gene
            Its name.
        """
        return limits_of(panels_of(self._reader.parts(gene)))

    def most_variable(self, n: int) -> list[str]:
        """Genes whose predicted (else measured) values vary most over the spots.

        Parameters
        ----------
        n
            How many.
        """
        return self._reader.busiest(n)

    @property
    def columns(self) -> list[str]:
        """Columns of ``obs`` that can be shown as colours."""
        return columns_to_show(self.adata)

    def column(self, name: str) -> Column:
        """A column of ``obs`` over the spots.

        Parameters
        ----------
        name
            Of the column.

        Raises
        ------
        UsageError
            No such column, or one without colours.
        """
        return column_of(self.adata, name, self.spots.rows)
