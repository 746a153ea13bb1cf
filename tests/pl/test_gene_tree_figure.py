"""pl.gene_tree: an icicle whose boxes are the groups and whose widths add up."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from genviz import pl, pp
from genviz._errors import MissingKeyError
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.pl.colours import EXPRESSION
from tests.pl.cases import GENES, prediction


@pytest.fixture
def adata():
    made = prediction()
    made.X = made.layers["counts"].copy()
    pp.gene_tree(made, scales=(1, 2, 6))
    return made


def boxes(figure: go.Figure) -> dict[str, dict]:
    """Id -> label, parent, value, colour."""
    (trace,) = figure.data
    assert isinstance(trace, go.Icicle)
    rows = zip(trace.ids, trace.labels, trace.parents, trace.values, trace.marker.colors, strict=True)
    return {key: {"label": a, "parent": b, "value": c, "colour": d} for key, a, b, c, d in rows}


def test_boxes_are_the_groups_of_all_scales(adata):
    found = boxes(pl.gene_tree(adata))
    assert sorted(found) == sorted(
        [f"{scale}/{group}" for scale, n in enumerate((1, 2, 6)) for group in range(n)]
    )
    assert found["0/0"]["parent"] == "" and found["0/0"]["label"].endswith("counts a spot, predicted")
    assert {found[f"2/{i}"]["label"] for i in range(6)} == set(GENES)
    assert {box["parent"] for key, box in found.items() if key[0] == "2"} == {"1/0", "1/1"}


def test_children_fill_their_parent_exactly(adata):
    found = boxes(pl.gene_tree(adata))
    for key in ("0/0", "1/0", "1/1"):
        assert found[key]["value"] == pytest.approx(
            sum(b["value"] for b in found.values() if b["parent"] == key)
        )


def test_widths_are_roots_of_mean_counts_and_colours_their_logs(adata):
    by_name = {box["label"]: box for box in boxes(pl.gene_tree(adata)).values()}
    mean = adata.layers["genar"].mean(axis=0)
    for i, gene in enumerate(GENES):
        assert by_name[gene]["value"] == pytest.approx(np.sqrt(mean[i] + 0.05), rel=1e-5)
        assert by_name[gene]["colour"] == pytest.approx(np.log2(1 + mean[i]), rel=1e-5)


def test_measured_counts_when_asked_or_when_there_is_no_prediction(adata):
    measured = np.asarray(adata.layers["counts"].mean(axis=0)).ravel()
    for figure in (pl.gene_tree(adata, key=None), pl.gene_tree(adata, key="absent")):
        by_name = {box["label"]: box for box in boxes(figure).values()}
        assert by_name["ACTB"]["value"] == pytest.approx(np.sqrt(measured[-1] + 0.05), rel=1e-5)
        assert any(name.endswith("counts a spot, measured") for name in by_name)


def test_title_colours_and_hover(adata):
    figure = pl.gene_tree(adata)
    assert figure.layout.title.text == "Gene tree · 6 genes at scales 1, 2, 6"
    assert tuple(colour for _, colour in figure.data[0].marker.colorscale) == EXPRESSION
    hover = figure.data[0].customdata
    assert hover[0].startswith("scale 1, group 0<br>6 genes, ")
    assert hover[-1].startswith("scale 6, group 5<br>1 gene, ") and hover[-1].endswith(" counts a spot")


def test_a_tree_may_be_given_and_is_needed(adata):
    counts = adata.layers["counts"].toarray().astype(int)
    tree = fit_gene_tree(counts[:, ::-1], GENES[::-1], scales=(1, 3, 6))
    by_name = {box["label"]: box for box in boxes(pl.gene_tree(adata, tree)).values()}
    # Genes are joined by name: the tree's order is another than the object's.
    assert by_name["ERBB2"]["colour"] == pytest.approx(
        np.log2(1 + adata.layers["genar"][:, 0].mean()), rel=1e-5
    )
    with pytest.raises(MissingKeyError, match="gene_tree"):
        pl.gene_tree(prediction())
