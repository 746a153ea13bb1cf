"""Perturb genes from files to a file, with a table to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz import tl
from genviz._errors import UsageError
from genviz.io.files.atomic import atomic_write_h5ad
from genviz.models import GeneVAR
from genviz.models.arguments import check_seed
from genviz.recipes.genar.jobs import aligned
from genviz.recipes.genevar.files import check_rows_out, rows_of
from genviz.recipes.genevar.jobs import KEY

if TYPE_CHECKING:
    from anndata import AnnData

_SHOWN = 12
_HEAD = (
    "gene", "dose", "rms", "largest change", "", "least q", "|dz|", "matched", "directions", "ridge", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Perturbed:
    """What was made.

    Attributes
    ----------
    rows
        See `tl.perturb`.
    table
        The strongest effects, to print.
    """

    rows: AnnData
    table: str

    def told(self, out: Path) -> dict[str, Any]:
        """The result as JSON values.

        Parameters
        ----------
        out
            Where the rows are.
        """
        summary = tl.perturbation_summary(self.rows, key=KEY)
        lines = summary.astype(object).where(summary.notna(), None).to_dict("records")
        return {"out": str(out), "n": self.rows.n_obs, "synthetic": True, "effects": lines}


def perturb_genevar(
    model: str,
    *,
    # input
    rows: Path,
    genes: Sequence[str],
    fold: Sequence[float] | None = None,
    absolute: Sequence[float] | None = None,
    together: bool = False,
    max_rows: int | None = None,
    training: Path | None = None,
    impute_missing: bool = False,
    # inference
    n: int = 2,
    controls: int = 4,
    rule: str | None = None,
    seed: int = 0,
    device: str = "auto",
    # result
    out: Path,
) -> Perturbed:
    """Edit genes in the profiles of a file, generate, compare, and write the rows.

    Parameters
    ----------
    model
        Model folder, run folder, or the name of a model in the box.
    rows
        An .h5ad file with profiles, and tiles or slides where a ridge is wanted.
    genes, fold, absolute, together, impute_missing, n, controls, rule, seed
        See `tl.perturb`.
    max_rows
        Most rows to take, at random by the seed; None: all.
    training
        An .h5ad file with the training rows, for the range of values; default what the model keeps of its own.
    device
        Where to compute.
    out
        The .h5ad file to write.

    Raises
    ------
    UsageError
        When `out` is no .h5ad file or one that is read, for fewer than one row, or as `tl.perturb`.
    """
    check_seed(seed)
    if max_rows is not None and max_rows < 1:
        raise UsageError(f"Expected at least one row; got max_rows={max_rows}.")
    check_rows_out(out, rows, training)
    fitted = GeneVAR.load(model, device=device)
    adata = rows_of(rows)
    if max_rows is not None and max_rows < adata.n_obs:
        chosen = np.sort(np.random.default_rng(seed).choice(adata.n_obs, max_rows, replace=False))
        adata = adata[chosen].copy()
    made = tl.perturb(
        fitted, adata, genes, fold=fold, absolute=absolute, together=together, n=n, seed=seed, rule=rule,
        impute_missing=impute_missing, controls=controls,
        training=None if training is None else rows_of(training), key_added=KEY,
    )  # fmt: skip
    atomic_write_h5ad(made, out)
    return Perturbed(made, effects_text(made))


def effects_text(made: AnnData, *, key: str = KEY, n: int = _SHOWN) -> str:
    """The largest effects as a table, with what they stand beside.

    Parameters
    ----------
    made
        From `tl.perturb`.
    key
        Result key.
    n
        Lines.
    """
    summary, facts = tl.perturbation_summary(made, key=key), tl.perturbation_facts(made, key=key)
    lines = [
        (
            line.gene, line.dose, f"{line.rms:.3f}", line.largest, f"{line.largest_change:+.2f}", f"{line.least_q:.2g}",
            f"{line.code_change:.2f}", _number(line.matched_rms_largest), _number(line.direction_rms_largest),
            _number(line.ridge_rms), line.verdict,
        )
        for line in summary.head(n).itertuples()
    ]  # fmt: skip
    more = f"\n{len(summary) - n} smaller effects are in the file." if len(summary) > n else ""
    outside = float((summary[["genes_outside", "codes_outside"]].max(axis=1) > 0).mean())
    return (
        f"{aligned([_HEAD, *lines])}{more}\n"
        f"rms over 14 statistics, in deviations; matched, directions: the largest of {facts['controls']} each. "
        f"Seeds alone move the mean by {facts['seed_noise_rms']:.3f}. {outside:.0%} of the edits leave the range of "
        f"{facts['range']['of']} in some row. Associations in the model, not causes."
    )


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"
