"""Overlap of one true and one predicted mask: Dice, IoU, AJI, PQ.

Shape legend: H, W pixel rows and columns; T true and P predicted nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[Any]

MATCH = 0.5  # IoU above which two segments match, at most one each (Kirillov et al., CVPR 2019)


@dataclass(frozen=True)
class Overlap:
    """Pixels shared by every pair of nuclei.

    Attributes
    ----------
    shared_TP
        Pixels in both the true and the predicted nucleus.
    true_T, pred_P
        Pixels of each nucleus.
    """

    shared_TP: NDArray[np.int64]
    true_T: NDArray[np.int64]
    pred_P: NDArray[np.int64]

    @property
    def iou_TP(self) -> NDArray[np.float64]:
        """Intersection over union of every pair."""
        union = self.true_T[:, None] + self.pred_P[None, :] - self.shared_TP
        return np.asarray(self.shared_TP / union, np.float64)


def nuclei(mask_HW: Mask) -> NDArray[np.int64]:
    """Instance labels 1..n without gaps.

    Parameters
    ----------
    mask_HW
        Instance labels, 0 = background; a bool mask is parted into 8-connected pieces.
    """
    if mask_HW.dtype == bool:
        return np.asarray(ndimage.label(mask_HW, np.ones((3, 3), int))[0], np.int64)
    found, inverse = np.unique(mask_HW, return_inverse=True)
    code = np.cumsum(found != 0) * (found != 0)
    return np.asarray(code[inverse].reshape(mask_HW.shape), np.int64)


def overlap(true_HW: Mask, pred_HW: Mask) -> Overlap:
    """Count shared pixels of all pairs in one pass.

    Parameters
    ----------
    true_HW, pred_HW
        Instance labels or bool masks of one shape.
    """
    true, pred = nuclei(true_HW), nuclei(pred_HW)
    n_true, n_pred = int(true.max(initial=0)), int(pred.max(initial=0))
    table = np.bincount((true * (n_pred + 1) + pred).ravel(), minlength=(n_true + 1) * (n_pred + 1))
    table = table.reshape(n_true + 1, n_pred + 1)
    return Overlap(table[1:, 1:], table.sum(axis=1)[1:], table.sum(axis=0)[1:])


def dice_iou(true_HW: Mask, pred_HW: Mask) -> tuple[float, float]:
    """Dice and IoU of foregrounds; NaN where both are empty.

    Parameters
    ----------
    true_HW, pred_HW
        Masks of one shape; anything but 0 is foreground.
    """
    a, b = true_HW != 0, pred_HW != 0
    shared, total = int((a & b).sum()), int(a.sum() + b.sum())
    if total == 0:
        return float("nan"), float("nan")
    return 2 * shared / total, shared / (total - shared)


def aji(pairs: Overlap) -> float:
    """Aggregated Jaccard index (Kumar et al., IEEE TMI 2017); NaN where both are empty.

    Each true nucleus takes the predicted one of highest IoU (a predicted one may be taken twice, as published);
    shared pixels and unions are summed, and predicted nuclei nobody took are added to the unions.

    Parameters
    ----------
    pairs
        From `overlap`.
    """
    n_true, n_pred = pairs.shared_TP.shape
    if n_true == 0 and n_pred == 0:
        return float("nan")
    if n_true == 0 or n_pred == 0:
        return 0.0
    iou = pairs.iou_TP
    best = iou.argmax(axis=1)
    meets = iou[np.arange(n_true), best] > 0
    shared = pairs.shared_TP[np.arange(n_true), best][meets].sum()
    union = pairs.true_T.sum() + pairs.pred_P[best[meets]].sum() - shared
    taken = np.zeros(n_pred, bool)
    taken[best[meets]] = True
    return float(shared / (union + pairs.pred_P[~taken].sum()))


def panoptic(pairs: Overlap) -> tuple[float, float, float]:
    """PQ = DQ * SQ (Kirillov et al., CVPR 2019), with one class.

    DQ is the F1 of detection, SQ the mean IoU of what matches (IoU > 0.5).

    Parameters
    ----------
    pairs
        From `overlap`.

    Returns
    -------
    PQ, DQ, SQ. All NaN where both are empty; SQ NaN where nothing matches (PQ is 0 then).
    """
    n_true, n_pred = pairs.shared_TP.shape
    if n_true == 0 and n_pred == 0:
        return float("nan"), float("nan"), float("nan")
    iou = pairs.iou_TP
    matched = iou[iou > MATCH]  # above one half, matches are unique
    dq = len(matched) / ((n_true + n_pred) / 2)
    sq = float(matched.mean()) if len(matched) else float("nan")
    return (dq * sq if len(matched) else 0.0), dq, sq
