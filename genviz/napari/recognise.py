"""Whether a file is an AnnData that genviz can show, told from its outline; nothing large is read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genviz._errors import DataError, UsageError
from genviz._keys import Obsm, Uns
from genviz.io.contract import contract_report
from genviz.io.files.opening import reading
from genviz.io.h5ad import read_h5ad
from genviz.napari.tile_layers import IMAGE_KEYS

if TYPE_CHECKING:
    from anndata import AnnData

_PARTS = {"obs", "var", "obsm", "uns"}


def holds_genviz(path: Path) -> bool:
    """Whether a path is an AnnData with spots on a slide, or with tiles; False for all else, and for damaged files."""
    try:
        if path.suffix == ".h5ad" and path.is_file():
            import h5py

            with h5py.File(path, "r") as file:
                return _fits(file)
        if path.suffix == ".zarr" and path.is_dir():
            import zarr

            return _fits(zarr.open_group(path, mode="r"))
    except Exception:  # whatever a decoder says of a file that is not ours: it is not ours
        return False
    return False


def _fits(root: Any) -> bool:
    """The outline of genviz's contract: coordinates of spots and a section, or a stack of tiles."""
    if not set(root.keys()) >= _PARTS or not isinstance(root["obsm"], Mapping | type(root)):
        return False
    arrays = root["obsm"]
    names = set(arrays.keys())
    if any(
        name in names and len(arrays[name].shape) == 4 for name in (Obsm.TILES, *map(Obsm.image, IMAGE_KEYS))
    ):
        return True
    return Obsm.SPATIAL in names and Uns.SPATIAL in root["uns"]


def read_any(path: Path) -> AnnData:
    """Read a file that `holds_genviz` accepted, checked against the contract.

    Raises
    ------
    DataError
        Listing everything that breaks the contract.
    """
    if path.suffix == ".h5ad":
        return read_h5ad(path)
    import anndata

    if not path.is_dir():
        raise UsageError(f"Expected a zarr folder at {path}; nothing is there. Check the path.")
    with reading(path, "an AnnData zarr folder"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*names are not unique")
        adata: AnnData = anndata.read_zarr(path)
    errors = [finding for finding in contract_report(adata) if finding.level == "error"]
    if errors:
        raise DataError(f"Expected {path} to follow the AnnData contract; " + " | ".join(map(str, errors)))
    return adata
