"""Several sections in one AnnData, joined by gene names."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.counts import check_names, first_names
from genviz.io.library import library_of_rows, read_records

logger = logging.getLogger("genviz")


def concat_sections(sections: Mapping[str, AnnData], *, genes: Sequence[str] | None = None) -> AnnData:
    """Put the rows of several sections under one another; rows are called ``<section>_<name>``.

    Genes are joined by symbol. By default those that all sections have are kept. With `genes`, exactly these,
    in this order: a gene that a section lacks is 0 there if its reader knows the platform to be
    whole-transcriptome (which leaves unseen genes out of its tables), and an error otherwise.

    Parameters
    ----------
    sections
        Section name → rows. A section that holds one library takes the given name for it, in
        ``obs["library_id"]`` and ``uns["spatial"]``; several libraries become ``<section>_<library>``.
    genes
        Genes of the result.

    Returns
    -------
    AnnData
        obs columns of all sections (missing where a section has none), obsm and layers that all have,
        ``uns["spatial"]`` and reader records of all. Features and tile recipes are kept where they were made
        alike in all sections; what is left out is warned about.

    Raises
    ------
    UsageError
        Without sections.
    DataError
        For duplicated genes or rows, no common gene, or genes that cannot be filled.
    """
    if not sections:
        raise UsageError("Expected at least one section; got none.")
    parts = []
    for name, adata in sections.items():
        check_names(list(adata.var_names), f"genes of section {name!r}")
        check_names(list(adata.obs_names), f"rows of section {name!r}")
        parts.append(_renamed(adata, name))
    wanted = _common(list(sections), parts) if genes is None else list(genes)
    check_names(wanted, "requested genes")
    parts = [_with_genes(part, wanted, name) for name, part in zip(sections, parts, strict=True)]
    joined = anndata.concat(parts, join="inner", merge="same", uns_merge=None)
    joined.obs = _joined_obs([part.obs for part in parts])
    joined.uns = _joined_uns(parts)
    _drop_unlike(joined, parts)
    return joined


def _renamed(adata: AnnData, section: str) -> AnnData:
    """A copy whose rows and libraries carry the section's name."""
    part = adata.copy()
    spatial = dict(part.uns.get(Uns.SPATIAL, {}))
    libraries = (
        library_of_rows(part)
        if (Obs.LIBRARY in part.obs or len(spatial) == 1)
        else np.full(part.n_obs, section, object)
    )
    names = list(pd.unique(libraries)) or list(spatial)
    rename = {name: section if len(names) == 1 else f"{section}_{name}" for name in names}
    part.obs[Obs.LIBRARY] = pd.Categorical(
        [rename[name] for name in libraries], categories=list(rename.values())
    )
    part.uns[Uns.SPATIAL] = {new: spatial[old] for old, new in rename.items() if old in spatial}
    records = {rename.get(name, name): record for name, record in read_records(part).items()}
    genviz = dict(part.uns.get(Uns.GENVIZ, {}))
    if records:
        genviz[Uns.READER] = json.dumps(records)
    part.uns[Uns.GENVIZ] = genviz
    part.obs_names = pd.Index([f"{section}_{name}" for name in adata.obs_names], dtype=object)
    return part


def _common(names: list[str], parts: list[AnnData]) -> list[str]:
    """Genes of the first section that all others have, in its order."""
    with_genes = [part.var_names for part in parts]
    common = with_genes[0]
    for other in with_genes[1:]:
        common = common[common.isin(other)]
    if not len(common) and any(len(index) for index in with_genes):
        shown = "; ".join(f"{n}: {first_names(list(i), 3)}" for n, i in zip(names, with_genes, strict=True))
        raise DataError(
            f"Expected sections with common genes; there is none ({shown}). Do all use the same gene names?"
        )
    left_out = max(len(index) for index in with_genes) - len(common)
    if left_out:
        logger.info(
            "%d genes are common to all %d sections; up to %d of a section are left out.",
            len(common),
            len(parts),
            left_out,
        )
    return list(common)


def _with_genes(part: AnnData, genes: list[str], section: str) -> AnnData:
    """The part with exactly these genes; absent ones are zero where that is what absence means."""
    at = part.var_names.get_indexer(pd.Index(genes, dtype=object))
    if (at >= 0).all():
        return part if len(at) == part.n_vars and (at == np.arange(len(at))).all() else part[:, at].copy()
    absent = [gene for gene, column in zip(genes, at, strict=True) if column < 0]
    whole = [record.get("whole_transcriptome", False) for record in read_records(part).values()]
    if not whole or not all(whole) or not part.n_vars:
        raise DataError(
            f"Expected {len(genes)} genes in section {section!r}; {len(absent)} are absent: "
            f"{first_names(absent, 10)}. Their "
            "counts are unknown, because the platform is not known to measure all genes. Choose genes that "
            "all sections have."
        )
    logger.debug(
        "Section %r: %d genes that no spot of it has are set to 0: %s.",
        section,
        len(absent),
        first_names(absent),
    )
    place = sparse.csr_matrix(
        (np.ones((at >= 0).sum(), np.float32), (at[at >= 0], np.flatnonzero(at >= 0))),
        shape=(part.n_vars, len(genes)),
    )
    whole_part = AnnData(
        X=_spread(part.X, place), obs=part.obs, var=part.var.reindex(pd.Index(genes, dtype=object))
    )
    for key, layer in part.layers.items():
        whole_part.layers[key] = _spread(layer, place)
    for key, array in part.obsm.items():
        whole_part.obsm[key] = array
    whole_part.uns = dict(part.uns)
    return whole_part


def _spread(matrix: Any, place: sparse.csr_matrix) -> Any:
    """Move columns to their places, zeros elsewhere; the type stays."""
    if matrix is None:
        return None
    spread = matrix @ place.astype(matrix.dtype)
    return sparse.csr_matrix(spread) if sparse.issparse(spread) else np.asarray(spread)


def _joined_obs(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all frames with the columns of any; categories are united in order of appearance."""
    columns = list(dict.fromkeys(column for frame in frames for column in frame.columns))
    joined = pd.concat(
        [frame.astype({c: object for c in frame.columns if _categorical(frame[c])}) for frame in frames]
    )
    for column in columns:
        present = [frame[column] for frame in frames if column in frame]
        if all(_categorical(values) for values in present):
            categories = list(dict.fromkeys(c for values in present for c in values.cat.categories))
            joined[column] = pd.Categorical(joined[column], categories=categories)
    return joined[columns]


def _categorical(values: pd.Series) -> bool:
    return isinstance(values.dtype, pd.CategoricalDtype)


def _joined_uns(parts: list[AnnData]) -> dict[str, Any]:
    """Section entries and records of all parts, and what else is the same in all of them."""
    first = parts[0].uns
    same = {
        key: value for key, value in first.items() if all(_equal(value, part.uns.get(key)) for part in parts)
    }
    same[Uns.SPATIAL] = {name: entry for part in parts for name, entry in part.uns[Uns.SPATIAL].items()}
    genviz = {
        key: value
        for key, value in first[Uns.GENVIZ].items()
        if all(_equal(value, part.uns[Uns.GENVIZ].get(key)) for part in parts)
    }
    features = [dict(part.uns[Uns.GENVIZ].get(Uns.FEATURES, {})) for part in parts]
    shared = {
        key: recipe
        for key, recipe in features[0].items()
        if all(_equal(recipe, other.get(key)) for other in features)
    }
    genviz.pop(Uns.FEATURES, None)
    if shared:
        genviz[Uns.FEATURES] = shared
    records = {name: record for part in parts for name, record in read_records(part).items()}
    if records:
        genviz[Uns.READER] = json.dumps(records)
    if genviz:
        same[Uns.GENVIZ] = genviz
    else:
        same.pop(Uns.GENVIZ, None)
    return same


def _equal(a: Any, b: Any) -> bool:
    if hasattr(a, "items") and hasattr(b, "items"):
        return set(a) == set(b) and all(_equal(a[key], b[key]) for key in a)
    try:
        return bool(np.array_equal(a, b))
    except (TypeError, ValueError):
        return False


def _drop_unlike(joined: AnnData, parts: list[AnnData]) -> None:
    """Remove features whose recipes differ: columns of one name must mean one thing."""
    recipes = {key for part in parts for key in part.uns[Uns.GENVIZ].get(Uns.FEATURES, {})}
    kept = set(joined.uns.get(Uns.GENVIZ, {}).get(Uns.FEATURES, {}))
    unlike = sorted(recipes - kept)
    for encoder in unlike:
        key = Obsm.features(encoder)
        if key in joined.obsm:
            del joined.obsm[key]
    if unlike:
        warnings.warn(
            f"Features {first_names(unlike)} were not made alike in all sections and are left out. "
            "Run gv.pp.embed on the joined sections.",
            stacklevel=3,
        )
    tiles = [part.uns[Uns.GENVIZ].get(Uns.TILES) for part in parts]
    if any(tiles) and len(set(tiles)) > 1:
        warnings.warn(
            "Tile recipes differ between sections and are left out. Run gv.pp.tile on the joined sections.",
            stacklevel=3,
        )
