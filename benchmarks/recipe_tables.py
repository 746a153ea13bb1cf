"""Write the tables of finished recipe runs into the page of results.

    genviz recipe run genar-her2st --size mini --out runs/genar-her2st
    cp runs/genar-her2st/results.json benchmarks/results/recipes/genar-her2st/
    python benchmarks/recipe_tables.py --table docs/results.md

A run's table stands between ``<!-- table recipe-NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from genviz.recipes.catalogue import recipe
from genviz.recipes.diff import read_results
from genviz.recipes.page_tables import fill_page
from genviz.recipes.result_table import result_table

RUNS = Path(__file__).parent / "results" / "recipes"
PREFIX = "recipe-"


def table(folder: Path) -> str:
    """The table of one run, as a section of the page."""
    return result_table(recipe(folder.name), read_results(folder), level=2).rstrip()


def main() -> None:
    """Fill the page with every run that is kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, required=True, help="page to write the tables into")
    args = parser.parse_args()
    runs = sorted(path.parent for path in RUNS.glob("*/results.json"))
    tables = {PREFIX + run.name: partial(table, run) for run in runs}
    fill_page(args.table, tables, prefix=PREFIX)


if __name__ == "__main__":
    main()
