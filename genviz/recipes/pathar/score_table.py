"""What of an evaluation is printed: the scores that are promised, a column a label, and what they were taken on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from genviz.metrics import Score
from genviz.recipes.genar.jobs import aligned

PROMISED = (
    "mask_dice", "psnr", "usage_structure", "usage_appearance", "swap_ownership_structure",
    "swap_ownership_appearance", "ce_structure", "ce_appearance",
)  # fmt: skip
_DIGITS = {"psnr": 1}


def score_text(
    scores: Mapping[str, Score], labels: Sequence[str], facts: Mapping[str, int | str], json_file: Path
) -> str:
    """Promised scores of all crops and of each label, with the unigram; how many crops, and where all scores are.

    Parameters
    ----------
    scores
        From `evaluate_pathar`; a promised score that no column has is left out.
    labels
        Columns beside "all".
    facts
        ``n_crops``, ``n_images``, ``n_crops_empty``.
    json_file
        Where all scores are.
    """
    columns = {"all": "", **{label: f"_{label}" for label in labels}}
    table = [["", *columns]]
    for name in PROMISED:
        found = [scores.get(f"{name}{end}") for end in columns.values()]
        if any(found):
            table.append([name, *(_cell(score, _DIGITS.get(name, 3)) for score in found)])
    taken = f"{facts['n_crops']} crops of {facts['n_images']} images, {facts['n_crops_empty']} empty"
    told = f"{taken}; all scores in {json_file}"
    if any("(" in cell for row in table for cell in row):
        told = f"In brackets the unigram of training crops.\n{told}"
    return f"{aligned(table)}\n\n{told}"


def _cell(score: Score | None, digits: int) -> str:
    if score is None or score.value != score.value:
        return "\u2013"
    beside = "" if score.baseline is None else f" ({score.baseline:.{digits}f})"
    return f"{score.value:.{digits}f}{beside}"
