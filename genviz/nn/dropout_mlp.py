"""One hidden layer with dropout before it and behind it, the workhorse on small data."""

from __future__ import annotations

from torch import Tensor, nn


def zero_last(layers: nn.Sequential) -> None:
    """Set the weights and biases of the last (linear) layer to zero."""
    for parameter in layers[-1].parameters():
        nn.init.zeros_(parameter)


class DropoutMLP(nn.Module):
    """Dropout - Linear - GELU - Dropout - Linear, the last one zero before training.

    Dropping half of the *inputs* is what keeps a few hundred spots with hundreds of correlated
    features from being memorised.

    Parameters
    ----------
    n_in, n_hidden, n_out
        Widths.
    dropout
        Rate on inputs and on hidden units.
    """

    def __init__(self, n_in: int, n_hidden: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_in, n_hidden))
        self.out = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(n_hidden, n_out))
        zero_last(self.out)

    def forward(self, x_BF: Tensor) -> Tensor:
        """(B, n_in) → (B, n_out)."""
        out: Tensor = self.out(self.hidden(x_BF))
        return out
