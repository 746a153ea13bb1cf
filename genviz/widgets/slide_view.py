"""`SlideView`: tissue under genes, measured and predicted side by side, with regions drawn by hand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.controllers.lanes import Task
from genviz.controllers.slide.controller import DEFAULT_KEY, SlideController
from genviz.controllers.slide.pyramid import TILE
from genviz.controllers.slide.regions import COLOURS
from genviz.controllers.slide.words import HINTS, TITLES, UNITS
from genviz.pl.colours import ERROR, EXPRESSION, UNCERTAINTY
from genviz.widgets.messages import Answer, Asked, Handler, Later, jpeg
from genviz.widgets.view import View

if TYPE_CHECKING:
    from os import PathLike

    import plotly.graph_objects as go
    from anndata import AnnData

LIVE_PX, PAGE_PX = 1024, 2048  # overview of a section: tiles follow in the notebook, none do on a page
_PAGE_GENES, _PAGE_VALUES = 50, 8_000_000  # genes of a page by default, and values it may carry
_PAGE_STEP = 1.0 / 1024  # of values on a page: finer than anybody can see, and far smaller when compressed
_KEPT_TILES = 2000
_STOPPED = "Stopped before the tissue was read: spots are drawn without it. Run the cell again to see it."


class SlideView(View):
    """Look at a section: pan and zoom the H&E, colour spots by a gene, draw regions.

    Measured, predicted, error and uncertainty, whichever the object holds, lie side by side and move together. What is
    drawn with the lasso is written into ``adata.obs`` at once, as a categorical, with undo.

    Parameters
    ----------
    adata
        Reads ``obsm["spatial"]``, ``uns["spatial"]``, ``obs["library_id"]``; ``layers["counts"]`` or whole numbers in
        ``X``; ``layers["<key>_log2"]``, ``..._lower``, ``..._upper``. The slide is found as by `genviz.tiles`.
        Writes ``obs[region_column]``, ``uns["<region_column>_colors"]`` and ``uns["genviz"]["regions"]``.
    gene
        Gene to begin with; default the one that varies most.
    key
        Result key of the model.
    library
        Section to begin with.
    column
        Column of ``obs`` shown beside the gene.
    region_column
        Column of ``obs`` that the lasso writes.

    Attributes
    ----------
    gene, library, column, region_column
        As above; may be set.
    shown
        Panels in view, of ``measured``, ``predicted``, ``error``, ``uncertainty``.
    opacity
        Of the spots, 0 to 1.
    image
        Whether the tissue is shown.
    image_opacity
        How strong, 0 to 1; pale tissue leaves the colours to the spots.
    controller
        The `SlideController` behind it.

    Raises
    ------
    MissingKeyError
        No coordinates, or no prediction under a key that was asked for.
    UsageError
        A gene, section or column that is not there.
    """

    scripts = ("slide_camera", "slide_spots", "slide_image", "spots", "slide_regions", "slide_colouring",
               "slide_tip", "slide_panel", "slide_keys", "slide_pointer", "slide_controls",
               "slide_view")  # fmt: skip
    styles = ("slide_view",)

    gene = traitlets.Unicode("").tag(sync=True)
    library = traitlets.Unicode("").tag(sync=True)
    column = traitlets.Unicode("").tag(sync=True)
    region_column = traitlets.Unicode(Obs.DRAWN).tag(sync=True)
    shown = traitlets.List(traitlets.Unicode()).tag(sync=True)
    opacity = traitlets.Float(0.85, min=0.0, max=1.0).tag(sync=True)
    image = traitlets.Bool(True).tag(sync=True)
    image_opacity = traitlets.Float(0.75, min=0.0, max=1.0).tag(sync=True)

    def __init__(
        self,
        adata: AnnData,
        gene: str | None = None,
        *,
        key: str = DEFAULT_KEY,
        library: str | None = None,
        column: str = "",
        region_column: str = Obs.DRAWN,
        **state: Any,
    ) -> None:
        self.controller = SlideController(adata, key=key, library=library)
        self.controller.regions(region_column)
        self._encoded: OrderedDict[tuple[str, int, int, int], bytes] = OrderedDict()
        self._page_genes: list[str] | None = None
        self._quiet = self.controller.on_change(lambda column: self.tell("regions"))
        begin = {
            "gene": self.controller.first_gene(gene),
            "library": self.controller.library,
            "column": column,
            "region_column": region_column,
        }
        super().__init__(**begin, **({"shown": list(self.controller.panels)} | state))

    # ---- traits: what is not there is refused when it is set

    @traitlets.validate("gene")
    def _check_gene(self, proposal: Any) -> str:
        gene = str(proposal["value"])
        if gene:
            self.controller.stored(gene)
        return gene

    @traitlets.validate("library")
    def _check_library(self, proposal: Any) -> str:
        self.controller.library = str(proposal["value"])
        return self.controller.library

    @traitlets.validate("column")
    def _check_column(self, proposal: Any) -> str:
        column = str(proposal["value"])
        if column:
            self.controller.column(column)
        return column

    @traitlets.validate("region_column")
    def _check_region_column(self, proposal: Any) -> str:
        return self.controller.regions(str(proposal["value"])).column

    @traitlets.validate("shown")
    def _check_shown(self, proposal: Any) -> list[str]:
        there = self.controller.panels
        if unknown := [name for name in proposal["value"] if name not in there]:
            raise UsageError(f"Expected panels of {', '.join(there) or 'none'}; got {', '.join(unknown)}.")
        return [name for name in there if name in proposal["value"]]

    # ---- questions

    def handlers(self) -> Mapping[str, Handler]:
        """Questions by name, and who answers them."""
        return {
            "start": self._start,
            "section": lambda asked: Later(
                "section", lambda task: self._section(asked, task), deed=False, partial=True
            ),
            "tiles": lambda asked: Later("tiles", lambda task: self._tiles(asked, task), deed=False),
            "values": self._values,
            "column": self._column,
            "regions": self._regions,
            "select": self._select,
            "rename": lambda asked: self._change(asked, "rename", asked["category"], asked["name"]),
            "delete": lambda asked: self._change(asked, "delete", asked["category"]),
            "undo": lambda asked: self._change(asked, "undo"),
            "redo": lambda asked: self._change(asked, "redo"),
        }

    def _start(self, asked: Asked) -> Answer:
        """All that does not depend on the section."""
        controller = self.controller
        return Answer(
            {
                "genes": controller.genes if self._page_genes is None else self._page_genes,
                "libraries": controller.libraries,
                "columns": controller.columns,
                "panels": list(controller.panels),
                "words": {"titles": TITLES, "units": UNITS, "hints": HINTS},
                "stops": {"expression": EXPRESSION, "error": ERROR, "uncertainty": UNCERTAINTY},
                "level": controller.level,
                "synthetic": controller.synthetic,
                "colours": list(COLOURS),
                "key": controller.key,
            }
        )

    def _section(self, asked: Asked, task: Task) -> Answer:
        """Spots and image of a section; on the first look at a slide this may take seconds. Stopped: the spots."""
        controller = self.controller.at(asked["library"])
        spots = controller.spots
        task.report(0.1, "reading the tissue")
        overview = task.aside(lambda: controller.overview(asked["px"]))
        stopped = task.stopped and overview is None
        pyramid = None if stopped else controller.pyramid
        data: dict[str, Any] = {
            "names": spots.names,
            "diameter": spots.diameter_px,
            "mpp": spots.mpp,
            "extent": list(controller.extent),
            "levels": [list(level) for level in pyramid.levels] if pyramid else [],
            "tile": TILE,
            "note": _STOPPED if stopped else controller.note,
            "downsample": None,
        }
        pictures = {}
        if overview is not None:
            pictures["overview"] = jpeg(overview[0], quality=82)
            data["downsample"] = overview[1]
        return Answer(data, {"xy": spots.xy}, pictures)

    def _tiles(self, asked: Asked, task: Task) -> Answer:
        """Tiles of one level, as JPEG; those asked for before come from memory."""
        library, level = asked["library"], asked["level"]
        controller = self.controller.at(library)
        pictures = {}
        for col, row in asked["places"]:
            task.check()
            key = library, level, col, row
            if key not in self._encoded and controller.pyramid is not None:
                self._encoded[key] = jpeg(controller.pyramid.tile(level, col, row))
                while len(self._encoded) > _KEPT_TILES:
                    self._encoded.popitem(last=False)
            pictures[f"{col},{row}"] = self._encoded[key]
        return Answer({"level": level}, {}, pictures)

    def _values(self, asked: Asked) -> Answer:
        """A gene at every spot of a section; the view makes error and uncertainty of it, and the text of the hover."""
        controller, gene = self.controller.at(asked["library"]), asked["gene"]
        stored = controller.stored(gene)
        if self._page_genes is not None:
            stored = {
                name: np.round(values / _PAGE_STEP) * np.float32(_PAGE_STEP)
                for name, values in stored.items()
            }
        limits = {name: list(pair) for name, pair in controller.limits(gene).items()}
        return Answer(
            {"gene": gene, "limits": limits}, {name: v.astype(np.float32) for name, v in stored.items()}
        )

    def _column(self, asked: Asked) -> Answer:
        found = self.controller.at(asked["library"]).column(asked["column"])
        data = {"names": found.names, "colours": found.colours, "limits": list(found.limits)}
        arrays = {"codes": found.codes} if found.codes is not None else {"values": found.values}
        return Answer(data, {name: array for name, array in arrays.items() if array is not None})

    def _regions(self, asked: Asked) -> Answer:
        controller = self.controller.at(asked["library"])
        regions = controller.regions(asked["column"])
        categories = [{"name": c.name, "colour": c.colour, "count": c.count} for c in regions.categories]
        return Answer(
            {"categories": categories, "canUndo": regions.can_undo, "canRedo": regions.can_redo},
            {"codes": controller.region_codes(asked["column"])},
        )

    def _select(self, asked: Asked) -> Answer:
        return self._change(asked, "select", asked["rows"], asked["category"], asked["mode"])

    def _change(self, asked: Asked, what: str, *arguments: Any) -> Answer:
        getattr(self.controller.at(asked["library"]), what)(*arguments, column=asked["column"])
        return self._regions(asked)

    # ---- still

    def to_figure(self) -> go.Figure:
        """The gene in view as a still figure, with the panels in view, on the same colour limits."""
        from genviz.pl.slide_panels_figure import slide_panels

        if not self.gene:
            raise UsageError("Expected a gene to draw; none is in view. Set view.gene first.")
        controller = self.controller.at(self.library)
        return slide_panels(
            controller.adata,
            self.gene,
            {name: values for name, values in controller.values(self.gene).items() if name in self.shown},
            controller.limits(self.gene),
            level=controller.level,
            library=self.library,
            image=self.image,
            opacity=self.opacity,
        )

    def to_html(
        self, path: str | PathLike[str], *, genes: Sequence[str] | None = None, title: str | None = None
    ) -> Path:
        """Write a page that works without a kernel and without a network.

        All sections, panels and columns of ``obs`` are in it; the image is an overview of at most 2048 pixels. Regions
        can be drawn there and saved as CSV.

        Parameters
        ----------
        path
            File to write, at once or not at all.
        genes
            Genes that the page carries; default the 50 that vary most (fewer for many spots), and the one in view.
        title
            Of the page.

        Returns
        -------
        The file.

        Raises
        ------
        UsageError
            A gene that is not there.
        """
        controller = self.controller
        if genes is None:
            room = _PAGE_VALUES // max(1, 4 * controller.adata.n_obs)
            chosen = controller.most_variable(max(4, min(_PAGE_GENES, room)))
        else:
            chosen = list(dict.fromkeys(str(gene) for gene in genes))
            for gene in chosen:
                controller.stored(gene)
        if self.gene and self.gene not in chosen:
            chosen = [self.gene, *chosen]
        self._page_genes = sorted(chosen, key=str.lower)
        try:
            return super().to_html(path, title=title or self._page_title())
        finally:
            self._page_genes = None

    def _page_title(self) -> str:
        names = self.controller.libraries
        if len(names) == 1:
            return f"Gene expression over section {names[0]}"
        listed = ", ".join(names) if len(names) <= 6 else str(len(names))
        return f"Gene expression over sections {listed}"

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """The questions whose answers a page without a kernel carries."""
        yield "start", {}
        for library in self.controller.libraries:
            yield "section", {"library": library, "px": PAGE_PX}
            yield "regions", {"library": library, "column": self.region_column}
            for column in self.controller.columns:
                yield "column", {"library": library, "column": column}
            for gene in self._page_genes or ():
                yield "values", {"library": library, "gene": gene}

    def close(self) -> None:
        """End the view and its thread."""
        if "lanes" in vars(self):  # not one that was refused before it began
            self._quiet()
            super().close()
