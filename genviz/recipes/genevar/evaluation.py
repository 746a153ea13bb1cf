"""Scores of a trained GeneVAR on sections it never saw: reconstruction, distances, use of profiles, copies, nuclei."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genviz import metrics
from genviz._errors import UsageError
from genviz.features.encoder import Encoder
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import check_writable_file
from genviz.metrics.cells.composition import Segment
from genviz.metrics.score import Score
from genviz.metrics.tiles.extractors import extractor_names
from genviz.models import GeneVAR
from genviz.models.arguments import check_number, check_seed
from genviz.models.genevar.generating import rule_of
from genviz.models.genevar.rows import SECTIONS
from genviz.models.genevar.tile_bar import one_bar
from genviz.recipes.genar.jobs import aligned
from genviz.recipes.genevar.draws import draw
from genviz.recipes.genevar.fidelity import copy_scores, distance_scores, look_scores, reconstruction_scores
from genviz.recipes.genevar.files import check_kept
from genviz.recipes.genevar.jobs import KEY
from genviz.recipes.genevar.nuisance import nuisance_scores
from genviz.recipes.genevar.rows import MIN_READS, Evaluated, load_evaluated
from genviz.recipes.genevar.use import RETRIEVED, likelihood_scores, use_scores, variant_scores
from genviz.recipes.inputs import check_sections
from genviz.recipes.leakage import LEAKAGE

EXTRACTOR = "morphology"
_LEAST = 10  # rows: on fewer, nothing here means anything


def evaluate_genevar(
    model: str,
    data: str,
    json_file: Path,
    *,
    # input
    sections: Sequence[str] | None = None,
    allow_seen: bool = False,
    min_reads: int = MIN_READS,
    # method
    n: int = 8,
    rule: str | None = None,
    extractor: str | Encoder = EXTRACTOR,
    segment: Segment | None = None,
    n_retrieved: int = RETRIEVED,
    seed: int = 0,
    device: str = "auto",
) -> str:
    """Score a model on sections; writes JSON, returns a table to print.

    Parameters
    ----------
    model
        Model folder, run folder, or the name of a model in the box.
    data
        "her2st", "phantom", or an .h5ad file with counts and tiles or slides. Floors, bounds and the look for copies
        need the model's own training rows: where the data do not hold them they are left out, and the JSON says so.
    json_file
        Receives the scores in the schema of `metrics.scores_to_json`, with sections, the stamp of the gate under
        ``leakage``, and what was left out.
    sections
        To score; by default those that the model has not seen, with `allow_seen` all.
    allow_seen
        Whether rows may be scored that the model, or its condition, has seen; stamped.
    min_reads
        Rows with fewer reads are left out, of training rows too.
    n
        Draws a row.
    rule
        See `GeneVAR.generate`.
    extractor
        Also measures Fréchet distance and KID: see `metrics.images`.
    segment
        Finds nuclei, the same in all tiles; by default haematoxylin above the training tiles' Otsu threshold.
    n_retrieved
        Most rows among which a tile's own profile is looked for by likelihood; time grows with the square, below 2 it
        is left out.
    seed
        Of draws, subsets and intervals.
    device
        Where to compute.

    Raises
    ------
    UsageError
        For rows that were seen, sections that do not exist, or too few rows.
    """
    check_sections(sections)
    check_kept(json_file, Path(data))
    check_writable_file(json_file)
    check_number("n", n), check_seed(seed)
    fitted = GeneVAR.load(model, device=device)
    drawn_by = rule_of(fitted.fitted, rule)
    if isinstance(extractor, str) and extractor not in extractor_names():
        raise UsageError(f"Expected an extractor of {', '.join(extractor_names())}; got {extractor!r}.")
    case = load_evaluated(fitted, data, sections, allow_seen=allow_seen, min_reads=min_reads)
    if len(case.held_out) < _LEAST:
        raise UsageError(f"Expected at least {_LEAST} rows to score; got {len(case.held_out)}. Give more.")
    scores = all_scores(
        case, n, seed, rule=rule, extractor=extractor, segment=segment, n_retrieved=n_retrieved, device=device
    )
    atomic_write_json(
        json_file,
        metrics.scores_to_json(scores) | facts_of(case, data, n, seed, drawn_by),
    )
    return aligned(metrics.scores_table({KEY: scores}))


def all_scores(
    case: Evaluated,
    n: int,
    seed: int,
    *,
    rule: str | None = None,
    extractor: str | Encoder = EXTRACTOR,
    segment: Segment | None = None,
    n_retrieved: int = RETRIEVED,
    device: str = "auto",
) -> dict[str, Score]:
    """Everything that is measured of loaded rows; see `evaluate_genevar`."""
    with one_bar(None):
        scores = reconstruction_scores(case, seed)
        draws = draw(case.held_out, case.standard, n, seed, rule=rule)
        scores |= use_scores(case, draws, seed)
        scores |= variant_scores(case, n, seed)
        scores |= distance_scores(case, draws, seed, extractor=extractor, device=device)
        scores |= look_scores(case, draws, seed, segment=segment)
        scores |= copy_scores(case, draws, seed)
        scores |= likelihood_scores(case, seed, n_retrieved)
        return scores | nuisance_scores(case, seed)


def facts_of(case: Evaluated, data: str, n: int, seed: int, rule: Any) -> dict[str, Any]:
    """What a record says beside the scores."""
    part, fitted = case.held_out, case.held_out.model.fitted
    return {
        "data": data,
        "sections": sorted({str(name) for name in part.sections}),
        "sections_of_training": list(fitted.facts.get(SECTIONS, [])),
        "seen": case.leakage.sections,
        LEAKAGE: case.leakage.stamp(),
        "n_rows": len(part),
        "n_draws": n,
        "n_training_rows": 0 if case.training is None else len(case.training),
        "seed": seed,
        "training_seed": fitted.facts.get("seed"),
        "rule": asdict(rule),
        "standard": case.standard.to_dict(),
        "left_out": case.left_out,
        "checkpoint_sha256": fitted.sha256 or "",
    }
