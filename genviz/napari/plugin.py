"""The reader that the plugin manifest names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from genviz._keys import Layers, Uns
from genviz.controllers.slide.controller import DEFAULT_KEY
from genviz.napari.recognise import holds_genviz, read_any
from genviz.napari.section_layers import LayerTuple, section_layers
from genviz.napari.session import Session
from genviz.napari.tile_layers import image_key, tile_layers

if TYPE_CHECKING:
    from anndata import AnnData


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerTuple]] | None:
    """Say whether a file is one of ours.

    Parameters
    ----------
    path
        An ``.h5ad`` file or a ``.zarr`` folder; several at once are opened one by one, if all are ours.

    Returns
    -------
    The function that reads it, or None to leave it to others.
    """
    paths = [path] if isinstance(path, str) else list(path)
    return read if paths and all(holds_genviz(Path(one)) for one in paths) else None


def read(path: str | list[str]) -> list[LayerTuple]:
    """Read sections, or sets of images, into layers.

    Parameters
    ----------
    path
        As `get_reader` accepted it.

    Raises
    ------
    DataError
        A file that breaks the AnnData contract.
    """
    layers = []
    for one in [path] if isinstance(path, str) else path:
        adata = read_any(Path(one))
        key = _key_of(adata)
        image = image_key(adata, key)
        if image is not None:
            layers += tile_layers(adata, image)
        else:
            layers += section_layers(Session(adata, key=key, path=Path(one)))
    return layers


def _key_of(adata: AnnData) -> str:
    """The result key that the object was predicted under; the default where there is none."""
    keys = [DEFAULT_KEY, *(str(name) for name in adata.uns.get(Uns.GENVIZ, {}))]
    return next((key for key in keys if Layers.log2(key) in adata.layers), DEFAULT_KEY)
