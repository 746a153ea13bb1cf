"""The three tables of a legacy Spatial Transcriptomics section: counts, spots, labels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from genviz._errors import DataError, FileFormatError
from genviz._keys import Obs
from genviz.core.counts import check_counts, check_names, first_names
from genviz.io.files.opening import AnyPath, existing, read_text_bytes, reading

GRID = ["x", "y"]
PIXELS = ["pixel_x", "pixel_y"]
MEASURED_GRID = ["new_x", "new_y"]
SELECTED = "selected"


@dataclass(frozen=True)
class CountTable:
    """Raw counts with the names that index them.

    Attributes
    ----------
    matrix
        (n_spots, n_genes) float32 CSR.
    spots, genes
        Row names ``XxY`` and gene symbols, unique.
    """

    matrix: sparse.csr_matrix
    spots: pd.Index
    genes: pd.Index


def read_count_table(path: AnyPath) -> CountTable:
    """Read spots by genes from a tab-separated table, gzipped or not, whose first header cell is empty.

    Raises
    ------
    FileFormatError
        For a cut gzip stream, a cut last line, or text that is not such a table.
    DataError
        For duplicated genes or spots, and values that are not raw counts, named.
    """
    file = existing(path, "the counts table (ST-cnts)")
    what = "a tab-separated counts table"
    raw = read_text_bytes(file, what)
    header, _, body = raw.partition(b"\n")
    with reading(file, what):
        genes = header.decode().rstrip("\r").split("\t")
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise DataError(
            f"Expected spots in {file}; it holds a header and no rows. An empty section cannot be read."
        )
    n_fields = lines[0].count(b"\t") + 1
    if len(genes) == n_fields:
        genes = genes[1:]  # the corner cell, empty as the ST pipeline writes it
    if n_fields < 2 or len(genes) != n_fields - 1:
        raise FileFormatError(
            f"Expected {what} in {file}; {len(genes)} genes in the header, {n_fields - 1} in the first row."
        )
    _check_fields(file, lines, n_fields)
    check_names(genes, "genes")
    frame = _parse(file, b"\n".join(lines))
    spots = pd.Index(frame.index.astype(str).str.strip())
    check_names(list(spots), "spots")
    dense = _numbers(file, frame, spots, genes)
    check_counts(dense, list(spots), genes)
    return CountTable(sparse.csr_matrix(dense.astype(np.float32)), spots, pd.Index(genes, dtype=object))


def _check_fields(file: Path, lines: list[bytes], n_fields: int) -> None:
    """Each row must be as wide as the first; a table cut in transfer ends in a short one."""
    for number, line in enumerate(lines, start=2):
        got = line.count(b"\t") + 1
        if got != n_fields:
            raise FileFormatError(
                f"Expected {n_fields} fields in line {number} of {file}, as in the first row; got {got}. "
                "The file was probably cut: copy or download it again."
            )


def _parse(file: Path, body: bytes) -> pd.DataFrame:
    with reading(file, "a tab-separated counts table"):
        return pd.read_csv(
            io.BytesIO(body), sep="\t", header=None, index_col=0, dtype={0: str}, low_memory=False
        )


def _numbers(file: Path, frame: pd.DataFrame, spots: pd.Index, genes: list[str]) -> np.ndarray:
    """Values as numbers; a word in the table is named with its place."""
    words = [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "iufb"]
    if words:
        column = frame.iloc[:, words[0]]
        row = int(
            np.argmax(pd.to_numeric(column, errors="coerce").isna().to_numpy() & column.notna().to_numpy())
        )
        raise DataError(
            f"Expected numbers in {file}; gene {genes[words[0]]!r} in row {spots[row]!r} is "
            f"{column.iloc[row]!r}. "
            "Give the raw counts table, spots in rows and genes in columns."
        )
    return frame.to_numpy()


def read_spot_table(path: AnyPath) -> pd.DataFrame:
    """Read a spot file: one row for each spot under tissue, indexed ``XxY``.

    Returns
    -------
    Columns x, y (grid, integers), pixel_x (column), pixel_y (row), and new_x, new_y where given.

    Raises
    ------
    FileFormatError
        When the needed columns are absent.
    DataError
        For no rows, repeated spots or positions that are not finite.
    """
    file = existing(path, "the spot table (ST-spotfiles)")
    frame = _read_tsv(file, "a tab-separated spot table", GRID + PIXELS)
    if SELECTED in frame:
        frame = frame[frame[SELECTED] != 0]  # the ST spot detector marks spots beside the tissue with 0
    if frame.empty:
        raise DataError(
            f"Expected spots under tissue in {file}; there is none. An empty section cannot be read."
        )
    numeric = frame[[c for c in GRID + PIXELS + MEASURED_GRID if c in frame]].apply(
        pd.to_numeric, errors="coerce"
    )
    bad = ~np.isfinite(numeric[GRID + PIXELS].to_numpy(float)).all(axis=1)
    if bad.any():
        raise DataError(
            f"Expected numbers in columns {', '.join(GRID + PIXELS)} of {file}; {int(bad.sum())} rows have "
            f"none, first in data row {numeric.index[int(np.argmax(bad))] + 1}. Correct or drop those rows."
        )
    if (numeric[GRID] % 1 != 0).to_numpy().any():
        raise DataError(
            f"Expected whole grid coordinates x, y in {file}; some are fractional. Measured ones go to "
            "new_x, new_y."
        )
    numeric[GRID] = numeric[GRID].astype(np.int64)
    numeric.index = pd.Index(numeric["x"].astype(str) + "x" + numeric["y"].astype(str), dtype=object)
    check_names(list(numeric.index), "spots")
    return pd.DataFrame(numeric)


def read_label_table(path: AnyPath) -> tuple[pd.DataFrame, int]:
    """Read a pathologist's label file: columns x, y (measured grid coordinates) and label.

    Returns
    -------
    table
        Labels with a place.
    unplaced
        Number of rows without coordinates, as some files hold; they are left out.
    """
    file = existing(path, "the label table (ST-pat/lbl)")
    frame = _read_tsv(file, "a tab-separated label table", [*GRID, Obs.LABEL])
    placed = frame[GRID].apply(pd.to_numeric, errors="coerce").notna().all(axis=1)
    table = frame.loc[placed, [*GRID, Obs.LABEL]].astype({"x": float, "y": float}).reset_index(drop=True)
    return table, int((~placed).sum())


def join_labels(spots: pd.DataFrame, labels: pd.DataFrame) -> pd.Series:
    """Labels of spots, joined where new_x, new_y equal the label file's x, y exactly.

    The label file's own pixel columns are in the frame of another, smaller image and are not used.

    Returns
    -------
    Categorical Series over the spots; missing where the pathologist gave none.

    Raises
    ------
    DataError
        When the spot file has no measured coordinates, none match, or one place has two labels.
    """
    if not set(MEASURED_GRID) <= set(spots):
        raise DataError(
            "Expected columns new_x and new_y in the spot table to join labels; they are absent. Read "
            "without labels=."
        )
    keys = pd.MultiIndex.from_frame(labels[GRID])
    if keys.has_duplicates:
        raise DataError(
            f"Expected one label for each place; {first_names(list(keys[keys.duplicated()]))} have several."
        )
    at = keys.get_indexer(pd.MultiIndex.from_frame(spots[MEASURED_GRID]))
    if (at < 0).all():
        raise DataError(
            "Expected label coordinates x, y equal to the spots' new_x, new_y; none of "
            f"{len(labels)} labels match {len(spots)} spots. Are the files of one section?"
        )
    values = labels[Obs.LABEL].to_numpy(object)[at]
    values[at < 0] = None
    return pd.Series(pd.Categorical(values), index=spots.index, name=Obs.LABEL)


def _read_tsv(file: Path, what: str, columns: list[str]) -> pd.DataFrame:
    raw = read_text_bytes(file, what)
    with reading(file, what):
        frame = pd.read_csv(io.BytesIO(raw), sep="\t")
    missing = [column for column in columns if column not in frame]
    if missing:
        raise FileFormatError(
            f"Expected columns {', '.join(columns)} in {file}; {', '.join(missing)} absent, found "
            f"{first_names(list(frame.columns), 8)}. Is it the right table, with tabs between the columns?"
        )
    return frame
