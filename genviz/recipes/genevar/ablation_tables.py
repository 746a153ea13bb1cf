"""Tables of GeneVAR's ablations, made of the records in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

from genviz._errors import DataError
from genviz.metrics import Score, scores_from_json
from genviz.recipes.genevar.ablations import REFERENCE
from genviz.recipes.page_tables import Row, fill_page, markdown

PREFIX = "genevar_ablation-"  # no family of "genevar-", whose tables are of whole models
_ABSENT = "Not measured yet."
_TOLD = {
    "a1_mf": "MeanFlow without RNA",
    "a2_mf_rna": "with RNA",
    "a3_mf_ci": "with counterfactuals",
    "a4_rcm": "with both (r-CM)",
    "c1_var": "next-scale prior alone",
    "c2_vit": "regression instead of a flow, target `prev`",
    "c3_fm": "flow matching, 5 steps",
    "c4_rcm": "r-CM, one step",
    "f1_none": "none",
    "f2_random": "random, as many kept",
    "f3_edist": "E-distance",
    "f4_grad": "gradient",
    "x_input_rk": "r_k",
    "x_input_fhat": "the flow's prediction",
    "x_input_both": "both",
}
_FAMILIES = {
    "5a": ("a1_mf", "a2_mf_rna", "a3_mf_ci", "a4_rcm"),
    "5c": ("c1_var", "c2_vit", "c3_fm", "c4_rcm"),
    "5f": ("f1_none", "f2_random", "f3_edist", "f4_grad"),
    "input": ("f1_none", "x_input_rk", "x_input_fhat", "x_input_both"),
}
_BESIDE = {"5a": "a4_rcm", "5c": "c1_var", "5f": "f2_random", "input": "x_input_rk"}
_TARGETS = {"oracle": "x_train_oracle", "self": "x_train_self", "prev": "x_train_prev"}
_SHOWN = ("self", "prev", "ones", "random")
_FLOWS = ("a1_mf", "a2_mf_rna", "a3_mf_ci", "a4_rcm", "c2_vit", "c3_fm")

Runs = Mapping[str, Mapping[int, Mapping[str, Score]]]


def read_runs(folder: Path) -> dict[str, dict[int, dict[str, Score]]]:
    """Scores by every name of a run and by seed.

    Parameters
    ----------
    folder
        Of the records.

    Raises
    ------
    DataError
        When there are none, or records of several settings.
    """
    found: dict[str, dict[int, dict[str, Score]]] = {}
    settings = set()
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        settings.add(document["setting"])
        for label in document["labels"]:
            found.setdefault(label, {})[int(document["seed"])] = scores_from_json(document)
    if len(settings) != 1:
        raise DataError(
            f"Expected records of one setting in {folder}; found {len(settings)}. Run "
            "benchmarks/ablations_genevar.py with a folder of its own."
        )
    return found


def write_tables(folder: Path, page: Path) -> None:
    """Replace the ablation tables of a page by those of the records.

    Parameters
    ----------
    folder
        Of the records.
    page
        Markdown with markers ``genevar_ablation-...``.
    """
    runs = read_runs(folder)
    tables: dict[str, Callable[[], str]] = {
        PREFIX + name: partial(family_table, runs, name) for name in _FAMILIES
    }
    makers = {"reference": reference_table, "flow": flow_table, "maps": maps_table, "target": target_table}
    tables |= {PREFIX + name: partial(maker, runs) for name, maker in makers.items()}
    fill_page(page, tables, prefix=PREFIX)


def reference_table(runs: Runs) -> str:
    """What stands beside every FD and r."""
    row = _row(runs, REFERENCE)
    if row is None:
        return _ABSENT
    body = [["the tokenizer's own tiles", row.cell("fd", 2), row.cell("r", 2)]]
    body += [
        [f"real tiles of {name[3:]}", row.cell(name, 2), ""] for name in row.runs[0] if name[:3] == "fd_"
    ]
    return markdown(["tiles", "FD", "r"], body)


def family_table(runs: Runs, family: str) -> str:
    """Likelihoods and generated tiles of one table of the paper.

    Parameters
    ----------
    runs
        From `read_runs`.
    family
        Its name.
    """
    beside = _BESIDE[family]
    head = ["", "run", "NLL", "bound", "finest scale", "without profile", f"NLL above `{beside}`", "FD", "r"]
    body = []
    for name in _FAMILIES[family]:
        if (row := _row(runs, name)) is None:
            continue
        last = max((key for key in row.runs[0] if key[4:].isdigit()), key=lambda key: int(key[4:]))
        body.append([
            _TOLD[name], f"`{name}`", row.cell("nll"), row.cell("nll_bound"), row.cell(last), row.cell("nll_null"),
            _above(runs, name, beside), row.cell("fd", 2), row.cell("r", 3),
        ])  # fmt: skip
    return markdown(head, body) if body else _ABSENT


def target_table(runs: Runs) -> str:
    """Targets of the masks in training, and masks in sampling."""
    body = []
    for target, name in _TARGETS.items():
        if (row := _row(runs, name)) is None:
            continue
        for shown in _SHOWN:
            cells = [
                row.cell(f"{score}@{shown}", digits)
                for score, digits in (("nll", 3), ("nll_bound", 3), ("fd", 2), ("r", 3))
            ]
            body.append([f"`{target}`", f"`{shown}`", *cells])
        if row.values("nll_leaky"):
            body.append(
                [f"`{target}`", "the target's own, as in training", row.cell("nll_leaky"), "", "", ""]
            )
    return markdown(["trained with", "asked with", "NLL", "bound", "FD", "r"], body) if body else _ABSENT


def flow_table(runs: Runs) -> str:
    """Errors of the flows beside that of copying."""
    body = []
    for name in _FLOWS:
        if (row := _row(runs, name)) is None:
            continue
        copy = row.baseline("flow_mean")
        cells = [row.cell(f"flow_{score}") for score in ("single", "mean", "shuffled")]
        body.append([_TOLD[name], f"`{name}`", "-" if copy is None else f"{copy:.3f}", *cells])
        if row.values("flow_mean_25"):
            cells = [row.cell(f"flow_{score}_25") for score in ("single", "mean")]
            body.append(["the same in 25 steps", f"`{name}`", f"{copy:.3f}", *cells, ""])
    head = ["flow", "run", "copy", "one draw", "mean of 8", "mean of 8, other profiles"]
    return markdown(head, body) if body else _ABSENT


def maps_table(runs: Runs) -> str:
    """Rank correlations of maps with the one that knows the target."""
    names = ("oracle", "self", "prev", "edist", "edist_self", "single_oracle", "single_edist")
    body = []
    for name in _FLOWS:
        if (row := _row(runs, name)) is not None:
            body.append([_TOLD[name], f"`{name}`", *(row.cell(f"map_{one}", 2) for one in names)])
    head = ["flow", "run", "itself, other draws", "`self`", "`prev`", "error with the target",
            "error with `self`", "one draw: itself", "one draw: error with the target"]  # fmt: skip
    return markdown(head, body) if body else _ABSENT


def _row(runs: Runs, name: str) -> Row | None:
    found = runs.get(name)
    return None if not found else Row(name, tuple(dict(found[seed]) for seed in sorted(found)))


def _above(runs: Runs, name: str, other: str) -> str:
    """Difference of the NLL to another run, of the same seeds."""
    first, second = runs.get(name, {}), runs.get(other, {})
    if name == other or not (seeds := sorted(set(first) & set(second))):
        return ""
    found = [first[seed]["nll"].value - second[seed]["nll"].value for seed in seeds]
    spread = f" ± {stdev(found):.3f}" if len(found) > 1 else ""
    return f"{fmean(found):+.3f}{spread}"
