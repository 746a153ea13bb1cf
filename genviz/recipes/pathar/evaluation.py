"""Scores of a trained PathAR on held-out images: reconstruction, codebooks and what they carry, likelihood, swaps.

Images are cut into non-overlapping crops at their own scale, of the size that the model makes. Crops without a nucleus
have scores of their own, named ``..._empty``. Shape legend: R crops, N cells, K codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz import metrics, pp
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm
from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import check_writable_file
from genviz.metrics import Score
from genviz.metrics.row_means import by_label, mean_score
from genviz.models import PathAR
from genviz.recipes.leakage import LEAKAGE
from genviz.recipes.pathar.jobs import KEY, load_image_rows
from genviz.recipes.pathar.leak import STREAMS, leak_scores
from genviz.recipes.pathar.score_table import score_text
from genviz.recipes.pathar.swaps import swap_scores
from genviz.recipes.seen_by import gate, seen_by_pathar

if TYPE_CHECKING:
    from anndata import AnnData

EVERYTHING = "all"
_UNIGRAM_CROPS = 256  # of each label, for the baseline of the likelihood


@dataclass(frozen=True)
class Held:
    """Crops to score, with what is known of them.

    Attributes
    ----------
    crops
        Rows with tiles, masks, and the tokens of the model.
    labels, groups
        Label and scene (else image) of each.
    filled
        Whether a crop has a nucleus.
    seed
        Of bootstraps and choices.
    """

    crops: AnnData
    labels: NDArray[np.object_]
    groups: NDArray[np.object_]
    filled: NDArray[np.bool_]
    seed: int

    def by_label(
        self, name: str, values: NDArray[Any], beside: NDArray[Any] | None = None
    ) -> dict[str, Score]:
        """Means of crops with nuclei, also label by label; ``<name>_empty`` of those without."""
        own, empty = self.filled, ~self.filled
        scores = by_label(
            name,
            values[own],
            self.labels[own],
            groups=self.groups[own],
            seed=self.seed,
            reference_N=None if beside is None else beside[own],
        )
        if empty.any():
            scores[f"{name}_empty"] = mean_score(
                values[empty],
                groups=self.groups[empty],
                seed=self.seed,
                baseline=None if beside is None else float(beside[empty].mean()),
            )
        return scores


def evaluate_pathar(
    model: str,
    data: str,
    json_file: Path,
    *,
    split: str = "val",
    allow_seen: bool = False,
    seed: int = 0,
    device: str = "auto",
) -> str:
    """Score a model on the images of one split; writes JSON, returns the promised scores as text to print.

    Parameters
    ----------
    model
        Model folder, or the name of a model in the box.
    data
        See `load_image_rows`. Where its training images are there, they give the baseline of the likelihood.
    json_file
        Receives the scores in the schema of `metrics.scores_to_json`, and the stamp of the gate under ``leakage``.
    split
        Any value of ``obs["split"]``, or "all".
    allow_seen
        Whether images may be scored that the model was trained on, or others of their scenes; stamped.
    seed
        Of bootstraps, and of which crops are swapped.
    device
        Where to compute.

    Raises
    ------
    UsageError
        For a split that does not occur, or images that were seen.
    """
    check_writable_file(json_file)
    fitted = PathAR.load(model, device=device)
    adata = load_image_rows(data)
    chosen = rows_of_split(adata, split)
    report = gate(chosen, seen_by_pathar(fitted.fitted, adata), allow_seen=allow_seen)
    held = held_out(fitted, pp.crops(chosen, fitted.config.tokenizer.size_px), seed)
    scores = all_scores(fitted, held, adata, seed)
    facts: dict[str, int | str] = {
        "split": split,
        "n_images": chosen.n_obs,
        "n_crops": held.crops.n_obs,
        "n_crops_empty": int((~held.filled).sum()),
        "checkpoint_sha256": fitted.fitted.sha256 or "",
    }
    atomic_write_json(json_file, metrics.scores_to_json(scores) | facts | {LEAKAGE: report.stamp()})
    return score_text(scores, sorted(set(held.labels.tolist())), facts, json_file)


def all_scores(model: PathAR, held: Held, adata: AnnData, seed: int) -> dict[str, Score]:
    """Everything that the model's parts allow.

    Parameters
    ----------
    model
        With a tokenizer; a prior adds the likelihood.
    held
        Crops to score.
    adata
        Where the model's training images may be.
    seed
        See `evaluate_pathar`.
    """
    size_px = model.config.tokenizer.size_px
    parts: dict[str, Callable[[], dict[str, Score]]] = {
        "reconstruction": lambda: reconstruction(model, held),
        "codebooks": lambda: codebooks(model, held),
        "leak": lambda: leak_scores(model, held.crops, held.labels, held.groups, held.filled, seed=seed),
    }
    if model.fitted.prior is not None:
        parts["likelihood"] = lambda: likelihood(model, held, training_tokens(model, adata, size_px, seed))
    if model.fitted.tokenizer.dual:
        parts["swaps"] = lambda: swap_scores(model, held.crops, held.labels, seed=seed)
    scores: dict[str, Score] = {}
    with tqdm(parts.items(), desc="evaluate", unit="part", disable=not settings.progress) as bar:
        for name, part in bar:
            bar.set_postfix_str(name)
            scores |= part()
    return scores


def rows_of_split(adata: AnnData, split: str) -> AnnData:
    """Rows with a value of ``obs["split"]``; all of them for "all".

    Raises
    ------
    UsageError
        When there are none.
    """
    values = adata.obs[Obs.SPLIT].astype(str) if Obs.SPLIT in adata.obs else None
    there = [] if values is None else sorted(values.unique())
    if split in there and values is not None:
        return adata[(values == split).to_numpy()].copy()
    if split == EVERYTHING:
        return adata
    raise UsageError(
        f"Expected a split out of {', '.join([*there, EVERYTHING])}; got {split!r}. Images without a split are taken "
        f"with --split {EVERYTHING}."
    )


def held_out(model: PathAR, crops: AnnData, seed: int) -> Held:
    """Encode crops and look up what is known of them."""
    encoded = model.encode(crops)
    key = model.setup.label_key if model.setup.label_key in encoded.obs else Obs.LABEL
    groups = Obs.SCENE if Obs.SCENE in encoded.obs else Obs.SOURCE
    return Held(
        encoded,
        encoded.obs[key].astype(str).to_numpy(object),
        encoded.obs[groups].astype(str).to_numpy(object),
        (encoded.obs[Obs.N_NUCLEI] > 0).to_numpy(),
        seed,
    )


def reconstruction(model: PathAR, held: Held) -> dict[str, Score]:
    """``psnr`` (dB) of tiles decoded from their own tokens; ``mask_dice``, ``mask_aji``, ``mask_pq`` of masks.

    Of crops without nuclei: ``psnr_empty``, and ``mask_false_empty``, the share of them that is decoded as nucleus.
    """
    decoded = model.decode(held.crops, key_added=KEY)
    scores = held.by_label("psnr", metrics.psnr(held.crops.obsm[Obsm.TILES], decoded.obsm[KEY]))
    if not model.fitted.tokenizer.dual:
        return scores
    true, found = np.asarray(held.crops.obsm[Obsm.MASKS]), decoded.obsm[Obsm.mask(KEY)]
    rows = metrics.mask_rows(true, found)
    for name in ("dice", "aji", "pq"):
        # Where there is no nucleus nothing can be overlapped: those crops count below.
        values = np.where(held.filled, rows[name], np.nan)[held.filled]
        scores |= by_label(
            f"mask_{name}", values, held.labels[held.filled], groups=held.groups[held.filled], seed=held.seed
        )
    if not held.filled.all():
        false = (found != 0).mean(axis=(1, 2))[~held.filled]
        scores["mask_false_empty"] = mean_score(false, groups=held.groups[~held.filled], seed=held.seed)
    return scores


def codebooks(model: PathAR, held: Held) -> dict[str, Score]:
    """``usage_<stream>`` and ``perplexity_<stream>`` over all crops, also ``..._<label>``."""
    config = model.config.tokenizer
    sizes = {"structure": config.structure_codes, "appearance": config.appearance_codes}
    scores = {}
    for stream, tokens in stream_tokens(held.crops).items():
        found = metrics.codebook_usage(
            tokens, sizes[stream], labels=held.labels.tolist(), masks=np.asarray(held.crops.obsm[Obsm.MASKS])
        )
        for name, score in found.items():
            base, _, label = name.partition("_")
            scores[f"{base}_{stream}" + (f"_{label}" if label else "")] = score
    return scores


def stream_tokens(crops: AnnData) -> dict[str, NDArray[np.int64]]:
    """Tokens (R, N) of the streams that a model has."""
    return {s: np.asarray(crops.obsm[slot], np.int64) for s, slot in STREAMS.items() if slot in crops.obsm}


def likelihood(model: PathAR, held: Held, training: AnnData | None) -> dict[str, Score]:
    """``ce_<stream>``: mean negative log-probability, nats a token, beside ``unigram_<stream>``.

    The unigram draws each token by its frequency in training crops of the label, those with nuclei for crops with
    nuclei (one added to every count): it knows colours and how much is background, but no picture.

    Parameters
    ----------
    model
        With a prior.
    held
        Crops to score.
    training
        Crops of training images with tokens; None: the scored crops themselves, a baseline that has seen the answers.
    """
    scored = model.log_prob(held.crops, key_added=KEY)
    source = held.crops if training is None else training
    key = model.setup.label_key if model.setup.label_key in source.obs else Obs.LABEL
    kinds = source.obs[key].astype(str).to_numpy(object)
    filled = (source.obs[Obs.N_NUCLEI] > 0).to_numpy()
    tokens, counted = stream_tokens(held.crops), stream_tokens(source)
    note = "of the scored crops themselves" if training is None else f"of {source.n_obs} training crops"
    config = model.config.tokenizer
    sizes = {"structure": config.structure_codes, "appearance": config.appearance_codes}
    scores: dict[str, Score] = {}
    for stream in tokens:
        slot = Obsm.log_prob(KEY, stream)
        if slot not in scored.obsm:
            continue
        frequent = np.full(len(held.labels), np.nan)
        for label, full in product(dict.fromkeys(held.labels.tolist()), (True, False)):
            like = counted[stream][(kinds == label) & (filled == full)]
            count = np.bincount(like.ravel(), minlength=sizes[stream]) + 1.0
            rows = (held.labels == label) & (held.filled == full)
            frequent[rows] = -np.log(count / count.sum())[tokens[stream][rows]].mean(axis=1)
        own = -scored.obsm[slot].mean(axis=1, dtype=np.float64)
        scores |= held.by_label(f"ce_{stream}", own, frequent)
        found = held.by_label(f"unigram_{stream}", frequent)
        scores |= {name: Score(s.value, s.ci, s.n, s.baseline, note) for name, s in found.items()}
    return scores


def training_tokens(model: PathAR, adata: AnnData, size_px: int, seed: int) -> AnnData | None:
    """Encoded crops of the model's own training images, at most 256 of each label; None when they are not there."""
    rows = np.flatnonzero(adata.obs_names.isin(model.fitted.training_rows))
    if not len(rows):
        return None
    key = model.setup.label_key if model.setup.label_key in adata.obs else Obs.LABEL
    labels = adata.obs[key].astype(str).to_numpy(object)
    keys = {int(row): row_key(seed, "", str(adata.obs_names[row]), "unigram") for row in rows}
    parts: list[int] = []
    for label in dict.fromkeys(labels[rows].tolist()):
        # Every image has at least one crop, so this many images are enough.
        own = sorted((row for row in keys if labels[row] == label), key=keys.__getitem__)
        parts += own[:_UNIGRAM_CROPS]
    crops = pp.crops(adata[np.sort(parts)].copy(), size_px)
    kinds = crops.obs[key].astype(str).to_numpy(object)
    order = np.array([row_key(seed, "", str(name), "unigram") for name in crops.obs_names], object)
    kept = [
        row
        for label in dict.fromkeys(kinds.tolist())
        for row in sorted(np.flatnonzero(kinds == label), key=order.__getitem__)[:_UNIGRAM_CROPS]
    ]
    return model.encode(crops[np.sort(kept)].copy())
