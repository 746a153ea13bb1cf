"""The GenAR network: from features and position of spots to joint distributions of their counts.

Shape legend: B rows (spots), F features, G genes, N training rows, S samples, K groups of a scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genviz.core.gene_tree import GeneTree
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.sampling import Clamp, check_options
from genviz.models.genar.token_network import TokenNetwork
from genviz.models.genar.token_sampler import sample_tokens
from genviz.models.genar.tree_network import TreeNetwork
from genviz.models.genar.tree_sampler import TreeSampler


class GenARNetwork(nn.Module):
    """One network of either count model on either trunk.

    Columns: ``counts_BG`` and the finest scale's samples are in the order of ``tree.genes``; the groups of
    coarser scales are numbered as in the tree. A row's results never depend on the rows beside it.

    Parameters
    ----------
    config
        A resolved configuration (``config.resolve(max_count)``: tokens need their vocabulary).
    tree
        The gene tree of the panel.
    n_features
        F, width of ``x_BF``.

    Attributes
    ----------
    scales
        Numbers of groups of what `sample` returns; for ``counts="tree"`` the first is always 1, the panel
        total.

    Raises
    ------
    UsageError
        For scales that the tree does not have, a missing vocabulary, or a width that attention over the ring
        cannot split.
    DataError
        When ``counts="tree"`` meets a tree that is not nested.
    """

    def __init__(self, config: GenARConfig, tree: GeneTree, n_features: int) -> None:
        super().__init__()
        self.config = config
        self.body: TreeNetwork | TokenNetwork
        if config.counts == "tree":
            self.body = TreeNetwork(config, tree, n_features)
            self._sample = TreeSampler(self.body).sample
        else:
            self.body = TokenNetwork(config, tree, n_features)
            self._sample = partial(sample_tokens, self.body)
        self.scales = self.body.levels.scales

    def init_from_counts(self, counts_NG: NDArray[Any] | Tensor) -> None:
        """Start at the statistics of the training rows: means, shares, dispersions, standardisation.

        Call it once, before training; afterwards everything is in the state dict.

        Parameters
        ----------
        counts_NG
            Counts of the training rows only.
        """
        device = next(self.parameters()).device
        self.body.init_from_counts(torch.as_tensor(counts_NG, dtype=torch.float32, device=device))

    def loss(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Training loss, all scales in one teacher-forced pass, without a host sync.

        Parameters
        ----------
        x_BF, xy_B2
            Standardised features; positions in micrometres.
        counts_BG
            Counts of the panel.

        Returns
        -------
        The loss (nats per gene), and detached parts by scale in nats per spot: ``nll``, ``nll_<groups>`` for
        the tree, ``kl_<groups>`` for tokens.
        """
        return self.body.loss(x_BF, xy_B2, counts_BG)

    def log_prob(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> Tensor:
        """Joint log-likelihood of each row's counts of all genes, nats, (B,).

        Exact for ``counts="tree"``. For tokens it is the log-probability of the tokens of all scales, the
        groups' included: sampling reaches the same counts through other group tokens too, so this bounds the
        counts' own log-likelihood from below; counts beyond the cap are taken at the cap.
        """
        with self._evaluating(), torch.no_grad():
            return self.body.log_prob(x_BF, xy_B2, counts_BG)

    def n_clipped(self, counts_BG: NDArray[Any] | Tensor) -> int:
        """Number of counts beyond what the model can express (tokens: above the vocabulary's cap)."""
        return self.body.n_clipped(torch.as_tensor(counts_BG))

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW: matrices decayed; biases, tables and norms not; dispersions faster and not.

        At the main learning rate dispersions hardly move in the few hundred steps that small data allow.
        """
        dispersions = self.body.dispersion_parameters()
        special = {id(parameter) for parameter in dispersions}
        matrices = [
            module.weight
            for module in self.modules()
            if isinstance(module, nn.Linear) and id(module.weight) not in special
        ]
        decayed = {id(parameter) for parameter in matrices}
        rest = [p for p in self.parameters() if id(p) not in special and id(p) not in decayed]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "lr": lr, "weight_decay": weight_decay},
            {"params": rest, "lr": lr, "weight_decay": 0.0},
        ]
        if dispersions:
            rate = lr * self.config.dispersion_lr / self.config.lr
            groups.append({"params": dispersions, "lr": rate, "weight_decay": 0.0})
        return groups

    def sample(
        self,
        x_BF: Tensor,
        xy_B2: Tensor,
        generators: Sequence[np.random.Generator],
        n_samples: int,
        *,
        depth_scale_B: Any = None,
        total_B: Any = None,
        clamp: Clamp | None = None,
        greedy: bool = False,
    ) -> list[NDArray[np.int32]]:
        """Joint samples of the counts at every scale.

        Parameters
        ----------
        x_BF, xy_B2
            Standardised features; positions in micrometres.
        generators
            One a row; all randomness of a row comes from its own.
        n_samples
            S.
        depth_scale_B
            Factor on each row's expected panel total.
        total_B
            Panel total of each row, fixed.
        clamp
            (index into `scales`, group) → factor on the group's count; everything finer follows, coarser sums
            are made to agree (tree), siblings keep theirs unless the total is fixed. At the finest scale
            groups are genes.
        greedy
            Tokens only: take the most probable count (the published read-out).

        Returns
        -------
        One int32 array (S, B, K) a scale, coarse to fine, all as sums of counts. Tree: every coarser scale is
        the exact sum of the finer. Tokens: group token times its genes, not tied to the finer scales.

        Raises
        ------
        UsageError
            For arguments of a wrong length or range, or `greedy` given to a tree.
        """
        options = check_options(
            len(x_BF), self.scales, n_samples, depth_scale_B=depth_scale_B, total_B=total_B, clamp=clamp,
            greedy=greedy, tokens=self.config.counts == "tokens",
            n_generators=len(generators),
        )  # fmt: skip
        with self._evaluating(), torch.no_grad():
            return self._sample(x_BF, xy_B2, generators, options)

    def mean(
        self, x_BF: Tensor, xy_B2: Tensor, depth_scale_B: Any = None, total_B: Any = None
    ) -> Tensor | None:
        """E[X], (B, G), in closed form; None for autoregressive models, whose samples are to be averaged."""
        with self._evaluating(), torch.no_grad():
            return self.body.mean(x_BF, xy_B2, depth_scale_B, total_B)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        was_training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(was_training)
