"""What a user of `tl.perturb` gets wrong first: each refused in one sentence, before anything is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genviz import tl
from genviz._errors import UsageError
from genviz.tl.perturbation.gene_edits import FOLDS, Doses, named_sets
from tests.models.genevar.model_cases import model, rows
from tests.models.pathar.tile_cases import loaded_as, untrained


@pytest.fixture(scope="module")
def trained():
    return model()


WRONG = [("good.h5ad", "a str"), (None, "None"), (pd.DataFrame(), "a DataFrame")]


@pytest.mark.parametrize(("value", "came"), [*WRONG, (loaded_as, "a function")])
def test_only_a_genevar_is_perturbed(value, came):
    with pytest.raises(UsageError, match=rf"^Expected a GeneVAR, .*; got {came}\. .*GeneVAR\.load"):
        tl.perturb(value, rows(3), ["G00"])


def test_another_model_is_named():
    with pytest.raises(UsageError, match=r"^Expected a GeneVAR, .*; got a PathAR"):
        tl.perturb(loaded_as(untrained()), rows(3), ["G00"])


@pytest.mark.parametrize(("value", "came"), WRONG)
def test_rows_are_an_anndata(trained, value, came):
    with pytest.raises(UsageError, match=rf"^Expected an AnnData; got {came}\. "):
        tl.perturb(trained, value, ["G00"])
    for read in (tl.perturbation_effects, tl.perturbation_summary, tl.perturbation_facts):
        with pytest.raises(UsageError, match=rf"^Expected an AnnData; got {came}\. "):
            read(value)
    if value is not None:
        with pytest.raises(UsageError, match=rf"^Expected training, an AnnData; got {came}\. "):
            tl.perturb(trained, rows(3), ["G00"], training=value)


@pytest.mark.parametrize("kind", ["fold", "absolute"])
@pytest.mark.parametrize(
    ("doses", "said"),
    [
        ((), "Expected at least one dose; got none. Leave {} out, or name some."),
        ([], "Expected at least one dose; got none. Leave {} out, or name some."),
        ("0,1", "Expected {}, a list of doses; got '0,1'."),
        (True, "Expected {}, a list of doses; got True."),
        ({"a": 2}, "Expected {}, a list of doses; got {{'a': 2}}."),
        (["x"], "Expected doses, finite numbers from 0; got 'x'."),
    ],
)
def test_doses(trained, kind, doses, said):
    with pytest.raises(UsageError) as caught:
        tl.perturb(trained, rows(3), ["G00"], **{kind: doses})
    assert str(caught.value) == said.format(kind)


@pytest.mark.parametrize("fold", [2, 2.0, np.int64(2), np.array([2.0]), [2]])
def test_a_number_is_one_dose(fold):
    assert Doses.of(fold, None).levels == (1.0, 2.0)


def test_without_doses_they_are_the_usual_ones():
    assert Doses.of(None, None).levels == FOLDS


@pytest.mark.parametrize("genes", [5, None, {"a": 5}, {"a": None}])
def test_genes_are_listed(trained, genes):
    with pytest.raises(UsageError, match=r"^Expected genes, a list of names; got (5|None)[.]$"):
        tl.perturb(trained, rows(3), genes)


def test_a_text_is_one_gene():
    assert named_sets("G00") == {"G00": ("G00",)}
    assert named_sets({"a": "G00"}) == {"a": ("G00",)}
