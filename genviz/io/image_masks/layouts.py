"""Which layout an image + mask set has, and the rows that it lists."""

from __future__ import annotations

from pathlib import Path

from genviz._errors import UsageError
from genviz.io.files.opening import AnyPath, existing
from genviz.io.image_masks.folders import folder_rows, label_folders, labelled_rows, paired_folders
from genviz.io.image_masks.index import INDEX, index_rows
from genviz.io.image_masks.pannuke import fold_files, pannuke_rows
from genviz.io.image_masks.rows import PairRow, check_rows


def list_pairs(source: AnyPath, label: str | None) -> tuple[str, str, list[PairRow]]:
    """Recognise the layout and list its rows, checked; no pixels are read.

    Parameters
    ----------
    source
        An index, or a folder.
    label
        Label of all rows, where the layout gives none.

    Returns
    -------
    Name of the layout ("index", "folder", "folders", "pannuke"), name of the set, rows.

    Raises
    ------
    UsageError
        When nothing is there, no layout fits, or no label is known.
    DataError
        When the rows cannot be meant.
    """
    place = Path(source).expanduser()
    root = existing(place, "images with masks (a folder, or an index.csv)", folder=place.is_dir())
    layout, rows = _rows(root, label)
    check_rows(rows, str(root))
    home = root.resolve()
    return layout, home.name if home.is_dir() else home.parent.name, rows


def _rows(root: Path, label: str | None) -> tuple[str, list[PairRow]]:
    if root.is_file():
        if root.suffix.lower() != ".csv":
            raise UsageError(f"Expected a folder or an {INDEX}; got the file {root}. Give its folder.")
        return "index", index_rows(root, label)
    if (root / INDEX).is_file():
        return "index", index_rows(root / INDEX, label)
    if folds := fold_files(root):
        return "pannuke", pannuke_rows(folds, label)
    if paired_folders(root):
        return "folder", folder_rows(root, label)
    return "folders", labelled_rows(label_folders(root))
