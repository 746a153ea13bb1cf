"""10x Genomics count matrices as Space Ranger writes them: HDF5, MTX folder, probe level."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from scipy import io as scipy_io
from scipy import sparse

from genviz._errors import DataError, FileFormatError
from genviz.core.counts import check_counts
from genviz.io.files.opening import read_text_bytes, reading

_EXPRESSION = "Gene Expression"


@dataclass(frozen=True)
class TenxMatrix:
    """Counts of barcodes by genes.

    Attributes
    ----------
    matrix
        (n_barcodes, n_genes) float32 CSR of raw counts.
    barcodes
        Row names.
    var
        Indexed by unique gene symbols, with column gene_ids.
    library
        Sample name in the file, where it holds one.
    """

    matrix: sparse.csr_matrix
    barcodes: pd.Index
    var: pd.DataFrame
    library: str | None = None


def read_tenx_h5(path: Path) -> TenxMatrix:
    """Read a feature-barcode matrix in HDF5; a probe matrix is summed to genes over the probes that passed.

    Features other than gene expression are left out. Of a raw probe matrix, the barcodes that the file
    marks as filtered (under tissue) are kept.

    Raises
    ------
    FileFormatError
        When the file is truncated or holds no such matrix.
    DataError
        For values that are not raw counts.
    """
    with reading(path, "a 10x HDF5 matrix"), h5py.File(path, "r") as file:
        group, features = file["matrix"], file["matrix/features"]
        n_features, n_barcodes = (int(n) for n in group["shape"][:])
        data, indices, indptr = (group[name][:] for name in ("data", "indices", "indptr"))
        counts = sparse.csr_matrix((data, indices, indptr), shape=(n_barcodes, n_features))
        barcodes = pd.Index(_strings(group["barcodes"]))
        table = {
            name: _strings(features[name])
            for name in ("id", "name", "feature_type", "gene_id", "gene_name")
            if name in features
        }
        table["keep"] = table["feature_type"] == _EXPRESSION
        if "filtered_probes" in features:
            table["keep"] &= features["filtered_probes"][:].astype(bool)
        rows = (
            group["filtered_barcodes"][:].astype(bool)
            if "filtered_barcodes" in group
            else np.ones(n_barcodes, bool)
        )
        library = _library(file)
    var = pd.DataFrame(table)
    counts, var = counts[rows][:, np.flatnonzero(var["keep"])], var[var["keep"]]
    if "gene_id" in var:
        counts, var = _sum_probes(counts, var)
    return _finish(path, counts, barcodes[rows], var["name"], var["id"], library)


def read_tenx_mtx(folder: Path) -> TenxMatrix:
    """Read a ``*_feature_bc_matrix`` folder: matrix.mtx.gz, barcodes.tsv.gz, features.tsv.gz.

    Raises
    ------
    FileFormatError
        When one of the three is absent, truncated or does not fit the others.
    """
    paths = {name: _first(folder, name) for name in ("matrix.mtx", "barcodes.tsv", "features.tsv")}
    with reading(paths["matrix.mtx"], "a Matrix Market file"):
        counts = sparse.csr_matrix(scipy_io.mmread(paths["matrix.mtx"])).T.tocsr()
    barcodes = pd.Index(read_text_bytes(paths["barcodes.tsv"], "a list of barcodes").decode().split())
    fields = [
        line.split("\t")
        for line in read_text_bytes(paths["features.tsv"], "a list of features").decode().splitlines()
    ]
    if counts.shape != (len(barcodes), len(fields)) or min(len(f) for f in fields) < 2:
        raise FileFormatError(
            f"Expected {counts.shape[0]} barcodes and {counts.shape[1]} features beside the matrix in "
            f"{folder}; found "
            f"{len(barcodes)} and {len(fields)}. Copy the folder again."
        )
    keep = np.array([len(f) < 3 or f[2] == _EXPRESSION for f in fields])
    var = pd.DataFrame({"id": [f[0] for f in fields], "name": [f[1] for f in fields]})[keep]
    return _finish(folder, counts[:, np.flatnonzero(keep)], barcodes, var["name"], var["id"], None)


def _first(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise FileFormatError(f"Expected {name}.gz in {folder}; it is absent. Copy the folder again.")


def _strings(dataset: h5py.Dataset) -> np.ndarray:
    return np.array(
        [value.decode() if isinstance(value, bytes) else str(value) for value in dataset[:]], dtype=object
    )


def _library(file: h5py.File) -> str | None:
    names = file.attrs.get("library_ids")
    if names is None or not len(names):
        return None
    return names[0].decode() if isinstance(names[0], bytes) else str(names[0])


def _sum_probes(counts: sparse.csr_matrix, var: pd.DataFrame) -> tuple[sparse.csr_matrix, pd.DataFrame]:
    """Add up the probes of each gene, as Space Ranger does for its gene matrix."""
    codes, gene_ids = pd.factorize(var["gene_id"])
    to_gene = sparse.csr_matrix(
        (np.ones(len(codes), counts.dtype), (np.arange(len(codes)), codes)), shape=(len(codes), len(gene_ids))
    )
    names = var.drop_duplicates("gene_id")["gene_name"].to_numpy()
    return sparse.csr_matrix(counts @ to_gene), pd.DataFrame({"name": names, "id": gene_ids})


def _finish(
    path: Path, counts: Any, barcodes: pd.Index, names: pd.Series, ids: pd.Series, library: str | None
) -> TenxMatrix:
    if not len(barcodes):
        raise DataError(
            f"Expected barcodes in {path}; the matrix has no rows. An empty section cannot be read."
        )
    matrix = sparse.csr_matrix(counts).astype(np.float32)
    matrix.sort_indices()
    var = pd.DataFrame({"gene_ids": ids.to_numpy(object)}, index=_unique(names))
    check_counts(matrix, list(barcodes), list(var.index))
    return TenxMatrix(matrix, barcodes, var, library)


def _unique(names: pd.Series) -> pd.Index:
    """Symbols, unique: a few belong to two Ensembl genes; later ones get ``-1``, ``-2`` as scanpy does."""
    taken = set(names)
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        new = name
        while name in seen and (new == name or new in taken):
            seen[name] += 1
            new = f"{name}-{seen[name]}"
        seen.setdefault(name, 0)
        taken.add(new)
        unique.append(new)
    index: pd.Index = pd.Index(unique, dtype=object)
    return index
