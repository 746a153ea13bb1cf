"""Gene panels that come with data sets."""

from __future__ import annotations

import pytest

from genviz import datasets
from genviz._errors import UsageError

NAMES = ("genes_genar200", "genes_hvg200_C2-C5")


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_is_200_genes(name):
    genes = datasets.panel(name)
    assert len(genes) == len(set(genes)) == 200
    assert all(gene == gene.strip() and gene for gene in genes)


def test_panels_are_different():
    assert len(set(datasets.panel(NAMES[0])) & set(datasets.panel(NAMES[1]))) == 32


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_is_the_file_that_came_with_the_data(name, her2st_dir):
    assert list(datasets.panel(name)) == (her2st_dir / f"{name}.txt").read_text("utf-8").split()


def test_an_unknown_panel_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"got 'genar'\. There are: genes_genar200, genes_hvg200_C2-C5"):
        datasets.panel("genar")
