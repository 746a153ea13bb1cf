"""Groups of the gene tree over the spots: their names, and their sums as measured and predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genviz._errors import GenvizError, UsageError
from genviz._keys import Layers, Obsm
from genviz.controllers.slide.values import LOWER, MEASURED, PREDICTED, UPPER, Values
from genviz.core.gene_tree import GeneTree
from genviz.pp.tree import tree_of, tree_recipe

if TYPE_CHECKING:
    from anndata import AnnData

_NAMED_GENES = 3
Group = tuple[int, int]  # number of groups of the scale, place in it


class Groups:
    """The groups that an object holds predicted sums of.

    Parameters
    ----------
    adata
        Reads ``varm["gene_tree"]``, ``obsm["<key>_scale_<n>"]`` with bounds, ``layers["counts"]``.
    key
        Result key of the model.
    """

    def __init__(self, adata: AnnData, key: str) -> None:
        self._adata, self._key = adata, key
        self.tree: GeneTree | None = None
        self._scale: dict[int, int] = {}
        self._named: dict[int, list[str]] = {}
        if any(str(name).startswith(Obsm.scale(key, 0)[:-1]) for name in adata.obsm):
            try:
                self.tree = tree_of(adata)
            except GenvizError:  # a subset of the panel, for example: genes can be shown, groups cannot
                return
            self._scale = {n: k for k, n in enumerate(self.tree.scales) if Obsm.scale(key, n) in adata.obsm}

    @property
    def scales(self) -> list[int]:
        """Numbers of groups, coarse to fine."""
        return sorted(self._scale)

    def names(self, n_groups: int) -> list[str]:
        """A name of each group of a scale: the one it was given, else its most abundant genes."""
        if n_groups not in self._named:
            self._named[n_groups] = self._names(n_groups)
        return self._named[n_groups]

    def _names(self, n_groups: int) -> list[str]:
        assert self.tree is not None
        k = self._scale[n_groups]
        given = (tree_recipe(self._adata) or {}).get("names") or {}
        abundance = self._abundance()
        found = []
        for group in range(n_groups):
            members = self.tree.members(k, group)
            top = sorted(members, key=lambda gene: -abundance.get(gene, 0.0))[:_NAMED_GENES]
            more = " …" if len(members) > _NAMED_GENES else ""
            plain = (
                f"all {len(members)} genes"
                if n_groups == 1
                else f"{len(members)} genes: {', '.join(top)}{more}"
            )
            found.append(str(given.get(f"{n_groups}/{group}", plain)))
        return found

    def _abundance(self) -> dict[str, float]:
        layer = self._adata.layers.get(Layers.mean(self._key))
        if layer is None:
            return {}
        means = np.asarray(layer.mean(axis=0), dtype=np.float64).ravel()
        return dict(zip(map(str, self._adata.var_names), means, strict=True))

    def parts(self, group: Group) -> dict[str, Values]:
        """Sums of a group in log2(1 + count), each float32 (n_obs,): measured, predicted, lower, upper.

        Raises
        ------
        UsageError
            No such group.
        """
        n_groups, place = group
        if n_groups not in self._scale or not 0 <= place < n_groups or self.tree is None:
            scales = ", ".join(map(str, self.scales)) or "none; run model.predict(adata)"
            raise UsageError(
                f"Expected a group of one of the scales ({scales}); got group {place} of {n_groups}."
            )
        found = {}
        measured = self._measured(self.tree.members(self._scale[n_groups], place))
        if measured is not None:
            found[MEASURED] = _log2(measured)
        for part, bound in ((PREDICTED, ""), (LOWER, "lower"), (UPPER, "upper")):
            name = Obsm.scale(self._key, n_groups, bound)
            if name in self._adata.obsm:
                found[part] = _log2(np.asarray(self._adata.obsm[name])[:, place])
        if LOWER not in found or UPPER not in found:
            found = {part: values for part, values in found.items() if part in (MEASURED, PREDICTED)}
        return found

    def _measured(self, members: list[str]) -> np.ndarray | None:
        if Layers.COUNTS not in self._adata.layers:
            return None
        at = self._adata.var_names.get_indexer(members)
        return np.asarray(self._adata.layers[Layers.COUNTS][:, at].sum(axis=1), dtype=np.float64).ravel()


def _log2(counts: np.ndarray) -> Values:
    return np.log2(1.0 + np.asarray(counts, dtype=np.float64)).astype(np.float32)
