"""One STAR - Counts file of the GDC: raw counts and TPM of every gene of one sample.

A comment line with the gene model, a header, four ``N_`` rows of the aligner, then one row a gene.
Shapes: G genes.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import DataError, FileFormatError
from genviz.core.counts import check_names, first_names
from genviz.io.files.opening import read_text_bytes, reading

IDS, SYMBOLS, TYPES = "gene_id", "gene_name", "gene_type"
COUNTS, TPM = "unstranded", "tpm_unstranded"
_NEEDED = (IDS, SYMBOLS, TYPES, COUNTS, TPM)
_SUMMARY = "N_"
_MODEL = "gene-model:"
_WHAT = "a STAR - Counts table of the GDC"
# ENSG00000002586.20_PAR_Y is another gene than ENSG00000002586.20: the suffix stays with the name.
_ENSEMBL = re.compile(r"(ENS[A-Z]*G\d+)(?:\.(\d+))?(_PAR_Y)?")
_MOST_TPM = 1e6 * 1.01  # a share of a million; the rounding of the file adds less


@dataclass(frozen=True)
class Profile:
    """One sample.

    Attributes
    ----------
    genes
        Indexed by Ensembl id without version: columns ``symbol``, ``type``, ``version`` (text).
    counts_G
        Raw counts of reads, int64.
    tpm_G
        Transcripts per million, float32.
    gene_model
        As the comment line says ("GENCODE v36"); "" without one.
    lines
        First column of the file, summary rows included: a file with the same lines has the same genes.
    """

    genes: pd.DataFrame
    counts_G: NDArray[np.int64]
    tpm_G: NDArray[np.float32]
    gene_model: str
    lines: NDArray[np.object_]


def read_profile(file: Path, like: Profile | None = None) -> Profile:
    """Read one table, gzipped or not.

    Parameters
    ----------
    file
        The table.
    like
        Another one, whose genes are taken over where the lines are the same: checking them costs most.

    Raises
    ------
    FileFormatError
        When it is cut, damaged, or of another workflow.
    DataError
        For names that are no Ensembl ids, repeated genes, counts that are no counts, TPM that are no TPM, and a
        profile of zeros.
    """
    raw = read_text_bytes(file, _WHAT)
    comments, body = _parted(raw)
    with reading(file, _WHAT):
        table = pd.read_csv(io.BytesIO(body), sep="\t", dtype={IDS: object, SYMBOLS: object, TYPES: object})
        model = comments.decode().partition(_MODEL)[2].strip()
    if missing := [column for column in _NEEDED if column not in table]:
        raise FileFormatError(
            f"Expected columns {', '.join(_NEEDED)} in {file}; {', '.join(missing)} absent, found "
            f"{first_names(list(table.columns), 8)}. Expected is the GDC's workflow 'STAR - Counts', not HTSeq or FPKM."
        )
    lines = table[IDS].to_numpy(object)
    table = table[[not str(name).startswith(_SUMMARY) for name in lines]]
    if table.empty:
        raise DataError(f"Expected genes in {file}; there is none. Download the file again.")
    same = like is not None and np.array_equal(lines, like.lines)
    genes = like.genes if like is not None and same else _genes(file, table)
    counts_G = _counts(file, _numbers(file, table, COUNTS), genes.index)
    tpm_G = _tpm(file, _numbers(file, table, TPM), counts_G)
    return Profile(genes, counts_G, tpm_G, model, lines)


def _parted(raw: bytes) -> tuple[bytes, bytes]:
    """Leading comment lines, and the table."""
    at = 0
    while raw[at : at + 1] == b"#":
        end = raw.find(b"\n", at)
        at = len(raw) if end < 0 else end + 1
    return raw[:at], raw[at:] or b"\n"


def _genes(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    parts = [_ENSEMBL.fullmatch(str(name)) for name in table[IDS]]
    strange = [str(name) for name, part in zip(table[IDS], parts, strict=True) if part is None]
    if strange:
        raise DataError(
            f"Expected Ensembl gene ids (ENSG00000141510.18) in column {IDS} of {file}; {len(strange)} are none: "
            f"{first_names(strange)}. Symbols belong into {SYMBOLS}; give the file as the GDC wrote it."
        )
    ids = [part.group(1) + (part.group(3) or "") for part in parts if part]
    try:
        check_names(ids, "genes")
    except DataError as err:
        raise DataError(f"In {file}, with versions taken off: {err}") from err
    symbol = table[SYMBOLS].where(table[SYMBOLS].fillna("").str.strip() != "").to_numpy(object)
    columns = {
        "symbol": [name if isinstance(s, float) else s for s, name in zip(symbol, ids, strict=True)],
        "type": table[TYPES].fillna("").to_numpy(object),
        "version": [part.group(2) or "" for part in parts if part],
    }
    return pd.DataFrame(columns, index=pd.Index(ids, dtype=object))


def _numbers(file: Path, table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"Expected numbers in column {column} of {file}; {int(bad.sum())} genes have none, first "
            f"{table[IDS].iloc[row]!r} ({table[column].iloc[row]!r}). The file was probably cut: download it again."
        )
    return values


def _counts(file: Path, values: NDArray[np.float64], genes: Any) -> NDArray[np.int64]:
    bad = (values < 0) | (values != np.floor(values))
    if bad.any():
        shown = ", ".join(f"{genes[i]!r} = {values[i]:g}" for i in np.flatnonzero(bad)[:3])
        million = abs(values.sum() / 1e6 - 1) < 0.01
        hint = " They add up to a million: are they TPM?" if million else ""
        raise DataError(
            f"Expected raw counts (whole numbers >= 0) in column {COUNTS} of {file}; {int(bad.sum())} genes have "
            f"others: {shown}.{hint} Give the file as the GDC wrote it."
        )
    if not values.any():
        raise DataError(
            f"Expected counts above 0 in {file}; all {len(values)} genes have 0. Leave the sample out of the sheet."
        )
    return values.astype(np.int64)


def _tpm(file: Path, values: NDArray[np.float64], counts_G: NDArray[np.int64]) -> NDArray[np.float32]:
    total = values.sum()
    fault = ""
    if (values < 0).any():
        fault = f"{int((values < 0).sum())} genes are negative"
    elif total > _MOST_TPM:
        fault = f"they add up to {total:.4g}, more than a million"
    elif np.array_equal(values, counts_G):
        fault = f"they equal the counts of column {COUNTS}"
    elif not total:
        fault = "all are 0"
    if fault:
        raise DataError(
            f"Expected transcripts per million in column {TPM} of {file}; {fault}. Are they counts? Give the file as "
            "the GDC wrote it."
        )
    return values.astype(np.float32)
