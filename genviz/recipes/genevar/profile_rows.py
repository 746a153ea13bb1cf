"""Rows with a profile and a tile that GeneVAR's recipes read: those to train on, and those held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz import datasets, io, pp
from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.core.keyed import row_key
from genviz.recipes.data_files import PHANTOM
from genviz.recipes.genevar.jobs import HER2ST_MPP, declare_tiles
from genviz.recipes.inputs import load_training_rows

if TYPE_CHECKING:
    from anndata import AnnData

TCGA = "tcga-"
TCGA_MPP = 0.5
_HER2ST = "her2st"
_KNOWN = {
    PHANTOM: {"name", "n_profiles", "tiles_per_profile", "n_genes", "mpp", "size_px"},
    TCGA: {"name", "cohorts", "n_tiles", "held_share", "beside"},
    "": {"name", "sections", "held", "mpp"},
}
_EVERY = 4  # of the phantom's profiles one is held out
_HELD_SHARE = 0.1


def rows_of(data: Mapping[str, Any], size_px: int) -> tuple[AnnData, AnnData]:
    """Training rows and held-out rows; no patient (of sections: no section) is in both.

    Parameters
    ----------
    data
        ``name``: ``phantom`` (bulk profiles; ``n_profiles``, ``tiles_per_profile``, ``n_genes``, ``mpp``,
        ``size_px``), of which every fourth profile is held out; ``tcga-...`` (``cohorts`` to read together, ``n_tiles``
        of a profile, ``held_share`` of each cohort's patients; ``beside``, data sets that are read elsewhere); else a
        data set or .h5ad file with ``sections`` and those ``held`` out of them, ``mpp`` of their tiles.
    size_px
        Side of a tile as it is cut, margins included.

    Raises
    ------
    UsageError
        For an unknown entry, or held-out sections that are not among the sections.
    DownloadError, DataError
        When the data are not here.
    """
    name = str(data["name"])
    kind = TCGA if name.startswith(TCGA) else PHANTOM if name == PHANTOM else ""
    if unknown := sorted(set(data) - _KNOWN[kind]):
        raise UsageError(f"Expected data of {', '.join(sorted(_KNOWN[kind]))}; got {', '.join(unknown)}.")
    if kind == PHANTOM:
        return _parted(*_phantom(data, size_px))
    return _parted(*_bulk(data, size_px)) if kind == TCGA else _sections(data)


def evenly(adata: AnnData, n: int) -> AnnData:
    """At most `n` rows, evenly spaced; 0: all.

    Parameters
    ----------
    adata
        Rows.
    n
        How many.
    """
    if not n or adata.n_obs <= n:
        return adata
    return adata[np.linspace(0, adata.n_obs - 1, n).astype(int)].copy()


def _parted(adata: AnnData, held_N: NDArray[np.bool_]) -> tuple[AnnData, AnnData]:
    if held_N.all() or not held_N.any():
        raise DataError(
            f"Expected rows to train on and rows held out; got {int((~held_N).sum())} and {int(held_N.sum())}. Read "
            "more profiles."
        )
    return adata[~held_N].copy(), adata[held_N].copy()


def _phantom(data: Mapping[str, Any], size_px: int) -> tuple[AnnData, NDArray[np.bool_]]:
    adata = datasets.phantom(
        "bulk",
        n_profiles=int(data.get("n_profiles", 24)),
        tiles_per_profile=int(data.get("tiles_per_profile", 3)),
        n_genes=int(data.get("n_genes", 80)),
        size_px=int(data.get("size_px", size_px)),
        mpp=float(data.get("mpp", 1.4)),
    )
    number_N = np.array([int(name[1:]) for name in adata.obs[Obs.SOURCE].astype(str)])
    return adata, number_N % _EVERY == 0


def _sections(data: Mapping[str, Any]) -> tuple[AnnData, AnnData]:
    """Training sections and held-out ones, each read by itself, as a model would meet them."""
    name, sections, held = str(data["name"]), list(data["sections"]), list(data["held"])
    if missing := sorted(set(held) - set(sections)):
        raise UsageError(f"Expected held-out sections among {', '.join(sections)}; got {', '.join(missing)}.")
    parts = [
        load_training_rows(name, [one for one in sections if (one in held) == own]) for own in (False, True)
    ]
    for part in parts:
        declare_tiles(part, data.get("mpp", HER2ST_MPP if name == _HER2ST else None))
    return parts[0], parts[1]


def _bulk(data: Mapping[str, Any], size_px: int) -> tuple[AnnData, NDArray[np.bool_]]:
    """Profiles of cohorts with tiles of their diagnostic slides that are on this machine."""
    cohorts: Sequence[str] = data.get("cohorts", [data["name"]])
    profiles = {}
    for cohort in cohorts:
        (found,) = datasets.fetch(cohort).values()
        profiles[cohort] = io.read_gdc(
            found["folder"], sheet=found["sheet"], sample_types=["Primary Tumor"], repeats="deepest"
        )
    paired = []
    for cohort, own in profiles.items():
        slides = io.slide_pairs(own)
        if not ((slides["slide_type"] == "diagnostic") & (slides["path"] != "")).any():
            raise DataError(
                f"Expected slides of {cohort}; none is on this machine. Run `genviz data fetch {cohort} --roles "
                "profiles,slides` (about a gigabyte a slide)."
            )
        tiles = pp.profile_tiles(own, size_px, TCGA_MPP, n_tiles=int(data.get("n_tiles", 50)), seed=0)
        paired.append(pp.pair_profiles(tiles, own))
    adata = paired[0] if len(paired) == 1 else io.concat_sections(dict(zip(cohorts, paired, strict=True)))
    return adata, _held_patients(adata, float(data.get("held_share", _HELD_SHARE)))


def _held_patients(adata: AnnData, share: float) -> NDArray[np.bool_]:
    """Rows of a keyed share of each cohort's patients."""
    patient_N, cohort_N = (adata.obs[key].astype(str).to_numpy() for key in (Obs.PATIENT, Obs.PROJECT))
    held: set[str] = set()
    for cohort in np.unique(cohort_N):
        names = sorted(set(patient_N[cohort_N == cohort]), key=lambda name: row_key(0, "", name, "held out"))
        held |= set(names[: max(1, round(share * len(names)))])
    return np.isin(patient_N, sorted(held))
