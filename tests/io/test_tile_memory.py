"""100,000 tiles of a slide that does not fit: bounded memory, measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="peak memory is read from getrusage, which Windows lacks")

SIDE_PX, N_TILES, TILE_PX = 30_720, 100_000, 224
RAW_MB = SIDE_PX * SIDE_PX * 3 / 2**20
ALLOWED_MB = 700  # blocks of 32 MB in 4 threads, their reads, and what the allocator keeps

SCRIPT = """
import json, resource, sys, time
import dask, numpy as np, pandas as pd, tifffile
from anndata import AnnData
from genviz.io import open_slide, tiles
from genviz.io.library import make_entry

path, side, n, size = sys.argv[1], *map(int, sys.argv[2:5])
rng = np.random.default_rng(0)
patterns = rng.integers(90, 240, (32, 8, 8, 3)).repeat(32, 1).repeat(32, 2).astype(np.uint8)
blocks = (patterns[i % 32] for i in range((side // 256) ** 2))
tifffile.imwrite(path, blocks, shape=(side, side, 3), dtype="uint8", tile=(256, 256), photometric="rgb",
                 compression="jpeg")

def peak():
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)

slide = open_slide(path)
adata = AnnData(np.zeros((n, 0), np.float32), obs=pd.DataFrame({"library_id": "S"}, index=map(str, range(n))))
adata.obsm["spatial"] = rng.uniform(0, side, (n, 2))
entry = make_entry(mpp=0.5, spot_diameter_um=55.0)
entry["metadata"]["source_image_path"] = path
adata.uns["spatial"] = {"S": entry}
before, start = peak(), time.time()
lazy = tiles(adata, size)
with dask.config.set(scheduler="threads", num_workers=4):
    means = lazy.mean(axis=(1, 2, 3), dtype="float32").compute()
print(json.dumps({"before": before, "peak": peak(), "seconds": time.time() - start, "n": len(means)}))
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_tiles_in_bounded_memory(tmp_path, record_property):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GENVIZ_CACHE": str(tmp_path)}
    numbers = map(str, (SIDE_PX, N_TILES, TILE_PX))
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "big.tif"), *numbers]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    for key, value in measured.items():
        record_property(key, value)
    assert measured["n"] == N_TILES
    grown = measured["peak"] - measured["before"]
    assert grown < ALLOWED_MB < RAW_MB / 3, measured
