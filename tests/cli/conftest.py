"""The command line in this process, and a small synthetic section with a model trained on it."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import pandas as pd
import pytest

import genviz as gv
from genviz.cli import main


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a failure."""
        lines = [line for line in self.err.splitlines() if line.startswith("genviz: ")]
        assert len(lines) == 1, self.err
        assert self.err.rstrip().endswith(lines[0]), f"something follows the message: {self.err}"
        assert "Traceback" not in self.err
        return lines[0]


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command line with words."""
    log = logging.getLogger("genviz")

    def call(*words: object) -> Said:
        log.handlers.clear()  # a handler writes to the standard error of the call that made it
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call


@dataclass(frozen=True)
class Tissue:
    """Files of one synthetic section, and a model trained on it.

    Attributes
    ----------
    rows
        AnnData with counts, features and slide.
    image, spots, counts
        The section as a lab has it.
    model
        A model folder.
    predicted
        A prediction of the section.
    """

    rows: Path
    image: Path
    spots: Path
    counts: Path
    model: Path
    predicted: Path

    def read(self) -> ad.AnnData:
        """The rows, to be changed at will."""
        return ad.read_h5ad(self.rows)


@pytest.fixture(scope="session")
def tissue(tmp_path_factory: pytest.TempPathFactory) -> Tissue:
    """A section of 16 places, embedded once; nothing in it may be changed."""
    home = tmp_path_factory.mktemp("tissue")
    adata = gv.datasets.phantom(
        "spatial", n_sections=1, grid=(4, 4), n_genes=24, mpp=1.0, image_folder=home / "slides"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so little tissue looks odd
        gv.pp.tile(adata)
        gv.pp.embed(adata)
    gv.io.write_h5ad(adata, home / "rows.h5ad")
    spots = adata.obs[["array_x", "array_y"]].set_axis(["x", "y"], axis=1)
    spots["pixel_x"], spots["pixel_y"] = adata.obsm["spatial"].T
    spots.to_csv(home / "spots.tsv", sep="\t", index=False)
    counts = pd.DataFrame(adata.X.toarray().astype(int), adata.obs_names, adata.var_names)
    counts.to_csv(home / "counts.tsv.gz", sep="\t", compression="gzip", index_label="")
    model = gv.models.GenAR
    model.setup_anndata(adata)
    trained = model(adata, preset="nano").train(2, seed=0)
    trained.save(home / "model")
    gv.io.write_h5ad(trained.predict(adata, n_samples=8), home / "predicted.h5ad")
    (image,) = (home / "slides").glob("*.tif")
    return Tissue(
        rows=home / "rows.h5ad",
        image=image,
        spots=home / "spots.tsv",
        counts=home / "counts.tsv.gz",
        model=home / "model",
        predicted=home / "predicted.h5ad",
    )


@pytest.fixture
def model_copy(tissue: Tissue, tmp_path: Path) -> Path:
    """A copy of the model to damage."""
    return Path(shutil.copytree(tissue.model, tmp_path / "model"))


@pytest.fixture
def predict(run: Run, tissue: Tissue, tmp_path: Path) -> Run:
    """`genviz predict genar` into ``out/p.h5ad`` with few samples; options replace the usual ones."""

    def call(**changes: object) -> Said:
        options = {"model": tissue.model, "out": tmp_path / "out" / "p.h5ad", "samples": 4, **changes}
        if "adata" not in options:
            options = {"image": tissue.image, "spots": tissue.spots, **options}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return run("predict", "genar", *words)

    return call


@pytest.fixture
def train(run: Run, tissue: Tissue, tmp_path: Path) -> Run:
    """`genviz train genar` into ``run`` for an epoch; options replace the usual ones."""

    def call(*flags: str, **changes: object) -> Said:
        options = {
            "data": tissue.rows, "preset": "nano", "epochs": 1, "out": tmp_path / "run", **changes
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return run("train", "genar", *words, *flags)

    return call


@pytest.fixture
def nothing_left(tmp_path: Path) -> Callable[..., None]:
    """Asserts that nothing was written to the places of the commands, hidden files included."""

    def check(*names: str) -> None:
        for name in names or ("out", "run"):
            assert not (tmp_path / name).exists(), sorted((tmp_path / name).rglob("*"))

    return check
