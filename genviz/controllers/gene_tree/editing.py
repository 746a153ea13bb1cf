"""Editing the gene tree of a view: undo, names of groups, and writing the tree back into the object.

Shape legend: K scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genviz._errors import DataError
from genviz.controllers.gene_tree.rows import TreeRows
from genviz.controllers.gene_tree.tree_edits import EditedTree, merge, move_gene, rename, split
from genviz.controllers.history import History
from genviz.core.gene_tree import GeneTree
from genviz.pp.tree import tree_of, tree_recipe, write_tree

if TYPE_CHECKING:
    from anndata import AnnData

EDITED = "edited"
_NAMED_GENES = 3


class TreeEditing:
    """The part of a gene tree view that changes the tree.

    Parameters
    ----------
    adata
        Gets the edited tree; edits that were written into it before are taken up.
    rows
        Tree to begin with.
    """

    def __init__(self, adata: AnnData, rows: TreeRows) -> None:
        self.adata, self.rows = adata, rows
        self.history = History(EditedTree.of(rows.tree), "as fitted")
        self._kept: dict[int, dict[str, Any]] = {}  # step → recipe that was in the data
        self._take_up_edits()

    def _take_up_edits(self) -> None:
        """Go on from an edited tree that was written into the object before."""
        recipe = tree_recipe(self.adata) or {}
        if recipe.get("source") != EDITED:
            return
        stored = tree_of(self.adata)
        if set(stored.genes) == set(self.rows.genes):
            state = EditedTree.of(stored.reindex(self.rows.genes), recipe.get("names"))
            step = self.history.push(state, "edits kept in the data")
            self._kept[step.number] = recipe

    @property
    def tree(self) -> GeneTree:
        """The tree as edited."""
        return self.history.state.tree

    def label(self, k: int, group: int) -> str:
        """A group's given name, else its most abundant genes."""
        if given := self.history.state.name(k, group):
            return given
        columns = self.rows.columns_of(self.tree, k, group)
        if len(columns) == self.tree.n_genes:
            return f"all {len(columns)} genes"
        top = [self.rows.genes[i] for i in columns[:_NAMED_GENES]]
        return ", ".join(top) + (" …" if len(columns) > _NAMED_GENES else "")

    def move_gene(self, gene: str, k: int, group: int) -> None:
        """Put a gene into another group of scale `k`; see `tree_edits.move_gene`."""
        self._push(move_gene(self.history.state, gene, k, group), f"moved {gene} to {self.label(k, group)}")

    def merge(self, k: int, groups: Sequence[int]) -> None:
        """Make groups of scale `k` one; see `tree_edits.merge`."""
        self._push(
            merge(self.history.state, k, groups), f"merged {' + '.join(self.label(k, g) for g in groups)}"
        )

    def split(self, k: int, group: int, genes: Sequence[str] | None = None) -> None:
        """Make two groups of one; see `tree_edits.split`."""
        self._push(split(self.history.state, k, group, genes), f"split {self.label(k, group)}")

    def rename(self, k: int, group: int, name: str) -> None:
        """Name a group; see `tree_edits.rename`."""
        self._push(rename(self.history.state, k, group, name), f"renamed {self.label(k, group)} to {name}")

    def _push(self, state: EditedTree, what: str) -> None:
        self.history.push(state, what[:90])

    def write(self) -> None:
        """Write the tree into ``varm["gene_tree"]``, ``var["gene_order"]`` and ``uns["genviz"]["gene_tree"]``.

        It counts as made by hand (``method="user"``): `GenAR` trains along it as it is. Names of groups, the edits that
        led to it and the digest of the tree it came from stand beside it.

        Raises
        ------
        DataError
            When the object lacks genes of the tree.
        """
        missing = sorted(set(self.tree.genes) - set(self.adata.var_names))
        if missing:
            raise DataError(
                f"Expected the tree's genes in var_names; {len(missing)} are missing: {', '.join(missing[:5])}. Use "
                "rows that have the panel."
            )
        write_tree(self.adata, self.tree, self._recipe())

    def _recipe(self) -> dict[str, Any]:
        """How the present tree came about; edits that were in the data before are named one by one."""
        step, path = self.history.steps[self.history.at], []
        origin = self.history.steps[0].state.tree.digest()
        while step.parent is not None:
            if kept := self._kept.get(step.number):
                path += [str(name) for name in kept.get("edits", [])][::-1]
                origin = kept.get("edited_from", origin)
            else:
                path.append(step.name)
            step = self.history.steps[step.parent]
        return {
            "source": EDITED,
            "method": "user",
            "names": self.history.state.named(),
            "edits": path[::-1],
            "edited_from": origin,
        }
