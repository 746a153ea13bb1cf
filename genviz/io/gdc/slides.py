"""Which slide shows the sample of which bulk profile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from genviz._errors import MissingKeyError
from genviz._keys import Uns
from genviz.core.arguments import check_adata
from genviz.io.gdc.sheet import SheetRow

if TYPE_CHECKING:
    from anndata import AnnData

_COLUMNS = ("profile", "case", "project", "slide", "sample", "sample_type", "slide_type", "file_id", "path")
_DIAGNOSTIC = "diagnostic"  # formalin-fixed, -DX; others were frozen, cut from the portion that was sequenced
_FROZEN = "frozen"

Table = dict[str, list[dict[str, str]]]


def slide_pairs(adata: AnnData) -> pd.DataFrame:
    """Slides of the samples of bulk profiles: one row a pair, a profile may have several slides or none.

    A slide belongs to a profile when case and sample type are the same; the samples themselves differ, because the
    diagnostic slide (``-01Z-00-DX1``) was cut from another piece than the RNA (``-01A``).

    Parameters
    ----------
    adata
        As `read_gdc` makes it, or rows of it; reads ``uns["genviz"]["slides"]``.

    Returns
    -------
    pandas.DataFrame
        A row a pair. Columns: ``profile`` (row name), ``case``, ``project``, ``slide`` (name of its file without the
        suffix), ``sample`` and ``sample_type`` of the slide, ``slide_type`` ("diagnostic" or "frozen"), ``file_id``,
        and ``path``, "" where the slide was not in the folder.

    Raises
    ------
    MissingKeyError
        Without the table.
    """
    check_adata(adata)
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.SLIDES)
    if text is None:
        raise MissingKeyError(
            f"Expected the slides of the samples in uns['{Uns.GENVIZ}']['{Uns.SLIDES}']; there are none. Read the "
            "profiles with gv.io.read_gdc, the sample sheet of the slides beside that of the profiles."
        )
    table: Table = json.loads(text)
    rows = [{"profile": name} | slide for name in adata.obs_names for slide in table.get(str(name), [])]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


def slides_by_sample(
    profiles: Sequence[SheetRow], slides: Sequence[SheetRow], paths: dict[str, Path]
) -> Table:
    """Sample of a profile → its slides, in the order of the sheet.

    Parameters
    ----------
    profiles, slides
        Of the sheets.
    paths
        Of the slides that are there, by file id.
    """
    by_case: dict[str, list[SheetRow]] = {}
    for slide in slides:
        by_case.setdefault(slide.case, []).append(slide)
    return {
        profile.sample: [
            _entry(slide, paths.get(slide.file_id))
            for slide in by_case.get(profile.case, [])
            if slide.sample_type == profile.sample_type or not (slide.sample_type and profile.sample_type)
        ]
        for profile in profiles
    }


def write_slides(adata: AnnData, table: Table) -> None:
    """Write ``uns["genviz"]["slides"]``, one JSON string."""
    adata.uns.setdefault(Uns.GENVIZ, {})[Uns.SLIDES] = json.dumps(table)


def _entry(slide: SheetRow, path: Path | None) -> dict[str, str]:
    name = slide.file_name.rpartition(".")[0] or slide.file_name
    return {
        "case": slide.case,
        "project": slide.project,
        "slide": name,
        "sample": slide.sample,
        "sample_type": slide.sample_type,
        "slide_type": _DIAGNOSTIC if "-DX" in name.upper() else _FROZEN,
        "file_id": slide.file_id,
        "path": "" if path is None else str(path),
    }
