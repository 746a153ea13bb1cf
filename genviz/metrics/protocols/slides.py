"""Whether pre-training on synthetic bags helps to tell slides apart (multiple-instance learning).

Shape legend: N slides, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.metrics.judges.bag_net import MakeNet, bag_net, bag_proba, train_bag_net
from genviz.metrics.judges.small_training import SmallFit
from genviz.metrics.protocols.bags import BagSet, bags_of
from genviz.metrics.protocols.fold_runs import MAJORITY, FoldRuns
from genviz.metrics.protocols.fold_scores import (
    Cell,
    Statistic,
    accuracy,
    auc,
    f1_macro,
    f1_weighted,
    majority_cell,
)
from genviz.metrics.protocols.patient_folds import FoldRows
from genviz.metrics.score import Score
from genviz.train.device import resolve_device

PRETRAINED = " + pre-training"

_STATISTICS: dict[str, Statistic] = {
    "accuracy": accuracy,
    "f1": f1_macro,
    "f1_weighted": f1_weighted,
    "auc": auc,
}
_LEAST_SD = 1e-6


@dataclass(frozen=True)
class SlideProtocol:
    """How the networks are trained; the paper gives none of this.

    Attributes
    ----------
    width
        Of the networks; 512 in the published TransMIL.
    epochs, pretrain_epochs
        Passes over the real slides, and over the synthetic bags before.
    n_tiles
        Tiles of a bag in training; the published synthetic bags have 512.
    batch_size, learning_rate
        Of AdamW, see `SmallFit`.
    balanced
        Whether classes are drawn equally often. Accuracy is then no longer what is trained for.
    n_folds
        Folds by patient.
    """

    width: int = 64
    epochs: int = 20
    pretrain_epochs: int = 10
    n_tiles: int = 512
    batch_size: int = 8
    learning_rate: float = 3e-4
    balanced: bool = False
    n_folds: int = 5


def slide_classification(
    real: Any,
    synthetic: Any = None,
    *,
    key: str = "X_morphology",
    label_key: str = Obs.LABEL,
    networks: Sequence[str] | Mapping[str, MakeNet | str] = ("mean", "gated_attention", "transmil"),
    protocol: SlideProtocol | None = None,
    held_out: Sequence[Any] | None = None,
    other_patients: bool = False,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    device: str = "auto",
) -> dict[str, dict[str, Score]]:
    """Accuracy, F1 and AUC on real slides of patients that no training bag, real or synthetic, comes from.

    Rows: ``majority``; each network; and ``<network> + pre-training`` on the synthetic bags first. Scores:

    - ``accuracy``, ``f1`` (macro), ``f1_weighted`` (by class size; the F1 of GeneVAR's Tables 4 and 8 is too near their
      accuracy to be a macro mean), ``auc`` for two classes: means over folds and seeds, beside that of the majority or
      of the network without pre-training.
    - ``<score>_fold_sd``; ``<score>_gain`` over what stands beside, patients drawn together. With few slides of a class
      one slide moves accuracy by more than most gains: read the intervals.

    Parameters
    ----------
    real
        A `BagSet`, or an AnnData of tiles (see `bags_of`).
    synthetic
        Bags of generated tiles with the label of the patient whose profile they were made from, and that patient. Bags
        of tested patients are left out of the fold.
    key, label_key
        Features and labels of an AnnData: names in ``obsm`` and ``obs``.
    networks
        Of ``mean``, ``gated_attention``, ``transmil``; or name → one of these or a function, see `bag_net`.
    protocol
        Of the training; `SlideProtocol` by default.
    held_out
        Patients that the generator has not seen: only they are tested.
    other_patients
        See `fold_rows`.
    seeds
        Each has its own folds and weights.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    UsageError
        Without seeds, for one label, another network, or labels of synthetic bags that no slide has.
    DataError
        For other features, labels with too few patients, or patients that are not known.
    """
    plan = protocol or SlideProtocol()
    true, made = (
        bags_of(real, key, label_key),
        None if synthetic is None else bags_of(synthetic, key, label_key),
    )
    names = sorted(set(true.labels.tolist()))
    _check(true, made, names, seeds)
    nets = dict(networks) if isinstance(networks, Mapping) else {name: name for name in networks}
    if not nets:
        raise UsageError("Expected networks; got none.")
    runs: dict[str, list[Cell]] = {MAJORITY: []}
    whose = None if made is None else made.patients
    folds = FoldRuns(true.labels, true.patients, whose, plan.n_folds, seeds, held_out, other_patients)
    place = resolve_device(device)
    for seed, fold_name, fold in folds:
        bench = _Bench(true, made, fold, plan, place, seed, fold_name, names)
        for name, network in nets.items():
            runs.setdefault(name, []).append(bench.cell(network, False))
            if made is not None:
                runs.setdefault(name + PRETRAINED, []).append(bench.cell(network, True))
        first = runs[next(iter(nets))][-1]
        runs[MAJORITY].append(majority_cell(first, bench.target(true)[bench.fold.train]))
    statistics = {name: one for name, one in _STATISTICS.items() if name != "auc" or len(names) == 2}
    beside = {name + PRETRAINED: name for name in nets}
    return folds.table(runs, beside, statistics, f"width {plan.width}")


def _check(true: BagSet, made: BagSet | None, names: list[str], seeds: Sequence[int]) -> None:
    if not seeds or len(names) < 2:
        raise UsageError(f"Expected seeds, and two labels or more; got {len(seeds)} seeds, labels {names}.")
    if made is None:
        return
    unknown = sorted(set(made.labels.tolist()) - set(names))
    if unknown or made.n_features != true.n_features:
        raise UsageError(
            f"Expected synthetic bags labelled {', '.join(names)} with {true.n_features} features; got "
            f"{', '.join(sorted(set(made.labels.tolist())))} with {made.n_features}. Embed both with one encoder."
        )


@dataclass(frozen=True, eq=False)
class _Bench:
    """One fold of one seed, on which networks are trained."""

    real: BagSet
    made: BagSet | None
    fold: FoldRows
    plan: SlideProtocol
    device: torch.device
    seed: int
    name: str
    names: list[str]

    def target(self, bags: BagSet) -> NDArray[np.intp]:
        """Classes in the order of the labels' names."""
        return np.array([self.names.index(label) for label in bags.labels.tolist()], np.intp)

    def cell(self, network: str | MakeNet, pretrained: bool) -> Cell:
        """Train one network and ask it about the test slides; features in deviations of the real training tiles."""
        plan, train = self.plan, self.real.rows(self.fold.train)
        tiles = np.concatenate(list(train)).astype(np.float64)
        mean, sd = tiles.mean(axis=0), tiles.std(axis=0)
        sd = np.where(sd < _LEAST_SD, 1.0, sd)

        def scaled(bags: BagSet) -> list[NDArray[np.float32]]:
            return [((bag - mean) / sd).astype(np.float32) for bag in bags]

        net = bag_net(network, train.n_features, len(self.names), plan.width, self.seed)
        stages = [(train, plan.epochs, "slides")]
        if pretrained and self.made is not None:
            if not len(self.fold.synthetic):
                raise DataError(
                    f"Expected synthetic bags of patients that {self.name} does not test; there are none. Make bags "
                    "from more patients' profiles."
                )
            stages.insert(0, (self.made.rows(self.fold.synthetic), plan.pretrain_epochs, "synthetic"))
        for bags, epochs, stage in stages:
            fit = SmallFit(
                steps=max(1, round(epochs * len(bags) / plan.batch_size)),
                batch_size=plan.batch_size,
                learning_rate=plan.learning_rate,
                seed=self.seed,
                purpose=f"{self.name} {stage}",
                device=self.device,
            )
            train_bag_net(
                net, scaled(bags), self.target(bags), fit, n_tiles=plan.n_tiles, balanced=plan.balanced
            )
        test = self.real.rows(self.fold.test)
        proba = bag_proba(net, scaled(test), self.device)
        return Cell(proba, self.target(test), test.patients)
