"""Scores of a row's generated images beside held-out ones, under the names of a table's columns: ``<score>_<label>``.

``<score>_mean`` is the mean over labels, as the papers' tables give it.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import numpy as np

from genviz import metrics
from genviz._errors import DataError
from genviz.metrics import Score
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.extractors import make_extractor
from genviz.recipes.pathar.image_rows import modality

MEAN = "mean"


def named(name: str, found: Mapping[str, Score]) -> dict[str, Score]:
    """``<name>_<modality>`` of each label and ``<name>_mean``, with the mean of what stands beside them.

    Parameters
    ----------
    name
        Of the score.
    found
        Label → score; none gives none.
    """
    if not found:
        return {}
    values = list(found.values())
    beside = [score.baseline for score in values if score.baseline is not None]
    mean = Score(
        fmean(score.value for score in values),
        n=sum(score.n for score in values),
        baseline=fmean(beside) if len(beside) == len(values) else None,
        note=f"mean of {len(values)} labels",
    )
    return {f"{name}_{modality(label)}": score for label, score in found.items()} | {f"{name}_{MEAN}": mean}


def distances(
    made: ImageSet,
    val: ImageSet,
    train: ImageSet,
    wanted: Mapping[str, str],
    *,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Score]:
    """Distances of generated tiles from held-out ones, label by label; beside each, training tiles from held-out ones.

    ``<score>_floor_mean`` is that of training tiles, for a table.

    Parameters
    ----------
    made, val, train
        Tiles with labels. All with masks, or none is used with masks.
    wanted
        Score → ``<extractor>:<what>``, as in ``{"fd": "statistics:fd"}``; see `metrics.images`.
    seed
        Of the choice of tiles: all three sets are cut to one size.
    device
        For networks.

    Raises
    ------
    DataError
        When held-out tiles have no labels, or there are none.
    """
    if not val.label_names:
        raise DataError("Expected held-out tiles with labels to hold generated ones against; got none.")
    scores: dict[str, Score] = {}
    for extractor in dict.fromkeys(one.partition(":")[0] for one in wanted.values()):
        found = metrics.images(
            val, made, floor=train, per_label=True, extractor=extractor, seed=seed, device=device
        )
        for name, one in wanted.items():
            source, _, what = one.partition(":")
            if source != extractor:
                continue
            stem = "fid" if (what, extractor) == ("fd", "inception") else f"{what}_{extractor}"
            own = {label: found[f"{stem}_{label}"] for label in val.label_names}
            scores |= named(name, own)
            floors = [score.baseline for score in own.values() if score.baseline is not None]
            scores[f"{name}_floor_{MEAN}"] = Score(fmean(floors), n=len(floors), note="training tiles")
    return scores


def gaps(made: ImageSet, val: ImageSet, extractor: str, *, device: str = "auto") -> dict[str, Score]:
    """What t-SNE pictures show, as numbers in the feature space itself.

    ``gap_<label>``: distance of the means of generated and real tiles of a label, over the mean distance of that
    label's real mean from the other labels' (small: they would overlap). ``spread_<label>``: root mean square
    distance of generated tiles from their own mean over that of real ones (1: as diverse; below: collapsed).

    Parameters
    ----------
    made, val
        Tiles with labels.
    extractor
        See `metrics.images`.
    device
        For networks.
    """
    nuclear = made.masks is not None and val.masks is not None
    features = make_extractor(extractor, val, nuclear=nuclear, device=device).features
    labels = [label for label in val.label_names if label in made.label_names]
    real = {label: features(val.of_label(label)) for label in labels}
    drawn = {label: features(made.of_label(label)) for label in labels}
    centre = {label: x.mean(axis=0) for label, x in real.items()}
    gap, spread = {}, {}
    for label in labels:
        apart = [float(np.linalg.norm(centre[label] - centre[other])) for other in labels if other != label]
        off = float(np.linalg.norm(drawn[label].mean(axis=0) - centre[label]))
        if apart:
            gap[label] = Score(off / fmean(apart), n=len(drawn[label]))
        widths = [float(np.sqrt(x.var(axis=0).sum())) for x in (drawn[label], real[label])]
        spread[label] = Score(widths[0] / widths[1], n=len(drawn[label]))
    return named("gap", gap) | named("spread", spread)


def styles(
    made: ImageSet, val: ImageSet, train: ImageSet, *, seed: int = 0, device: str = "auto"
) -> dict[str, Score]:
    """``style_<label>``: share that a net trained on real tiles takes for the label asked for; beside it, of real ones.

    ``style_real_mean`` is that of real held-out tiles, for a table.

    Parameters
    ----------
    made, val, train
        Tiles with labels.
    seed, device
        Of the net.
    """
    net = metrics.train_style(train, seed=seed, device=device)
    found = metrics.style_score(net, val, made, seed=seed)
    scores = named("style", {label: found[f"style_{label}"] for label in val.label_names})
    return scores | {f"style_real_{MEAN}": found["style_accuracy_real"]}


def diversities(
    made: ImageSet, val: ImageSet, how: str, *, seed: int = 0, device: str = "auto"
) -> dict[str, Score]:
    """``diversity_<label>``, and ``diversity_real_mean`` of real tiles.

    Parameters
    ----------
    made, val
        Tiles with labels.
    how
        ``lpips``, or an extractor of `metrics.feature_diversity`.
    seed, device
        Of the pairs; for networks.
    """
    if how == "lpips":
        found = metrics.lpips_diversity(made, val, seed=seed, device=device)
    else:
        found = metrics.feature_diversity(made, val, extractor=how, seed=seed, device=device)
    one = found[f"diversity_{how}"]
    alone = len(val.label_names) == 1  # whose value is the pooled one
    per = {label: one if alone else found[f"diversity_{how}_{label}"] for label in val.label_names}
    scores = named("diversity", per)
    real = scores[f"diversity_{MEAN}"].baseline
    return scores | {f"diversity_real_{MEAN}": Score(float("nan") if real is None else real, n=one.n)}


def empties(made: ImageSet, *, seed: int = 0) -> dict[str, Score]:
    """``empty_<label>``: share of pairs without nuclei; nothing of images without masks."""
    if made.masks is None:
        return {}
    return named(
        "empty",
        {
            label: metrics.empty_share(made.of_label(label).needed("masks"), seed=seed)["empty_share"]
            for label in made.label_names
        },
    )
