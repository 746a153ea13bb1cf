"""Data sets of nuclei, images with instance masks, as AnnData."""

from __future__ import annotations

from collections.abc import Iterable

from anndata import AnnData

from genviz._errors import UsageError
from genviz.datasets.catalogue import fetch
from genviz.io.image_masks.layouts import list_pairs
from genviz.io.image_masks.reading import pairs_to_rows


def dsb2018(split: str | None = None, labels: Iterable[str] | str | None = None) -> AnnData:
    """Nuclei of the 2018 Data Science Bowl (BBBC038v1, Caicedo et al. 2019, CC0): 357 images, 16,321 nuclei.

    Label, subtype, split and scene are genviz's own (``data_manifests/dsb2018/index.csv``); scenes never straddle
    the split. Almost none of it is H&E.

    Parameters
    ----------
    split
        "train" or "val"; both, if left out.
    labels
        Of "fluorescence" (271 images), "histology" (75) and "brightfield_cytology" (11); all, if left out.

    Returns
    -------
    AnnData
        As `io.read_image_masks`.

    Raises
    ------
    UsageError
        For a split or label that does not exist.
    DownloadError
        When the images cannot be had; it names the ways out.
    """
    layout, _, rows = list_pairs(fetch("dsb2018")[""]["index"], None)
    name = "dsb2018"
    wanted = None if labels is None else {labels} if isinstance(labels, str) else set(labels)
    for given, known, what in (
        ({split} - {None}, {row.split for row in rows}, "split"),
        (wanted or set(), {row.label for row in rows}, "label"),
    ):
        if strangers := sorted(str(value) for value in given - known):
            raise UsageError(
                f"Expected a {what} of {name}; got {', '.join(strangers)}. There are: {', '.join(sorted(known))}."
            )
    chosen = [
        row
        for row in rows
        if (split is None or row.split == split) and (wanted is None or row.label in wanted)
    ]
    return pairs_to_rows(chosen, {"layout": layout}, name=name, masks="instances")
