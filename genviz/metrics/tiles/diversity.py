"""How different generated tiles are from each other.

Shape legend: N rows, D features; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import DataError, DownloadError
from genviz.core.keyed import row_generator
from genviz.features.encoder import Encoder
from genviz.metrics.image_set import ImageSet, image_set
from genviz.metrics.row_means import by_label
from genviz.metrics.score import Score
from genviz.metrics.tiles.distances import fidelity
from genviz.metrics.tiles.extractors import UNVERIFIED, make_extractor
from genviz.train.device import resolve_device

Floats = NDArray[np.float64]
Pairs = NDArray[np.intp]
Distance = Callable[[ImageSet, Pairs], Floats]

N_PAIRS = 1000
_BATCH = 16


def feature_diversity(
    fake: Any,
    real: Any,
    *,
    key: str = "",
    extractor: str | Encoder = "statistics",
    n_pairs: int = N_PAIRS,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Score]:
    """``diversity_<extractor>``: mean distance of two generated tiles of one label; the same of real ones beside it.

    Mean Euclidean distance of features over random pairs within a label. More than real is not better: noise is
    diverse. ``diversity_<extractor>_<label>`` by label, where there are several.

    Parameters
    ----------
    fake, real, key
        As `images` takes them.
    extractor
        See `images`; statistics are standardised by `real`.
    n_pairs
        Pairs of each label, at most all of them.
    seed
        Of the pairs and the bootstrap over pairs.
    device
        For networks.
    """
    sets = image_set(fake, key), image_set(real)
    nuclear = all(one.masks is not None for one in sets)
    chosen = make_extractor(extractor, sets[1], nuclear=nuclear, device=device)

    def distance(tiles: ImageSet, pairs: Pairs) -> Floats:
        x = chosen.features(tiles)
        return np.asarray(np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1), np.float64)

    return _diversity(f"diversity_{chosen.name}", sets, distance, n_pairs, seed, chosen.note)


def lpips_diversity(
    fake: Any, real: Any, *, key: str = "", n_pairs: int = N_PAIRS, seed: int = 0, device: str = "auto"
) -> dict[str, Score]:
    """``diversity_lpips``: mean LPIPS (VGG16, Zhang et al., CVPR 2018) of two generated tiles of one label.

    The same of real tiles stands beside it; ``diversity_lpips_<label>`` by label. The network is torch-fidelity's;
    no checksum of its linear weights is published, so results say "weights unverified".

    Parameters
    ----------
    fake, real, key, n_pairs, seed, device
        See `feature_diversity`.

    Raises
    ------
    MissingDependencyError
        Without the extra ``metrics``.
    DownloadError
        When the weights are neither here nor to be had.
    """
    place = resolve_device(device)
    network = _lpips().to(place)

    @torch.inference_mode()
    def distance(tiles: ImageSet, pairs: Pairs) -> Floats:
        pixels = torch.from_numpy(np.ascontiguousarray(np.moveaxis(tiles.tiles, -1, 1)))
        found = []
        for start in range(0, len(pairs), _BATCH):
            a, b = pairs[start : start + _BATCH].T
            value = network(pixels[a].to(place), pixels[b].to(place))
            found.append(value.reshape(-1).double().cpu().numpy())
        return np.concatenate(found)

    return _diversity(
        "diversity_lpips", (image_set(fake, key), image_set(real)), distance, n_pairs, seed, UNVERIFIED
    )


def _diversity(
    name: str, sets: tuple[ImageSet, ImageSet], distance: Distance, n_pairs: int, seed: int, note: str
) -> dict[str, Score]:
    found = []
    for one in sets:
        pairs, labels = _pairs(one, n_pairs, seed)
        found.append(by_label(name, distance(one, pairs), labels, seed=seed))
    mine, real = found
    return {
        label: Score(
            s.value,
            s.ci,
            s.n,
            real[label].value if label in real else None,
            f"{s.n} pairs; {note}".rstrip("; "),
        )
        for label, s in mine.items()
    }


def _pairs(tiles: ImageSet, n_pairs: int, seed: int) -> tuple[Pairs, NDArray[np.object_]]:
    """Different tiles of one label, at most `n_pairs` a label, and the label of each pair."""
    kinds = np.full(len(tiles), "", object) if tiles.labels is None else tiles.labels
    pairs, labels = [], []
    for kind in dict.fromkeys(kinds.tolist()):
        rows = np.flatnonzero(kinds == kind)
        i, j = np.triu_indices(len(rows), 1)
        chosen = np.arange(len(i))
        if len(i) > n_pairs:
            chosen = row_generator(seed, "", str(kind), "pairs").choice(len(i), n_pairs, replace=False)
        pairs.append(np.stack([rows[i[chosen]], rows[j[chosen]]], axis=1))
        labels += [kind] * len(chosen)
    every = np.concatenate(pairs)
    if not len(every):
        raise DataError(f"Expected at least two tiles of one label; got {len(tiles)} tiles.")
    return every, np.array(labels, object)


def _lpips() -> torch.nn.Module:
    source = fidelity("sample_similarity_lpips")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's loader, about its own arguments
            network: torch.nn.Module = source.SampleSimilarityLPIPS("lpips")
    except (OSError, RuntimeError, EOFError) as err:
        raise DownloadError(
            f"Expected LPIPS' weights in {folder} or on the network; got neither ({type(err).__name__}: {err}). "
            f"Download {source.URL_VGG16_LPIPS} and torchvision's vgg16-397923af.pth there, or use "
            "feature_diversity (no weights)."
        ) from err
    return network.eval()
