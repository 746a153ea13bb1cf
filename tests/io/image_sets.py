"""Small image + mask sets on disk, in the layouts that are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("a", "b", "c")
SIZES = {"a": (40, 50), "b": (48, 32), "c": (36, 36)}


def picture(name: str, seed: int = 0) -> np.ndarray:
    """RGB noise, (H, W, 3)."""
    return np.random.default_rng([seed, *name.encode()]).integers(0, 256, (*SIZES[name], 3), np.uint8)


def labels(name: str) -> np.ndarray:
    """Two squares that touch at nothing, labelled 1 and 7, uint16 (H, W)."""
    mask = np.zeros(SIZES[name], np.uint16)
    mask[2:10, 3:12], mask[20:30, 15:25] = 1, 7
    return mask


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def index_set(root: Path, names=NAMES, header="id,modality,split,scene,other") -> Path:
    """A set with an index."""
    lines = [header]
    for i, name in enumerate(names):
        save(root / "images" / f"{name}.png", picture(name))
        save(root / "labels" / f"{name}.png", labels(name))
        lines.append(
            f"{name},{'histology' if i % 2 else 'fluorescence'},{'val' if i == 2 else 'train'},{i},x"
        )
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    return root


def pair_folders(root: Path, images="images", masks="masks", names=NAMES, binary=False) -> Path:
    """Folders of images and masks."""
    for name in names:
        mask = (labels(name) > 0).astype(np.uint8) * 255 if binary else labels(name)
        save(root / images / f"{name}.png", picture(name))
        save(root / masks / f"{name}.png", mask)
    return root


def pannuke_fold(root: Path, k: int, n: int = 3, dtype=np.float64) -> Path:
    """One fold as PanNuke's archives unpack."""
    rng = np.random.default_rng(k)
    images = rng.integers(0, 256, (n, 32, 32, 3)).astype(dtype)
    masks = np.zeros((n, 32, 32, 6))
    masks[:, 2:8, 2:8, 0], masks[:, 20:26, 3:9, 0], masks[:, 5:12, 20:30, 3] = 4, 9, 4
    masks[..., 5] = masks[..., :5].max(axis=3) == 0
    home = root / f"Fold {k}"
    for part in ("images", "masks"):
        (home / part / f"fold{k}").mkdir(parents=True, exist_ok=True)
    np.save(home / "images" / f"fold{k}" / "images.npy", images)
    np.save(home / "images" / f"fold{k}" / "types.npy", np.array(["Breast", "Colon", "Breast"][:n]))
    np.save(home / "masks" / f"fold{k}" / "masks.npy", masks)
    return root
