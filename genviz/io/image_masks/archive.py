"""Per-nucleus masks in an archive, merged into one label image each, and recognised by their pixels.

File bytes depend on who encoded a PNG; pixels do not. Shapes: H, W rows and columns; 3 RGB.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genviz._errors import DataError
from genviz.io.files.atomic import atomic_path
from genviz.io.files.opening import reading
from genviz.io.image_masks.pixels import as_rgb
from genviz.io.slides.strict_decoding import StrictPng

_MEMBER = re.compile(r"[^/]+/stage1_train/([0-9a-zA-Z_-]+)/(images|masks)/([^/]+\.png)")
_BLOCK = 1 << 20


def image_digest(rgb_HW3: NDArray[np.uint8]) -> str:
    """SHA-256 of an image's size and its 8-bit RGB values, whatever file they came from.

    Parameters
    ----------
    rgb_HW3
        (H, W, 3).
    """
    return _digest(rgb_HW3.astype(np.uint8, copy=False))


def label_digest(labels_HW: NDArray[Any]) -> str:
    """SHA-256 of a label image's size and its values in 16 bits, low byte first.

    Parameters
    ----------
    labels_HW
        (H, W).
    """
    return _digest(labels_HW.astype("<u2", copy=False))


def _digest(pixels: NDArray[Any]) -> str:
    digest = hashlib.sha256(f"{pixels.shape[0]} {pixels.shape[1]}\n".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


def merge_masks(masks: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.uint16]:
    """One label image of masks of single nuclei: k is the k-th mask in the order of file names.

    Parameters
    ----------
    masks
        File name → mask (H, W) or (H, W, C), anything but 0 in a colour channel is nucleus.
    shape
        (H, W) of the image.

    Returns
    -------
    uint16 (H, W), 0 = background. Where masks overlap the first one wins.

    Raises
    ------
    DataError
        For a mask of another size.
    """
    labels_HW = np.zeros(shape, np.uint16)
    for number, name in enumerate(sorted(masks), start=1):
        mask = masks[name]
        nucleus = mask != 0 if mask.ndim == 2 else (mask[..., :3] != 0).any(axis=2)
        if nucleus.shape != shape:
            raise DataError(f"Expected a mask of {shape[1]} x {shape[0]} pixels in {name}; got {mask.shape}.")
        labels_HW[nucleus & (labels_HW == 0)] = number
    return labels_HW


def is_whole_gzip(path: Path) -> bool:
    """Whether a gzip file can be read to its end and its checksum is right.

    Parameters
    ----------
    path
        The file.
    """
    try:
        with gzip.open(path) as stream:
            while stream.read(_BLOCK):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def merged_pairs(
    archive: Path, ids: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint16]]]:
    """Go once through a tar.gz of ``stage1_train/<id>/{images,masks}/*.png``; one image is in memory at a time.

    Parameters
    ----------
    archive
        The file, as GitHub packs a commit: one folder around everything, members in the order of their names.
    ids
        Which images.

    Yields
    ------
    Id, RGB (H, W, 3), labels (H, W).

    Raises
    ------
    FileFormatError
        When the archive is damaged.
    DataError
        When the files of an image do not follow each other, or are not one image and its masks.
    """
    wanted, done, current, files = set(ids), set[str](), "", dict[str, bytes]()
    with reading(archive, "an archive of images (tar.gz)"), tarfile.open(archive, "r|gz") as members:
        for member in members:
            found = _MEMBER.fullmatch(member.name)
            if not found or found[1] not in wanted or not member.isfile():
                continue
            if found[1] != current:
                if current:
                    yield current, *_pair(current, files)
                    done.add(current)
                current, files = found[1], {}
                if current in done:
                    raise DataError(
                        f"Expected the files of {current} side by side in {archive}; they are not."
                    )
            content = members.extractfile(member)
            files[f"{found[2]}/{found[3]}"] = content.read() if content else b""
        if current:
            yield current, *_pair(current, files)


def _pair(name: str, files: Mapping[str, bytes]) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    pixels = {path: _png(content) for path, content in files.items()}
    images = [path for path in pixels if path.startswith("images/")]
    if len(images) != 1:
        raise DataError(f"Expected one image of {name} in the archive; got {len(images)}.")
    rgb = as_rgb(pixels.pop(images[0]), name)
    height, width = rgb.shape[:2]
    return rgb, merge_masks(pixels, (height, width))


def _png(content: bytes) -> NDArray[Any]:
    image: Any = StrictPng(BytesIO(content))
    image.load()
    return np.asarray(image.convert("RGBA") if image.mode == "P" else image)


def write_pair(folder: Path, name: str, rgb_HW3: NDArray[np.uint8], labels_HW: NDArray[np.uint16]) -> None:
    """Write ``images/<name>.png`` (grey where all channels are equal) and ``labels/<name>.png`` (16 bit).

    Parameters
    ----------
    folder
        Of the set.
    name
        Of the image.
    rgb_HW3, labels_HW
        Pixels.
    """
    grey = (rgb_HW3 == rgb_HW3[..., :1]).all()
    for part, pixels in (("images", rgb_HW3[..., 0] if grey else rgb_HW3), ("labels", labels_HW)):
        with atomic_path(folder / part / f"{name}.png") as working:
            Image.fromarray(np.ascontiguousarray(pixels)).save(working, format="PNG", optimize=False)
