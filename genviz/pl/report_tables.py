"""The report's tables, as HTML text."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genviz.metrics import Score

# (metric, heading, what it says, larger is better)
COLUMNS = (
    (
        "pcc_10",
        "PCC-10",
        "mean Pearson correlation of the 10 best predicted genes (chosen on the truth: optimistic)",
        True,
    ),
    ("pcc_50", "PCC-50", "the same over the 50 best", True),
    (
        "pcc_200",
        "PCC-200",
        "mean Pearson correlation over the panel, log2(1+count), constant genes count as 0",
        True,
    ),
    ("mse", "MSE", "mean squared error in log2(1+count)", False),
    ("mae", "MAE", "mean absolute error in log2(1+count)", False),
    ("dn_pcc_200", "depth-norm. PCC-200", "correlation once sequencing depth is divided out", True),
    ("kd_pcc_200", "known-depth PCC-200", "correlation when each spot's true panel total is given", True),
    ("depth_r", "depth r", "correlation of log panel totals", True),
    (
        "coverage_gene",
        "coverage",
        "share of measured counts inside the interval, to be held against its level",
        None,
    ),
    ("joint_nll", "joint NLL", "negative log-likelihood of a spot's whole count vector, nats", False),
)


def score_tables(models: Mapping[str, Mapping[str, Score]]) -> str:
    """One table, a row a model; the best value of each column is bold, intervals are small."""
    columns = [column for column in COLUMNS if any(column[0] in found for found in models.values())]
    best = {metric: _best(models, metric, larger) for metric, _, _, larger in columns if larger is not None}
    head = "".join(f'<th title="{html.escape(text)}">{name}</th>' for _, name, text, _ in columns)
    rows = []
    for model, found in models.items():
        cells = "".join(_cell(metric, found.get(metric), best.get(metric)) for metric, *_ in columns)
        rows.append(f"<tr><th>{html.escape(model)}</th>{cells}</tr>")
    legend = "".join(f"<li><b>{name}</b>: {html.escape(text)}</li>" for _, name, text, _ in columns)
    return (
        f'<section><h2>Scores against baselines</h2><div class="scroll"><table class="scores"><thead><tr><th>model</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<p class="small">Small figures: 95 % bootstrap interval over spots. Bold: best of the column.</p>'
        f'<details><summary>What the columns mean</summary><ul class="small">{legend}</ul></details></section>'
    )


def _best(models: Mapping[str, Mapping[str, Score]], metric: str, larger: bool) -> float | None:
    values = [
        found[metric].value
        for found in models.values()
        if metric in found and found[metric].value == found[metric].value
    ]
    return (max if larger else min)(values) if len(values) > 1 else None  # nothing is best by itself


def _cell(metric: str, score: Score | None, best: float | None) -> str:
    if score is None or score.value != score.value:
        return '<td class="none">–</td>'
    digits = 1 if abs(score.value) >= 100 else 3
    text = f"{score.value:.{digits}f}"
    if best is not None and score.value == best:
        text = f"<b>{text}</b>"
    if score.ci is not None:
        text += f"<small>{score.ci[0]:.{digits}f} – {score.ci[1]:.{digits}f}</small>"
    if metric == "coverage_gene" and score.note:  # says the level that it is to be held against
        text += f"<small>{html.escape(score.note)}</small>"
    return f"<td>{text}</td>"


def provenance_table(provenance: Mapping[str, Any]) -> str:
    """The provenance as a folded table; nested values as JSON."""
    if not provenance:
        return ""
    rows = []
    for name, value in provenance.items():
        text = value if isinstance(value, str) else json.dumps(value)
        rows.append(f"<tr><th>{html.escape(str(name))}</th><td><code>{html.escape(text)}</code></td></tr>")
    return (
        f"<details><summary>Provenance</summary><table class='provenance'>{''.join(rows)}</table></details>"
    )
