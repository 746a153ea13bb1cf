"""Bulk profiles of the Genomic Data Commons (STAR - Counts) with their sample sheet, as AnnData.

Shapes: N samples; G genes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from tqdm.auto import tqdm

from genviz import __version__
from genviz._errors import DataError, UsageError
from genviz._keys import Layers, Obs, Var
from genviz._settings import settings
from genviz.core.counts import first_names
from genviz.io.files.opening import AnyPath, existing
from genviz.io.gdc.counts import Profile, read_profile
from genviz.io.gdc.files import place_files
from genviz.io.gdc.sheet import SheetRow, read_sheets
from genviz.io.gdc.slides import slides_by_sample, write_slides
from genviz.io.library import write_record

logger = logging.getLogger("genviz")

Names = Literal["ensembl", "symbol"]
Repeats = Literal["error", "deepest"]


def read_gdc(
    folder: AnyPath,
    *,
    sheet: AnyPath | Sequence[AnyPath] | None = None,
    names: Names = "ensembl",
    sample_types: Sequence[str] | None = None,
    repeats: Repeats = "error",
) -> AnnData:
    """Read a folder of STAR - Counts files with its sample sheets: one row a sample.

    Files lie as the GDC's client puts them (``<file id>/<name>``) or anywhere in the folder, gzipped or not. The
    aligner's ``N_`` rows are left out. Samples are joined to files and slides by name.

    Parameters
    ----------
    folder
        Of the download.
    sheet
        One or more GDC sample sheets; by default those that lie in the folder.
    names
        What genes are called: "ensembl", ids without version (``ENSG00000141510``; ``_PAR_Y`` stays), or
        "symbol", where counts and TPM of ids with one symbol are added.
    sample_types
        Which to read ("Primary Tumor"); all, if left out. Files of others need not be there.
    repeats
        Where one sample has several files: "error", or "deepest", the one with most counts.

    Returns
    -------
    AnnData
        Rows are called after their sample (``TCGA-05-4244-01A``). ``layers["counts"]`` raw counts of reads and
        ``layers["tpm"]`` transcripts per million, CSR; ``X`` is a copy of the counts. ``var``: gene_symbol, gene_type,
        ensembl_id, ensembl_version. ``obs``: case, sample, sample_type, project, file_id, n_slides, and patient
        (the case, for ``pp.split(group_key="patient")``). ``uns["genviz"]["slides"]``: the slides of these samples,
        which `slide_pairs` reads; ``uns["genviz"]["reader"]``: gene model and files.

    Raises
    ------
    UsageError
        When folder or sheet is not there.
    FileFormatError
        For files that are cut, damaged, or of another workflow.
    DataError
        For listed profiles that are absent and profiles that no sheet lists, samples with several files, two samples
        with the same counts, a profile of zeros, other genes than in the first file, TPM in place of counts and the
        reverse, and names that are no Ensembl ids.
    """
    if names not in ("ensembl", "symbol") or repeats not in ("error", "deepest"):
        raise UsageError(
            f"Expected names 'ensembl' or 'symbol' and repeats 'error' or 'deepest'; got {names!r}, {repeats!r}."
        )
    place = existing(folder, "a folder of GDC files", folder=True)
    sheets = None if sheet is None else [sheet] if isinstance(sheet, str | PathLike) else [*sheet]
    profiles, slides = read_sheets(place, sheets)
    wanted = _of_types(profiles, sample_types)
    rest = [row for row in profiles if row not in wanted]
    placed = place_files(place, wanted, slides, others=rest)
    rows, genes, counts_NG, tpm_NG, model = _read(wanted, placed.profiles, repeats)
    adata = AnnData(X=None, obs=_obs(rows), var=_var(genes), shape=counts_NG.shape)
    adata.layers[Layers.COUNTS], adata.layers[Layers.TPM] = counts_NG, tpm_NG
    if names == "symbol":
        adata = _by_symbol(adata)
    adata.X = adata.layers[Layers.COUNTS].copy()
    table = slides_by_sample(rows, slides, placed.slides)
    adata.obs[Obs.N_SLIDES] = [len(table[row.sample]) for row in rows]
    record = {"reader": "read_gdc", "platform": "bulk", "whole_transcriptome": True, "gene_model": model}
    write_record(adata, place.name, record | {"n_listed": len(profiles), "version": __version__})
    write_slides(adata, table)
    return adata


def _of_types(rows: list[SheetRow], sample_types: Sequence[str] | None) -> list[SheetRow]:
    if sample_types is None:
        return rows
    wanted = {sample_types} if isinstance(sample_types, str) else set(sample_types)
    known = {row.sample_type for row in rows}
    if strangers := sorted(wanted - known):
        raise UsageError(
            f"Expected sample types of the sheet ({first_names(sorted(known), 8)}); got {first_names(strangers)}."
        )
    return [row for row in rows if row.sample_type in wanted]


def _read(
    wanted: list[SheetRow], paths: dict[str, Path], repeats: Repeats
) -> tuple[list[SheetRow], pd.DataFrame, sparse.csr_matrix, sparse.csr_matrix, str]:
    """Rows that are kept, their genes, counts and TPM, and the gene model."""
    by_sample: dict[str, list[SheetRow]] = {}
    for row in wanted:
        by_sample.setdefault(row.sample, []).append(row)
    several = {sample: rows for sample, rows in by_sample.items() if len(rows) > 1}
    if several and repeats == "error":
        sample, rows = next(iter(several.items()))
        raise DataError(
            f"Expected one file for each sample; {len(several)} samples have several, first {sample!r}: "
            f"{first_names([row.file_id for row in rows], 3)}. Take lines out of the sheet, or read with "
            "repeats='deepest'."
        )
    first: Profile | None = None
    kept: list[SheetRow] = []
    counts: list[sparse.csr_matrix] = []
    tpm: list[sparse.csr_matrix] = []
    seen: dict[bytes, str] = {}
    for sample, rows in tqdm(by_sample.items(), "profiles", disable=not settings.progress):
        read = [(_aligned(paths[r.file_id], first, next(iter(paths.values()))), r) for r in rows]
        profile, row = max(read, key=lambda pair: (pair[0].counts_G.sum(), pair[1].file_id))
        first = first or profile
        digest = hashlib.sha256(profile.counts_G.tobytes()).digest()
        if digest in seen:
            raise DataError(
                f"Expected other counts in each sample; {seen[digest]!r} and {sample!r} have the same in all "
                f"{len(profile.genes)} genes. One file lies under two names: download them again."
            )
        seen[digest] = sample
        kept.append(row)
        counts.append(sparse.csr_matrix(profile.counts_G.astype(np.int32)))
        tpm.append(sparse.csr_matrix(profile.tpm_G))
    assert first is not None
    return kept, first.genes, sparse.vstack(counts, "csr"), sparse.vstack(tpm, "csr"), first.gene_model


def _aligned(file: Path, first: Profile | None, first_file: Path) -> Profile:
    """A profile with the genes of the first in their order; other genes are refused."""
    profile = read_profile(file, first)
    if first is None or profile.genes.index.equals(first.genes.index):
        return profile
    lacking = first.genes.index.difference(profile.genes.index, sort=False)
    more = profile.genes.index.difference(first.genes.index, sort=False)
    if len(lacking) or len(more):
        model = f" (gene models {first.gene_model!r} and {profile.gene_model!r})"
        raise DataError(
            f"Expected the same genes in all files{model if first.gene_model != profile.gene_model else ''}; {file} "
            f"lacks {len(lacking)} of {first_file.name}"
            + (f" ({first_names(list(lacking), 3)})" if len(lacking) else "")
            + f" and has {len(more)} others"
            + (f" ({first_names(list(more), 3)})" if len(more) else "")
            + ". One was cut, or made for another gene model: download it again, or read the cohorts apart."
        )
    at = profile.genes.index.get_indexer(first.genes.index)
    return replace(profile, genes=first.genes, counts_G=profile.counts_G[at], tpm_G=profile.tpm_G[at])


def _obs(rows: list[SheetRow]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        Obs.CASE: [row.case for row in rows],
        Obs.SAMPLE: [row.sample for row in rows],
        Obs.SAMPLE_TYPE: pd.Categorical([row.sample_type for row in rows]),
        Obs.PROJECT: pd.Categorical([row.project for row in rows]),
        Obs.FILE_ID: [row.file_id for row in rows],
        Obs.PATIENT: pd.Categorical([row.case for row in rows]),
    }
    return pd.DataFrame(columns, index=pd.Index([row.sample for row in rows], dtype=object))


def _var(genes: pd.DataFrame) -> pd.DataFrame:
    columns = {
        Var.GENE_SYMBOL: genes["symbol"].to_numpy(object),
        Var.GENE_TYPE: pd.Categorical(genes["type"]),
        Var.ENSEMBL_ID: genes.index.to_numpy(object),
        Var.ENSEMBL_VERSION: genes["version"].to_numpy(object),
    }
    return pd.DataFrame(columns, index=genes.index)


def _by_symbol(adata: AnnData) -> AnnData:
    """Ids of one symbol as one gene: counts and TPM are added, ids and versions joined, the first's type kept."""
    code_G, symbols = pd.factorize(adata.var[Var.GENE_SYMBOL])
    groups = adata.var.groupby(code_G, sort=True)
    var = pd.DataFrame(
        {
            Var.GENE_SYMBOL: symbols,
            Var.GENE_TYPE: groups[Var.GENE_TYPE].first().to_numpy(),
            **{
                key: groups[key].agg(";".join).to_numpy(object)
                for key in (Var.ENSEMBL_ID, Var.ENSEMBL_VERSION)
            },
        },
        index=pd.Index(symbols, dtype=object),
    )
    var[Var.GENE_TYPE] = var[Var.GENE_TYPE].astype("category")
    place = sparse.csr_matrix(
        (np.ones(len(code_G), np.int8), (np.arange(len(code_G)), code_G)), shape=(len(code_G), len(symbols))
    )
    joined = AnnData(X=None, obs=adata.obs, var=var, shape=(adata.n_obs, len(symbols)))
    for key, layer in adata.layers.items():
        joined.layers[key] = sparse.csr_matrix(layer @ place.astype(layer.dtype))
    return joined
