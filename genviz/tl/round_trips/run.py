"""From RNA to tiles and back: whether counts predicted from generated tiles are those that the tiles were made of.

Shape legend: N rows, n draws of each, G genes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz._keys import Layers, Obsm
from genviz._settings import settings
from genviz.core.counts import first_names
from genviz.io.counts import counts_of
from genviz.metrics.score import Score
from genviz.models.arguments import check_number, check_seed
from genviz.models.genevar.codec import MPP, own_tiles
from genviz.models.genevar.rows import record_of
from genviz.models.genevar.seen import rows_among, seen_patients, seen_rows
from genviz.tl.round_trips.scores import correlations, rows_of, scores_of, shuffled_scores
from genviz.tl.round_trips.tile_features import TileFeatures

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GenAR, GeneVAR

Floats = NDArray[np.float64]

GENERATED, DECODED, REAL, MEAN = "generated", "decoded", "real", "mean"


@dataclass(frozen=True)
class RoundTrip:
    """Measured counts against those predicted from tiles, generated ones and others.

    Attributes
    ----------
    predicted
        Rows by genes: layers ``generated``, ``decoded``, ``real`` (and ``mean``), each with ``_log2``.
    scores
        Source of the tiles → score → `Score`: ``pearson``, mean over genes (and sections) of the correlation over rows
        of log2(1 + count), undefined ones 0; ``dn_pcc_200``, ``mse``, ``mae``, ``depth_r`` as in `metrics.expression`.
    pearson_G
        Source → correlation of each gene, mean over sections; undefined ones 0.
    shuffled
        Of ``pearson`` with generated tiles given to other rows of their section: ``mean``, ``top`` (95th percentile),
        ``p``, ``n``.
    record
        Provenance: both models, rows that either has seen, patients that GeneVAR has, how tiles became features.
    """

    predicted: AnnData
    scores: dict[str, dict[str, Score]]
    pearson_G: dict[str, Floats]
    shuffled: dict[str, float]
    record: dict[str, Any] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """One line a source and score, with the interval."""
        rows = [
            (source, name, score.value, *(score.ci or (np.nan, np.nan)), score.n)
            for source, found in self.scores.items()
            for name, score in found.items()
        ]
        return pd.DataFrame(rows, columns=["tiles", "score", "value", "low", "high", "n"])


def roundtrip(
    model: GeneVAR,
    genar: GenAR,
    adata: AnnData,
    *,
    n: int = 1,
    # tiles to features
    surroundings: str | None = None,
    genar_tile_um: float | None = None,
    # controls
    training: AnnData | None = None,
    allow_seen: bool = False,
    n_shuffles: int = 200,
    # how
    rule: Any = None,
    n_samples: int = 256,
    n_bootstrap: int = 500,
    seed: int | None = None,
) -> RoundTrip:
    """Generate tiles of profiles, predict counts from the tiles, compare them with the profiles.

    Beside generated tiles stand the rows' own (what `genar` can do at best), those decoded from their tokens (what the
    tokenizer costs), generated tiles of other rows of the section (what section and stain say), and the mean of
    training rows. Only pixels of a tile are looked at, never its surroundings on the slide.

    Parameters
    ----------
    model
        A trained `GeneVAR`.
    genar
        A trained `GenAR`, best on features of loose tiles of the same size (``gv.pp.embed`` on ``obsm["tiles"]``).
    adata
        Rows with counts of all genes, places on slides, and tiles where they are not cut from the slides.
    n
        Tiles a row; predictions are averaged in log2.
    surroundings
        ``"mirror"``: where `genar` was trained on slides and looks beyond a tile, each tile is mirrored in all
        directions. It then sees repeated tissue, in every source alike. None refuses such a `genar`.
    genar_tile_um
        Side of the tiles that `genar` was trained on, if known: tiles of another side are refused.
    training
        Rows whose mean counts are the baseline ``mean``; default none.
    allow_seen
        Go on though `genar` was trained on some of the rows, or `model` on some of their sections.
    n_shuffles
        Permutations of the control.
    rule
        See `GeneVAR.generate`.
    n_samples, n_bootstrap
        See `GenAR.predict`; replicates of the intervals.
    seed
        Of tiles, samples and permutations; default ``gv.settings.seed``.

    Raises
    ------
    UsageError
        For a GenAR of another field of view, or rows that either model was trained on.
    DataError
        For counts of the panel that are absent, or tiles of another resolution.
    """
    seed = check_seed(settings.seed if seed is None else seed)
    check_number("n", n), check_number("n_shuffles", n_shuffles), check_number("n_samples", n_samples)
    size = model._ready().trained_tokenizer().config.size_px
    seen = {"GenAR": _seen_by_genar(genar, adata), "GeneVAR": seen_rows(model.fitted, adata)}
    _refuse_seen(adata, seen, allow_seen)
    as_features = TileFeatures(genar, size, model.fitted.facts.get(MPP), surroundings, genar_tile_um)
    found = {
        name: _mean_of_draws(_predicted(genar, as_features.put(rows, tiles), n_samples, seed), adata.n_obs)
        for name, rows, tiles in _sources(model, adata, n, seed, rule)
    }
    if training is not None:
        found[MEAN] = _mean_of_rows(training, genar.genes, adata.n_obs)
    predicted = rows_of(adata, genar.genes, found)
    return RoundTrip(
        predicted,
        {name: scores_of(adata, predicted, name, n_bootstrap, seed) for name in found},
        {name: correlations(adata, predicted, name) for name in found},
        shuffled_scores(adata, predicted, GENERATED, n_shuffles, seed),
        _record(model, genar, adata, seed, {"n": n, "n_shuffles": n_shuffles}, seen) | as_features.told(),
    )


def _record(
    model: GeneVAR,
    genar: GenAR,
    adata: AnnData,
    seed: int,
    parameters: dict[str, Any],
    seen: Mapping[str, NDArray[np.bool_]],
) -> dict[str, Any]:
    """Provenance of both models."""
    return record_of(model.fitted, adata, "roundtrip", seed, parameters) | {
        "units": "counts",
        "genar_checkpoint_sha256": genar.fitted.sha256,
        "genar_split_sha256": genar.fitted.split_sha256,
        "genar_sections_of_training": sorted(genar.fitted.training_rows),
        **{f"rows_seen_by_{name.lower()}": int(seen_N.sum()) for name, seen_N in seen.items()},
        "seen_patients": seen_patients(model.fitted, adata),
    }


def _sources(
    model: GeneVAR, adata: AnnData, n: int, seed: int, rule: Any
) -> Iterator[tuple[str, AnnData, NDArray[np.uint8]]]:
    """Name, rows and tiles of each source."""
    image = Obsm.image("genevar")
    drawn = model.generate(adata, n, seed, rule=rule)
    yield GENERATED, drawn, drawn.obsm[image]
    decoded = model.reconstruct(adata)
    yield DECODED, decoded, decoded.obsm[image]
    yield REAL, decoded, np.asarray(own_tiles(model._ready(), adata).compute())


def _predicted(genar: GenAR, rows: AnnData, n_samples: int, seed: int) -> AnnData:
    """Counts predicted from features."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # of depth and foreign tissue: controls bear them as well
        return genar.predict(rows, n_samples=n_samples, seed=seed, readouts=())


def _mean_of_draws(told: AnnData, n_rows: int) -> tuple[Floats, Floats]:
    """E[X] and E[log2(1 + X)] of each row, mean over its tiles."""
    mean_NG, log2_NG = (
        np.asarray(told.layers[layer], np.float64).reshape(n_rows, -1, told.n_vars).mean(axis=1)
        for layer in (Layers.mean("genar"), Layers.log2("genar"))
    )
    return mean_NG, log2_NG


def _mean_of_rows(training: AnnData, genes: tuple[str, ...], n_rows: int) -> tuple[Floats, Floats]:
    """The same for a constant prediction."""
    counts_NG = counts_of(training, genes=list(genes)).toarray().astype(np.float64)
    return np.tile(counts_NG.mean(axis=0), (n_rows, 1)), np.tile(
        np.log2(1 + counts_NG).mean(axis=0), (n_rows, 1)
    )


def _seen_by_genar(genar: GenAR, adata: AnnData) -> NDArray[np.bool_]:
    """Rows that GenAR was trained on."""
    return rows_among(adata, {section: set(rows) for section, rows in genar.fitted.training_rows.items()}.get)


def _refuse_seen(adata: AnnData, seen: Mapping[str, NDArray[np.bool_]], allow_seen: bool) -> None:
    """Insist that neither model was trained on the rows.

    Raises
    ------
    UsageError
        For any, unless they are allowed.
    """
    for name, seen_N in seen.items():
        if seen_N.any() and not allow_seen:
            raise UsageError(
                f"Expected rows that {name} was not trained on; it was on {int(seen_N.sum())} of {adata.n_obs}: "
                f"{first_names(adata.obs_names[seen_N].tolist())}. Its errors there are smaller than elsewhere: take "
                "other rows, or pass allow_seen=True."
            )
