"""What a trained GenAR predicts when a group of genes is held at another count, and along another tree.

Shape legend: N rows, G genes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import UsageError
from genviz._keys import Uns
from genviz.core.arguments import check_adata, shown
from genviz.core.counts import first_names
from genviz.core.gene_tree import GeneTree
from genviz.io.library import library_of_rows
from genviz.models.genar.checkpoint import Fitted
from genviz.models.genar.clamp import read_clamps
from genviz.models.genar.clamped import Clamped
from genviz.models.genar.ensemble import SampleArgs
from genviz.models.genar.predicting import expected_counts, predict
from genviz.models.life_cycle import LifeCycle
from genviz.pp.tree import write_tree

if TYPE_CHECKING:
    from anndata import AnnData

Clamps = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Regenerating(LifeCycle[Fitted]):
    """The part of `GenAR` that asks "what if"."""

    def regenerate(
        self,
        adata: AnnData,
        clamp: Clamps = (),
        *,
        # input
        rows: ArrayLike | None = None,
        depth: float | str | ArrayLike | None = None,
        tree: GeneTree | None = None,
        # inference
        n_samples: int = 256,
        seed: int | None = None,
        # result
        level: float = 0.9,
        readouts: Sequence[str] = ("median",),
        key_added: str = "genar",
    ) -> AnnData:
        """Predict again with groups held at other counts; everything finer follows, nothing else moves.

        **What is assumed.** A clamp is an intervention on the prediction, not new evidence. In every joint sample the
        group's sum N becomes N' (``factor * N`` or ``value``, rounded at random to keep the mean), and its genes are
        drawn again from the model's own splits given N': coupled, so that N' = N changes nothing (`genar.urn`). All
        groups beside it keep their counts, sample by sample. Coarser sums are the sums of what is below them, so they
        grow or shrink by N' - N: the image's say on depth and on the coarser splits is overruled, not consulted. In
        expectation a gene of the group keeps its share of it: ``E[X_gene | N'] = E[N'] share_gene``. Genes that are no
        group of the model's tree are held through the groups that make them up: a factor acts on each, a value
        is shared out in the proportion of their expected counts. In an autoregressive model the finer splits of all
        groups look at the clamped counts and are drawn anew: only ``factor`` is taken there.

        Parameters
        ----------
        adata
            Rows, as `predict` takes them.
        clamp
            A mapping or several: ``{"scale": 40, "group": 3}`` (scale is a number of groups), ``{"gene": "ERBB2"}`` or
            ``{"genes": [...]}``, each with ``"factor"`` or ``"value"`` (counts a row). They must not share genes.
        rows
            Mask, indices or names of the rows to clamp; all by default. The others are predicted as always.
        depth
            As for `predict`; not one total a row together with a clamp.
        tree
            Another nested tree of the same genes, for instance an edited one: clamps name its groups and the result has
            its sums. Expectations and intervals come from the same joint samples of genes, added up along it; the
            splits stay those that were trained (train again with this tree in ``varm`` to change them).
        n_samples, seed, level, readouts, key_added
            As for `predict`; with the same seed, what is not clamped is the same to the bit.

        Returns
        -------
        New AnnData as `predict` gives it; the clamps are in ``uns["genviz"]["<key>"]``.

        Raises
        ------
        UsageError
            For clamps that cannot be meant, a token model, or a value in an autoregressive model.
        DataError
            As `predict`, and for a tree of other genes or one that does not nest.
        """
        args = SampleArgs(n_samples, self._seed(seed))
        ensemble = self._clamped(adata, clamp, rows, tree)
        result = predict(
            replace(self.fitted, ensemble=ensemble), adata, args, depth=depth, level=level,
            readouts=readouts, key=key_added,
        )  # fmt: skip
        record = json.loads(result.uns[Uns.GENVIZ][key_added])
        record["parameters"]["clamp"] = [
            {
                "genes": [ensemble.tree.genes[i] for i in one.genes],
                "factor": one.factor,
                "value": one.value,
            }
            for one in ensemble.held
        ]
        chosen = None if ensemble.selected is None else sorted(name for _, name in ensemble.selected)
        record["parameters"]["clamped_rows"] = "all" if chosen is None else chosen
        result.uns[Uns.GENVIZ][key_added] = json.dumps(record)
        if tree is not None:
            write_tree(result, ensemble.tree, {"source": "given", "method": "user"})
        return result

    def expected(
        self,
        adata: AnnData,
        clamp: Clamps = (),
        *,
        rows: ArrayLike | None = None,
        depth: float | str | ArrayLike | None = None,
        tree: GeneTree | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """Expected counts of all genes, without sampling where there is a closed form; under clamps as `regenerate`.

        Parameters
        ----------
        adata, clamp, rows, depth, tree
            As for `regenerate`.
        seed
            Only for autoregressive models, whose 64 samples a row are averaged.

        Returns
        -------
        float64 (n_obs, G), columns in the order of the model's genes.
        """
        args = SampleArgs(64, self._seed(seed))
        ensemble = self._clamped(adata, clamp, rows, tree)
        return expected_counts(replace(self.fitted, ensemble=ensemble), adata, args, depth=depth)

    def _clamped(
        self, adata: AnnData, clamp: Clamps, rows: ArrayLike | None, tree: GeneTree | None
    ) -> Clamped:
        plain = self._ready().ensemble
        if tree is not None:
            tree = tree.reindex(plain.tree.genes)
            tree.require_nested()
        levels = plain.members[0].body.levels
        held = read_clamps(clamp, tree or plain.tree, levels.group_LG.cpu().numpy())
        selected = None
        if rows is not None:
            index = row_indices(adata, rows)
            names, libraries = adata.obs_names, library_of_rows(adata)
            selected = frozenset((str(libraries[i]), str(names[i])) for i in index)
        return Clamped.of(plain, held, selected, tree)


def row_indices(adata: AnnData, rows: ArrayLike) -> NDArray[np.intp]:
    """Indices of rows given as a mask, as indices or by name.

    Raises
    ------
    UsageError
        For a mask of another length, indices out of range, or unknown names; for what is no AnnData.
    """
    check_adata(adata)
    given = np.asarray(rows)
    if given.dtype == bool and given.shape == (adata.n_obs,):
        return np.flatnonzero(given)
    if given.size == 0:
        return np.empty(0, np.intp)
    came = f"{given.dtype} of shape {given.shape}"
    if given.dtype.kind in "iu" and given.ndim == 1:
        outside = given[(given < 0) | (given >= adata.n_obs)]
        if not len(outside):
            return given.astype(np.intp)
        came = ", ".join(map(str, outside[:5]))
    elif given.dtype.kind in "OUS":
        names = [str(name) for name in given.ravel()]
        found = adata.obs_names.get_indexer(names)
        if (found >= 0).all():
            return np.asarray(found, np.intp)
        came = first_names([name for name, at in zip(names, found, strict=True) if at < 0])
    elif given.dtype == bool:
        came = f"a mask of shape {given.shape}"
    elif given.ndim == 0:
        came = shown(rows)
    raise UsageError(
        f"Expected rows as a mask of {adata.n_obs} rows, indices from 0 and below that, or names of rows; got {came}."
    )
