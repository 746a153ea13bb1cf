"""Files that GeneVAR reads and writes: looked at before long work."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from genviz import io
from genviz._errors import UsageError
from genviz.io.files.output import check_writable_file, real_path

if TYPE_CHECKING:
    from anndata import AnnData

H5AD = ".h5ad"
_ABOUT_COUNTS = (
    r"[^|]* in (X|layers\['counts'\]): Expected raw counts[^|]*$"  # a finding of the contract, alone
)


def check_rows_out(out: Path, *read: Path | None) -> None:
    """Refuse a name for rows to write that is no .h5ad file's, that cannot be written, or that is to be read.

    Parameters
    ----------
    out
        Where rows are to go.
    read
        Files that they are made of.

    Raises
    ------
    UsageError
        Saying which.
    """
    if out.suffix.lower() != H5AD:
        raise UsageError(f"Expected the name of an {H5AD} file to write; got {str(out)!r}.")
    check_kept(out, *read)
    check_writable_file(out)


def check_kept(out: Path, *read: Path | None) -> None:
    """Refuse to write over what is read.

    Parameters
    ----------
    out
        The file to write.
    read
        Files to read; None: no such file.

    Raises
    ------
    UsageError
        When they are the same.
    """
    if real_path(out) in [real_path(path) for path in read if path is not None]:
        raise UsageError(
            f"Expected a new name for the result; {out} is what is read, and would be lost. Choose another name."
        )


def rows_of(file: Path) -> AnnData:
    """Rows of a file; what is wrong with their counts is left for the model to say, once, if it is told counts.

    Parameters
    ----------
    file
        An .h5ad file with profiles.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_ABOUT_COUNTS)
        return io.read_h5ad(file)
