"""Where a flow takes noise, seen from two sides: a picture, and the numbers without which it says nothing.

Shape legend: N rows, F numbers of a latent map, M models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz._settings import settings
from genviz.core.keyed import row_generator, row_key
from genviz.io.library import library_of_rows
from genviz.models.arguments import check_number, check_seed
from genviz.models.genevar.rows import record_of
from genviz.models.genevar.trajectories import FlowInputs, check_same_space, endpoints
from genviz.tl.grouping import group_scores
from genviz.tl.joint_tsne import joint_tsne

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GeneVAR
    from genviz.models.genevar.fitted import Fitted

_ITSELF = "model"


def velocity(
    model: GeneVAR,
    adata: AnnData,
    *,
    scale: int | None = None,
    n_per_group: int = 200,
    colour_key: str | None = None,
    compare: Mapping[str, GeneVAR] | None = None,
    seed: int | None = None,
    key_added: str = "velocity",
) -> AnnData:
    """Follow the flow from noise to latents on real tiles, and measure what its end points know of the rows' groups.

    Each row's tile gives the input r_k of the scale, its profile the condition, its name the noise, the same for all
    models. Noise and end points of all models go through one PCA of 50 components and one t-SNE. A t-SNE knows no
    directions: segments in it are not trajectories. What counts are the numbers, taken in the latent space.

    Parameters
    ----------
    model
        A trained `GeneVAR` with a flow.
    adata
        Rows with profiles, and tiles or places on slides.
    scale
        Scale that the flow predicts, from 2; default the last.
    n_per_group
        Rows of each group at most, chosen by their names.
    colour_key
        Column of ``obs`` with the groups; default ``"project"`` where it is there, else the section.
    compare
        Name → other models with flows over the same tokenizer and condition, say one without RNA or counterfactuals.
    seed
        Of noise, choice and t-SNE; default ``gv.settings.seed``.
    key_added
        Result key.

    Returns
    -------
    New AnnData, one row a tile: ``obsm["<key>_start"]`` and ``obsm["<key>_end"]`` (and ``_end_<name>``), float32
    (n_obs, 2); JSON in ``uns["genviz"]["<key>"]``: provenance and ``numbers``, for each of the following the mean
    silhouette and the share of rows whose 5 nearest neighbours vote for their group, with the 95th percentile of
    permuted groups: ``end:<name>``; ``change:<name>`` (start less end); ``end, others' profiles:<name>``; controls
    ``start`` (noise: chance), ``before`` (f_{k-1}, all that r_k tells without the flow) and ``real`` (the tiles' own
    latents).

    Raises
    ------
    UsageError
        Without a flow, for a scale out of range, or models that do not share tokenizer and condition.
    MissingKeyError
        Without the column, and without sections.
    DataError
        For fewer than two groups of at least 6 rows.
    MissingDependencyError
        Without openTSNE (extra ``notebook``).
    """
    seed = check_seed(settings.seed if seed is None else seed)
    check_number("n_per_group", n_per_group)
    column, groups = _groups(adata, colour_key)
    chosen = _chosen(adata, groups, n_per_group, seed)
    models = {_ITSELF: model, **_named(compare)}
    return _followed(models, adata[chosen], (column, groups[chosen]), scale, seed, key_added)


def _followed(
    models: Mapping[str, GeneVAR],
    rows: AnnData,
    by: tuple[str, NDArray[Any]],
    scale: int | None,
    seed: int,
    key: str,
) -> AnnData:
    """The chosen rows through all flows."""
    column, groups_N = by
    fitted = {name: one._ready() for name, one in models.items()}
    inputs = FlowInputs.of(fitted[_ITSELF], rows, scale, seed)
    for name in list(models)[1:]:
        check_same_space(fitted[_ITSELF], fitted[name], name, rows, inputs)
    ends = {name: endpoints(one, inputs) for name, one in fitted.items()}
    placed, perplexity = joint_tsne([inputs.start_NF, *ends.values()], seed)
    made = ad.AnnData(obs=rows.obs.copy())
    made.obsm[Obsm.path_start(key)] = placed[0]
    for name, end_N2 in zip(ends, placed[1:], strict=True):
        made.obsm[Obsm.path_end(key, "" if name == _ITSELF else name)] = end_N2
    told = {"scale": inputs.k, "colour_key": column, "perplexity": perplexity}
    record = record_of(fitted[_ITSELF], rows, "velocity", seed, told) | {
        "units": "standard deviations of the latents",
        "compare": list(models)[1:],
        "groups": {
            str(name): int(n) for name, n in zip(*np.unique(groups_N, return_counts=True), strict=True)
        },
        "numbers": _numbers(fitted, inputs, ends, groups_N, seed),
    }
    made.uns[Uns.GENVIZ] = {key: json.dumps(record)}
    return made


def _numbers(
    fitted: Mapping[str, Fitted],
    inputs: FlowInputs,
    ends: Mapping[str, NDArray[np.float32]],
    groups_N: NDArray[Any],
    seed: int,
) -> dict[str, dict[str, float]]:
    """How well each space shows the groups, controls first."""
    others_N = _others(len(groups_N), seed)
    spaces = {"start": inputs.start_NF, "before": inputs.before_NF, "real": inputs.f_NF}
    for name, end_NF in ends.items():
        spaces[f"end:{name}"] = end_NF
        spaces[f"change:{name}"] = inputs.start_NF - end_NF
        spaces[f"end, others' profiles:{name}"] = endpoints(fitted[name], inputs, others_N)
    return {name: group_scores(values_NF, groups_N, seed) for name, values_NF in spaces.items()}


def _groups(adata: AnnData, key: str | None) -> tuple[str, NDArray[Any]]:
    """The column, and the group of each row."""
    if key is None and Obs.PROJECT not in adata.obs:
        return Obs.LIBRARY, np.asarray(library_of_rows(adata)).astype(str)
    key = key or Obs.PROJECT
    if key not in adata.obs or adata.obs[key].isna().any():
        raise MissingKeyError(
            f"Expected obs['{key}'], the group of each row; it is absent or has gaps. Name another."
        )
    return key, adata.obs[key].to_numpy().astype(str)


def _chosen(adata: AnnData, groups: NDArray[Any], n: int, seed: int) -> NDArray[np.intp]:
    """Rows of each group, the n first by a hash of their names: the same whatever order the rows come in."""
    if adata.n_obs == 0:
        raise DataError("Expected at least one row, got an empty AnnData.")
    try:
        libraries = [str(name) for name in library_of_rows(adata)]
    except MissingKeyError:
        libraries = [""] * adata.n_obs
    keys = [
        row_key(seed, library, str(name), "choice")
        for library, name in zip(libraries, adata.obs_names, strict=True)
    ]
    ranked = sorted(range(adata.n_obs), key=keys.__getitem__)
    found = [[row for row in ranked if groups[row] == group][:n] for group in np.unique(groups)]
    if len(found) < 2 or min(map(len, found)) < 6:
        told = ", ".join(f"{g} {len(f)}" for g, f in zip(np.unique(groups), found, strict=True))
        raise DataError(
            f"Expected at least two groups of at least 6 rows; got {told}. Name another colour_key."
        )
    return np.array([row for rows in found for row in rows], dtype=np.intp)


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
