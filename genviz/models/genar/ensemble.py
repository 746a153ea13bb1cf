"""Several networks that answer as one: their joint samples are pooled.

Shape legend: B rows, F features, G genes, S samples, K groups of a scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz.core.arguments import check_number
from genviz.core.gene_tree import GeneTree
from genviz.core.keyed import row_generator
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.network import GenARNetwork
from genviz.models.genar.rows import Rows
from genviz.models.genar.sampling import Clamp, padded_chunks
from genviz.models.genar.scaler import Scaler

_ROWS = 32  # rows of one matrix product where there is a closed form
_DEPTH_SAMPLES = 16  # to estimate expected totals where there is no closed form


@dataclass(frozen=True)
class SampleArgs:
    """What `Ensemble.sample` is asked for.

    Attributes
    ----------
    n_samples
        Joint samples a row, over all members.
    seed
        Keys each row's randomness together with its section and name.
    depth_scale_B, total_B
        Factor on the expected total; fixed total.
    clamp
        (scale index, group) → factor.
    greedy
        The published read-out: the most probable token at each scale.
    """

    n_samples: int = 256
    seed: int = 0
    depth_scale_B: NDArray[np.float64] | None = None
    total_B: NDArray[np.int64] | None = None
    clamp: Clamp | None = None
    greedy: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_samples", check_number("n_samples", self.n_samples))

    def take(self, index: NDArray[np.intp]) -> SampleArgs:
        """The arguments of some of the rows."""
        scale = None if self.depth_scale_B is None else self.depth_scale_B[index]
        total = None if self.total_B is None else self.total_B[index]
        return SampleArgs(self.n_samples, self.seed, scale, total, self.clamp, self.greedy)


@dataclass
class Ensemble:
    """Trained networks with everything needed to ask them.

    Attributes
    ----------
    config, tree, scaler
        Shared by all members.
    members
        The networks.
    best_epochs
        Of each member, the epoch whose weights were kept; empty without a validation section, and after loading.
    """

    config: GenARConfig
    tree: GeneTree
    scaler: Scaler
    members: list[GenARNetwork] = field(default_factory=list)
    best_epochs: list[int] = field(default_factory=list)

    @property
    def scales(self) -> tuple[int, ...]:
        """Numbers of groups of what `sample` returns, coarse to fine."""
        return tuple(self.members[0].scales)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.members[0].parameters()).device

    def to(self, device: torch.device) -> Ensemble:
        """Move the networks, in place."""
        for member in self.members:
            member.to(device)
        return self

    def inputs(self, rows: Rows, z_BF: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Standardised features and positions on the networks' device."""
        return torch.from_numpy(z_BF).to(self.device), torch.from_numpy(rows.xy_N2).to(self.device)

    def sample(self, rows: Rows, z_BF: NDArray[np.float32], args: SampleArgs) -> list[NDArray[np.int32]]:
        """Joint samples of every scale, (S, B, K) each; members contribute equal shares."""
        x_BF, xy_B2 = self.inputs(rows, z_BF)
        parts = []
        for index, (member, share) in enumerate(
            zip(self.members, _shares(args.n_samples, len(self.members)), strict=True)
        ):
            if share == 0:
                continue
            generators = [
                row_generator(args.seed, str(library), str(name), f"sample {index}")
                for library, name in zip(rows.libraries, rows.names, strict=True)
            ]
            parts.append(
                member.sample(
                    x_BF,
                    xy_B2,
                    generators,
                    share,
                    depth_scale_B=args.depth_scale_B,
                    total_B=args.total_B,
                    clamp=args.clamp,
                    greedy=args.greedy,
                )
            )
        return [np.concatenate(scale, axis=0) for scale in zip(*parts, strict=True)]

    def mean(self, rows: Rows, z_BF: NDArray[np.float32], args: SampleArgs) -> NDArray[np.float64] | None:
        """E[X] in closed form, (B, G); None where samples must be averaged."""
        if args.clamp or args.greedy:
            return None
        x_BF, xy_B2 = self.inputs(rows, z_BF)
        chunks = []
        for index, n_true in _fixed_chunks(len(rows)):
            part = args.take(index)
            found = [
                m.mean(x_BF[index], xy_B2[index], part.depth_scale_B, part.total_B) for m in self.members
            ]
            known = [mean.double().cpu().numpy() for mean in found if mean is not None]
            if len(known) < len(found):
                return None
            chunks.append(np.mean(known, axis=0)[:n_true])
        return np.concatenate(chunks)

    def expected_total(self, rows: Rows, z_BF: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
        """Expected panel total of each row, (B,)."""
        mean = self.mean(rows, z_BF, SampleArgs())
        if mean is None:
            samples = self.sample(rows, z_BF, SampleArgs(_DEPTH_SAMPLES * len(self.members), seed))[-1]
            mean = samples.mean(axis=0, dtype=np.float64)
        return mean.sum(axis=1)

    def log_prob(self, rows: Rows, z_BF: NDArray[np.float32], counts_BG: NDArray[Any]) -> NDArray[np.float64]:
        """Joint log-likelihood under the mixture of the members, nats, (B,)."""
        x_BF, xy_B2 = self.inputs(rows, z_BF)
        counts = torch.as_tensor(counts_BG, dtype=torch.float32, device=self.device)
        out = []
        for index, n_true in _fixed_chunks(len(rows)):
            each = torch.stack(
                [m.log_prob(x_BF[index], xy_B2[index], counts[index]).double() for m in self.members]
            )
            out.append((torch.logsumexp(each, dim=0) - math.log(len(self.members))).cpu().numpy()[:n_true])
        return np.concatenate(out)

    def tensors(self) -> dict[str, Tensor]:
        """All weights and the scaler, by name, for a checkpoint."""
        weights = {
            f"member{i}.{name}": value.detach().cpu().contiguous()
            for i, member in enumerate(self.members)
            for name, value in member.state_dict().items()
        }
        return weights | {
            "scaler.mean": torch.from_numpy(self.scaler.mean_F),
            "scaler.std": torch.from_numpy(self.scaler.std_F),
        }

    @classmethod
    def from_tensors(
        cls,
        config: GenARConfig,
        tree: GeneTree,
        scaler_values: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
    ) -> Ensemble:
        """Rebuild from `tensors` and the scaler's plain values (``distance``, ``by_section``, ``shift``)."""
        mean, std = tensors["scaler.mean"].float().numpy(), tensors["scaler.std"].float().numpy()
        scaler = Scaler(
            mean,
            std,
            float(scaler_values["distance"]),
            bool(scaler_values["by_section"]),
            scaler_values.get("shift"),
        )
        ensemble = cls(config, tree, scaler)
        while any(name.startswith(f"member{len(ensemble.members)}.") for name in tensors):
            prefix = f"member{len(ensemble.members)}."
            network = GenARNetwork(config, tree, len(mean))
            network.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in tensors.items()
                    if name.startswith(prefix)
                }
            )
            ensemble.members.append(network.eval())
        return ensemble


def _fixed_chunks(n_rows: int) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Row indices in chunks of one size, padded by repetition, with the number of true rows of each.

    Matrix products round differently at different sizes: one size makes a row's result its own.
    """
    for index in padded_chunks(n_rows, _ROWS):
        yield index, min(_ROWS, n_rows - int(index[0]))


def _shares(n_samples: int, n_members: int) -> list[int]:
    """Samples of each member: equal, the first ones take what is over."""
    return [n_samples // n_members + (i < n_samples % n_members) for i in range(n_members)]
