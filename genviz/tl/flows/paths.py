"""Where a flow takes noise, seen from two sides: a picture, and the numbers without which it says nothing.

Shape legend: N rows, F numbers of a latent map, M models.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz._settings import settings
from genviz.core.arguments import check_adata
from genviz.core.keyed import row_generator, row_key
from genviz.io.library import library_of_rows
from genviz.io.tile_recipe import TileRecipe, read_recipe, write_recipe
from genviz.models.arguments import check_number, check_seed
from genviz.models.genevar.codec import MPP, own_tiles
from genviz.models.genevar.condition.rows import sections_of_rows
from genviz.models.genevar.rows import record_of
from genviz.models.genevar.trajectories import FlowInputs, check_same_space, endpoints
from genviz.models.genevar.trajectories import frames as frames_of
from genviz.tl.flows.arrows import arrow_agreement, gain, noise_kept
from genviz.tl.flows.grouping import group_scores, right_votes
from genviz.tl.flows.joint_embedding import check_embedding, joint_embedding

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GeneVAR
    from genviz.models.genevar.fitted import Fitted

_ITSELF = "model"
_PER_SLIDE, _MANY_SLIDES = 5, 10  # a few slides would otherwise leave too few tiles of a group


def velocity(
    model: GeneVAR,
    adata: AnnData,
    *,
    scale: int | None = None,
    n_per_group: int = 200,
    n_per_slide: int | None = None,
    colour_key: str | None = None,
    compare: Mapping[str, GeneVAR] | None = None,
    frames: int = 0,
    embedding: str = "tsne",
    seed: int | None = None,
    key_added: str = "velocity",
) -> AnnData:
    """Follow the flow from noise to latents on real tiles, and measure what its end points know of the rows' groups.

    Each row's tile gives the input r_k of the scale, its profile the condition, its name the noise, the same for all
    models. Noise and end points of all models go through one PCA of 50 components and one t-SNE or UMAP. Neither knows
    directions: segments in it are not trajectories. What counts are the numbers, taken in the latent space.

    Parameters
    ----------
    model
        A trained `GeneVAR` with a flow.
    adata
        Rows with profiles, and tiles or places on slides.
    scale
        Scale that the flow predicts, from 2; default the last.
    n_per_group, n_per_slide
        Rows of each group, and of each slide among them (default 5 if all groups have 10 slides, else any), at most.
    colour_key
        Column of ``obs`` with the groups; default ``"project"`` where it is there, else the section.
    compare
        Name → other models with flows over the same tokenizer and condition, say one without RNA or counterfactuals.
    frames
        Tiles to decode along each trajectory, a straight line in the latent space (1: of its end alone); 0: none.
    embedding
        ``"tsne"`` or ``"umap"``: what draws the picture; the numbers in the latent space do not know it.
    seed
        Of noise, choice and embedding; default ``gv.settings.seed``.
    key_added
        Result key.

    Returns
    -------
    New AnnData, one row a tile, with the rows' places, tiles and colours (``uns["<column>_colors"]``):
    ``obsm["<key>_start"]``, ``obsm["<key>_end"]`` and ``obsm["<key>_null"]`` (the end under another row's profile),
    float32 (n_obs, 2); ``obsm["<key>_frames"]``, uint8 (n_obs, frames, H, W, 3); ``obs["<key>_agreement"]``, mean
    cosine of a row's arrow with the 5 that begin nearest, in the latent space; of a compared model the same with
    ``_<name>`` behind. JSON in ``uns["genviz"]["<key>"]``: provenance and

    ``numbers``
        For each of the following the mean silhouette and the share of rows whose 5 nearest neighbours vote for their
        group, with the 95th percentile of permuted groups: ``end:<name>``; ``change:<name>`` (start less end);
        ``end, others' profiles:<name>``; controls ``start`` (noise: chance), ``before`` (f_{k-1}, all that r_k tells
        without the flow) and ``real`` (the tiles' own latents).
    ``gains``
        How many more rows have such neighbours among ends than ``before``, than with ``others' profiles``, and than
        among the ends of each compared model, with an interval of the paired difference.
    ``arrows``
        Whether arrows that begin beside each other point the same way, against ends dealt at random, in the latent
        space and in the picture; and how much ends resemble their own noise, and other rows'.

    Raises
    ------
    UsageError
        Without a flow, for a scale out of range, another embedding, or models of different tokenizers or conditions.
    MissingKeyError
        Without the column, and without sections.
    DataError
        For fewer than two groups of at least 6 rows.
    MissingDependencyError
        Without openTSNE, or umap-learn for a UMAP (extra ``notebook``).
    """
    seed = check_seed(settings.seed if seed is None else seed)
    _check_options(frames, embedding)
    column, groups = _groups(adata, colour_key)
    chosen = _chosen(adata, groups, n_per_group, n_per_slide, seed)
    paths = _followed({_ITSELF: model, **_named(compare)}, adata[chosen], scale, seed)
    return _made(paths, adata[chosen], (column, groups[chosen]), frames, embedding, seed, key_added)


def _check_options(frames: int, embedding: str) -> None:
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 0:
        raise UsageError(f"Expected frames as a whole number from 0; got {frames!r}.")
    check_embedding(embedding)


@dataclass(frozen=True)
class _Followed:
    """All flows on the same rows and noise.

    Attributes
    ----------
    fitted
        Models by name, the first one as `_ITSELF`.
    inputs
        What all of them were given.
    ends, nulls
        Where each arrives, told the rows' own profiles and each other's.
    """

    fitted: Mapping[str, Fitted]
    inputs: FlowInputs
    ends: Mapping[str, NDArray[np.float32]]
    nulls: Mapping[str, NDArray[np.float32]]


def _followed(models: Mapping[str, GeneVAR], rows: AnnData, scale: int | None, seed: int) -> _Followed:
    """The chosen rows through all flows."""
    fitted = {name: one._ready() for name, one in models.items()}
    inputs = FlowInputs.of(fitted[_ITSELF], rows, scale, seed)
    for name in list(models)[1:]:
        check_same_space(fitted[_ITSELF], fitted[name], name, rows, inputs)
    others_N = _others(rows.n_obs, seed)
    ends = {name: endpoints(one, inputs) for name, one in fitted.items()}
    nulls = {name: endpoints(one, inputs, others_N) for name, one in fitted.items()}
    return _Followed(fitted, inputs, ends, nulls)


def _made(
    paths: _Followed,
    rows: AnnData,
    by: tuple[str, NDArray[Any]],
    n_frames: int,
    embedding: str,
    seed: int,
    key: str,
) -> AnnData:
    """The result: places, tiles, numbers."""
    column, groups_N = by
    placed, drawn = joint_embedding(
        [paths.inputs.start_NF, *paths.ends.values(), *paths.nulls.values()], seed, embedding
    )
    made = _carried(rows, paths.fitted[_ITSELF])
    made.obsm[Obsm.path_start(key)] = placed[0]
    shares_S = np.linspace(0, 1, n_frames) if n_frames > 1 else np.ones(n_frames)
    arrows: dict[str, dict[str, dict[str, float]]] = {}
    for i, (name, end_NF) in enumerate(paths.ends.items(), start=1):
        told = "" if name == _ITSELF else name
        made.obsm[Obsm.path_end(key, told)] = placed[i]
        made.obsm[Obsm.path_null(key, told)] = placed[i + len(paths.ends)]
        if n_frames:
            made.obsm[Obsm.path_frames(key, told)] = frames_of(
                paths.fitted[name], paths.inputs, end_NF, shares_S
            )
        own_N, latent = arrow_agreement(paths.inputs.start_NF, end_NF, seed)
        made.obs[Obs.agreement(key, told)] = own_N
        arrows[name] = {
            "latent": latent,
            "picture": arrow_agreement(placed[0], placed[i], seed)[1],
            "noise": noise_kept(paths.inputs.start_NF, end_NF),
        }
    first = paths.fitted[_ITSELF]
    told_of = {"scale": paths.inputs.k, "colour_key": column} | drawn
    record = record_of(first, rows, "velocity", seed, told_of) | {
        "units": "standard deviations of the latents",
        "compare": list(paths.fitted)[1:],
        "frames": shares_S.tolist(),
        "groups": {
            str(name): int(n) for name, n in zip(*np.unique(groups_N, return_counts=True), strict=True)
        },
        "numbers": _numbers(paths, groups_N, seed),
        "gains": _gains(paths, groups_N),
        "arrows": arrows,
    }
    made.uns[Uns.GENVIZ] |= {key: json.dumps(record)}
    return made


def _carried(rows: AnnData, fitted: Fitted) -> AnnData:
    """New rows with the columns and places of others, and their tiles as the model sees them."""
    made = ad.AnnData(obs=rows.obs.copy())
    if Obsm.SPATIAL in rows.obsm:
        made.obsm[Obsm.SPATIAL] = np.asarray(rows.obsm[Obsm.SPATIAL])
    if Uns.SPATIAL in rows.uns:
        made.uns[Uns.SPATIAL] = _nested(rows.uns[Uns.SPATIAL])
    # As scanpy keeps them; of a view, anndata has cut them to the categories that are left.
    colours = [Uns.colours(str(column)) for column in made.obs]
    made.uns |= {name: np.asarray(rows.uns[name]) for name in colours if name in rows.uns}
    known = rows.uns.get(Uns.GENVIZ, {})
    carried = (Uns.TILES, Uns.SYNTHETIC, Uns.READER, Uns.SLIDES)
    made.uns[Uns.GENVIZ] = {name: known[name] for name in carried if name in known}
    lazy = own_tiles(fitted, rows)
    if Obsm.TILES in rows.obsm:
        made.obsm[Obsm.TILES] = np.asarray(lazy)
    else:
        mpp, written = fitted.facts.get(MPP), read_recipe(rows)
        mpp = written.mpp if mpp is None and written is not None else mpp
        write_recipe(made, TileRecipe(size_px=int(lazy.shape[1]), mpp=mpp))
    return made


def _nested(values: Any) -> Any:
    """Dictionaries anew; arrays (stored overviews) are shared, not copied."""
    if not isinstance(values, Mapping):
        return values
    return {name: _nested(value) for name, value in values.items()}


def _numbers(paths: _Followed, groups_N: NDArray[Any], seed: int) -> dict[str, dict[str, float]]:
    """How well each space shows the groups, controls first."""
    inputs = paths.inputs
    spaces = {"start": inputs.start_NF, "before": inputs.before_NF, "real": inputs.f_NF}
    for name, end_NF in paths.ends.items():
        spaces[f"end:{name}"] = end_NF
        spaces[f"change:{name}"] = inputs.start_NF - end_NF
        spaces[f"end, others' profiles:{name}"] = paths.nulls[name]
    return {name: group_scores(values_NF, groups_N, seed) for name, values_NF in spaces.items()}


def _gains(paths: _Followed, groups_N: NDArray[Any]) -> dict[str, dict[str, dict[str, float]]]:
    """What the flow adds to what it is given, RNA to the flow, and the model to those it is compared with."""
    before_N = right_votes(paths.inputs.before_NF, groups_N)
    right = {name: right_votes(end_NF, groups_N) for name, end_NF in paths.ends.items()}
    found = {}
    for name, right_N in right.items():
        found[name] = {
            "before": gain(right_N, before_N),
            "others' profiles": gain(right_N, right_votes(paths.nulls[name], groups_N)),
        } | {f"end:{other}": gain(right_N, right[other]) for other in list(right)[1:] if name == _ITSELF}
    return found


def _groups(adata: AnnData, key: str | None) -> tuple[str, NDArray[Any]]:
    """The column, and the group of each row."""
    check_adata(adata)
    if key is None and Obs.PROJECT not in adata.obs:
        return Obs.LIBRARY, np.asarray(library_of_rows(adata)).astype(str)
    key = key or Obs.PROJECT
    if key not in adata.obs or adata.obs[key].isna().any():
        raise MissingKeyError(
            f"Expected obs['{key}'], the group of each row; it is absent or has gaps. Name another."
        )
    return key, adata.obs[key].to_numpy().astype(str)


def _chosen(
    adata: AnnData, groups: NDArray[Any], n: int, n_per_slide: int | None, seed: int
) -> NDArray[np.intp]:
    """Rows of each group, the n first by a hash of their names: the same whatever order the rows come in."""
    check_number("n_per_group", n)
    if n_per_slide is not None:
        check_number("n_per_slide", n_per_slide)
    if adata.n_obs == 0:
        raise DataError("Expected at least one row, got an empty AnnData.")
    libraries = np.array(sections_of_rows(adata))
    keys = [
        row_key(seed, library, str(name), "choice")
        for library, name in zip(libraries, adata.obs_names, strict=True)
    ]
    ranked = np.array(sorted(range(adata.n_obs), key=keys.__getitem__))
    found = [ranked[groups[ranked] == group] for group in np.unique(groups)]
    if n_per_slide is None and all(len(set(libraries[rows])) >= _MANY_SLIDES for rows in found):
        n_per_slide = _PER_SLIDE
    found = [(rows if n_per_slide is None else _thinned(rows, libraries, n_per_slide))[:n] for rows in found]
    if len(found) < 2 or min(map(len, found)) < 6:
        told = ", ".join(f"{g} {len(f)}" for g, f in zip(np.unique(groups), found, strict=True))
        raise DataError(
            f"Expected at least two groups of at least 6 rows; got {told}. Name another colour_key."
        )
    return np.array([row for rows in found for row in rows], dtype=np.intp)


def _thinned(rows: NDArray[np.intp], slides: NDArray[Any], n: int) -> NDArray[np.intp]:
    """The first n rows of each slide, in the order given."""
    kept: Counter[str] = Counter()
    few = []
    for row in rows:
        kept[slides[row]] += 1
        if kept[slides[row]] <= n:
            few.append(row)
    return np.array(few, np.intp)


def _named(compare: Mapping[str, GeneVAR] | None) -> dict[str, GeneVAR]:
    named = {str(name): one for name, one in (compare or {}).items()}
    if _ITSELF in named:
        raise UsageError(f"Expected other names than {_ITSELF!r} in compare; it is that of the first model.")
    return named


def _others(n: int, seed: int) -> NDArray[np.intp]:
    """For each row another one, in one great circle."""
    circle = row_generator(seed, "", "others", "trajectory").permutation(n)
    other_N = np.empty(n, np.intp)
    other_N[circle] = np.roll(circle, 1)
    return other_N
