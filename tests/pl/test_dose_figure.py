"""pl.dose_figure: tiles dose by dose, curves beside noise and controls."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import tl
from genviz._errors import MissingKeyError, UsageError
from genviz.pl.dose_figure import dose_effects, doses
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def made():
    given = rows(24)
    trained = model(given)
    scaler = trained.fitted.conditioner.scaler
    genes = [trained.genes[column] for column in scaler.columns_U[:2]]
    return tl.perturb(trained, given, genes, fold=(0.5, 4), n=1, seed=0, controls=1)


def test_a_line_a_row_a_column_a_dose(made):
    gene = made.obs["gene"].iloc[0]
    figure = doses(made, gene, n=3)
    texts = [note.text for note in figure.layout.annotations]
    assert len(figure.layout.images) == 3
    assert texts == [*rows(24).obs_names[:3], "x0.5", "<b>x1</b>", "x4"]
    assert gene in figure.layout.title.text and "synthetic" in figure.layout.title.text
    row = rows(24).obs_names[7]
    assert len(doses(made, gene, rows=[row]).layout.images) == 1


def test_curves_show_what_the_table_says(made):
    gene = made.obs["gene"].iloc[0]
    table = tl.perturbation_effects(made)
    own = table[(table["gene"] == gene) & (table["statistic"] == "eosin")]
    figure = dose_effects(made, gene, statistics=["eosin", "red"])
    drawn = {trace.name: trace for trace in figure.data[: len(figure.data) // 2]}
    np.testing.assert_allclose(drawn["change, 95 % interval"].y, own["change"])
    assert drawn["change, 95 % interval"].y[1] == 0
    np.testing.assert_allclose(drawn["change, 95 % interval"].error_y.array, 1.96 * own["se"])
    np.testing.assert_allclose(drawn["no effect, independent seeds"].y, 1.96 * own["independent_se"])
    assert {"ridge on real tiles", "largest of matched gene sets"} <= set(drawn)
    assert sum(bool(trace.showlegend) for trace in figure.data) == 5


def test_the_largest_effect_is_the_default(made):
    gene = tl.perturbation_summary(made)["gene"].iloc[0]
    assert gene in doses(made).layout.title.text
    figure = dose_effects(made, n=2)
    assert gene in figure.layout.title.text and len(figure.layout.annotations) == 2


def test_what_is_not_there_is_refused(made):
    for wrong in ({"gene": "nobody"}, {"rows": ["nowhere"]}, {"draw": 7}):
        with pytest.raises(UsageError, match="Expected"):
            doses(made, **wrong)
    with pytest.raises(UsageError, match="Expected statistics"):
        dose_effects(made, statistics=["charm"])
    for draw in (doses, dose_effects):
        with pytest.raises(MissingKeyError, match=r"gv\.tl\.perturb"):
            draw(rows(3))
