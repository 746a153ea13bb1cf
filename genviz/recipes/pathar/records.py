"""Everything that is measured of a PathAR model, as one JSON record, and the tables of several records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from genviz._errors import DataError
from genviz.io.files.atomic import atomic_write_json
from genviz.metrics import Score, scores_from_json, scores_to_json
from genviz.recipes.page_tables import Row, fill_page, markdown

PREFIX = "pathar-"
PARTS = ("tokenizer", "pairs", "use")
FEW = "few"
_ABSENT = "Not measured yet."


def write_record(folder: Path, name: str, seed: int, part: str, scores: Mapping[str, Score]) -> Path:
    """Write one part of what was measured of one model: ``<name>-<seed>-<part>.json``."""
    path = folder / f"{name}-{seed}-{part}.json"
    atomic_write_json(path, scores_to_json(scores) | {"model": name, "seed": seed, "part": part})
    return path


def read_records(folder: Path, part: str) -> dict[str, Row]:
    """Records of one part by model, a run for each seed.

    Raises
    ------
    DataError
        When there are none.
    """
    found = _records(folder, part)
    if not found:
        raise DataError(
            f"Expected records *-{part}.json in {folder}; found none. Run benchmarks/accuracy_pathar.py --part {part}."
        )
    return found


def _records(folder: Path, part: str) -> dict[str, Row]:
    runs: dict[str, list[dict[str, Score]]] = {}
    for path in sorted(folder.glob(f"*-{part}.json")):
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        runs.setdefault(str(document["model"]), []).append(scores_from_json(document))
    return {name: Row(name, tuple(found)) for name, found in runs.items()}


def write_tables(folder: Path, page: Path, labels: tuple[str, ...]) -> None:
    """Replace the PathAR tables of a page by those of the records."""
    makers = {
        "tokenizer": tokenizer_table, "leak": leak_table, "centroids": centroids_table, "swaps": swaps_table,
        "prior": prior_table, "pairs": pairs_table, "pairs-more": more_pairs_table,
    }  # fmt: skip
    tables = {PREFIX + name: partial(maker, folder, labels) for name, maker in makers.items()}
    own = {"use": use_table, "few": few_table}
    tables |= {PREFIX + name: partial(maker, folder) for name, maker in own.items()}
    fill_page(page, tables, prefix=PREFIX)


def tokenizer_table(folder: Path, labels: tuple[str, ...]) -> str:
    """Reconstruction and life of the codebooks."""
    head = ["model", "label", "PSNR, dB", "mask Dice", "mask AJI", "mask PQ", "S used", "A used", "S perplexity",
            "A perplexity", "S codes on empty background"]  # fmt: skip
    body = []
    for row in read_records(folder, "tokenizer").values():
        for label in ("", *(f"_{label}" for label in labels)):
            body.append([
                f"`{row.name}`", label.strip("_") or "all", row.cell(f"psnr{label}", 2),
                *(row.cell(f"mask_{name}{label}") for name in ("dice", "aji", "pq")),
                *(row.cell(f"usage_{stream}{label}", 2) for stream in ("structure", "appearance")),
                *(row.cell(f"perplexity_{stream}{label}", 0) for stream in ("structure", "appearance")),
                "" if label else row.cell("background_structure_usage", 2),
            ])  # fmt: skip
    return markdown(head, body)


def leak_table(folder: Path, labels: tuple[str, ...]) -> str:
    """How well a cell's code tells the share of mask in the cell."""
    body = []
    for row in read_records(folder, "tokenizer").values():
        for label in ("", *(f"_{label}" for label in labels)):
            names = [f"leak_r2_{stream}{label}" for stream in ("structure", "appearance")]
            if any(row.values(name) for name in names):  # records before genviz measured it have none
                cells = [row.cell(name, 2) for name in names]
                body.append([f"`{row.name}`", label.strip("_") or "all", *cells])
    return _or_absent(["model", "label", "R² from S", "R² from A"], body)


def centroids_table(folder: Path, labels: tuple[str, ...]) -> str:
    """Distances between the mean codes of labels."""
    pairs = {f"{a}_{b}": f"{a}, {b}" for a, b in combinations(sorted(labels), 2)}
    body = []
    for row in read_records(folder, "tokenizer").values():
        for pair, told in (pairs | {"mean": "mean"}).items():
            names = [f"centroid_{stream}_{pair}" for stream in ("structure", "appearance")]
            if any(row.values(name) for name in names):
                body.append([f"`{row.name}`", told, *(row.cell(name, 2) for name in names)])
    return _or_absent(["model", "labels", "S", "A"], body)


def swaps_table(folder: Path, labels: tuple[str, ...]) -> str:
    """Who owns layout and colours of a swap."""
    head = ["model", "appearance of", "S ownership", "contrast", "A ownership"]
    body = []
    for row in read_records(folder, "tokenizer").values():
        for label in ("", *(f"_{label}" for label in labels)):
            contrast = row.cell("swap_contrast", 2) if not label else ""
            own = [row.cell(f"swap_ownership_{stream}{label}", 2) for stream in ("structure", "appearance")]
            body.append([f"`{row.name}`", label.strip("_") or "all", own[0], contrast, own[1]])
    return markdown(head, body)


def prior_table(folder: Path, labels: tuple[str, ...]) -> str:
    """Cross-entropy on held-out crops beside the unigram of the label."""
    head = ["model", "label", "S nats (unigram)", "A nats (unigram)", "below the unigram: S", "A", "S + A"]
    body = []
    for row in read_records(folder, "tokenizer").values():
        for label in labels:
            means = [
                row.mean(f"{kind}_{s}_{label}")
                for s in ("structure", "appearance")
                for kind in ("ce", "unigram")
            ]
            if any(value is None for value in means):
                continue
            ce_s, uni_s, ce_a, uni_a = (float(value or 0) for value in means)
            gains = [uni_s - ce_s, uni_a - ce_a, uni_s - ce_s + uni_a - ce_a]
            cells = [row.beside(f"ce_{stream}_{label}", 2) for stream in ("structure", "appearance")]
            body.append([f"`{row.name}`", label, *cells, *(f"{gain:.2f}" for gain in gains)])
    return markdown(head, body)


def pairs_table(folder: Path, labels: tuple[str, ...]) -> str:
    """Generated pairs; in brackets what stands beside each score."""
    head = ["model", "label", "empty", "agreement (real)", "shuffled", "style (real)",
            "FD to val (train to val)", "FD to train (halves)", "recall of training tiles",
            "nearest training tile (val)"]  # fmt: skip
    body = []
    for row in read_records(folder, "pairs").values():
        for label in labels:
            body.append([
                f"`{row.name}`", label, row.cell(f"empty_share_{label}", 2), row.beside(f"agreement_{label}"),
                row.cell(f"agreement_shuffled_{label}", 2), row.beside(f"style_{label}", 2),
                row.beside(f"val_fd_statistics_{label}", 2), row.beside(f"train_fd_statistics_half_{label}", 2),
                row.cell(f"train_recall_statistics_{label}", 2), row.beside(f"nearest_distance_{label}", 1),
            ])  # fmt: skip
    return markdown(head, body)


def more_pairs_table(folder: Path, labels: tuple[str, ...]) -> str:
    """What else is known of generated pairs; in brackets what stands beside each score."""
    head = ["model", "label", "precision (train to val)", "recall of val tiles (train to val)", "KID (train to val)",
            "diversity (real)", "least distance to a training tile (val)",
            "highest correlation with one (val)"]  # fmt: skip
    columns = {
        "val_precision_statistics": 2, "val_recall_statistics": 2, "val_kid_statistics": 2, "diversity_statistics": 2,
        "nearest_distance_min": 1, "nearest_correlation_max": 2,
    }  # fmt: skip
    body = []
    for row in read_records(folder, "pairs").values():
        for label in labels:
            cells = [row.beside(f"{name}_{label}", digits) for name, digits in columns.items()]
            body.append([f"`{row.name}`", label, *cells])
    return markdown(head, body)


def use_table(folder: Path) -> str:
    """Dice of nets trained on each set of pairs; in brackets the net trained on all real pairs."""
    rows = read_records(folder, "use").values()
    names = sorted({name for row in rows for name in row.runs[0]})
    body = [
        [f"`{row.name}`", *name.split("|"), row.beside(name)]
        for row in rows
        for name in names
        if name in row.runs[0]
    ]
    return markdown(["model", "label", "trained on", "Dice (all real)"], body)


def few_table(folder: Path) -> str:
    """Dice of nets trained on few real pairs, and on pairs of a generator that has seen no others."""
    body = []
    for row in _records(folder, FEW).values():
        for name in sorted({name for run in row.runs for name in run if name.count("|") == 1}):
            more = [
                row.beside(f"{name}|{score}", digits) if row.values(f"{name}|{score}") else ""
                for score, digits in (("empty_share", 2), ("nearest_distance", 1))
            ]
            body.append([f"`{row.name}`", *name.split("|"), row.beside(name), *more])
    return _or_absent(
        ["model", "label", "trained on", "Dice (the few real)", "empty", "nearest training tile (val)"], body
    )


def _or_absent(head: list[str], body: list[list[str]]) -> str:
    """A table; words where no record holds what it shows, so that the rest of the page can be made."""
    return markdown(head, body) if body else _ABSENT
