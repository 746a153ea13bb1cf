"""`view`: a section, or a set of images with masks, on the desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genviz._lazy import require
from genviz.controllers.slide.controller import DEFAULT_KEY
from genviz.core.arguments import check_adata
from genviz.napari.display import require_display
from genviz.napari.session import Session
from genviz.napari.tile_layers import image_key, row_line, tile_layers

if TYPE_CHECKING:
    import napari
    from anndata import AnnData


def view(
    adata: AnnData,
    *,
    gene: str | None = None,
    key: str = DEFAULT_KEY,
    library: str | None = None,
    show: bool = True,
) -> napari.Viewer:
    """Open a section in napari: tissue at any zoom, spots at true size, genes, regions.

    The dock widget colours the spots by a gene or a group of the gene tree (measured, predicted, error, uncertainty),
    fades or hides what is below a threshold, and writes what is drawn or picked into ``adata.obs`` at once, with undo.
    Rows that are images (``obsm["tiles"]`` without coordinates, or the tiles of a model whose `key` is given) are shown
    with their masks and a slider over the rows; what is painted into a mask is written into ``obsm``.

    In a script, end with ``napari.run()``; it returns when the window is closed, and nothing is lost with it. In
    Jupyter on the machine with the screen, windows stay alive after ``%gui qt``.

    Parameters
    ----------
    adata
        Reads ``obsm["spatial"]``, ``uns["spatial"]``, ``obs["library_id"]``; ``layers["counts"]`` or whole numbers in
        ``X``; ``layers["<key>_log2"]``, ``..._lower``, ``..._upper``; ``obsm["<key>_scale_<n>"]`` with
        ``varm["gene_tree"]``. Writes ``obs["region"]``, ``uns["region_colors"]`` and ``uns["genviz"]["regions"]``.
    gene
        Gene to begin with; default the one that varies most.
    key
        Result key of the model.
    library
        Section to begin with; the dock widget changes it.
    show
        Whether the window appears at once. A hidden window draws black.

    Returns
    -------
    napari.Viewer
        The spots are its layer "spots"; ``layer.metadata["genviz"].set(gene=..., panel=...)`` does from Python what
        the dock widget does.

    Raises
    ------
    MissingDependencyError
        Without napari.
    UsageError
        Without a display; a gene or section that is not there.
    MissingKeyError
        Without coordinates; without counts and prediction; without a prediction under a key that was asked for.
    """
    check_adata(adata)
    library_ = require("napari", extra="napari", purpose="open a section on the desktop")
    image = image_key(adata, key)
    session = None if image is not None else Session(adata, gene=gene, key=key, library=library)
    require_display()
    viewer = library_.Viewer(title="genviz", show=show)
    if session is not None:
        _show_section(viewer, session)
    elif image is not None:
        _show_tiles(viewer, adata, image)
    return viewer


def _show_section(viewer: Any, session: Session) -> None:
    from genviz.napari.dock import add_dock
    from genviz.napari.painting import Painter

    viewer.title = f"genviz: section {session.library}"
    painter = Painter(viewer, session)
    add_dock(viewer, painter)
    painter.fit()


def _show_tiles(viewer: Any, adata: AnnData, image: str) -> None:
    viewer.title = f"genviz: {image}"
    for data, options, kind in tile_layers(adata, image):
        getattr(viewer, f"add_{kind}")(data, **options)
    viewer.dims.axis_labels = ("image", "y", "x")
    viewer.dims.set_point(0, 0)
    text = viewer.canvas.overlays.text
    text.visible, text.position, text.font_size = True, "top_left", 11

    def say(event: Any = None) -> None:
        text.text = row_line(adata, int(viewer.dims.current_step[0]))

    viewer.dims.events.current_step.connect(say)
    say()
    viewer.reset_view()
