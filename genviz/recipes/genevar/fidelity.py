"""Scores of a GeneVAR's tiles as pictures: reconstruction, codebook, distances with floors, copies, nuclei.

Shape legend: N rows, L tokens, D statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
from numpy.typing import NDArray

from genviz import metrics
from genviz._keys import Obsm
from genviz.features.encoder import Encoder
from genviz.metrics.cells.composition import Segment, composition
from genviz.metrics.conditions.floors import distances_with_floors
from genviz.metrics.conditions.use import correlation_scores, spread_scores
from genviz.metrics.image_set import ImageSet
from genviz.metrics.row_means import mean_score
from genviz.metrics.score import Score
from genviz.metrics.tiles.extractors import make_extractor
from genviz.metrics.tokens.distance import nearest_tokens
from genviz.models.genevar.codec import tile_tokens
from genviz.recipes.genevar.jobs import KEY

if TYPE_CHECKING:
    from genviz.recipes.genevar.draws import Draws
    from genviz.recipes.genevar.rows import Evaluated

TISSUE = "tissue"  # name of the distances on the fourteen statistics


def reconstruction_scores(case: Evaluated, seed: int) -> dict[str, Score]:
    """``psnr`` (dB), ``reconstruction_r``, ``reconstruction_fd_tissue`` of the scored rows' tiles; the codebook's life.

    ``usage``, ``perplexity`` of the codebook over the scored rows, and ``..._scale_<side>`` of each scale.
    """
    part = case.held_out
    decoded = part.model.reconstruct(part.adata, key_added=KEY)
    tiles = decoded.obsm[Obsm.image(KEY)]
    # What one colour a tile would reach stands beside.
    flat = np.broadcast_to(part.tiles.mean(axis=(1, 2), keepdims=True).round(), part.tiles.shape).astype(
        np.uint8
    )
    beside = float(metrics.psnr(part.tiles, flat).mean())
    scores = {"psnr": mean_score(metrics.psnr(part.tiles, tiles), seed=seed, baseline=beside)}
    statistics = case.standard.measure(tiles)
    found = correlation_scores(statistics[None], case.real, sections=part.sections, seed=seed)["r_single"]
    scores["reconstruction_r"] = found
    floors = case.by_training_section(case.training_real) if case.training_real is not None else {}
    distances = distances_with_floors(TISSUE, [statistics], case.real, floors, seed=seed)
    scores |= {f"reconstruction_{name}": score for name, score in distances.items() if "floor_" not in name}
    config = part.model.config.tokenizer
    scores |= metrics.codebook_usage(part.tokens, config.n_codes)
    start = 0
    for side in config.scales:
        own = metrics.codebook_usage(part.tokens[:, start : start + side * side], config.n_codes)
        scores |= {f"{name}_scale_{side}": score for name, score in own.items()}
        start += side * side
    return scores


def distance_scores(
    case: Evaluated, draws: Draws, seed: int, *, extractor: str | Encoder, device: str
) -> dict[str, Score]:
    """Fréchet distances and KID of the draws, on the fourteen statistics and on an extractor's features; floors."""
    floors = case.by_training_section(case.training_real) if case.training_real is not None else {}
    scores = distances_with_floors(TISSUE, list(draws.statistics), case.real, floors, seed=seed)
    reference = ImageSet((case.training or case.held_out).tiles)
    maker = make_extractor(extractor, reference, nuclear=False, device=device)
    made = [maker.features(ImageSet(tiles)) for tiles in draws.tiles]
    floors = case.by_training_section(maker.features(reference)) if case.training is not None else {}
    real = maker.features(ImageSet(case.held_out.tiles))
    return scores | distances_with_floors(maker.name, made, real, floors, seed=seed)


def copy_scores(case: Evaluated, draws: Draws, seed: int) -> dict[str, Score]:
    """Whether tiles are copies of training tiles.

    ``hamming``: median number of tokens in which a generated tile differs from the nearest training tile, real
    held-out tiles beside; ``hamming_min``; ``hamming_moved``: the same of the training rows' own crops 16 px away, what
    a moved copy would show. ``nearest_...``: of thumbnails over eight turns, see `metrics.nearest_training`.
    """
    if case.training is None:
        return {}
    known = case.training.tokens
    found = nearest_tokens(draws.tokens.reshape(-1, draws.tokens.shape[-1]), known)
    real = nearest_tokens(case.held_out.tokens, known)
    note = f"of {known.shape[1]} tokens, {len(known)} training tiles"
    scores = {
        "hamming": mean_score(
            found, seed=seed, statistic=np.median, baseline=float(np.median(real)), note=note
        ),
        "hamming_min": Score(float(found.min()), None, len(found), float(real.min()), note),
    }
    moved = case.training.moved
    if moved is not None:
        near = nearest_tokens(tokens_of_tiles(case, moved), known)
        scores["hamming_moved"] = Score(float(np.median(near)), None, len(near), note=note)
    first = draws.tiles[0]
    near = metrics.nearest_training(first, case.training.tiles, held_out=case.held_out.tiles, seed=seed)
    return scores | near.scores


def tokens_of_tiles(case: Evaluated, tiles: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Tokens (N, L) of tiles that are no row's own."""
    rows = ad.AnnData(np.zeros((len(tiles), 0), np.float32))
    rows.obsm[Obsm.TILES] = tiles
    return tile_tokens(case.held_out.model.fitted, rows)


def look_scores(
    case: Evaluated, draws: Draws, seed: int, *, segment: Segment | None = None
) -> dict[str, Score]:
    """Spread of the statistics over rows, and nuclei: their number, size and share of a tile."""
    scores = spread_scores(draws.statistics, case.real)
    made = draws.tiles.reshape(-1, *draws.tiles.shape[2:])
    floor = None if case.training is None else case.training.tiles
    return scores | composition(
        made, case.held_out.tiles, segment or case.standard.nuclei, floor=floor, seed=seed
    )
