"""Gene sets from GMT files: a line a set, fields parted by tabs, name, description, genes."""

from __future__ import annotations

from genviz._errors import FileFormatError
from genviz.io.files.opening import AnyPath, existing, read_text_bytes

_WHAT = "gene sets (GMT)"


def read_gmt(path: AnyPath) -> dict[str, list[str]]:
    """Read gene sets.

    Parameters
    ----------
    path
        GMT file, gzipped or not: ``name <tab> description <tab> gene <tab> gene ...`` on each line. Lines that are
        empty or begin with ``#`` are passed over; so are empty fields and what follows a comma in a gene (weights).

    Returns
    -------
    Name of the set → its genes, each once, in order.

    Raises
    ------
    UsageError
        When there is no such file.
    FileFormatError
        For a line with fewer than three fields, a set without a name or a name that comes twice (the line is named), or
        a file without sets.
    """
    file = existing(path, _WHAT)
    raw = read_text_bytes(file, _WHAT)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise FileFormatError(
            f"Expected {_WHAT} in {file} as UTF-8 text; byte {err.start} is not. Save it as UTF-8."
        ) from err
    sets: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t")]
        genes = [gene for field in fields[2:] if (gene := field.split(",")[0].strip())]
        if len(fields) < 3 or not fields[0] or not genes:
            raise FileFormatError(
                f"Expected name, description and genes parted by tabs in {file}; line {number} has {len(fields)} "
                f"field{'s' if len(fields) > 1 else ''}: {line[:60]!r}. Correct the line."
            )
        if fields[0] in sets:
            raise FileFormatError(
                f"Expected each gene set once in {file}; {fields[0]!r} comes again in line {number}. Rename "
                "one of them."
            )
        sets[fields[0]] = list(dict.fromkeys(genes))
    if not sets:
        raise FileFormatError(f"Expected {_WHAT} in {file}; it has comments only. Check the file.")
    return sets
