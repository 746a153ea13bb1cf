"""AnnData files: read and checked against the contract; written with paths that travel."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import anndata
from anndata import AnnData

from genviz._errors import DataError
from genviz._keys import Uns
from genviz.core.arguments import check_adata
from genviz.io.contract import COUNTS_SLOTS, contract_report
from genviz.io.files.atomic import atomic_write_h5ad
from genviz.io.files.opening import AnyPath, existing, reading

logger = logging.getLogger("genviz")


def read_h5ad(path: AnyPath, *, with_counts: bool = False) -> AnnData:
    """Read any AnnData file and check it against genviz's contract.

    Paths of section images that are recorded relative to the file are made absolute where the image is there.
    Findings of `contract_report` that break the contract raise; the others are warned about, in one warning.

    Parameters
    ----------
    path
        An h5ad file.
    with_counts
        Whether the rows are of no use without raw counts: what is wrong with those is then an error.

    Raises
    ------
    UsageError
        When nothing is there.
    FileFormatError
        When the file is truncated, damaged or no h5ad.
    DataError
        Listing everything that breaks the contract.
    """
    file = existing(path, "an h5ad file")
    adata = load_h5ad(file)
    findings = contract_report(adata)
    errors = [f for f in findings if f.level == "error" or (with_counts and f.where in COUNTS_SLOTS)]
    if errors:
        wanted = "to hold raw counts and follow" if with_counts else "to follow"
        raise DataError(f"Expected {file} {wanted} the AnnData contract; " + " | ".join(map(str, errors)))
    cautions = [f for f in findings if f.level == "warning"]
    if cautions:
        warnings.warn(f"{file.name}: " + " | ".join(map(str, cautions)), stacklevel=2)
    for note in (f for f in findings if f.level == "note"):
        logger.debug("%s: %s", file.name, note)
    return adata


def load_h5ad(file: Path) -> AnnData:
    """Read a file without checking it against the contract; image paths become absolute where possible."""
    with reading(file, "an AnnData h5ad file"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*names are not unique")  # reported by the caller
        adata = anndata.read_h5ad(file)
    for metadata in _metadata(adata.uns):
        recorded = Path(str(metadata[Uns.SOURCE_IMAGE]))
        beside = file.parent / recorded
        if not recorded.is_absolute() and beside.exists():
            metadata[Uns.SOURCE_IMAGE] = str(beside.resolve())
    return adata


def write_h5ad(adata: AnnData, path: AnyPath) -> Path:
    """Write an h5ad file at once or not at all, with image paths relative to it.

    The object itself is not changed. `read_h5ad` of the same place gives an equal object back.

    Parameters
    ----------
    adata
        Rows to write.
    path
        File to write; missing folders are made.

    Returns
    -------
    The path.
    """
    check_adata(adata)
    file = Path(os.fspath(path)).expanduser()
    slim = _shallow(adata.to_memory() if adata.isbacked else adata)
    slim.uns = _copied_dicts(dict(adata.uns))
    for metadata in _metadata(slim.uns):
        metadata[Uns.SOURCE_IMAGE] = _relative(str(metadata[Uns.SOURCE_IMAGE]), file.resolve().parent)
    atomic_write_h5ad(slim, file)
    return file


def _shallow(adata: AnnData) -> AnnData:
    """The same arrays under another object, so that only uns is copied."""
    return AnnData(
        X=adata.X,
        obs=adata.obs,
        var=adata.var,
        obsm=dict(adata.obsm),
        varm=dict(adata.varm),
        obsp=dict(adata.obsp),
        varp=dict(adata.varp),
        layers=dict(adata.layers),
        raw=None if adata.raw is None else adata.raw.to_adata(),
        shape=None if adata.X is not None else adata.shape,
    )


def _copied_dicts(tree: Any) -> Any:
    return {key: _copied_dicts(value) if isinstance(value, dict) else value for key, value in tree.items()}


def _metadata(uns: Any) -> list[dict[str, Any]]:
    """Metadata dictionaries that record an image."""
    spatial = uns.get(Uns.SPATIAL, {})
    entries = [entry.get(Uns.METADATA, {}) for entry in spatial.values() if hasattr(entry, "get")]
    return [metadata for metadata in entries if hasattr(metadata, "get") and metadata.get(Uns.SOURCE_IMAGE)]


def _relative(recorded: str, folder: Path) -> str:
    if not Path(recorded).is_absolute():
        return recorded
    try:
        return Path(os.path.relpath(recorded, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return recorded
