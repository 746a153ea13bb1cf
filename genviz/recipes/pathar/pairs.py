"""Scores of generated pairs against real ones, and of nets trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genviz import metrics
from genviz.metrics.image_set import ImageSet, image_set
from genviz.metrics.judges.segmenter import Segmenter
from genviz.metrics.judges.style import StyleNet
from genviz.metrics.score import Score
from genviz.models.pathar.prior.rule import SampleRule

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import PathAR

_JUDGE_STEPS = 600
LEAST_FOREGROUND = 0.01


@dataclass(frozen=True)
class Judges:
    """Real crops and the nets trained on them, shared by every model that is scored.

    Attributes
    ----------
    train, val
        Crops with nuclei of training and of held-out images.
    segmenter, style
        Trained on `train`.
    """

    train: ImageSet
    val: ImageSet
    segmenter: Segmenter
    style: StyleNet

    @classmethod
    def trained(cls, train: AnnData, val: AnnData, *, seed: int = 0) -> Judges:
        """Train both nets on the crops of the training images that hold nuclei."""
        real, held = with_nuclei(image_set(train)), with_nuclei(image_set(val))
        segmenter = metrics.train_segmenter(
            real.tiles,
            real.needed("masks"),
            strata=real.needed("labels").tolist(),
            steps=_JUDGE_STEPS,
            seed=seed,
        )
        return cls(real, held, segmenter, metrics.train_style(real, seed=seed))


def with_nuclei(pairs: ImageSet) -> ImageSet:
    """Pairs of which at least 1 % is nuclei; the others are reported as a share, not scored."""
    return pairs.rows(pairs.foreground_N >= LEAST_FOREGROUND)


def score_pairs(
    model: PathAR, judges: Judges, *, n: int = 200, seed: int = 0, rule: str | SampleRule | None = None
) -> dict[str, Score]:
    """Score `n` generated pairs of each label; half of them, and one half of the training tiles, meet in ``_half``.

    Empty share and image-mask agreement (beside real held-out pairs and shuffled masks), style, Fréchet distance on
    statistics against held-out tiles (beside training tiles against held-out ones) as ``val_fd...``, and against
    training tiles (beside one half of them against the other) as ``train_fd...``, precision and recall, diversity,
    and a look for copies.

    Parameters
    ----------
    model
        With a prior.
    judges
        Real crops and nets.
    n
        Pairs a label.
    seed, rule
        As in `PathAR.generate`.
    """
    pairs = image_set(model.generate(model.labels, n, seed, rule=rule), "pathar")
    scores = metrics.style_score(judges.style, judges.val, pairs, seed=seed)
    against_val = metrics.images(judges.val, pairs, floor=judges.train, per_label=True, n=n, seed=seed)
    against_train = metrics.images(judges.train, pairs, per_label=True, n=n, seed=seed)
    scores |= {f"val_{name}": score for name, score in against_val.items()}
    scores |= {f"train_{name}": score for name, score in against_train.items()}
    scores |= metrics.feature_diversity(pairs, real=judges.val, seed=seed)
    for label in model.labels:
        made, train, val = (one.of_label(label) for one in (pairs, judges.train, judges.val))
        found = metrics.nearest_training(made, train, held_out=val, seed=seed).scores
        found |= metrics.empty_share(made.needed("masks"), seed=seed)
        if (made.foreground_N >= LEAST_FOREGROUND).sum() > 1:
            alone = [ImageSet(one.tiles, one.masks, None, one.groups) for one in (made, val)]
            found |= metrics.mask_agreement(alone[0], None, judges.segmenter, real=alone[1], seed=seed)
        scores |= {f"{name}_{label}": score for name, score in found.items()}
    return scores


def score_use(
    model: PathAR,
    judges: Judges,
    label: str,
    *,
    n: int = 100,
    seed: int = 0,
    n_real: tuple[int, ...] = (5, 30),
    rule: str | SampleRule | None = None,
) -> dict[str, dict[str, Score]]:
    """Dice on held-out pairs of nets trained on all real, few real, synthetic pairs, and mixtures, of one label.

    Parameters
    ----------
    model, judges
        As in `score_pairs`.
    label
        The label.
    n
        Synthetic pairs; empty ones are left in, as a user would not know.
    seed
        Of the pairs and of the nets.
    n_real
        Numbers of real images.
    rule
        As in `PathAR.generate`.
    """
    made = image_set(model.generate([label], n, seed, rule=rule), "pathar")
    real = judges.train.of_label(label)
    sets = metrics.downstream_sets(real, made, n_real=n_real, n_synthetic=n, seed=seed)
    held = judges.val.of_label(label)
    return metrics.downstream(sets, held, baseline="all real", seeds=(seed,))


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation over seeds (NaN for one)."""
    found = np.array(values, float)
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else float("nan")
