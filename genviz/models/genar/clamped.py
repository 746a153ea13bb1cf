"""An ensemble that answers "what if": groups held at other counts, sums over another tree.

Shape legend: B rows, F features, G genes, M split logits, S samples, A genes of a group.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.core.gene_tree import GeneTree
from genviz.core.keyed import row_generator
from genviz.models.genar.clamp import Held
from genviz.models.genar.ensemble import Ensemble, SampleArgs, _fixed_chunks, _shares
from genviz.models.genar.network import GenARNetwork
from genviz.models.genar.rows import Rows
from genviz.models.genar.tree_network import TreeNetwork
from genviz.models.genar.urn import Subtree, refill, rounded


@dataclass
class Clamped(Ensemble):
    """The same networks under clamps, reporting the groups of any nested tree of the panel.

    Attributes
    ----------
    held
        The clamps; their genes are disjoint.
    selected
        (section, row name) of the rows clamped; None: all.
    plain
        The ensemble as it was trained.
    """

    held: tuple[Held, ...] = ()
    selected: frozenset[tuple[str, str]] | None = None
    plain: Ensemble = field(kw_only=True)

    @classmethod
    def of(
        cls,
        plain: Ensemble,
        held: tuple[Held, ...],
        selected: frozenset[tuple[str, str]] | None,
        tree: GeneTree | None,
    ) -> Clamped:
        """Wrap a trained ensemble.

        Raises
        ------
        UsageError
            For token models, whose scales are not tied; for a value in an autoregressive one.
        """
        config = plain.config
        if config.counts != "tree":
            raise UsageError(
                "Expected a model with counts='tree', whose groups are sums of their genes; this one has "
                "counts='tokens', whose scales are not tied. Use predict(clamp={(scale index, group): factor})."
            )
        held = tuple(one for one in held if one.changes)
        if config.autoregressive and any(one.factor is None for one in held):
            raise UsageError(
                "Expected factor= in the clamps of an autoregressive model, whose finer splits look at all coarser "
                "counts; got value=. Give the factor that takes the predicted count to the one wanted."
            )
        return cls(
            config, tree or plain.tree, plain.scaler, plain.members, plain.best_epochs,
            held=held, selected=selected, plain=plain,
        )  # fmt: skip

    @property
    def scales(self) -> tuple[int, ...]:
        """Numbers of groups of what `sample` returns: the tree's."""
        return self.tree.scales

    def expected_total(self, rows: Rows, z_BF: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
        """Expected panel total of each row before any clamp: what a told depth is compared with."""
        return self.plain.expected_total(rows, z_BF, seed)

    # ------------------------------------------------------------------ expectation

    def mean(self, rows: Rows, z_BF: NDArray[np.float32], args: SampleArgs) -> NDArray[np.float64] | None:
        """E[X] under the clamps in closed form, (B, G); None for autoregressive models."""
        means = []
        for member in self.members:
            one = replace(self.plain, members=[member]).mean(rows, z_BF, args)
            if one is None:
                return None
            means.append(self._mean_of_member(one, self._rows(rows)))
        return np.asarray(np.mean(means, axis=0), np.float64)

    def _mean_of_member(self, mean_BG: NDArray[np.float64], at_B: NDArray[np.intp]) -> NDArray[np.float64]:
        """Shares inside a group do not depend on its sum, so its genes scale with it."""
        out_BG = mean_BG.copy()
        for one in self.held:
            place = np.ix_(at_B, np.asarray(one.genes))
            if one.factor is not None:
                out_BG[place] *= one.factor
            else:
                share_BA = mean_BG[place]
                share_BA = share_BA / share_BA.sum(axis=1, keepdims=True)
                out_BG[place] = float(one.value or 0.0) * share_BA
        return out_BG

    # ------------------------------------------------------------------ samples

    def sample(self, rows: Rows, z_BF: NDArray[np.float32], args: SampleArgs) -> list[NDArray[np.int32]]:
        """Joint samples of every scale of `tree` under the clamps, (S, B, K) each.

        Without clamps these are the samples of the trained ensemble, to the bit; under clamps all counts outside of the
        groups stay so (not in autoregressive models, where finer splits of all groups look at the clamped one).
        """
        counts_SBG = self.plain.sample(rows, z_BF, args)[-1]
        at_B = self._rows(rows)
        if self.held and len(at_B):
            if args.total_B is not None:
                raise UsageError(
                    "Expected no fixed total of each row beside a clamp, which changes the total; got both. Give a "
                    "section's median depth, or use predict(clamp=...), where the other groups give way."
                )
            part, z_part, args_part = rows.take(at_B), z_BF[at_B], args.take(at_B)
            if self.config.autoregressive:
                clamp = {node: float(one.factor or 0.0) for one in self.held for node in one.nodes}
                counts_SBG[:, at_B] = self.plain.sample(part, z_part, replace(args_part, clamp=clamp))[-1]
            else:
                counts_SBG[:, at_B] = self._refilled(part, z_part, args_part, counts_SBG[:, at_B])
        return self._sums(counts_SBG)

    def _rows(self, rows: Rows) -> NDArray[np.intp]:
        if self.selected is None:
            return np.arange(len(rows))
        names = zip(rows.libraries, rows.names, strict=True)
        return np.flatnonzero([(str(library), str(name)) in self.selected for library, name in names])

    def _sums(self, counts_SBG: NDArray[np.int32]) -> list[NDArray[np.int32]]:
        along_SBG = counts_SBG[..., self.tree.order]
        coarse = range(len(self.tree.scales) - 1)
        sums = [np.add.reduceat(along_SBG, self.tree.starts(k), axis=2, dtype=np.int32) for k in coarse]
        return [*sums, counts_SBG]

    def _refilled(
        self, rows: Rows, z_BF: NDArray[np.float32], args: SampleArgs, counts_SBG: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        out_SBG = counts_SBG.astype(np.int64)
        start = 0
        for index, (member, share) in enumerate(
            zip(self.members, _shares(args.n_samples, len(self.members)), strict=True)
        ):
            mine = slice(start, start + share)
            start += share
            if not share:
                continue
            alpha_BM = self._alpha(member, rows, z_BF)
            plain = replace(self.plain, members=[member])
            mean_BG = plain.mean(rows, z_BF, args)
            assert mean_BG is not None  # not autoregressive
            for one in self.held:
                parts = [Subtree.of(member.body.levels, *node) for node in one.nodes]
                for b, (library, name) in enumerate(zip(rows.libraries, rows.names, strict=True)):
                    stream = f"clamp {index} {one.nodes}"
                    generator = row_generator(args.seed, str(library), str(name), stream)
                    out_SBG[mine, b] = self._refill_row(
                        generator, out_SBG[mine, b], one, parts, alpha_BM[b], mean_BG[b]
                    )
        return out_SBG.astype(np.int32)

    def _refill_row(
        self,
        generator: np.random.Generator,
        counts_SG: NDArray[np.int64],
        one: Held,
        parts: list[Subtree],
        alpha_M: NDArray[np.float64],
        mean_G: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        n = len(counts_SG)
        if one.factor is not None:
            wanted = [
                rounded(generator, one.factor * counts_SG[:, part.genes_A].sum(axis=1)) for part in parts
            ]
        else:
            total_S = rounded(generator, np.full(n, float(one.value or 0.0)))
            share = np.array([mean_G[part.genes_A].sum() for part in parts])
            wanted = list(generator.multinomial(total_S, share / share.sum()).T)
        out_SG = counts_SG.copy()
        for part, wanted_S in zip(parts, wanted, strict=True):
            out_SG[:, part.genes_A] = refill(generator, counts_SG[:, part.genes_A], wanted_S, alpha_M, part)
        return out_SG

    def _alpha(self, member: GenARNetwork, rows: Rows, z_BF: NDArray[np.float32]) -> NDArray[np.float64]:
        """Dirichlet parameters of all splits, (B, M)."""
        body: Any = member.body
        assert isinstance(body, TreeNetwork)
        x_BF, xy_B2 = self.inputs(rows, z_BF)
        member.eval()
        with torch.no_grad():
            return np.concatenate([
                body.alpha(body.splits(body.condition(x_BF[index], xy_B2[index]))).cpu().numpy()[:n_true]
                for index, n_true in _fixed_chunks(len(rows))
            ])  # fmt: skip
