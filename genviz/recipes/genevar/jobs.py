"""GeneVAR from files to files: train, generate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz import io, pp
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm
from genviz.io.files.atomic import atomic_write_h5ad
from genviz.io.library import libraries, mpp_of
from genviz.io.slides.of_section import slide_of
from genviz.io.tile_recipe import read_recipe
from genviz.models import GeneVAR
from genviz.models.arguments import check_seed
from genviz.models.genevar.presets import preset as preset_config
from genviz.models.genevar.training.stages import STAGES
from genviz.models.zoo import MODEL_FOLDER
from genviz.recipes.genevar.files import check_rows_out, rows_of
from genviz.recipes.inputs import check_sections, load_training_rows, run_folder

if TYPE_CHECKING:
    from anndata import AnnData

KEY = "genevar"
HER2ST_MPP = 1.38  # two pixels of the scanner
TILES_A_SLIDE = 2000
_TRAIN, _VALIDATION = "train", "val"


def train_genevar(
    data: str,
    *,
    # input
    sections: Sequence[str] | None = None,
    val: str | None = None,
    mpp: float | None = None,
    unpaired: int = TILES_A_SLIDE,
    # model and training
    preset: str = "mini",
    stage: str = "all",
    max_epochs: int | None = None,
    resume: bool = False,
    seed: int = 0,
    device: str = "auto",
    # result
    out: Path,
    **changes: Any,
) -> Path:
    """Train GeneVAR and save it; returns the model's folder, ``out/model``.

    Parameters
    ----------
    data, sections
        "her2st", "phantom", or an .h5ad file with counts and tiles or slides; its sections to train on.
    val
        Section to choose the prior by; it is added to `sections` if it is not among them. Nothing is fitted on it.
    mpp
        Micrometres per pixel of the tiles; default 1.38 for HER2ST, else as the rows say.
    unpaired
        Tiles without a profile that are cut from each training slide, wherever there is tissue; 0: none.
    preset, changes
        See `GeneVAR`.
    stage, max_epochs, resume, seed, device
        See `GeneVAR.train`; single stages are run one after the other in the same folder.
    out
        Run folder.

    Raises
    ------
    UsageError
        For data, sections or a stage that do not exist.
    """
    if stage not in STAGES:
        raise UsageError(f"Expected stage out of {', '.join(STAGES)}; got {stage!r}.")
    check_sections(sections)
    check_seed(seed)
    preset_config(preset, changes)
    with run_folder(out, go_on=resume or stage != "all"):
        wanted = None if sections is None else [*sections, *([val] if val and val not in sections else [])]
        adata = load_training_rows(data, wanted)
        if val is not None:
            mark_validation(adata, val)
        declare_tiles(adata, HER2ST_MPP if mpp is None and data == "her2st" else mpp)
        GeneVAR.setup_anndata(adata)
        model = GeneVAR(adata, preset=preset, **changes)
        others = None
        if unpaired and model.config.prior.unpaired and Obsm.TILES not in adata.obsm:
            others = tiles_of_slides(adata, model, n_tiles=unpaired, seed=seed)
        model.train(
            stage=stage, max_epochs=max_epochs, unpaired=others, seed=seed, device=device,
            out_dir=out, resume=resume,
        )  # fmt: skip
        folder = out / MODEL_FOLDER
        model.save(folder)
        return folder


def generate_genevar(
    model: str,
    *,
    rows: Path,
    out: Path,
    n: int = 1,
    rule: str | None = None,
    impute_missing: bool = False,
    seed: int = 0,
    device: str = "auto",
) -> AnnData:
    """Generate tiles for the profiles of a file, and write them.

    Parameters
    ----------
    model
        Model folder, run folder, or the name of a model in the box.
    rows
        An .h5ad file with profiles.
    out
        The .h5ad file to write.
    n, rule, impute_missing, seed, device
        See `GeneVAR.generate`.

    Raises
    ------
    UsageError
        When `out` is no .h5ad file, or the one that is read.
    """
    check_rows_out(out, rows)
    fitted = GeneVAR.load(model, device=device)
    made = fitted.generate(rows_of(rows), n, seed, rule=rule, impute_missing=impute_missing, key_added=KEY)
    atomic_write_h5ad(made, out)
    return made


def mark_validation(adata: AnnData, section: str) -> None:
    """Mark a section's training rows ``val``; without a split so far all rows are for training.

    Parameters
    ----------
    adata
        Rows, changed in place; those that are marked ``test`` stay so.
    section
        Its name.

    Raises
    ------
    UsageError
        When there is no such section, or no row to train on would be left.
    """
    known = Obs.SPLIT in adata.obs
    split_N = (
        adata.obs[Obs.SPLIT].astype(str).to_numpy(object) if known else np.full(adata.n_obs, _TRAIN, object)
    )
    own_N = (adata.obs[Obs.LIBRARY].astype(str) == section).to_numpy()
    split_N[own_N & (split_N == _TRAIN)] = _VALIDATION
    if not own_N.any() or not (split_N == _TRAIN).any():
        raise UsageError(
            f"Expected val to be one of several sections ({', '.join(libraries(adata))}), of which others are left to "
            f"train on; got {section!r}. Name more sections, or another val."
        )
    adata.obs[Obs.SPLIT] = split_N
    adata.obs[Obs.SPLIT] = adata.obs[Obs.SPLIT].astype("category")


def declare_tiles(adata: AnnData, mpp: float | None) -> None:
    """State the resolution of the rows' tiles, where they are cut from slides.

    Parameters
    ----------
    adata
        Rows, changed in place.
    mpp
        Micrometres per pixel; None leaves what is declared, or the slides' own.
    """
    recipe = read_recipe(adata)
    if Obsm.TILES in adata.obsm or (mpp is None and recipe is not None):
        return
    pp.tile(adata, mpp=mpp)


def tiles_of_slides(adata: AnnData, model: GeneVAR, *, n_tiles: int, seed: int) -> AnnData:
    """Tiles of the training rows' slides, wherever there is tissue, without profiles.

    Parameters
    ----------
    adata
        Rows; of slides that only other rows lie on, nothing is read.
    model
        Says the size and the resolution.
    n_tiles
        Most tiles of a slide.
    seed
        Which of them.
    """
    if Obs.SPLIT in adata.obs:
        adata = adata[(adata.obs[Obs.SPLIT].astype(str) == _TRAIN).to_numpy()]
    size = model.config.tokenizer.size_px
    parts = {}
    for name in libraries(adata):
        own = mpp_of(adata, name)
        part = pp.slide_tiles(
            slide_of(adata, name).path,
            size,
            model.setup.mpp or own,
            slide_mpp=own,
            library=name,
            n_tiles=n_tiles,
            seed=seed,
            overview=False,
        )
        part.obs_names = [f"tile-{row}" for row in part.obs_names]  # spots may have the same places
        parts[name] = part
    return io.concat_sections(parts)
