"""A session's layers in a viewer: coloured anew in place, and kept from being moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.utils.triangulation_backend import TriangulationBackend, set_backend

from genviz.napari.lasso import inside_any
from genviz.napari.section_layers import OURS, TISSUE, section_layers, spots_of, tissue_of
from genviz.napari.session import COLOURING, Session

LASSO = "draw a region"
_PAINTER = "genviz_painter"
_MARGIN = 0.08


class Painter:
    """Keeps the layers of a session up to date; never makes a second one of a kind.

    Parameters
    ----------
    viewer
        A napari viewer.
    session
        Whose layers are made, or found when a reader made them.
    """

    def __init__(self, viewer: Any, session: Session) -> None:
        self.viewer, self.session = viewer, session
        self.drawn: Callable[[], None] = lambda: None  # called when a shape was finished
        self.said: Callable[[str], None] = lambda text: None  # called with a remark for the user
        found = [layer for layer in viewer.layers if layer.metadata.get(OURS) is session]
        if not found:
            found = [
                getattr(viewer, f"add_{kind}")(data, **options)
                for data, options, kind in section_layers(session)
            ]
        self.spots = next(layer for layer in found if _is(layer, "Points"))
        self.tissue = next((layer for layer in found if _is(layer, "Image")), None)
        self.spots.metadata[_PAINTER] = self
        self.lasso: Any = None
        # While drawing: compiled triangulation would first be compiled, half a minute in which nothing moves.
        self._backend: Any = None
        self._busy = False
        self.spots.events.data.connect(self._put_back)
        self._end = session.on_change(self.paint)
        self._dress()
        self._say()

    def close(self) -> None:
        """Follow the session no longer."""
        self.end_lasso()
        self._end()
        self.spots.events.data.disconnect(self._put_back)
        self.spots.metadata.pop(_PAINTER, None)

    @property
    def present(self) -> bool:
        """Whether the spots are still in the viewer."""
        return self.spots in self.viewer.layers

    def fit(self) -> None:
        """Look at all spots of the section."""
        self.viewer.fit_to_view(layers=[self.spots], margin=_MARGIN)

    def _dress(self) -> None:
        """What belongs to the viewer: white paper, scale bar, line of text, values on hover, keys."""
        self.viewer.canvas.background_color_override = "white"
        self.viewer.canvas.overlays.scale_bar.visible = True
        text = self.viewer.canvas.overlays.text
        text.visible, text.position, text.font_size = True, "top_left", 11
        self.viewer.tooltip.visible = True
        self.viewer.layers.selection.active = self.spots
        self._bind_keys(self.spots)

    def _bind_keys(self, layer: Any) -> None:
        layer.bind_key("Control-Z", lambda _: self.session.controller.undo(), overwrite=True)
        layer.bind_key("Control-Shift-Z", lambda _: self.session.controller.redo(), overwrite=True)

    # ---- colours

    def paint(self, changed: frozenset[str]) -> None:
        """Bring the layers to what the session says.

        Parameters
        ----------
        changed
            Names of what changed, as `Session` tells them.
        """
        if not self.present:
            return
        if "library" in changed:
            self._new_section()
        elif changed & COLOURING:
            self._colour(features=bool(changed & {"gene", "group"}))
        if "regions" in changed:
            self._ring()
        self._say()

    def _colour(self, *, features: bool) -> None:
        if features:
            self.spots.features = self.session.features
        shown = self.session.shown
        if not np.array_equal(shown, self.spots.shown):
            self.spots.shown = shown
        # napari says it twice, and each time all is sent to the graphics card
        with self.spots.events.face_color.blocker():
            self.spots.face_color = self.session.face
        self.spots.events.face_color()

    def _ring(self) -> None:
        colour, width = self.session.rings
        events = self.spots.events
        with events.border_width.blocker(), events.border_color.blocker():
            self.spots.border_width = width
            self.spots.border_color = colour
        events.border_color()

    def _new_section(self) -> None:
        """The same layers with the data of another section."""
        controller = self.session.controller
        pyramid, spots = controller.pyramid, controller.spots
        if pyramid is not None:
            levels, placed = tissue_of(pyramid, spots)
            if self.tissue is None:
                options = {"name": TISSUE, "rgb": True, "multiscale": True, "metadata": {OURS: self.session}}
                self.tissue = self.viewer.add_image(levels, **options, **placed)
                self.viewer.layers.move(len(self.viewer.layers) - 1, 0)
                self.viewer.layers.selection.active = self.spots
            else:
                self.tissue.data = levels
                self.tissue.scale, self.tissue.translate = placed["scale"], placed["translate"]
        if self.tissue is not None:
            self.tissue.visible = pyramid is not None
        self._whole()
        self.fit()
        if controller.note:
            self.said(controller.note)

    def _whole(self) -> None:
        """All that the spots layer holds, from the session."""
        yx, placed = spots_of(self.session.controller.spots)
        self._busy = True
        try:
            self.spots.selected_data = set()
            self.spots.data = yx
            self.spots.size = placed["size"]
            self.spots.scale = placed["scale"]
        finally:
            self._busy = False
        self._colour(features=True)
        self._ring()
        self.spots.current_size = placed["size"]

    def _say(self) -> None:
        self.viewer.canvas.overlays.text.text = self.session.title

    # ---- what people do to spots

    def _put_back(self, event: Any) -> None:
        """Spots are data: moved, deleted or added ones are put back."""
        if self._busy or "ing" in str(event.action).rpartition(".")[2].lower():
            return
        yx, _ = spots_of(self.session.controller.spots)
        if self.spots.data.shape == yx.shape and np.array_equal(self.spots.data, yx):
            return
        chosen = {i for i in self.spots.selected_data if i < len(yx)}
        self._whole()
        self.spots.selected_data = chosen
        self.said(
            "Spots are data: they cannot be moved, deleted or added. Take them out of a region instead."
        )

    @property
    def chosen(self) -> np.ndarray:
        """Spots that are selected in the layer, indices; those that are hidden do not count."""
        chosen = np.array(sorted(int(i) for i in self.spots.selected_data), dtype=np.intp)
        return np.asarray(chosen[self.session.shown[chosen]])

    # ---- lasso

    def begin_lasso(self) -> None:
        """Let people draw; the layer is made when it is first needed."""
        if self.lasso is None or self.lasso not in self.viewer.layers:
            self.lasso = self.viewer.add_shapes(
                name=LASSO, ndim=2, scale=self.spots.scale, units=self.spots.units, edge_color="#ffffff",
                face_color=[1, 1, 1, 0.15], edge_width=max(1.0, 0.1 * self.session.controller.spots.diameter_px),
            )  # fmt: skip
            self.lasso.events.data.connect(self._on_shape)
            self._bind_keys(self.lasso)
        self.lasso.scale = self.spots.scale
        self.viewer.layers.selection.active = self.lasso
        if self._backend is None:
            self._backend = set_backend(TriangulationBackend.pure_python)
        self.lasso.mode = "add_polygon_lasso"

    def end_lasso(self) -> None:
        """Back to the spots."""
        if self._backend is not None:
            set_backend(self._backend)
            self._backend = None
        if self.lasso is not None and self.lasso in self.viewer.layers:
            self.lasso.mode = "pan_zoom"
        if self.present:
            self.viewer.layers.selection.active = self.spots

    def _on_shape(self, event: Any) -> None:
        if str(event.action).rpartition(".")[2].lower() == "added":
            self.drawn()

    def take_shapes(self) -> np.ndarray:
        """Spots inside what was drawn, indices; the drawing goes away."""
        shapes = list(zip(self.lasso.shape_type, self.lasso.data, strict=True))
        found = inside_any(self.spots.data, shapes) & self.session.shown
        self.lasso.data = []
        return np.flatnonzero(found)

    # ---- hover

    def at(self, position: Any) -> int | None:
        """The spot at a place of the world; None where there is none."""
        if not self.present or not self.spots.visible:
            return None
        value = self.spots.get_value(position, world=True)
        return None if value is None else int(value)


def painter_of(viewer: Any) -> Painter | None:
    """The painter of a viewer's first section; one is made for layers that a reader brought; None without any."""
    for layer in viewer.layers:
        if _is(layer, "Points") and OURS in layer.metadata:
            return layer.metadata.get(_PAINTER) or Painter(viewer, layer.metadata[OURS])
    return None


def _is(layer: Any, kind: str) -> bool:
    return any(base.__name__ == kind for base in type(layer).__mro__)
