"""Leave one section out: fit on the others, predict it, score all sections together, for several seeds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np

from genviz import metrics, pp
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm, Uns, Varm
from genviz.io.files.atomic import atomic_write_json
from genviz.models import GenAR, baselines
from genviz.recipes.genar.held_out import without_counts
from genviz.recipes.genar.variants import VARIANTS, Variant
from genviz.recipes.leakage import LEAKAGE, LeakReport, joined_reports
from genviz.recipes.seen_by import gate, seen_by_fold

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.metrics import Score

log = logging.getLogger("genviz")

_KEY = "genar"
_BY_SECTION = ("pcc_200", "mse", "dn_pcc_200")
_GROUPS = Obsm.scale(_KEY, 1).removesuffix("1")
_TOTAL = {Obsm.scale(_KEY, 1, bound) for bound in ("", "lower", "upper")}

Done = Callable[[str, dict[str, "Score"]], None]


@dataclass(frozen=True)
class Folds:
    """Rows with measured counts and features, and the sections to hold out in turn."""

    adata: AnnData
    sections: tuple[str, ...]
    genes: tuple[str, ...]
    features: str = Obsm.features("morphology")
    device: str = "auto"

    def check(self, *, allow_seen: bool = False) -> LeakReport:
        """Refuse folds whose panel was chosen on the sections held out, before anything is trained.

        Parameters
        ----------
        allow_seen
            Whether it may be so; the report says so then.

        Raises
        ------
        UsageError
            Saying which sections.
        """
        reports = [
            gate(held, seen_by_fold(train, self.genes), allow_seen=allow_seen) for train, held in self.parts()
        ]
        return joined_reports(reports)

    def parts(self) -> Iterable[tuple[AnnData, AnnData]]:
        """Training rows and the section held out, once for each section."""
        section = self.adata.obs[Obs.LIBRARY].astype(str)
        for held in self.sections:
            yield (
                self.adata[(section != held).to_numpy()].copy(),
                self.adata[(section == held).to_numpy()].copy(),
            )


def run_crossval(
    folds: Folds,
    out: Path,
    *,
    names: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    allow_seen: bool = False,
) -> None:
    """Score every variant and baseline with every seed; a pair already in `out` is not computed again.

    Parameters
    ----------
    folds
        Sections; their features (``ring="mean"``, Macenko) must be there.
    out
        Folder of records, ``<name>-<seed>.json`` each in the schema of `metrics.scores_to_json`.
    names
        Variants, and ``baselines`` for all baselines together; default everything.
    seeds
        Each is a whole cross-validation.
    allow_seen
        Whether the panel may have been chosen on the sections held out; stamped in each record under ``leakage``.

    Raises
    ------
    UsageError
        For an unknown name, or a panel that was chosen on the sections held out.
    """
    wanted = ["baselines", *VARIANTS] if names is None else list(names)
    unknown = [name for name in wanted if name not in VARIANTS and name != "baselines"]
    if unknown:
        raise UsageError(f"Expected names of {', '.join(VARIANTS)} or baselines; got {', '.join(unknown)}.")
    leakage = {LEAKAGE: folds.check(allow_seen=allow_seen).stamp()}
    for seed in seeds:
        for name in wanted:
            marker = out / f"{name if name != 'baselines' else 'ridge'}-{seed}.json"
            if marker.exists():
                continue
            started = time.perf_counter()
            if name == "baselines":
                found = score_baselines(folds, seed)
            else:
                found = score_variant(folds, name, VARIANTS[name], seed)
            seconds = round(time.perf_counter() - started, 1)
            for model, scores in found.items():
                atomic_write_json(
                    out / f"{model}-{seed}.json",
                    metrics.scores_to_json(scores)
                    | {"model": model, "seed": seed, "seconds": seconds}
                    | leakage,
                )
            log.info("%s, seed %d: %.0f s", name, seed, seconds)


def score_variant(folds: Folds, name: str, variant: Variant, seed: int) -> dict[str, dict[str, Score]]:
    """Cross-validate one configuration of GenAR; one entry a read-out."""
    predicted: dict[str, list[AnnData]] = {suffix: [] for suffix in variant.readouts}
    likelihood, pits = [], []
    n_samples = max(int(options.get("n_samples", 256)) for options in variant.readouts.values())
    for train, held in folds.parts():
        if variant.embed:
            for part in (train, held):
                del part.obsm[folds.features]
                pp.embed(part, **variant.embed)
        model = _fit(train, folds, variant, seed)
        for suffix, options in variant.readouts.items():
            predicted[suffix].append(model.predict(without_counts(held), seed=seed, **options))
        likelihood.append(model.log_likelihood(held))
        pits.append(model.pit(held, seed=seed, n_samples=n_samples))
    known = {
        "log_likelihood": np.concatenate(likelihood),
        "pit": {key: np.concatenate([pit[key] for pit in pits]) for key in pits[0]},
    }
    found = {}
    for suffix, parts in predicted.items():
        joined = _joined(parts)
        # A point read-out has no distribution to score.
        extra: dict[str, Any] = {} if variant.readouts[suffix].get("greedy") else known
        true = folds.adata[joined.obs_names]
        found[name + suffix] = _scores(true, joined, _KEY, folds, **extra)
    return found


def score_baselines(
    folds: Folds,
    seed: int,
    *,
    names: Sequence[str] = baselines.NAMES,
    normalisations: Sequence[str] = ("train", "section"),
) -> dict[str, dict[str, Score]]:
    """Cross-validate baselines, with training statistics and with each section's own (``<name>_section``)."""
    found: dict[str, dict[str, Score]] = {}
    for normalise in normalisations:
        by_name: dict[str, list[AnnData]] = {}
        for train, held in folds.parts():
            results = baselines.fit_predict(
                train,
                without_counts(held),
                names,
                genes=list(folds.genes),
                features=folds.features,
                normalise=normalise,
                seed=seed,
            )
            for name, result in results.items():
                by_name.setdefault(name, []).append(result)
        for name, parts in by_name.items():
            joined = _joined(parts)
            true = folds.adata[joined.obs_names]
            label = name if normalise == "train" else f"{name}_section"
            found[label] = _scores(true, joined, name, folds)
    return found


def _scores(true: AnnData, joined: AnnData, key: str, folds: Folds, **known: Any) -> dict[str, Score]:
    """Scores over all folds, and the main ones of each section as ``<score>@<section>``."""
    genes = list(folds.genes)
    found = metrics.expression(true, joined, key=key, genes=genes, **known)
    section = true.obs[Obs.LIBRARY].astype(str).to_numpy()
    for held in folds.sections:
        rows = section == held
        own = metrics.expression(true[rows], joined[rows], key=key, genes=genes, n_bootstrap=0)
        found |= {f"{name}@{held}": own[name] for name in _BY_SECTION if name in own}
    return found


def _fit(train: AnnData, folds: Folds, variant: Variant, seed: int) -> GenAR:
    train.varm.pop(Varm.GENE_TREE, None)
    train.uns.get(Uns.GENVIZ, {}).pop(Uns.GENE_TREE, None)
    if variant.tree is not None:
        pp.gene_tree(train, genes=list(folds.genes), seed=seed, **variant.tree)
    GenAR.setup_anndata(train, features=folds.features, genes=list(folds.genes))
    model = GenAR(train, **{"preset": "mini", **variant.model})
    model.train(seed=seed, device=folds.device)
    return model


def _joined(parts: list[AnnData]) -> AnnData:
    """Predictions of all folds as one object.

    Each fold has its own gene tree, so stored group sums cannot stand in one table; groups are scored by the
    PIT that each fold's model gives.
    """
    joined = ad.concat(parts, merge="same", uns_merge="first")
    for name in [name for name in joined.obsm if name.startswith(_GROUPS) and name not in _TOTAL]:
        del joined.obsm[name]
    joined.varm.pop(Varm.GENE_TREE, None)
    return joined
