"""The main job from end to end: fit on some sections, predict one that was never seen, score, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genviz import datasets, metrics, pl, pp
from genviz._errors import DownloadError
from genviz._keys import Obs
from genviz._settings import settings
from genviz.io.files.atomic import atomic_write_h5ad, atomic_write_json
from genviz.io.files.output import check_writable
from genviz.models import GenAR, baselines
from genviz.recipes.genar.held_out import attach_counts, without_counts
from genviz.recipes.genar.jobs import aligned

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.metrics import Score

log = logging.getLogger("genviz")

TRAIN_SECTIONS = ("C2", "C3", "C4")
TEST_SECTION = "C5"
KEY = "genar"


@dataclass(frozen=True)
class DemoResult:
    """What the demo left behind.

    Attributes
    ----------
    predicted, metrics, report
        The three files.
    source
        Where the sections came from, one sentence.
    scores
        Model name → scores.
    seconds
        Wall time.
    """

    predicted: Path
    metrics: Path
    report: Path
    source: str
    scores: dict[str, dict[str, Score]]
    seconds: float


def run_demo(out: Path, *, smoke: bool = False, seed: int = 0, device: str = "auto") -> DemoResult:
    """Fit GenAR and every baseline on three sections, predict the fourth, write results and report.

    The test section's counts are read once, after prediction, to score it: gene tree, scaler,
    hyperparameters and the number of epochs are fixed before.

    Parameters
    ----------
    out
        Folder; receives ``predicted.h5ad``, ``metrics.json`` and ``report.html``.
    smoke
        Phantom tissue and the nano preset: checks the machinery in seconds and says nothing about accuracy.
    seed
        Seed of everything.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    check_writable(out / "predicted.h5ad")
    started = time.perf_counter()
    sections, test, source = phantom_sections(seed) if smoke else sections_or_phantom(seed)
    log.info(source)
    pp.split(sections, group_key=Obs.LIBRARY, test=[test])
    pp.tile(sections)
    pp.embed(sections)
    train = sections[sections.obs[Obs.SPLIT] == "train"].copy()
    held_out = sections[sections.obs[Obs.SPLIT] == "test"].copy()

    model = fit(train, preset="nano" if smoke else "mini", seed=seed, device=device)
    predicted = model.predict(without_counts(held_out), seed=seed)
    others = baselines.fit_predict(
        train, without_counts(held_out), genes=list(model.genes), seed=seed, others={KEY: predicted}
    )
    scores = _score(model, held_out, predicted, others)

    out.mkdir(parents=True, exist_ok=True)
    files = out / "predicted.h5ad", out / "metrics.json", out / "report.html"
    measured, _ = attach_counts(predicted, held_out)
    atomic_write_h5ad(measured, files[0])
    atomic_write_json(files[1], metrics_document(scores, source))
    pl.report(measured, files[2], scores=scores, title=f"GenAR on section {test}, never seen in training")
    return DemoResult(*files, source=source, scores=scores, seconds=time.perf_counter() - started)


def sections_or_phantom(seed: int = 0) -> tuple[AnnData, str, str]:
    """The HER2ST demo sections if they can be had, else the phantom.

    Parameters
    ----------
    seed
        Of the phantom; the real sections do not depend on it.

    Returns
    -------
    Rows with counts and slides; the name of the section to hold out; a sentence on where they came from.
    """
    try:
        adata = datasets.her2st([*TRAIN_SECTIONS, TEST_SECTION])
    except DownloadError as err:
        log.warning("The HER2ST sections cannot be had: %s", err)
        return phantom_sections(seed)
    where = "a local copy" if settings.data_dir else "the cache or the public repository"
    pp.select_genes(adata, panel=datasets.panel("genes_genar200"))
    return (
        adata,
        TEST_SECTION,
        f"HER2ST sections {', '.join(TRAIN_SECTIONS)} and {TEST_SECTION}, from {where}.",
    )


def phantom_sections(seed: int = 0) -> tuple[AnnData, str, str]:
    """The synthetic phantom, in the same form."""
    adata = datasets.phantom("spatial", seed=seed)
    names = [str(name) for name in adata.obs[Obs.LIBRARY].astype(str).unique()]
    return adata, names[-1], "Synthetic phantom sections: the figures say nothing about real tissue."


def summary(result: DemoResult) -> str:
    """What a person wants to read when the demo ends."""
    table = metrics.scores_table(result.scores, ["pcc_200", "mse", "dn_pcc_200", "dn_direct_pcc_200"])
    return "\n".join(
        [
            result.source,
            aligned(zip(*table, strict=True)),
            "95 % intervals over spots; dn = depth-normalised. All scores are in metrics.json and in the report.",
            f"Done in {result.seconds:.0f} s. Left behind:",
            f"  {result.report}  (open it in a browser; no network needed)",
            f"  {result.predicted}  (AnnData; gv.io.read_h5ad reads it)",
            f"  {result.metrics}",
            *ways_on(result.predicted),
        ]
    )


def ways_on(predicted: Path) -> list[str]:
    """How to open a prediction in JupyterLab and in napari, as lines to be copied."""
    place = predicted.absolute()
    return [
        "In JupyterLab (pip install 'genviz[notebook]'): run `genviz lab`, then in a notebook",
        f'  import genviz as gv; gv.widgets.SlideView(gv.io.read_h5ad("{place.as_posix()}"))',
        "In napari (pip install 'genviz[napari]'):",
        f'  napari "{place}" -w genviz',
    ]


def fit(train: AnnData, *, preset: str, seed: int, device: str) -> GenAR:
    """GenAR on the rows given, with the preset's fixed number of epochs."""
    GenAR.setup_anndata(train)
    model = GenAR(train, preset=preset)
    model.train(seed=seed, device=device)
    return model


def _score(
    model: GenAR, held_out: AnnData, predicted: AnnData, others: Mapping[str, AnnData]
) -> dict[str, dict[str, Score]]:
    """Scores of every model in every view; ridge is the baseline that stands beside each."""
    genes = list(model.genes)
    ridge = metrics.expression(held_out, others["ridge"], key="ridge", genes=genes)
    scores = {
        KEY: metrics.expression(
            held_out,
            predicted,
            key=KEY,
            genes=genes,
            baseline=ridge,
            log_likelihood=model.log_likelihood(held_out),
            pit=model.pit(held_out),
        )
    }
    for name, result in others.items():
        scores[name] = metrics.expression(held_out, result, key=name, genes=genes, baseline=ridge)
    return scores


def metrics_document(scores: Mapping[str, Mapping[str, Score]], source: str) -> dict[str, object]:
    """Scores of several models in one flat document: GenAR's by name, others as ``<model>.<score>``."""
    flat: dict[str, Score] = {}
    for model, found in scores.items():
        flat |= {name if model == KEY else f"{model}.{name}": score for name, score in found.items()}
    return metrics.scores_to_json(flat) | {"source": source}
