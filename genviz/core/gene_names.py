"""What somebody may have meant by a gene that is not there."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 5


def near_genes(gene: str, known: Iterable[str]) -> str:
    """Give the end of an error: genes that begin alike, or nothing.

    Parameters
    ----------
    gene
        As it was asked for.
    known
        Names that are there.
    """
    near = [name for name in known if name.lower().startswith(gene[:3].lower())][:_SHOWN]
    return f" Did you mean: {', '.join(near)}?" if near else ""
