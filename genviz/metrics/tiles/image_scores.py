"""Generated images against real ones: Fréchet distance, KID, precision, recall, each with its floor.

Shape legend: N rows, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.core.keyed import row_key
from genviz.features.encoder import Encoder
from genviz.metrics.image_set import ImageSet, image_set, keyed_rows
from genviz.metrics.score import Score
from genviz.metrics.tiles.distances import NEIGHBOURS, all_distances, frechet
from genviz.metrics.tiles.extractors import Extractor, make_extractor

Floats = NDArray[np.float64]

_LEAST = NEIGHBOURS + 2  # tiles in a set


def images(
    real: Any,
    fake: Any,
    *,
    # input
    key: str = "",
    floor: Any = None,
    per_label: bool = False,
    # method
    extractor: str | Encoder = "statistics",
    n: int | None = None,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Score]:
    """How far generated tiles are from real ones, beside how far real ones are from real ones.

    With x the extractor's name:

    - ``fd_<x>``: Fréchet distance (`distances.frechet`); only with ``extractor="inception"`` it is called ``fid``.
      With ``"statistics"`` also of its parts: ``fd_statistics_colour``, ``_texture``, ``_nuclear``.
    - ``kid_<x>``: unbiased squared MMD, cubic kernel, over all tiles (`distances.kid`).
    - ``precision_<x>``, ``recall_<x>``: k = 3 (`distances.precision_recall`).
    - ``<score>_half``: generated against one half of `real`; beside it, the other half against that half, at the same
      number of tiles. Groups (images, scenes) stay whole.
    - ``<score>_<label>``: by label, with `per_label`.

    Beside each of the first stands `floor` against `real`, where given. All sets are cut to one size, since these
    scores depend on it (a Fréchet distance of 100 tiles is larger than one of 1000). At the floor is not a success
    by itself: training and validation images may differ by more than a good generator does from its own target;
    score against the training set too.

    Parameters
    ----------
    real
        Held-out real tiles, as `image_set` takes them: an AnnData (``obsm["tiles"]``, ``["masks"]``), uint8
        (N, H, W, 3), a pair (tiles, masks) or an `ImageSet`.
    fake
        Generated ones, the same; with `key` ``obsm["<key>"]`` and ``obsm["<key>_mask"]``.
    key
        Result key of `fake`.
    floor
        Other real tiles, say the training set. Statistics are standardised by it, else by `real`.
    per_label
        Score each label of `real` by itself.
    extractor
        ``"statistics"`` (no weights), ``"morphology"``, ``"inception"``, ``"dinov2"``, ``"uni"``, another encoder's
        name, or an encoder.
    n
        Most tiles of each set.
    seed
        Decides which tiles are left out, and the halves.
    device
        For networks.

    Returns
    -------
    Score name → `Score`; n is the tiles of each set. Weights that could not be verified are said in the note.

    Raises
    ------
    DataError
        For fewer than five tiles in a set.
    UsageError, MissingDependencyError, DownloadError
        See `extractors.make_extractor`.
    """
    sets = {"real": image_set(real), "fake": image_set(fake, key)}
    if floor is not None:
        sets["floor"] = image_set(floor)
    if not per_label:
        return _scores(sets, extractor, n, seed, device)
    scores: dict[str, Score] = {}
    for label in _labels(sets["real"]):
        part = {name: one.of_label(label) for name, one in sets.items()}
        found = _scores(part, extractor, n, seed, device)
        scores |= {f"{name}_{label}": score for name, score in found.items()}
    return scores


def _scores(
    sets: dict[str, ImageSet], chosen: str | Encoder, n: int | None, seed: int, device: str
) -> dict[str, Score]:
    size = min(len(one) for one in sets.values())
    size = size if n is None else min(size, n)
    if size < _LEAST:
        raise DataError(
            f"Expected at least {_LEAST} tiles in each set; got { {k: len(s) for k, s in sets.items()} }."
        )
    nuclear = all(one.masks is not None for one in sets.values())
    extractor = make_extractor(chosen, sets.get("floor", sets["real"]), nuclear=nuclear, device=device)
    kept = {name: one.rows(keyed_rows(len(one), size, seed, name)) for name, one in sets.items()}
    x = {name: extractor.features(one) for name, one in kept.items()}
    beside = _distances(x["real"], x["floor"], extractor) if "floor" in x else {}
    scores = {
        name: Score(value, None, size, beside.get(name), _note(extractor, size, x["real"]))
        for name, value in _distances(x["real"], x["fake"], extractor).items()
    }
    return scores | _half_scores(kept, x, extractor, seed)


def _labels(real: ImageSet) -> list[str]:
    return list(dict.fromkeys(real.needed("labels").tolist()))


def _half_scores(
    kept: dict[str, ImageSet], x: dict[str, Floats], extractor: Extractor, seed: int
) -> dict[str, Score]:
    """Generated against half A of the real ones, beside half B against half A."""
    first, second, whole = _halves(kept["real"], seed)
    size = min(len(first), len(second))
    if size < _LEAST:
        return {}
    a, b = x["real"][first[:size]], x["real"][second[:size]]
    own = _distances(a, b, extractor)
    found = _distances(a, x["fake"][:size], extractor)
    note = _note(extractor, size, a) + ("; halves of whole groups" if whole else "; halves of single tiles")
    return {f"{name}_half": Score(value, None, size, own[name], note) for name, value in found.items()}


def _halves(real: ImageSet, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp], bool]:
    """Rows of two halves in keyed order, groups whole where they can be halved at all."""
    groups = np.arange(len(real)).astype(str) if real.groups is None else real.groups.astype(str)
    names, sizes = np.unique(groups, return_counts=True)
    whole = real.groups is not None and sizes.max() <= len(real) / 2
    if not whole:
        groups = np.arange(len(real)).astype(str)
        names, sizes = np.unique(groups, return_counts=True)
    keys = {name: row_key(seed, "", name, "halves") for name in names.tolist()}
    side: dict[str, int] = {}
    filled = [0, 0]
    for name, size in sorted(
        zip(names.tolist(), sizes.tolist(), strict=True), key=lambda g: (-g[1], keys[g[0]])
    ):
        smaller = int(filled[1] < filled[0])
        side[name] = smaller
        filled[smaller] += size
    in_second = np.array([side[name] == 1 for name in groups.tolist()])
    order = np.argsort([keys[name] % 2**62 for name in groups.tolist()], kind="stable")
    return order[~in_second[order]], order[in_second[order]], bool(whole)


def _distances(real_ND: Floats, fake_ND: Floats, extractor: Extractor) -> dict[str, float]:
    found = all_distances(real_ND, fake_ND)
    named = {
        ("fid" if (name, extractor.name) == ("fd", "inception") else f"{name}_{extractor.name}"): value
        for name, value in found.items()
    }
    for part, columns in extractor.parts.items():
        named[f"fd_{extractor.name}_{part}"] = frechet(real_ND[:, columns], fake_ND[:, columns])
    return named


def _note(extractor: Extractor, size: int, features_ND: Floats) -> str:
    said = [f"{size} tiles a set"]
    if size <= features_ND.shape[1]:
        said.append(f"fewer than the {features_ND.shape[1]} features: the covariance is singular")
    return "; ".join([*said, *([extractor.note] if extractor.note else [])])
