"""Whether synthetic tiles can stand for real ones, or prepare for them, in the classification of tiles.

Shape legend: N real tiles, M synthetic tiles, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Obs
from genviz.metrics.image_set import ImageSet, image_set, labels_of
from genviz.metrics.judges.small_training import SmallFit, logits_of, softmax
from genviz.metrics.judges.tile_net import SIZES, tile_net, train_tile_net
from genviz.metrics.protocols.fold_runs import MAJORITY, FoldRuns
from genviz.metrics.protocols.fold_scores import Cell, Statistic, accuracy, f1_macro, majority_cell
from genviz.metrics.protocols.patient_folds import FoldRows, replaced_rows, stratified_rows
from genviz.metrics.score import Score
from genviz.train.device import resolve_device

REAL = "real only"
LONGER = "real twice"

_STATISTICS: dict[str, Statistic] = {"accuracy": accuracy, "f1": f1_macro}


@dataclass(frozen=True)
class TileProtocol:
    """How the nets are trained; the defaults are published (Tables 3 and 7 of GeneVAR) but for size, batch and rate.

    Attributes
    ----------
    size
        ``small`` or ``resnet18``, see `SIZES`.
    epochs, pretrain_epochs
        Passes over the training tiles, and over the synthetic ones before.
    batch_size, learning_rate
        Of AdamW, see `SmallFit`; the paper does not say.
    n_folds
        Folds by patient.
    """

    size: str = "small"
    epochs: int = 50
    pretrain_epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    n_folds: int = 5


def tile_classification(
    real: Any,
    synthetic: Any = None,
    *,
    key: str = "",
    label_key: str = Obs.LABEL,
    replace: Sequence[float] = (0.25, 0.5, 0.75),
    pretrain: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    protocol: TileProtocol | None = None,
    held_out: Sequence[Any] | None = None,
    other_patients: bool = False,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
) -> dict[str, dict[str, Score]]:
    """Accuracy and macro F1 on real tiles of patients that no training tile, real or synthetic, comes from.

    Settings: ``real only`` (p = 0); ``majority``, the most frequent class of the training tiles; ``p=<share>``, that
    share of the training tiles of each class replaced by synthetic ones; ``q=<share>``, pre-training on that share of
    the fold's synthetic tiles before all real ones; ``real twice``, pre-training on the real tiles themselves for as
    many steps as the largest q, which says what the longer training alone is worth.

    Every setting has ``accuracy`` and ``f1``, means over folds and seeds, beside those of real tiles only (which has
    the majority's beside it); ``<score>_fold_sd``, what papers print after ±; ``<score>_gain`` over what stands beside,
    patients drawn together. Show them with `scores_table`.

    Parameters
    ----------
    real
        Tiles with labels and patients: an AnnData (``obs[label_key]``, ``obs["patient"]``, or else the groups that
        `image_set` finds), or an `ImageSet` whose groups are the patients.
    synthetic, key
        Generated tiles likewise; patient: of the profile that the tile was made from. Tiles made from a tested
        patient's profile are left out of the fold's training.
    label_key
        Column of ``obs`` to tell apart, say the cohort.
    replace, pretrain
        The p and q.
    protocol
        Of the training; `TileProtocol` by default.
    held_out
        Patients that the generator has not seen: only they are tested. With None a generator that was trained on these
        patients has told the nets about the test tiles, which the note says.
    other_patients
        See `fold_rows`.
    seeds
        Each has its own folds and weights.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    UsageError
        For shares outside 0 to 1, no seeds, or shares without synthetic tiles.
    DataError
        For labels with too few patients or synthetic tiles, or patients that are not known.
    """
    plan = protocol or TileProtocol()
    true = patient_tiles(real, label_key=label_key)
    made = None if synthetic is None else patient_tiles(synthetic, key, label_key)
    settings = _settings(replace, pretrain, made is not None)
    if not seeds:
        raise UsageError("Expected seeds; got none.")
    runs: dict[str, list[Cell]] = {name: [] for name in (REAL, MAJORITY, *settings)}
    whose = None if made is None else made.needed("groups")
    folds = FoldRuns(
        true.needed("labels"), true.needed("groups"), whose, plan.n_folds, seeds, held_out, other_patients
    )
    place = resolve_device(device)
    for seed, fold_name, fold in folds:
        bench = _Bench(true, made, fold, plan, place, seed, fold_name)
        first = bench.cell("", 0.0)
        runs[REAL].append(first)
        runs[MAJORITY].append(majority_cell(first, bench.target(true)[bench.fold.train]))
        for name, (kind, share) in settings.items():
            runs[name].append(first if kind == "p" and not share else bench.cell(kind, share))
    beside = dict.fromkeys(settings, REAL)
    return folds.table(runs, beside, _STATISTICS, f"net {plan.size}")


def patient_tiles(source: Any, key: str = "", label_key: str = Obs.LABEL) -> ImageSet:
    """Tiles with labels, their groups being patients.

    Parameters
    ----------
    source, key
        As `image_set` takes them; ``obs["patient"]`` of an AnnData goes before scenes and sources.
    label_key
        Column of ``obs`` with the labels.

    Raises
    ------
    MissingKeyError
        Without labels or anything to group by.
    """
    found = image_set(source, key)
    kinds, groups = found.labels, found.groups
    if hasattr(source, "obs"):
        if label_key not in source.obs:
            raise MissingKeyError(
                f"Expected obs['{label_key}']; it is not there. Name the column as label_key=."
            )
        kinds = np.asarray(source.obs[label_key].astype(str), object)
        if Obs.PATIENT in source.obs:
            groups = np.asarray(source.obs[Obs.PATIENT].astype(str), object)
    known = ImageSet(found.tiles, None, kinds, groups)
    texts = [labels_of(known.needed(name), len(known)) for name in ("labels", "groups")]
    return ImageSet(found.tiles, None, *texts)


def _settings(
    replace: Sequence[float], pretrain: Sequence[float], made: bool
) -> dict[str, tuple[str, float]]:
    """Name → what is done and how much of it."""
    wrong = [share for share in (*replace, *pretrain) if not 0 <= share <= 1]
    if wrong:
        raise UsageError(f"Expected shares from 0 to 1 to replace and to pre-train on; got {wrong[0]}.")
    if not made:
        return {}
    found = {f"p={share:g}": ("p", float(share)) for share in replace}
    found |= {f"q={share:g}": ("q", float(share)) for share in pretrain if share}
    return found | ({LONGER: ("again", max(pretrain))} if any(pretrain) else {})


@dataclass(frozen=True, eq=False)
class _Bench:
    """One fold of one seed, on which nets are trained."""

    real: ImageSet
    made: ImageSet | None
    fold: FoldRows
    plan: TileProtocol
    device: torch.device
    seed: int
    name: str

    def target(self, tiles: ImageSet) -> NDArray[np.intp]:
        """Classes in the order of the real labels' names; a synthetic label that is none of them is an error."""
        names = sorted(set(self.real.needed("labels").tolist()))
        unknown = sorted(set(tiles.needed("labels").tolist()) - set(names))
        if unknown:
            raise UsageError(f"Expected synthetic labels of {', '.join(names)}; got {', '.join(unknown)}.")
        return np.array([names.index(label) for label in tiles.needed("labels").tolist()], np.intp)

    def cell(self, kind: str, share: float) -> Cell:
        """Train one net and ask it about the test tiles."""
        plan, train = self.plan, self.real.rows(self.fold.train)
        network = tile_net(plan.size, len(self.real.label_names), self.seed)
        before: ImageSet | None = None
        n_before = 0
        if kind and self.made is not None:
            made = self.made.rows(self.fold.synthetic)
            chosen = stratified_rows(made.needed("labels"), share, self.seed, "pretrain")
            if kind == "p":
                stay, come = replaced_rows(train.needed("labels"), made.needed("labels"), share, self.seed)
                train = _joined(train.rows(stay), made.rows(come))
            else:
                before, n_before = (made.rows(chosen) if kind == "q" else train), len(chosen)
        for tiles, n, epochs, stage in (
            (before, n_before, plan.pretrain_epochs, "before"),
            (train, len(train), plan.epochs, "tiles"),
        ):
            if tiles is None or not n:
                continue
            fit = SmallFit(
                steps=max(1, round(epochs * n / plan.batch_size)),
                batch_size=plan.batch_size,
                learning_rate=plan.learning_rate,
                seed=self.seed,
                purpose=f"{self.name} {stage}",
                device=self.device,
            )
            train_tile_net(network, tiles.tiles, self.target(tiles), fit, crop_px=SIZES[plan.size].crop_px)
        test = self.real.rows(self.fold.test)
        proba = softmax(logits_of(network, test.tiles, self.device))
        return Cell(proba, self.target(test), test.needed("groups"))


def _joined(first: ImageSet, second: ImageSet) -> ImageSet:
    """Rows of both, with their labels."""
    labels = np.concatenate([first.needed("labels"), second.needed("labels")])
    return ImageSet(np.concatenate([first.tiles, second.tiles]), None, labels)
