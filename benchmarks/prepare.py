"""Speed and memory of preparation: one section from JPEG to features, and 100,000 tiles of a large image.

    python benchmarks/prepare.py --out benchmarks/results/prepare.json

Each part runs in a process of its own, so that its peak memory is its own, with an empty cache.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import anndata as ad
import numpy as np
import tifffile
import zarr

import genviz as gv
from genviz.io.files.atomic import atomic_write_json
from genviz.io.library import make_entry
from genviz.metrics import Score, scores_to_json

N_TILES, SIDE, MPP = 100_000, 16_384, 0.5
_TILE = 224


def section() -> dict[str, Score]:
    """Read, tile and embed C5, JPEG decoding included."""
    gv.settings.progress = False
    with tempfile.TemporaryDirectory() as folder:
        gv.settings.cache_dir = Path(folder)
        start = time.perf_counter()
        adata = gv.datasets.her2st(["C5"])
        gv.pp.tile(adata)
        gv.pp.embed(adata)
        first = time.perf_counter() - start
        del adata.obsm["X_morphology"]
        start = time.perf_counter()
        gv.pp.embed(adata)
        again = time.perf_counter() - start
    note = f"{adata.n_obs} spots, Macenko, three scales, ring of 8"
    return {
        "section_seconds": Score(first, n=adata.n_obs, note=note),
        "section_seconds_cached": Score(again, n=adata.n_obs, note="features from the cache"),
        "section_peak_gb": Score(_peak_gb(), n=adata.n_obs),
    }


def tiles_of(kind: str) -> dict[str, Score]:
    """Pass over 100,000 tiles of an image of 16,384 x 16,384 px, in order of position."""
    with tempfile.TemporaryDirectory() as folder:
        path = _large_image(Path(folder), kind)
        rng = np.random.default_rng(0)
        xy = rng.uniform(_TILE, SIDE - _TILE, (N_TILES, 2))
        xy = xy[np.lexsort((xy[:, 0], xy[:, 1] // 512))]
        adata = ad.AnnData(np.zeros((N_TILES, 0), np.float32), obsm={"spatial": xy})
        adata.obs_names = [f"t{i}" for i in range(N_TILES)]
        adata.obs["library_id"] = "L"
        entry = make_entry(mpp=MPP, spot_diameter_um=55.0, slide=gv.io.open_slide(path))
        adata.uns["spatial"] = {"L": entry}
        before = _peak_gb()
        start = time.perf_counter()
        lazy = gv.tiles(adata, size_px=_TILE)
        total = 0
        for block in lazy.blocks:
            total += int(block.compute()[:, 0, 0, 0].sum())
        seconds = time.perf_counter() - start
    return {
        f"tiles_{kind}_per_second": Score(
            N_TILES / seconds, n=N_TILES, note=f"{_TILE} px of a {SIDE} px image"
        ),
        f"tiles_{kind}_peak_gb": Score(
            _peak_gb(), n=N_TILES, baseline=before, note="baseline: before the first tile"
        ),
        f"tiles_{kind}_all_gb": Score(
            N_TILES * _TILE**2 * 3 / 1e9, n=N_TILES, note="what holding all would take"
        ),
    }


def _large_image(folder: Path, kind: str) -> Path:
    """Noise that neither compresses nor repeats within a stripe, written stripe by stripe."""
    rng = np.random.default_rng(0)
    if kind == "zarr":
        path = folder / "slide.zarr"
        target = zarr.create_array(path, shape=(SIDE, SIDE, 3), chunks=(512, 512, 3), dtype=np.uint8)
        for top in range(0, SIDE, 512):
            target[top : top + 512] = rng.integers(0, 255, (512, SIDE, 3), dtype=np.uint8)
        return path
    path = folder / "slide.tif"
    pieces = (rng.integers(0, 255, (512, 512, 3), dtype=np.uint8) for _ in range((SIDE // 512) ** 2))
    tifffile.imwrite(
        path, pieces, shape=(SIDE, SIDE, 3), dtype=np.uint8, tile=(512, 512), photometric="rgb",
        compression="jpeg",
    )  # fmt: skip
    return path


def importing() -> dict[str, Score]:
    """`import genviz` over a bare interpreter, best of ten each."""

    def best(code: str) -> float:
        seconds = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    return {"import_seconds_over_bare": Score(best("import genviz") - best("pass"), n=10)}


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    """Measure everything and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()
    parts: list[tuple[Callable[..., dict[str, Score]], tuple[str, ...]]] = [
        (importing, ()), (section, ()), (tiles_of, ("tif",)), (tiles_of, ("zarr",)),
    ]  # fmt: skip
    scores: dict[str, Score] = {}
    for part, given in parts:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            scores |= pool.submit(part, *given).result()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_json(args.out, scores_to_json(scores))
    for name, score in scores.items():
        print(f"{name:<28} {score.value:>10.3f}  {score.note}")


if __name__ == "__main__":
    main()
