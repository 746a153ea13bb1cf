"""Whether generated tiles look like the label they were asked for.

With few well separated labels a colour average is enough and the score saturates at 1; it shows failures, not
quality. Shape legend: N rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.metrics.image_set import image_set
from genviz.metrics.judges.style import StyleNet
from genviz.metrics.row_means import mean_score
from genviz.metrics.score import Score

Floats = NDArray[np.float64]

ECE_BINS = 10


def style_score(net: StyleNet, real: Any, fake: Any, *, key: str = "", seed: int = 0) -> dict[str, Score]:
    """Share of generated tiles that the net takes for what they were asked to be, and how good the net is.

    - ``style``: share of `fake` whose predicted label is their own; ``style_<label>``. Beside it: recall on `real`.
    - ``style_accuracy_real``, ``style_recall_real_<label>``: of the net on held-out real tiles.
    - ``style_ece``: expected calibration error on `real` (10 bins), after temperature scaling; beside it the
      error before. ``style_temperature``.

    Parameters
    ----------
    net
        From `train_style`.
    real
        Held-out real tiles with labels.
    fake, key
        Generated tiles, labels being what was asked for; as `images` takes them.
    seed
        Of the bootstrap.

    Raises
    ------
    DataError
        For labels that the net does not know.
    """
    truth, made = image_set(real), image_set(fake, key)
    for one in (truth, made):
        unknown = sorted(set(one.needed("labels").tolist()) - set(net.names))
        if unknown:
            raise DataError(f"Expected labels of {', '.join(net.names)}; got {', '.join(unknown)}.")
    proba = net.predict_proba(truth.tiles)
    names = np.array(net.names, object)
    real_right = (names[proba.argmax(axis=1)] == truth.labels).astype(float)
    fake_right = (net.predict(made.tiles) == made.labels).astype(float)
    scores = {
        "style": mean_score(fake_right, seed=seed, baseline=float(real_right.mean())),
        "style_accuracy_real": mean_score(real_right, groups=truth.groups, seed=seed),
    }
    for label in net.names:
        ours, theirs = made.needed("labels") == label, truth.needed("labels") == label
        recall = mean_score(
            real_right[theirs], groups=None if truth.groups is None else truth.groups[theirs], seed=seed
        )
        scores[f"style_recall_real_{label}"] = recall
        if ours.any():
            scores[f"style_{label}"] = mean_score(fake_right[ours], seed=seed, baseline=recall.value)
    raw = net.predict_proba(truth.tiles, calibrated=False)
    before, after = (calibration_error(p.max(axis=1), real_right) for p in (raw, proba))
    note = "before temperature scaling beside it"
    scores["style_ece"] = Score(after, None, len(truth), before, note)
    scores["style_temperature"] = Score(net.temperature, None, len(truth))
    return scores


def calibration_error(confidence_N: Floats, right_N: Floats) -> float:
    """Expected calibration error: mean of |accuracy - confidence| over ten bins of confidence, by their size.

    Parameters
    ----------
    confidence_N
        Probability of the predicted label.
    right_N
        1 where it is the true one.
    """
    which = np.minimum((confidence_N * ECE_BINS).astype(int), ECE_BINS - 1)
    gap = np.bincount(which, right_N - confidence_N, ECE_BINS)
    return float(np.abs(gap).sum() / len(right_N))
