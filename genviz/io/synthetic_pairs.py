"""Generated images with masks as a folder of PNG files, in the layout that `read_image_masks` reads.

Every PNG says in a tEXt chunk that no microscope has seen it, so that a file that strays from its folder still does.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.io.files.atomic import atomic_dir
from genviz.io.files.output import AnyPath
from genviz.io.image_masks.index import INDEX

if TYPE_CHECKING:
    from anndata import AnnData

CHUNK = "genviz"  # name of the chunk with the provenance
_FOLDERS = ("images", "labels")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def write_image_pairs(adata: AnnData, folder: AnyPath, *, key: str) -> Path:
    """Write a folder, at once or not at all: ``images/*.png``, ``labels/*.png`` (16 bits), ``index.csv``.

    Parameters
    ----------
    adata
        Rows with ``obsm["<key>"]``, ``obsm["<key>_mask"]``, ``obs["label"]`` and provenance in
        ``uns["genviz"]["<key>"]``.
    folder
        New or empty.
    key
        Result key.

    Returns
    -------
    The folder.

    Raises
    ------
    MissingKeyError
        Without image, mask or provenance.
    UsageError
        When the folder has content, or two names become one file name.
    """
    for slot in (Obsm.image(key), Obsm.mask(key)):
        if slot not in adata.obsm:
            raise MissingKeyError(
                f"Expected obsm['{slot}'], found {sorted(adata.obsm)}. A folder holds pairs of image and mask; write "
                "anything else as .h5ad."
            )
    if key not in adata.uns.get(Uns.GENVIZ, {}):
        raise MissingKeyError(f"Expected provenance in uns['{Uns.GENVIZ}']['{key}']; there is none.")
    record = json.loads(adata.uns[Uns.GENVIZ][key])
    names = [str(name) for name in adata.obs_names]
    files = [f"{_UNSAFE.sub('_', name).lstrip('.') or '_'}.png" for name in names]
    if len({file.lower() for file in files}) < len(files):
        raise UsageError(
            "Expected names that stay different as file names; got some that do not. Rename rows."
        )
    labels = adata.obs[Obs.LABEL].astype(str).tolist()
    with atomic_dir(folder) as working:
        for part in _FOLDERS:
            (working / part).mkdir()
        for row, (name, file) in enumerate(zip(names, files, strict=True)):
            said = _said(record, name, labels[row])
            _write(working / _FOLDERS[0] / file, np.asarray(adata.obsm[Obsm.image(key)][row]), said)
            _write(working / _FOLDERS[1] / file, np.asarray(adata.obsm[Obsm.mask(key)][row]), said)
        (working / INDEX).write_text(_index(names, files, labels), encoding="utf-8")
    return Path(folder)


def _index(names: Sequence[str], files: Sequence[str], labels: Sequence[str]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", "modality", "image", "mask", "synthetic"])
    for name, file, label in zip(names, files, labels, strict=True):
        table.writerow([name, label, f"{_FOLDERS[0]}/{file}", f"{_FOLDERS[1]}/{file}", "true"])
    return text.getvalue()


def _said(record: dict[str, Any], name: str, label: str) -> PngInfo:
    chunks = PngInfo()
    made = f"{record.get('model', 'genviz')} (genviz {record.get('version', '')})"
    chunks.add_text("Description", f"Synthetic: made by {made}, not by a microscope. Not for diagnosis.")
    told = {"synthetic": True, "id": name, "label": label} | record
    chunks.add_text(CHUNK, json.dumps(told, ensure_ascii=True))
    return chunks


def _write(path: Path, pixels: NDArray[Any], said: PngInfo) -> None:
    image = Image.fromarray(pixels if pixels.ndim == 3 else pixels.astype(np.uint16))
    image.save(path, format="PNG", pnginfo=said)
