"""Tables between the markers of a Markdown page, and the rows of records that they are made of.

A marker is ``<!-- table NAME -->``; everything up to the next ``<!-- end -->`` is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from genviz._errors import FileFormatError
from genviz.io.files.atomic import atomic_write_text
from genviz.metrics import Score

_MARKER = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One model and its records, a seed each."""

    name: str
    runs: tuple[dict[str, Score], ...]

    def values(self, score: str) -> list[float]:
        """The score in every run that has it; the number of NaN is not hidden, it shows as none."""
        return [
            run[score].value for run in self.runs if score in run and run[score].value == run[score].value
        ]

    def mean(self, score: str) -> float | None:
        """Over seeds."""
        values = self.values(score)
        return fmean(values) if values else None

    def baseline(self, score: str) -> float | None:
        """What stands beside the score, mean over seeds."""
        found = [run[score].baseline for run in self.runs if score in run]
        values = [value for value in found if value is not None and value == value]
        return fmean(values) if values else None

    def cell(self, score: str, digits: int = 3) -> str:
        """Mean over seeds, and their standard deviation where there are several that differ."""
        values = self.values(score)
        if not values:
            return "-"
        text = f"{fmean(values):.{digits}f}"
        spread = stdev(values) if len(values) > 1 else 0.0
        return f"{text} ± {spread:.{digits}f}" if spread >= 0.5 * 10**-digits else text

    def beside(self, score: str, digits: int = 3) -> str:
        """The score, and in brackets what stands beside it."""
        baseline = self.baseline(score)
        return self.cell(score, digits) + ("" if baseline is None else f" ({baseline:.{digits}f})")

    def interval(self, score: str, digits: int = 3) -> str:
        """95 % bootstrap interval of the first seed."""
        found = self.runs[0].get(score)
        if found is None or found.ci is None:
            return ""
        return f"[{found.ci[0]:.{digits}f}, {found.ci[1]:.{digits}f}]"


def fill_page(page: Path, tables: Mapping[str, Callable[[], str]], *, prefix: str = "") -> None:
    """Replace the tables of a page whose names begin with a prefix; those of other families are let be.

    Parameters
    ----------
    page
        Markdown with markers; rewritten in place.
    tables
        Name, prefix included → the table.
    prefix
        "" is the family of all names without a dash.

    Raises
    ------
    FileFormatError
        When a marker of this family names an unknown table.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[2]
        ours = name.startswith(prefix) if prefix else "-" not in name
        if not ours:
            return match[0]
        if name not in tables:
            raise FileFormatError(
                f"Expected tables {', '.join(tables)} in {page}; got a marker {name!r}. Correct the marker."
            )
        return match[1] + tables[name]() + "\n" + match[3]

    atomic_write_text(page, _MARKER.sub(fill, page.read_text(encoding="utf-8")))


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
