"""Effects of a perturbation as tables: kept in the result as one JSON string, read back as data frames.

Shape legend: N rows, D statistics.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import MissingKeyError
from genviz._keys import Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.metrics.tiles.tissue import TISSUE
from genviz.tl.perturbation.controls import cosine
from genviz.tl.perturbation.paired_tests import false_discovery_rate, rms, sign_flip_p, standard_error
from genviz.tl.perturbation.verdict import share_as_large, verdict

if TYPE_CHECKING:
    from anndata import AnnData

Floats = NDArray[np.float64]

_KINDS = ("control", "matched", "direction")

EFFECTS, SUMMARY, FACTS = "effects", "summary", "facts"


@dataclass(frozen=True)
class Changes:
    """What one set at one dose did.

    Attributes
    ----------
    gene, dose, level
        Name of the set, label and value of the dose.
    n_genes
        Genes that were edited.
    change_ND
        Paired change of each row, its draws averaged, under common random numbers.
    independent_ND
        The same difference with other random numbers on the measured side.
    code_change
        Mean length of the change of the code.
    genes_outside, codes_outside
        Share of the rows outside the range.
    matched, directions
        Mean changes (D,) of the controls.
    ridge_D
        Change that the ridge predicts; None without one.
    """

    gene: str
    dose: str
    level: float
    n_genes: int
    change_ND: Floats
    independent_ND: Floats
    code_change: float
    genes_outside: float
    codes_outside: float
    matched: tuple[Floats, ...] = ()
    directions: tuple[Floats, ...] = ()
    ridge_D: Floats | None = None


def tables_of(found: list[Changes], reference: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A line for each set, dose and statistic, and a line for each set and dose.

    Parameters
    ----------
    found
        Of all sets and doses.
    reference
        Label of the measured dose, which is no test.
    seed
        Of the sign flips.
    """
    effects = _effects_table(found, reference, seed)
    return effects, _summary_table(found, effects, reference)


def _effects_table(found: list[Changes], reference: str, seed: int) -> pd.DataFrame:
    parts = []
    for own in found:
        none_D = np.full(len(TISSUE), np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "gene": own.gene,
                    "dose": own.dose,
                    "level": own.level,
                    "statistic": TISSUE,
                    "change": own.change_ND.mean(axis=0),
                    "se": standard_error(own.change_ND),
                    "p": sign_flip_p(own.change_ND, seed),
                    "q": 1.0,
                    "independent_change": own.independent_ND.mean(axis=0),
                    "independent_se": standard_error(own.independent_ND),
                    "matched_largest": np.abs(own.matched).max(axis=0) if own.matched else none_D,
                    "direction_largest": np.abs(own.directions).max(axis=0) if own.directions else none_D,
                    "ridge_change": none_D if own.ridge_D is None else own.ridge_D,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    tested = (table["dose"] != reference).to_numpy()
    table.loc[tested, "q"] = false_discovery_rate(table.loc[tested, "p"].to_numpy())
    return table


def _summary_table(found: list[Changes], effects: pd.DataFrame, reference: str) -> pd.DataFrame:
    lines = []
    for own in found:
        if own.dose == reference:
            continue
        mean_D = own.change_ND.mean(axis=0)
        of_own = effects[(effects["gene"] == own.gene) & (effects["dose"] == own.dose)]
        largest = int(np.abs(mean_D).argmax())
        matched, directions = ([rms(change_D) for change_D in part] for part in (own.matched, own.directions))
        size, rivals = rms(mean_D), [*matched, *directions]
        lines.append(
            {
                "gene": own.gene,
                "dose": own.dose,
                "level": own.level,
                "n_genes": own.n_genes,
                "rms": size,
                "independent_rms": rms(own.independent_ND.mean(axis=0)),
                "largest": TISSUE[largest],
                "largest_change": float(mean_D[largest]),
                "least_q": float(of_own["q"].min()),
                "code_change": own.code_change,
                "genes_outside": own.genes_outside,
                "codes_outside": own.codes_outside,
                "matched_rms": float(np.median(matched)) if matched else math.nan,
                "matched_rms_largest": max(matched, default=math.nan),
                "direction_rms": float(np.median(directions)) if directions else math.nan,
                "direction_rms_largest": max(directions, default=math.nan),
                "ridge_rms": math.nan if own.ridge_D is None else rms(own.ridge_D),
                "ridge_cosine": math.nan if own.ridge_D is None else cosine(mean_D, own.ridge_D),
                "n_controls": len(rivals),
                "control_p": share_as_large(size, rivals),
                "matched_p": share_as_large(size, matched),
                "direction_p": share_as_large(size, directions),
                "verdict": verdict(size, rivals),
            }
        )
    table = pd.DataFrame(lines)
    for kind in _KINDS if len(table) else ():
        table[f"{kind}_q"] = false_discovery_rate(table[f"{kind}_p"].to_numpy())
    return table


def control_sizes(found: list[Changes], reference: str) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Size (rms) of each control of each set and dose, in the order of the facts' ``matched_sets``.

    Parameters
    ----------
    found
        Of all sets and doses.
    reference
        Label of the measured dose, which has no controls.
    """
    sizes: dict[str, dict[str, dict[str, list[float]]]] = {}
    for own in found:
        if own.dose != reference:
            sizes.setdefault(own.gene, {})[own.dose] = {
                "matched": [rms(change_D) for change_D in own.matched],
                "directions": [rms(change_D) for change_D in own.directions],
            }
    return sizes


def to_json(effects: pd.DataFrame, summary: pd.DataFrame, facts: dict[str, Any]) -> str:
    """Everything as one string; NaN becomes null.

    Parameters
    ----------
    effects, summary
        Tables.
    facts
        JSON values.
    """
    return json.dumps({EFFECTS: _columns(effects), SUMMARY: _columns(summary), FACTS: facts}, allow_nan=False)


def perturbation_effects(adata: AnnData, *, key: str = "genevar") -> pd.DataFrame:
    """Effects of a perturbation: a line for each gene (or set), dose and statistic.

    Parameters
    ----------
    adata
        From `perturb`; reads ``uns["genviz"]["<key>_statistics"]``.
    key
        Result key.

    Returns
    -------
    change, the mean over rows in deviations of the standard; its standard error se, p by sign flips of the rows, and
    q over all tests (Benjamini and Hochberg); independent_change and independent_se, the same difference without common
    random numbers; matched_largest and direction_largest, the largest change of the controls; ridge_change, what a
    straight line through real tiles says. The measured dose is there with changes of 0.

    Raises
    ------
    MissingKeyError
        For rows of another origin.
    """
    return _table(adata, key, EFFECTS)


def perturbation_summary(adata: AnnData, *, key: str = "genevar") -> pd.DataFrame:
    """What each gene (or set) did at each dose over all statistics, beside its controls.

    Parameters
    ----------
    adata
        From `perturb`; reads ``uns["genviz"]["<key>_statistics"]``.
    key
        Result key.

    Returns
    -------
    The largest effects first: rms over the statistics, and independent_rms without common random numbers; the largest
    change; least_q; code_change, the mean length of the change of the code; the shares of rows with an edited gene, or
    a code, outside the range; rms of the controls (median and largest of each kind) and of the ridge's prediction, and
    the cosine with it; control_p, ``(1 + controls with as large an rms) / (1 + controls)``, matched_p and direction_p
    among those of one kind, and control_q, matched_q and direction_q over the lines of the table (Benjamini and
    Hochberg); a verdict that says only whether the rms exceeds that of every control, and says so from 19 controls on:
    with fewer, control_p cannot be .05, and the verdict is how many there are and must be.

    Raises
    ------
    MissingKeyError
        For rows of another origin.
    """
    table = _table(adata, key, SUMMARY)
    return table.sort_values("rms", ascending=False, kind="stable", ignore_index=True)


def perturbation_facts(adata: AnnData, *, key: str = "genevar") -> dict[str, Any]:
    """Everything else that `perturb` keeps: controls and the rms of each, ranges, ridge, standard, seed noise.

    Parameters
    ----------
    adata
        From `perturb`.
    key
        Result key.

    Returns
    -------
    JSON values by name.

    Raises
    ------
    MissingKeyError
        For rows of another origin.
    """
    found: dict[str, Any] = _stored(adata, key)[FACTS]
    return found


def _stored(adata: AnnData, key: str) -> dict[str, Any]:
    check_adata(adata)
    text = adata.uns.get(Uns.GENVIZ, {}).get(Obsm.statistics(key))
    if text is None:
        raise MissingKeyError(
            f"Expected effects in uns['{Uns.GENVIZ}']['{Obsm.statistics(key)}']; there are none. Make them with "
            "gv.tl.perturb(...)."
        )
    stored: dict[str, Any] = json.loads(text)
    return stored


def _table(adata: AnnData, key: str, which: str) -> pd.DataFrame:
    table = pd.DataFrame(_stored(adata, key)[which])
    numbers = [name for name in table if name not in ("gene", "dose", "statistic", "largest", "verdict")]
    for name in numbers:
        table[name] = pd.to_numeric(table[name])  # null becomes NaN
    return table


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {str(name): [plain(value) for value in table[name].tolist()] for name in table}
