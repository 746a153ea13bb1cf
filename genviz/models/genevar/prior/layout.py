"""Where the tokens of each scale stand in a sequence. Scales are numbered from 1, as in the papers."""

from __future__ import annotations

from dataclasses import dataclass

from genviz._errors import UsageError
from genviz.nn.multiscale_quantiser import checked_scales


@dataclass(frozen=True)
class ScaleLayout:
    """A sequence of scales, each of n_k x n_k cells in raster order.

    Parameters
    ----------
    scales
        Cells a side of each scale, n_1 ... n_K, rising.

    Raises
    ------
    UsageError
        For scales that do not rise.
    """

    scales: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", checked_scales(self.scales))

    @property
    def n_scales(self) -> int:
        """K."""
        return len(self.scales)

    @property
    def grid(self) -> int:
        """Cells a side of the finest scale, which is the latents' grid."""
        return self.scales[-1]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Positions of each scale, n_k squared."""
        return tuple(n * n for n in self.scales)

    @property
    def n_positions(self) -> int:
        """L, the sum of all lengths."""
        return sum(self.lengths)

    def part(self, k: int) -> slice:
        """Positions of a scale.

        Parameters
        ----------
        k
            Scale, from 1.
        """
        return slice(self.before(k), self.before(k + 1))

    def before(self, k: int) -> int:
        """Positions of all scales coarser than this one.

        Parameters
        ----------
        k
            Scale, from 1; K + 1 gives L.
        """
        return sum(self.lengths[: k - 1])

    def scales_in(self, n_positions: int) -> int:
        """How many whole scales a run of first positions holds.

        Parameters
        ----------
        n_positions
            Length of the run.

        Raises
        ------
        UsageError
            If it ends inside a scale.
        """
        ends = [self.before(k + 1) for k in range(self.n_scales + 1)]
        if n_positions not in ends:
            raise UsageError(
                f"Expected tokens of the first scales as a whole ({', '.join(map(str, ends))} positions); "
                f"got {n_positions}."
            )
        return ends.index(n_positions)

    def ramp(self, k: int) -> float:
        """Depth of a scale from 0 (the coarsest) to 1 (the finest): ``(k - 1) / (K - 1)``.

        Parameters
        ----------
        k
            Scale, from 1.
        """
        return (k - 1) / max(1, self.n_scales - 1)
