"""Image + mask sets in folders: ``images/`` beside ``masks/``, once or once for each label.

ClusterSeg's own loader expects ``<modality>_annotation/dataset/{train,test}/{data,label}``, the same file name in both
(and boundaries in ``bound/``, which follow from the labels and are not read): a label is that folder's name up to
"_annotation".
"""

from __future__ import annotations

from pathlib import Path

from genviz._errors import UsageError
from genviz.io.image_masks.index import MASK_FOLDERS
from genviz.io.image_masks.rows import ImageFile, MaskFile, PairRow, check_partners, files_by_stem

# How the folders of a split are called; the contract's names first.
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val"} | {
    "test": "test",
    "testing": "test",
}
_IMAGE_FOLDERS = ("images", "image", "imgs", "data")
_INNER = "dataset"
_SUFFIX = "_annotation"
_ALL_MASK_FOLDERS = (*MASK_FOLDERS, "mask", "label")


def paired_folders(folder: Path) -> tuple[Path, Path] | None:
    """The folders of images and of masks in a folder, or None; names in any case."""
    inside = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    images = next((inside[name] for name in _IMAGE_FOLDERS if name in inside), None)
    masks = next((inside[name] for name in _ALL_MASK_FOLDERS if name in inside), None)
    return (images, masks) if images is not None and masks is not None else None


def folder_rows(folder: Path, label: str | None) -> list[PairRow]:
    """Rows of one pair of folders; their sub-folders are labels, where there are any.

    Parameters
    ----------
    folder
        With ``images/`` and ``masks/`` or ``labels/``.
    label
        Label of all rows, where there are no sub-folders.

    Raises
    ------
    UsageError
        When no label is known.
    DataError
        For images without mask and the reverse.
    """
    found = paired_folders(folder)
    assert found is not None
    images, masks = found
    kinds = sorted({path.name for side in found for path in side.iterdir() if path.is_dir()})
    if not kinds:
        if label is None and files_by_stem(images):
            raise UsageError(
                f"Expected a label of the images in {folder}; its folders tell none. Give label=, for example "
                "label='fluorescence'."
            )
        return _pairs(images, masks, folder, label=label or "")
    rows = []
    for kind in kinds:
        parts = (images / kind, masks / kind)
        rows += _pairs(*parts, folder / kind, label=kind, prefix=f"{kind}_")
    return rows


def label_folders(root: Path) -> dict[str, list[tuple[str, Path]]]:
    """Label → (split, folder with images and masks), for folders of labels, with or without folders of splits.

    Raises
    ------
    UsageError
        When the folder has none of these.
    """
    found: dict[str, list[tuple[str, Path]]] = {}
    for kind in sorted(path for path in root.iterdir() if path.is_dir()):
        inner = kind / _INNER if (kind / _INNER).is_dir() else kind
        label = kind.name.removesuffix(_SUFFIX)
        if paired_folders(inner):
            found[label] = [("", inner)]
            continue
        parts = [path for path in sorted(inner.iterdir()) if path.name.lower() in _SPLITS and path.is_dir()]
        splits = [(_SPLITS[path.name.lower()], path) for path in parts if paired_folders(path)]
        if splits:
            found[label] = splits
    if not found:
        raise UsageError(
            f"Expected an index.csv, images/ and masks/, folders of labels with these, or folds of PanNuke in "
            f"{root}; there is none of them. Check the path."
        )
    return found


def labelled_rows(folders: dict[str, list[tuple[str, Path]]]) -> list[PairRow]:
    """Rows of what `label_folders` found, named ``<label>_<file>`` or ``<label>_<split>_<file>``.

    Parameters
    ----------
    folders
        Label → (split, folder).

    Raises
    ------
    DataError
        For images without mask and the reverse.
    """
    rows = []
    for kind, parts in folders.items():
        for split, folder in parts:
            prefix = f"{kind}_{split}_" if split else f"{kind}_"
            found = paired_folders(folder)
            assert found is not None
            rows += _pairs(*found, folder, label=kind, split=split, prefix=prefix)
    return rows


def _pairs(
    images: Path, masks: Path, where: Path, *, label: str, split: str = "", prefix: str = ""
) -> list[PairRow]:
    pictures = files_by_stem(images) if images.is_dir() else {}
    labels = files_by_stem(masks, masks=True) if masks.is_dir() else {}
    check_partners(pictures, labels, where)
    return [
        PairRow(
            f"{prefix}{stem}", ImageFile(str(path)), MaskFile(str(labels[stem])), label=label, split=split
        )
        for stem, path in pictures.items()
    ]
