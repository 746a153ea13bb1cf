"""GDC sample sheets: which file of a download is which sample of whom."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genviz._errors import DataError, FileFormatError, UsageError
from genviz.core.counts import first_names
from genviz.io.files.opening import AnyPath, existing, read_text_bytes, reading

PROFILE_SUFFIX = "augmented_star_gene_counts.tsv"
SLIDE_SUFFIXES = (".svs", ".ndpi", ".tif", ".tiff", ".mrxs")
PROFILE_TYPE = "Gene Expression Quantification"
SLIDE_TYPE = "Slide Image"
# The columns that read_gdc needs, in the order in which the portal writes a sheet.
COLUMNS = (
    "File ID",
    "File Name",
    "Data Category",
    "Data Type",
    "Project ID",
    "Case ID",
    "Sample ID",
    "Sample Type",
)
_NEEDED = ("File ID", "File Name", "Project ID", "Case ID", "Sample ID")
_WHAT = "a GDC sample sheet"

# Two digits of a TCGA barcode, TCGA-TSS-Case-DDv: gdc.cancer.gov/resources-tcga-users/tcga-code-tables.
_BARCODE = re.compile(r"TCGA-\w{2}-\w{4}-(\d{2})")
_TYPES_OF_CODES = {
    "01": "Primary Tumor",
    "02": "Recurrent Tumor",
    "03": "Primary Blood Derived Cancer - Peripheral Blood",
    "05": "Additional - New Primary",
    "06": "Metastatic",
    "07": "Additional Metastatic",
    "10": "Blood Derived Normal",
    "11": "Solid Tissue Normal",
}


@dataclass(frozen=True)
class SheetRow:
    """One file of a sheet.

    Attributes
    ----------
    file_id, file_name
        Its UUID and name at the GDC.
    project, case, sample, sample_type
        Study, patient, sample and kind of sample ("" where the sheet does not say).
    """

    file_id: str
    file_name: str
    project: str
    case: str
    sample: str
    sample_type: str


def read_sheets(folder: Path, sheets: Sequence[AnyPath] | None) -> tuple[list[SheetRow], list[SheetRow]]:
    """Profiles and slides that the sheets of a folder list, each file once.

    Parameters
    ----------
    folder
        Of the download.
    sheets
        Sample sheets; by default all files directly in the folder that begin like one.

    Raises
    ------
    UsageError
        Without a sheet.
    FileFormatError
        For a table that is none.
    DataError
        For a file that is listed twice with other content, or that belongs to several samples.
    """
    files = _found(folder) if sheets is None else [existing(path, _WHAT) for path in sheets]
    profiles: dict[str, SheetRow] = {}
    slides: dict[str, SheetRow] = {}
    for file in files:
        table = _table(file)
        for line in table.to_dict("records"):
            known = _kind(line)
            row = None if known is None else _row(line, file)
            if row is None:
                continue
            into = profiles if known == PROFILE_TYPE else slides
            if into.setdefault(row.file_id, row) != row:
                raise DataError(
                    f"Expected one sample for file {row.file_id!r} ({row.file_name}); {file} lists it again as sample "
                    f"{row.sample!r} of case {row.case!r}. Keep one of the lines."
                )
    if not profiles:
        raise DataError(
            f"Expected files of data type {PROFILE_TYPE!r} in {', '.join(str(f) for f in files)}; none is listed. "
            "Add the STAR - Counts files to the cart before you save the sample sheet."
        )
    return list(profiles.values()), list(slides.values())


def is_sheet(file: Path) -> bool:
    """Whether a file begins with the header of a sample sheet."""
    with reading(file, "the beginning of a file"), file.open("rb") as handle:
        return handle.read(256).lstrip(b"\xef\xbb\xbf").startswith(b"File ID\tFile Name")


def _found(folder: Path) -> list[Path]:
    sheets = [p for p in sorted(folder.iterdir()) if p.suffix in (".tsv", ".txt") and is_sheet(p)]
    if not sheets:
        raise UsageError(
            f"Expected {_WHAT} in {folder} (gdc_sample_sheet.<date>.tsv, 'Sample Sheet' in the cart of the GDC "
            "portal); there is none. It says which file is whose: save it there, or name it with sheet=."
        )
    return sheets


def _table(file: Path) -> pd.DataFrame:
    raw = read_text_bytes(file, _WHAT)
    with reading(file, _WHAT):
        table = pd.read_csv(io.BytesIO(raw), sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if missing := [column for column in _NEEDED if column not in table]:
        raise FileFormatError(
            f"Expected columns {', '.join(_NEEDED)} in {file}; {', '.join(missing)} absent, found "
            f"{first_names(list(table.columns), 8)}. Save the sample sheet of the cart again."
        )
    return table


def _kind(line: Mapping[Any, str]) -> str | None:
    """Profile, slide, or None for what is of no use here (mutations, clinical supplements)."""
    kind, name = line.get("Data Type", ""), line["File Name"]
    if kind == PROFILE_TYPE or (not kind and name.removesuffix(".gz").endswith(PROFILE_SUFFIX)):
        return PROFILE_TYPE
    if kind == SLIDE_TYPE or (not kind and name.lower().endswith(SLIDE_SUFFIXES)):
        return SLIDE_TYPE
    return None


def _row(line: Mapping[Any, str], file: Path) -> SheetRow:
    empty = [column for column in _NEEDED if not line[column].strip()]
    if empty:
        raise DataError(
            f"Expected {', '.join(empty)} of file {line['File Name']!r} in {file}; it is empty. Complete the line."
        )
    several = {column: set(_listed(line[column])) for column in ("Case ID", "Sample ID")}
    if any(len(values) > 1 for values in several.values()):
        raise DataError(
            f"Expected one sample for file {line['File Name']!r} in {file}; it lists "
            f"{first_names(sorted(several['Sample ID']))}. Leave out files made from several samples."
        )
    case, sample = (values.pop() for values in several.values())
    return SheetRow(
        line["File ID"].strip(), line["File Name"].strip(), line["Project ID"].strip(), case, sample,
        _sample_type(line, sample),
    )  # fmt: skip


def _listed(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",")]


def _sample_type(line: Mapping[Any, str], sample: str) -> str:
    """As stated; newer sheets state tissue type and tumour descriptor instead, and TCGA's barcodes know."""
    if stated := line.get("Sample Type", "").strip():
        return _listed(stated)[0]
    if (code := _BARCODE.match(sample)) and code.group(1) in _TYPES_OF_CODES:
        return _TYPES_OF_CODES[code.group(1)]
    parts = [line.get(column, "").strip() for column in ("Tumor Descriptor", "Tissue Type")]
    return " ".join(part for part in parts if part not in ("", "Not Applicable", "--"))
