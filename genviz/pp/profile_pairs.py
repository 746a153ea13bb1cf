"""Pairs of a profile and a tile: a section's counts added up, a bulk sample's slides parted, both put side by side.

Shapes: N rows; P profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse
from tqdm.auto import tqdm

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Layers, Obs, Uns
from genviz._settings import settings
from genviz.core.arguments import check_adata
from genviz.core.counts import check_names, first_names
from genviz.io.concat import concat_sections
from genviz.io.counts import counts_of
from genviz.io.gdc.slides import slide_pairs
from genviz.io.library import is_synthetic
from genviz.pp.slide_tiling import slide_tiles

if TYPE_CHECKING:
    from collections.abc import Mapping

_SLIDE_TYPES = ("diagnostic", "frozen")


def pseudobulk(adata: AnnData, by: str = Obs.LIBRARY) -> AnnData:
    """Counts of all rows of a group added up, as a bulk profile of the section would be: one row a group.

    Parameters
    ----------
    adata
        Rows with raw counts; reads ``layers["counts"]`` or ``X``, and ``obs[by]``. Not changed.
    by
        Column with the group: "library_id", "patient".

    Returns
    -------
    AnnData
        Rows are called after their group, in order of first appearance. ``layers["counts"]`` and ``X``: sums, CSR,
        float64 (whole numbers); ``obs``: the group, n_rows, and columns with one value in each group; ``var`` as it is.

    Raises
    ------
    MissingKeyError
        Without the column or counts.
    DataError
        For rows without a group, or values that are no counts.
    """
    check_adata(adata)
    if by not in adata.obs:
        raise MissingKeyError(
            f"Expected obs['{by}'], the group of each row; it is absent. Name another column."
        )
    if adata.obs[by].isna().any():
        missing = first_names(list(adata.obs_names[adata.obs[by].isna()]))
        raise DataError(f"Expected a group in obs['{by}'] of each row; {missing} have none. Fill the column.")
    code_N, names = pd.factorize(adata.obs[by].astype(str))
    summing = sparse.csr_matrix(
        (np.ones(adata.n_obs), (code_N, np.arange(adata.n_obs))), shape=(len(names), adata.n_obs)
    )
    sums = sparse.csr_matrix(summing @ counts_of(adata).astype(np.float64))
    first_P = np.array([int(np.argmax(code_N == p)) for p in range(len(names))])
    alike = [
        c for c in adata.obs if c != by and adata.obs[c].astype(str).groupby(code_N).nunique().max() == 1
    ]
    obs = adata.obs[[by, *alike]].iloc[first_P].copy()
    obs.index = pd.Index(list(names), dtype=object)
    for column in obs:
        if isinstance(obs[column].dtype, pd.CategoricalDtype):
            obs[column] = obs[column].cat.remove_unused_categories()
    obs[Obs.N_ROWS] = np.bincount(code_N, minlength=len(names)).astype(np.int64)
    profiles = AnnData(X=sums, obs=obs, var=adata.var.copy())
    profiles.layers[Layers.COUNTS] = sums.copy()
    _carry_mark(profiles, adata)
    return profiles


def profile_tiles(
    profiles: AnnData,
    size_px: int = 256,
    mpp: float = 0.5,
    *,
    slide_type: str | None = "diagnostic",
    n_tiles: int | None = 200,
    seed: int | None = None,
    **how: Any,
) -> AnnData:
    """Tiles of the slides of bulk profiles (`io.read_gdc`), one row each.

    Reads ``uns["genviz"]["slides"]`` (`io.slide_pairs`); slides that are not in the folder are left out.

    Parameters
    ----------
    profiles
        Bulk profiles; not changed.
    size_px, mpp
        Side of a tile, and its micrometres per pixel.
    slide_type
        "diagnostic", "frozen", or None for both.
    n_tiles, seed
        Tiles of each slide, drawn at random; all, if None.
    **how
        Other options of `slide_tiles`: slide_mpp, min_tissue, overview (off here).

    Returns
    -------
    AnnData
        As `slide_tiles` parts a slide, as `io.concat_sections` joins several (rows ``<slide>_XxY``, also of one);
        ``obs`` also source (the profile), and those of case, patient, project, sample_type that the profiles have.

    Raises
    ------
    UsageError
        For a slide type that does not exist.
    DataError
        When no slide is there, or one is nothing to part.
    """
    check_adata(profiles)
    if slide_type not in (None, *_SLIDE_TYPES):
        raise UsageError(f"Expected slide_type {', '.join(_SLIDE_TYPES)} or None; got {slide_type!r}.")
    table = slide_pairs(profiles)
    wanted = table if slide_type is None else table[table["slide_type"] == slide_type]
    here = wanted[wanted["path"] != ""]
    if here.empty:
        raise DataError(
            f"Expected slides of the profiles; {len(wanted)} are listed and none was in their folder. Fetch them "
            "(genviz data fetch ... --roles slides) and read the folder again."
        )
    parts = {}
    for line in tqdm(here.to_dict("records"), "slides", unit="slide", disable=not settings.progress):
        name = str(line["slide"]).partition(".")[0]
        part = slide_tiles(
            line["path"],
            size_px,
            mpp,
            library=name,
            n_tiles=n_tiles,
            seed=seed,
            **({"overview": False} | how),
        )
        parts[name] = _told(part, profiles, str(line["profile"]))
    return concat_sections(parts)


def pair_profiles(tiles: AnnData, profiles: AnnData, key: str = Obs.SOURCE) -> AnnData:
    """Tiles with the profile of their sample in the same row, as models that learn from pairs take them.

    Profiles are repeated for each of their tiles: with 20,000 genes and 200 tiles a sample, about 20 MB a sample.

    Parameters
    ----------
    tiles
        Rows with tiles: of `profile_tiles`, or the spots of sections (`key` "library_id").
    profiles
        Bulk profiles (`io.read_gdc`) or sums (`pseudobulk`).
    key
        Column of ``tiles.obs`` with the name of the profile's row.

    Returns
    -------
    AnnData
        Rows, ``obsm`` and ``uns`` of the tiles; ``var``, ``X`` and layers of the profiles; ``obs`` of both, the tiles'
        where both have a column, and source, the profile.

    Raises
    ------
    MissingKeyError
        Without the column.
    DataError
        For tiles whose profile is not there, named.
    """
    check_adata(tiles, "tiles")
    check_adata(profiles, "profiles")
    if key not in tiles.obs:
        raise MissingKeyError(
            f"Expected obs['{key}'] of the tiles, the profile of each; it is absent. Name another column."
        )
    check_names(list(profiles.obs_names), "profiles")
    source = tiles.obs[key].astype(str).to_numpy(object)
    at = profiles.obs_names.astype(str).get_indexer(pd.Index(source))
    if (at < 0).any():
        strangers = first_names(sorted(set(source[at < 0])))
        raise DataError(
            f"Expected a profile for each tile; {int((at < 0).sum())} tiles have none: {strangers}. Give their "
            f"profiles, or leave those tiles out."
        )
    obs = tiles.obs.copy()
    for column in profiles.obs:
        if column not in obs:
            obs[column] = profiles.obs[column].iloc[at].to_numpy()
            if isinstance(profiles.obs[column].dtype, pd.CategoricalDtype):
                obs[column] = obs[column].astype("category")
    obs[Obs.SOURCE] = pd.Categorical(source)
    pairs = AnnData(
        X=_rows(profiles.X, at),
        obs=obs,
        var=profiles.var.copy(),
        obsm=dict(tiles.obsm),
        layers={name: _rows(layer, at) for name, layer in profiles.layers.items()},
        uns=_copied(dict(tiles.uns)),
    )
    _carry_mark(pairs, profiles)
    return pairs


def _rows(matrix: Any, at: NDArray[np.intp]) -> Any:
    return None if matrix is None else matrix[at]


def _told(part: AnnData, profiles: AnnData, name: str) -> AnnData:
    """Write whose the tiles of a slide are."""
    part.obs[Obs.SOURCE] = pd.Categorical([name] * part.n_obs)
    for column in (Obs.CASE, Obs.PATIENT, Obs.PROJECT, Obs.SAMPLE_TYPE):
        if column in profiles.obs:
            part.obs[column] = pd.Categorical([str(profiles.obs.loc[name, column])] * part.n_obs)
    return part


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in tree.items()}


def _carry_mark(made: AnnData, origin: AnnData) -> None:
    """What was made of synthetic rows is synthetic."""
    if is_synthetic(origin) and Uns.SYNTHETIC in origin.uns.get(Uns.GENVIZ, {}):
        made.uns.setdefault(Uns.GENVIZ, {})[Uns.SYNTHETIC] = origin.uns[Uns.GENVIZ][Uns.SYNTHETIC]
