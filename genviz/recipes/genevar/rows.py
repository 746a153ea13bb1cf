"""Rows that a GeneVAR is scored on, beside the rows it was trained on where the data hold them.

What a model has seen it may not be scored on, unless asked for. Shape legend: N rows; H, W pixel rows and columns;
3 RGB; Z width of the condition; D statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz._keys import Layers, Obs, Obsm, Uns
from genviz.io.fetching.manifests import load_manifest
from genviz.io.library import library_of_rows
from genviz.metrics import TissueStandard
from genviz.models.genevar.codec import tile_tokens
from genviz.models.genevar.conditions import conditions, told_by
from genviz.models.genevar.rows import SECTIONS
from genviz.models.genevar.seen import trained_rows
from genviz.models.genevar.tile_windows import windows_of
from genviz.recipes.genevar.jobs import declare_tiles
from genviz.recipes.inputs import load_training_rows
from genviz.recipes.leakage import LeakReport
from genviz.recipes.leaks import leaks_of
from genviz.recipes.seen_by import gate, scored_rows, seen_by_genevar, with_patients

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GeneVAR

HER2ST = "her2st"
MIN_READS = 200
PATIENT_C = ("C2", "C3", "C4", "C5")
MOVED_PX = 16  # of the crop beside the row's own: what a copy from elsewhere in the same spot would be


@dataclass(eq=False)
class Part:
    """Some rows with everything that scores ask of them, measured once.

    Attributes
    ----------
    adata
        Rows with profiles, and tiles or places on slides.
    model
        The model that is scored.
    """

    adata: AnnData
    model: GeneVAR

    @cached_property
    def sections(self) -> NDArray[np.object_]:
        """Section of each row."""
        return np.asarray(library_of_rows(self.adata), object)

    @cached_property
    def tiles(self) -> NDArray[np.uint8]:
        """Real tiles as the model sees them, uint8 (N, H, W, 3)."""
        return self._cut(0)

    @cached_property
    def moved(self) -> NDArray[np.uint8] | None:
        """Tiles 16 px to the right and below; None where stored tiles are too small for that."""
        stored = self.adata.obsm.get(Obsm.TILES)
        size = self.model.config.tokenizer.size_px
        fits = stored is None or (stored.shape[1] - size) // 2 >= MOVED_PX
        return self._cut(MOVED_PX) if fits else None

    def _cut(self, by: int) -> NDArray[np.uint8]:
        size = self.model.config.tokenizer.size_px
        windows = windows_of(self.adata, size, mpp=self.model.setup.mpp, margin_px=by)
        start = (windows.side - size) // 2 + by
        return windows.images_NSS3[:, start : start + size, start : start + size]

    @cached_property
    def tokens(self) -> NDArray[np.int32]:
        """Tokens of the real tiles."""
        return tile_tokens(self.model.fitted, self.adata)

    @cached_property
    def code(self) -> NDArray[np.float32]:
        """Conditions, (N, Z)."""
        return conditions(self.model.fitted, told_by(self.model.fitted, self.adata).profiles)

    @cached_property
    def log_depth(self) -> NDArray[np.float64]:
        """Logarithm of all reads of each row."""
        return np.log(told_by(self.model.fitted, self.adata).profiles.depth_N)

    def __len__(self) -> int:
        return int(self.adata.n_obs)


@dataclass(eq=False)
class Evaluated:
    """What is scored.

    Attributes
    ----------
    held_out
        Rows to score.
    training
        The model's own training rows; None where the data do not hold them.
    leakage
        What the gate found.
    left_out
        What could not be scored, and why.
    """

    held_out: Part
    training: Part | None
    leakage: LeakReport = field(default_factory=LeakReport)
    left_out: list[str] = field(default_factory=list)

    @cached_property
    def standard(self) -> TissueStandard:
        """By the training rows' tiles; without any by the scored rows' own."""
        return TissueStandard.of((self.training or self.held_out).tiles)

    @cached_property
    def real(self) -> NDArray[np.float64]:
        """Standardised statistics (N, D) of the scored rows' real tiles."""
        return self.standard.measure(self.held_out.tiles)

    @cached_property
    def training_real(self) -> NDArray[np.float64] | None:
        """The same of the training rows."""
        return None if self.training is None else self.standard.measure(self.training.tiles)

    def by_training_section(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Values of the training rows, section by section.

        Parameters
        ----------
        values
            One entry a training row.
        """
        if self.training is None:
            return {}
        names = dict.fromkeys(self.training.sections.tolist())
        return {str(name): values[self.training.sections == name] for name in names}


def load_evaluated(
    model: GeneVAR,
    data: str,
    sections: Sequence[str] | None = None,
    *,
    allow_seen: bool = False,
    min_reads: int = MIN_READS,
) -> Evaluated:
    """Rows to score and rows of training.

    Parameters
    ----------
    model
        Trained.
    data
        "her2st", "phantom", or an .h5ad file with counts and tiles or slides.
    sections
        To score; by default all that the model has not seen (of HER2ST among C2 to C5), with `allow_seen` all.
    allow_seen
        Whether rows may be scored that the model has seen: see `genviz.recipes.leaks`.
    min_reads
        Rows with fewer reads are left out everywhere: a profile of three reads is an outlier of the condition, which
        spoils the ridge and with it the bounds.

    Raises
    ------
    UsageError
        For rows that the model has seen, or none to score.
    """
    adata = _with_training_rows(model, data, sections)
    deep_N = _reads(adata) >= min_reads
    if not deep_N.any():
        raise UsageError(
            f"Expected rows with at least {min_reads} reads; the most that one of {data} has is "
            f"{_reads(adata).max():.0f}. Ask for fewer: min_reads."
        )
    adata = adata if deep_N.all() else adata[deep_N].copy()
    declare_tiles(adata, model.setup.mpp)
    labels = np.asarray(library_of_rows(adata), object)
    trained_N, seen = trained_rows(model.fitted, adata), seen_by_genevar(model.fitted, adata)
    if sections is not None:
        chosen_N = np.isin(labels.astype(str), list(sections))
    elif allow_seen:
        chosen_N = np.ones(adata.n_obs, bool)
    else:
        chosen_N = ~leaks_of(*with_patients(scored_rows(adata), seen)).any_N()
    if not chosen_N.any():
        raise UsageError(
            f"Expected sections of {data} that the model was not trained on; there are none (trained on "
            f"{', '.join(model.fitted.facts.get(SECTIONS, []))}). Give other data, or pass --allow-seen "
            "(allow_seen=True): the result says so then."
        )
    leakage = gate(adata[chosen_N], seen, allow_seen=allow_seen)
    training = Part(adata[trained_N].copy(), model) if trained_N.sum() > 1 else None
    held_out = Part(adata[chosen_N].copy(), model)
    found = Evaluated(held_out, training, leakage)
    if not deep_N.all():
        found.left_out.append(f"{int((~deep_N).sum())} rows with fewer than {min_reads} reads")
    if training is None:
        found.left_out.append("floors, ridge bounds and memorisation: the data do not hold the training rows")
    return found


def grid_step(part: Part) -> tuple[float, float]:
    """Lengths of a step of both axes of the grid, in distances of neighbours; 1 where nothing is known.

    Parameters
    ----------
    part
        Rows.
    """
    entry = part.adata.uns.get(Uns.SPATIAL, {}).get(str(part.sections[0]), {})
    step, pitch = entry.get(Uns.GRID_STEP), entry.get(Uns.PITCH)
    if step is None or pitch is None:
        return 1.0, 1.0
    return float(step[0]) / float(pitch), float(step[1]) / float(pitch)


def grid_places(part: Part) -> NDArray[np.float64] | None:
    """Whole numbers (N, 2), places in the grid; None where there is no grid.

    Parameters
    ----------
    part
        Rows.
    """
    if not {Obs.ARRAY_X, Obs.ARRAY_Y} <= set(part.adata.obs):
        return None
    return part.adata.obs[[Obs.ARRAY_X, Obs.ARRAY_Y]].to_numpy(np.float64)


def _reads(adata: AnnData) -> NDArray[np.float64]:
    """All reads of each row; infinite where there are no counts to tell."""
    counts: Any = adata.layers.get(Layers.COUNTS, adata.X)
    if counts is None:
        return np.full(adata.n_obs, np.inf)
    return np.asarray(counts.sum(axis=1), np.float64).ravel()


def _with_training_rows(model: GeneVAR, data: str, sections: Sequence[str] | None) -> AnnData:
    """All rows of a file; of HER2ST the sections asked for and those of training, whose union has all genes."""
    if data == HER2ST:
        known = {section.name for section in load_manifest(HER2ST).sections}
        own = [name for name in model.fitted.facts.get(SECTIONS, []) if name in known]
        return load_training_rows(data, [*dict.fromkeys([*own, *(sections or PATIENT_C)])])
    adata = load_training_rows(data, None)
    there = sorted(set(map(str, library_of_rows(adata))))
    if missing := sorted(set(sections or ()) - set(there)):
        raise UsageError(f"Expected sections of {data} ({', '.join(there)}); got also {', '.join(missing)}.")
    return adata
