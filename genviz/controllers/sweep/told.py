"""A sweep in plain values, for any front end: its frame, each dose when it is complete, and a whole run.

Shape legend: N rows, D doses, n draws, H x W pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz._keys import Obs, Obsm
from genviz.controllers.sweep.controller import SweepRun, finite
from genviz.core.counts import first_names
from genviz.metrics.tiles.tissue import TISSUE
from genviz.tl.perturbation.tables import (
    perturbation_effects,
    perturbation_facts,
    perturbation_summary,
    tables_of,
)
from genviz.tl.perturbation.verdict import what_controls_can_say

if TYPE_CHECKING:
    from genviz.tl.perturbation.under_way import Perturbing, Step

STATISTICS = {
    "red": "mean red of the tile",
    "green": "mean green of the tile",
    "blue": "mean blue of the tile",
    "haematoxylin": "mean amount of haematoxylin, the blue-violet stain of nuclei",
    "eosin": "mean amount of eosin, the pink stain of everything else",
    "haematoxylin_sd": "how unevenly haematoxylin lies in the tile",
    "nuclear_fraction": "share of the tile that is nuclei",
    "nuclear_count": "number of nuclei",
    "nuclear_size": "mean size of a nucleus",
    "white_fraction": "share of the tile that is bare glass or lumen",
    "laplacian": "sharpness of fine detail",
    "gradient": "strength of edges",
    "low_frequency_sd": "contrast of large patches",
    "coherence": "how much edges run in one direction, as fibres do",
}
_EFFECTS = (
    "change", "se", "p", "q", "independent_se", "matched_largest", "direction_largest", "ridge_change",
)  # fmt: skip
_LINE = (
    "rms", "largest", "largest_change", "least_q", "genes_outside", "codes_outside",
    "matched_rms_largest", "direction_rms_largest", "control_p", "n_controls", "verdict",
)  # fmt: skip


def frame_of(under_way: Perturbing) -> dict[str, Any]:
    """What a run will be made of.

    Parameters
    ----------
    under_way
        A checked request.
    """
    doses = under_way.doses
    return {
        "sets": [
            {"name": own.name, "genes": list(own.genes), "unused": list(own.unused)} for own in under_way.sets
        ],
        "doses": [doses.label(level) for level in doses.levels],
        "reference": doses.measured,
        "rows": [str(name) for name in under_way.adata.obs_names],
        "n": under_way.draw.n,
        "total": under_way.n_tiles,
    }


def dose_of(under_way: Perturbing, step: Step) -> dict[str, Any] | None:
    """What a step completed, for the curves and the table; q must wait for all tests.

    Parameters
    ----------
    under_way, step
        The run and its step.
    """
    if step.changes is None:
        return None
    effects, summary = tables_of([step.changes], under_way.doses.measured, under_way.draw.seed)
    told = _dose(effects.drop(columns="q"), None if summary.empty else summary.iloc[0])
    if told["line"] is not None:
        told["line"]["least_q"] = None
    if step.part is not None:
        told["outside"] = {
            "genes": np.flatnonzero(step.part.genes_outside_N).tolist(),
            "codes": np.flatnonzero(step.part.codes_outside_N).tolist(),
        }
    return told


def run_of(run: SweepRun, key: str) -> dict[str, Any]:
    """A whole run: its frame, all doses, and what they are held against.

    Parameters
    ----------
    run
        The run.
    key
        Result key.
    """
    made, facts = run.result, perturbation_facts(run.result, key=key)
    effects, summary = perturbation_effects(made, key=key), perturbation_summary(made, key=key)
    sets = list(facts["sets"])
    labels = [str(label) for label in made.obs[Obs.DOSE_LABEL].cat.categories]
    first = made.obs[Obs.DRAW] == 0
    rows = list(dict.fromkeys(made.obs[Obs.SOURCE].astype(str)))
    doses = []
    for gene in sets:
        for label in labels:
            own = effects[(effects["gene"] == gene) & (effects["dose"] == label)]
            if own.empty:
                continue
            line = summary[(summary["gene"] == gene) & (summary["dose"] == label)]
            told = _dose(own, None if line.empty else line.iloc[0])
            part = made.obs[first & (made.obs[Obs.GENE] == gene) & (made.obs[Obs.DOSE_LABEL] == label)]
            told["outside"] = {
                "genes": np.flatnonzero(part[Obs.GENE_OUT_OF_RANGE]).tolist(),
                "codes": np.flatnonzero(part[Obs.CODE_OUT_OF_RANGE]).tolist(),
            }
            doses.append(told)
    reference = "x1" if facts["doses"]["kind"] == "fold" else "measured"
    return {
        "frame": {
            "sets": [{"name": name, **own} for name, own in facts["sets"].items()],
            "doses": _in_order(labels, facts["doses"]["levels"], reference),
            "reference": reference,
            "rows": rows,
            "n": int(made.obs[Obs.DRAW].max()) + 1,
            "total": 0,
        },
        "doses": doses,
        "stopped": run.stopped,
        "held": held_against(facts, len(rows)),
    }


def tiles_of(run: SweepRun, gene: str, key: str) -> tuple[list[str], NDArray[np.uint8]]:
    """Doses and tiles of a gene (or set), (D, N, n, H, W, 3).

    Parameters
    ----------
    run, key
        The run and its result key.
    gene
        Which.

    Raises
    ------
    UsageError
        For a gene that is not in the run.
    """
    obs = run.result.obs
    known = list(dict.fromkeys(obs[Obs.GENE].astype(str)))
    if gene not in known:
        raise UsageError(f"Expected a gene of the run, {first_names(known, 8)}; got {gene!r}.")
    own = np.flatnonzero(obs[Obs.GENE] == gene)
    labels = list(dict.fromkeys(obs[Obs.DOSE_LABEL].iloc[own].astype(str)))
    n = int(obs[Obs.DRAW].max()) + 1
    tiles = np.asarray(run.result.obsm[Obsm.image(key)])[own]
    return labels, tiles.reshape(len(labels), -1, n, *tiles.shape[1:])


def held_against(facts: dict[str, Any], n_rows: int) -> list[str]:
    """What effects are held against, in sentences.

    Parameters
    ----------
    facts
        From `perturbation_facts`.
    n_rows
        Rows of the run.
    """
    said = ["Doses of a row share their random numbers, so a difference between tiles of a row is the edit."]
    if facts["controls"]:
        said.append(
            f"Each effect stands beside {facts['controls']} other gene sets of like expression at the same dose, and "
            f"{facts['controls']} random steps of the profile's code that are as long."
        )
        if lone := [name for name, drawn in facts["matched_sets"].items() if not drawn]:
            said.append(
                f"Too few other genes are left to match {first_names(lone)}: beside it stand random steps alone."
            )
    said.append(what_controls_can_say(facts["controls"]))
    said.append(f"The range that values can lie out of is that of {facts['range']['of']}.")
    if absent := facts["ridge"].get("absent"):
        said.append(f"No straight-line prediction from real tiles: {absent}.")
    if n_rows < 6:
        said.append(f"With {n_rows} rows p cannot be less than {2.0 ** (1 - n_rows):.2g}: take more rows.")
    said.append(
        "All of it is about the model, and correlational: it does not say what a drug or a mutation does."
    )
    if "stopped" in facts:
        said.insert(0, "Stopped: only complete doses are here; BH-adjusted p count these alone.")
    return said


def _dose(effects: pd.DataFrame, line: pd.Series | None) -> dict[str, Any]:
    ordered = effects.set_index("statistic").loc[list(TISSUE)]
    return {
        "gene": str(ordered["gene"].iloc[0]),
        "dose": str(ordered["dose"].iloc[0]),
        "effects": {name: [finite(v) for v in ordered[name]] for name in _EFFECTS if name in ordered},
        "line": None if line is None else {name: _plain(line[name]) for name in _LINE},
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else finite(float(value))


def _in_order(labels: list[str], levels: list[float | None], reference: str) -> list[str]:
    """Labels in the order of the doses; a stopped run may have found them in another."""
    sign = "=" if reference == "measured" else "x"
    full = [reference if level is None else f"{sign}{level:g}" for level in levels]
    return [label for label in full if label in labels]
