"""Records of GeneVAR models, one JSON file a model and seed, and the tables that pages show of them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from genviz._errors import DataError
from genviz.metrics import scores_from_json
from genviz.metrics.tiles.tissue import TISSUE
from genviz.recipes.page_tables import Row, fill_page, markdown

PREFIX = "genevar-"
_ABSENT = "Not measured yet."
_NUCLEI = ("count", "area", "fraction")
_SOURCES = ("real", "generated", "latent", "before", "flow")
_TARGETS = ("depth", "section", "brightness", "haematoxylin")


def record_path(folder: Path, name: str, seed: int) -> Path:
    """File of one record."""
    return folder / f"{name}-{seed}.json"


def read_records(folder: Path) -> dict[str, Row]:
    """Records by model, a run for each seed.

    Raises
    ------
    DataError
        When there are none, or one was made of rows that its model had seen.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*-*.json")):
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document.get("seen"):
            raise DataError(
                f"Expected records of rows that models never saw; {path.name} is of training sections "
                f"({', '.join(document['seen'])}). Remove it."
            )
        runs.setdefault(path.stem.rpartition("-")[0], []).append(scores_from_json(document))
    if not runs:
        raise DataError(
            f"Expected records in {folder}; found none. Run benchmarks/accuracy_genevar.py --model ..."
        )
    return {name: Row(name, tuple(found)) for name, found in runs.items()}


def write_tables(folder: Path, page: Path) -> None:
    """Replace the GeneVAR tables of a page by those of the records."""
    makers = {
        "reconstruction": reconstruction_table, "generation": generation_table, "use": use_table,
        "controls": controls_table, "statistics": statistics_table, "likelihood": likelihood_table,
        "composition": composition_table, "nuisance": nuisance_table,
    }  # fmt: skip
    fill_page(page, {PREFIX + name: partial(maker, folder) for name, maker in makers.items()}, prefix=PREFIX)


def reconstruction_table(folder: Path) -> str:
    """What the tokenizer keeps of tiles it never saw."""
    head = ["model", "seeds", "PSNR, dB (one colour)", "r of statistics", "FD tissue (sections)", "codes used",
            "perplexity", "codes used, last scale"]  # fmt: skip
    body = []
    for row in read_records(folder).values():
        last = _last_scale(row, "usage")
        body.append([
            f"`{row.name}`", str(len(row.runs)), row.beside("psnr", 2), row.cell("reconstruction_r", 2),
            row.beside("reconstruction_fd_tissue", 2), row.cell("usage", 2), row.cell("perplexity", 0),
            row.cell(last, 2) if last else "-",
        ])  # fmt: skip
    return markdown(head, body)


def generation_table(folder: Path) -> str:
    """Distances of generated tiles with their floors, copies, spread."""
    head = ["model", "FD tissue (sections)", "of the floor", "FD halves (real)", "FD features (sections)",
            "KID features (sections)", "tokens unlike training (real)", "moved crop", "spread",
            "spread of coherence"]  # fmt: skip
    body = []
    for row in read_records(folder).values():
        features = next(
            (n for n in row.runs[0] if n.startswith("kid_") and n != "kid_tissue"), "kid_"
        ).removeprefix("kid_")
        body.append([
            f"`{row.name}`", row.beside("fd_tissue", 2), row.cell("fd_tissue_of_floor", 2),
            row.beside("fd_tissue_half", 2), row.beside(f"fd_{features}", 1), row.beside(f"kid_{features}", 2),
            row.beside("hamming", 0), row.cell("hamming_moved", 0), row.cell("spread", 2),
            row.cell("spread_coherence", 2),
        ])  # fmt: skip
    return markdown(head, body)


def use_table(folder: Path) -> str:
    """Correlations beside the bounds of a calibrated sampler, by way of drawing."""
    head = [
        "model",
        "drawn",
        "r single (bound)",
        "share",
        "r of the mean (bound)",
        "share",
        "FD tissue (sections)",
    ]
    ways = {"": "as the model does", "_plain": "without guidance", "_depth_fixed": "depth fixed"}
    body = []
    for row in read_records(folder).values():
        for suffix, told in ways.items():
            if not row.values(f"r_single{suffix}"):
                continue
            body.append([
                f"`{row.name}`", told, row.beside(f"r_single{suffix}"), row.cell(f"r_single_share{suffix}", 2),
                row.beside(f"r_mean{suffix}"), row.cell(f"r_mean_share{suffix}", 2),
                row.beside(f"fd_tissue{suffix}", 2),
            ])  # fmt: skip
    return markdown(head, body)


def controls_table(folder: Path) -> str:
    """What the correlation of the mean is held against."""
    head = ["model", "r of the mean", "95 % interval", "shuffled", "deviations above", "p", "moved: mean", "largest",
            "p", "rank, likelihood", "rank, statistics"]  # fmt: skip
    body = [
        [
            f"`{row.name}`", row.cell("r_mean"), row.interval("r_mean"), row.cell("r_shuffled"),
            row.cell("z_shuffled", 1), row.cell("p_shuffled", 4), row.cell("r_shifted"), row.cell("r_shifted_max"),
            row.cell("p_shifted", 4), row.cell("rank_likelihood"), row.cell("rank_statistics"),
        ]
        for row in read_records(folder).values()
    ]  # fmt: skip
    return markdown(head, body)


def statistics_table(folder: Path) -> str:
    """Each statistic: correlation of the mean of draws beside its bound, the ridge, the spread."""
    body = [
        [
            f"`{row.name}`", name.replace("_", " "), row.beside(f"r_mean_{name}", 2), row.cell(f"rho_{name}", 2),
            row.cell(f"spread_{name}", 2),
        ]
        for row in read_records(folder).values()
        for name in TISSUE
    ]  # fmt: skip
    return markdown(["model", "statistic", "r of the mean (bound)", "ridge", "spread"], body)


def likelihood_table(folder: Path) -> str:
    """Nats a token of real tiles, scale by scale."""
    body = []
    for row in read_records(folder).values():
        scales = [name.removeprefix("nll") for name in row.runs[0] if name.startswith("nll_scale_")]
        for suffix in ["", *scales] if row.values("nll") else []:
            told = f"{suffix.rpartition('_')[2]} x {suffix.rpartition('_')[2]}" if suffix else "all"
            cells = [row.cell(f"nll{way}{suffix}") for way in ("", "_shuffled", "_without")]
            body.append([f"`{row.name}`", told, *cells])
    head = ["model", "scale", "own profile", "another profile", "no profile"]
    return markdown(head, body) if body else _ABSENT


def composition_table(folder: Path) -> str:
    """Nuclei of generated tiles beside real ones."""
    body = [
        [
            f"`{row.name}`", name, row.beside(f"nuclei_{name}", 2), row.beside(f"w1_{name}", 2),
            row.interval(f"w1_{name}", 2),
        ]
        for row in read_records(folder).values()
        for name in _NUCLEI
    ]  # fmt: skip
    return markdown(
        ["model", "nuclei", "mean (real)", "W1, sd of real (sections)", "interval of the first seed"], body
    )


def nuisance_table(folder: Path) -> str:
    """R2 with which depth, section and stain are read."""
    body = [
        [f"`{row.name}`", source, *(row.cell(f"probe_{target}_{source}", 2) for target in _TARGETS)]
        for row in read_records(folder).values()
        for source in _SOURCES
        if row.values(f"probe_depth_{source}")
    ]
    head = ["model", "read from", *_TARGETS]
    return markdown(head, body) if body else _ABSENT


def _last_scale(row: Row, name: str) -> str | None:
    """The score of the finest scale."""
    found = [score for score in row.runs[0] if score.startswith(f"{name}_scale_")]
    return max(found, key=lambda score: int(score.rpartition("_")[2]), default=None)
