"""Samples laid out as on the hub, and a hub that hands them out."""

from __future__ import annotations

import io
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from genviz._settings import settings
from genviz.io.fetching import asking
from tests.io.hub_server import HubServer, serving_hub


def hest_files(name: str, folder) -> dict[str, bytes]:
    """Path in the repository → bytes of a sample of 12 spots, 9 with a patch."""
    rng, n = np.random.default_rng(len(name) + int(name[-1])), 12
    adata = AnnData(
        sparse.csr_matrix(rng.poisson(2.0, (n, 5)).astype(np.float32)),
        obs=pd.DataFrame(index=[f"{i:03d}x" for i in range(n)]),
        var=pd.DataFrame(index=list("ABCDE")),
    )
    adata.obsm["spatial"] = rng.uniform(20, 80, (n, 2)).round()
    adata.uns["spatial"] = {"ST": {"images": {}, "scalefactors": {"spot_diameter_fullres": 11.0}}}
    adata.write_h5ad(folder / f"{name}.h5ad")
    patches = io.BytesIO()
    with h5py.File(patches, "w") as file:
        file["img"] = rng.integers(0, 255, (9, 8, 8, 3), dtype=np.uint8)
        file["coords"] = (adata.obsm["spatial"][:9] - 4).astype(int)
        file["barcode"] = adata.obs_names.to_numpy()[:9].astype("S")[:, None]
    return {
        f"st/{name}.h5ad": (folder / f"{name}.h5ad").read_bytes(),
        f"patches/{name}.h5": patches.getvalue(),
        f"metadata/{name}.json": json.dumps({"pixel_size_um_estimated": 0.5, "id": name}).encode(),
        f"wsis/{name}.tif": b"II*\0" + rng.bytes(2000),
    }


@pytest.fixture(scope="session")
def hest_bytes(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("hest")
    return hest_files("MEND145", folder) | hest_files("MEND139", folder)


@pytest.fixture
def hest_hub(hest_bytes, tmp_path, monkeypatch):
    """A hub of two samples of hest-prad; an empty cache, no token, no proxy, no long waits."""
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setattr(settings, "progress", False)
    monkeypatch.setattr(asking, "BACKOFF_S", 0.01)
    for name in ("GENVIZ_DATA", "HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serving_hub(HubServer(dict(hest_bytes))) as state:
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        yield state
