"""Every row of the accuracy table can be built and says what it shows."""

from __future__ import annotations

import inspect

import pytest

from genviz.models import GenAR
from genviz.models.genar.presets import preset
from genviz.pp.embedding import embed
from genviz.pp.tree import gene_tree
from genviz.recipes.genar.variants import VARIANTS


def accepted(function, options) -> bool:
    return set(options) <= set(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", VARIANTS)
def test_options_exist(name):
    variant = VARIANTS[name]
    options = {key: value for key, value in variant.model.items() if key != "normalise"}
    config = preset("mini", **options)
    assert all(getattr(config, key) == value for key, value in options.items())
    assert accepted(embed, variant.embed) and accepted(gene_tree, variant.tree or {})
    assert variant.readouts and all(accepted(GenAR.predict, r) for r in variant.readouts.values())
    assert name.startswith(f"{config.counts}_{config.trunk}") and variant.about


def test_no_two_rows_are_the_same():
    rows = [repr((v.model, v.readouts, v.embed, v.tree)) for v in VARIANTS.values()]
    assert len(set(rows)) == len(rows)
    names = [name + suffix for name, variant in VARIANTS.items() for suffix in variant.readouts]
    assert len(set(names)) == len(names)
