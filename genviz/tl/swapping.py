"""Which tile gives the structure, which the appearance: swaps by row names, with the tiles they came from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

from genviz._errors import UsageError
from genviz._keys import Obsm
from genviz.core.arguments import check_adata

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import PathAR

_MOST_ROWS = 12


def swap_tokens(
    model: PathAR,
    adata: AnnData,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    matched: bool = False,
    key_added: str = "pathar",
) -> AnnData:
    """Decode the structure of one row with the appearance of another, for pairs of rows of one object.

    Parameters
    ----------
    model
        A trained `PathAR`; no prior is needed.
    adata
        Rows with tokens, or with tiles and masks, and labels.
    pairs
        (row of the structure, row of the appearance), by name; default every ordered pair of at most 12 rows.
    matched
        Take each appearance token from the cell with the most similar surroundings; see `PathAR.swap`.
    key_added
        Result key.

    Returns
    -------
    New AnnData, rows ``<structure>+<appearance>``: ``obsm["<key>"]``, ``obsm["<key>_mask"]``, tokens;
    ``obs["source"]`` both names.

    Raises
    ------
    UsageError
        For names that are not rows, no pairs, or too many rows to pair them all.
    """
    check_adata(adata)
    names = adata.obs_names.tolist()
    if pairs is None:
        if not 2 <= len(names) <= _MOST_ROWS:
            raise UsageError(
                f"Expected 2 to {_MOST_ROWS} rows to pair all of them; got {len(names)}. Choose rows, or pass pairs=."
            )
        pairs = list(permutations(names, 2))
    unknown = sorted({name for pair in pairs for name in pair} - set(names))
    if unknown or not pairs:
        raise UsageError(f"Expected pairs of row names; got {', '.join(unknown[:5]) or 'no pairs'}.")
    has_tokens = {Obsm.STRUCTURE_TOKENS, Obsm.APPEARANCE_TOKENS} <= set(adata.obsm)
    encoded = adata if has_tokens else model.encode(adata)
    structure, appearance = (encoded[[pair[k] for pair in pairs]] for k in (0, 1))
    return model.swap(structure, appearance, matched=matched, key_added=key_added)
