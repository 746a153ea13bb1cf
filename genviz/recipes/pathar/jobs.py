"""PathAR from files to files: train, generate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz import datasets, io
from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Obs, Obsm
from genviz.io.files.atomic import atomic_write_h5ad
from genviz.io.files.output import check_new_folder, check_writable, check_writable_file
from genviz.io.synthetic_pairs import write_image_pairs
from genviz.models import PathAR
from genviz.models.zoo import MODEL_FOLDER
from genviz.recipes.inputs import run_folder

if TYPE_CHECKING:
    from anndata import AnnData

KEY = "pathar"
SETS = ("dsb2018", "phantom")
H5AD = ".h5ad"
_PHANTOM_IMAGES = 12  # of each label; every fourth is for validation


def load_image_rows(data: str) -> AnnData:
    """Images with masks: a data set by name, a folder, an index, or an .h5ad file.

    Parameters
    ----------
    data
        "dsb2018", "phantom", or a path.

    Raises
    ------
    UsageError
        For neither.
    MissingKeyError
        For an .h5ad file without images and masks.
    """
    path = Path(data).expanduser()
    if data == "dsb2018":
        return datasets.dsb2018()
    if data == "phantom":
        adata = datasets.phantom("nuclei", n_images=_PHANTOM_IMAGES)
        order = np.array([int(str(name).rpartition("-")[2]) for name in adata.obs_names])
        adata.obs[Obs.SPLIT] = np.where(order % 4 == 3, "val", "train")
        return adata
    if path.is_dir() or path.suffix.lower() == ".csv":
        return io.read_image_masks(path)
    if not path.is_file():
        raise UsageError(
            f"Expected a data set ({', '.join(SETS)}), a folder, an index.csv or an .h5ad file; got {data!r}. See "
            "`genviz data list`."
        )
    adata = io.read_h5ad(path)
    for slot in (Obsm.TILES, Obsm.MASKS):
        if slot not in adata.obsm:
            raise MissingKeyError(
                f"Expected obsm['{slot}'] in {path}, found {sorted(adata.obsm)}. Write what gv.io.read_image_masks "
                "gives."
            )
    return adata


def train_pathar(
    data: str,
    *,
    out: Path,
    stage: str = "all",
    preset: str = "mini",
    label_key: str = Obs.LABEL,
    organ_key: str | None = None,
    label_weights: Mapping[str, float] | None = None,
    max_epochs: int | None = None,
    resume: bool = False,
    seed: int = 0,
    device: str = "auto",
    **options: Any,
) -> Path:
    """Train PathAR and save it; returns the model's folder, ``out/model``.

    Parameters
    ----------
    data
        See `load_image_rows`; rows with ``split`` other than ``train`` are not trained on.
    out
        Run folder; for ``stage="prior"`` that of the tokenizer.
    stage, preset, label_key, organ_key, label_weights, max_epochs, resume, seed, device, options
        See `PathAR` and `PathAR.train`.
    """
    with run_folder(out, go_on=resume or stage == "prior"):
        adata = load_image_rows(data)
        PathAR.setup_anndata(adata, label_key=label_key, organ_key=organ_key)
        model = PathAR(adata, preset=preset, **options)
        model.train(
            stage=stage, max_epochs=max_epochs, seed=seed, device=device, label_weights=label_weights,
            out_dir=out, resume=resume,
        )  # fmt: skip
        folder = out / MODEL_FOLDER
        model.save(folder)
        return folder


def generate_pathar(
    model: str,
    *,
    out: Path,
    labels: Sequence[str] | None = None,
    organs: Sequence[str] | None = None,
    n: int = 16,
    rule: str | None = None,
    sampler: str = "paired",
    seed: int = 0,
    device: str = "auto",
) -> AnnData:
    """Generate pairs and write them: an .h5ad file, or a folder of PNG files with an index.

    Parameters
    ----------
    model
        Model folder, or the name of a model in the box.
    out
        A name that ends in ``.h5ad``, or a new folder.
    labels
        All of the model's, if left out.
    organs
        One for all labels, or one a label; unknown, if left out.
    n, rule, sampler, seed, device
        See `PathAR.generate`.
    """
    as_file = out.suffix.lower() == H5AD
    if as_file:
        check_writable_file(out)
    else:
        check_new_folder(out)
        check_writable(out)
    fitted = PathAR.load(model, device=device)
    one = organs[0] if organs is not None and len(organs) == 1 else organs
    rows = fitted.generate(
        labels or fitted.labels, n, seed, organs=one, rule=rule, sampler=sampler, key_added=KEY
    )
    if as_file:
        atomic_write_h5ad(rows, out)
    else:
        write_image_pairs(rows, out, key=KEY)
    return rows
