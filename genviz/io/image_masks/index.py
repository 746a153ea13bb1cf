"""Image + mask sets with an ``index.csv``: one line an image."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from genviz._errors import DataError, UsageError
from genviz.core.counts import check_names, first_names
from genviz.io.fetching.manifests import safe_path
from genviz.io.files.opening import read_text_bytes, reading
from genviz.io.image_masks.rows import (
    ImageFile,
    MaskFile,
    PairRow,
    check_partners,
    files_by_stem,
)

INDEX = "index.csv"
MASK_FOLDERS = ("labels", "masks")
_LABEL_COLUMNS = ("modality", "label")
_OTHER_COLUMNS = ("scene", "split", "subtype", "organ")


def index_rows(index: Path, label: str | None) -> list[PairRow]:
    """Rows of an index: columns ``id``, ``modality`` or ``label``, optionally subtype, split, scene, organ.

    Files are ``images/<id>.*`` and ``labels/<id>.*`` or ``masks/<id>.*`` beside the index, unless columns ``image``
    and ``mask`` name them (relative to it). Other columns are not read.

    Parameters
    ----------
    index
        The CSV file.
    label
        Label of all rows where the index has no such column.

    Raises
    ------
    FileFormatError
        When it is no table.
    DataError
        For missing columns, repeated ids, and images or masks that are not there.
    """
    table = _table(index)
    column = next((name for name in _LABEL_COLUMNS if name in table), None)
    if column is None and label is None:
        raise UsageError(
            f"Expected a column {' or '.join(_LABEL_COLUMNS)} in {index}; it has "
            f"{first_names(list(table.columns))}. Add it, or give label=."
        )
    images = _files(table, index.parent, "image", ("images",))
    masks = _files(table, index.parent, "mask", MASK_FOLDERS)
    check_partners(images, masks, index.parent)
    absent = [name for name in table["id"] if name not in images]
    if absent:
        raise DataError(
            f"Expected image and mask of each id of {index}; {len(absent)} have neither: "
            f"{first_names(absent)}. Add the files, or take the lines away."
        )
    labels = table[column] if column else pd.Series(label, index=table.index)
    others = {key: table[key] if key in table else [""] * len(table) for key in _OTHER_COLUMNS}
    return [
        PairRow(
            name,
            ImageFile(str(images[name])),
            MaskFile(str(masks[name])),
            label=kind,
            **{key: values[i] for key, values in others.items()},
        )
        for i, (name, kind) in enumerate(zip(table["id"], labels, strict=True))
    ]


def _table(index: Path) -> pd.DataFrame:
    text = read_text_bytes(index, "an index of images (CSV)")
    with reading(index, "an index of images (CSV)"):
        table = pd.read_csv(io.BytesIO(text), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if "id" not in table:
        raise DataError(
            f"Expected a column id in {index}; it has {first_names(list(table.columns))}. Name the column of "
            "file names without suffix so."
        )
    check_names(list(table["id"]), f"images in {index.name}")
    return table


def _files(table: pd.DataFrame, root: Path, column: str, folders: tuple[str, ...]) -> dict[str, Path]:
    """Files that are there, by id."""
    if column in table:
        named = {name: root / safe_path(path) for name, path in zip(table["id"], table[column], strict=True)}
        return {name: path for name, path in named.items() if path.is_file()}
    folder = next((root / name for name in folders if (root / name).is_dir()), None)
    if folder is None:
        raise DataError(
            f"Expected a folder {' or '.join(folders)} beside the index in {root}; there is none. Name the files "
            f"in a column {column!r}, or put them there."
        )
    listed = set(table["id"])
    found = files_by_stem(folder, masks=column == "mask")
    return {name: path for name, path in found.items() if name in listed}
