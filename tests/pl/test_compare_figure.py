"""pl.compare: the right numbers at the right places, on the colour scales that are promised."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from genviz import pl
from genviz._errors import MissingKeyError, UsageError
from genviz.pl.colours import ERROR, EXPRESSION, UNCERTAINTY
from tests.pl.cases import MPP, N, prediction

GENE = 2  # CD3D


def panels(figure: go.Figure) -> dict[str, go.Scatter]:
    """Panel title -> its spots."""
    titles = [a.text for a in figure.layout.annotations if a.text != "1 mm"]
    return dict(zip(titles, figure.data, strict=True))


def colours(trace: go.Scatter) -> tuple[str, ...]:
    return tuple(colour for _, colour in trace.marker.colorscale)


def test_four_panels_show_the_genes_values():
    adata = prediction()
    figure = pl.compare(adata, "CD3D")
    assert isinstance(figure, go.Figure)
    shown = panels(figure)
    assert list(shown) == [
        "Measured",
        "Predicted",
        "Error (predicted − measured)",
        "Uncertainty (width of the interval)",
    ]
    measured = np.log2(1 + adata.layers["counts"].toarray()[:, GENE])
    predicted = adata.layers["genar_log2"][:, GENE]
    width = np.log2(1 + adata.layers["genar_upper"][:, GENE]) - np.log2(
        1 + adata.layers["genar_lower"][:, GENE]
    )
    for trace, values in zip(shown.values(), (measured, predicted, predicted - measured, width), strict=True):
        np.testing.assert_allclose(trace.marker.color, values, rtol=1e-5)
        np.testing.assert_allclose(np.c_[trace.x, trace.y], adata.obsm["spatial"] * MPP)
        assert list(trace.text) == list(adata.obs_names)
    assert "CD3D" in figure.layout.title.text and "C5" in figure.layout.title.text


def test_measured_and_predicted_share_one_scale_and_error_is_centred():
    measured, predicted, error, width = panels(pl.compare(prediction(), "ACTB")).values()
    assert (measured.marker.cmin, measured.marker.cmax) == (predicted.marker.cmin, predicted.marker.cmax)
    assert measured.marker.cmin == 0 < measured.marker.cmax
    assert error.marker.cmin == -error.marker.cmax
    assert [colours(t) for t in (measured, predicted, error, width)] == [
        EXPRESSION,
        EXPRESSION,
        ERROR,
        UNCERTAINTY,
    ]


def test_every_panel_has_a_colour_bar_with_units_beside_it():
    figure = pl.compare(prediction(), "ACTB")
    bars = [trace.marker.colorbar for trace in figure.data]
    assert [bar.title.text for bar in bars] == ["log2(1+count)", "log2(1+count)", "log2 units", "log2 units"]
    for trace, bar in zip(figure.data, bars, strict=True):
        axis = figure.layout["xaxis" + trace.xaxis[1:]]
        assert axis.domain[1] < bar.x < axis.domain[1] + 0.05


def test_space_is_drawn_true_to_scale_with_y_downward():
    figure = pl.compare(prediction(), "ACTB")
    low, high = figure.layout.yaxis.range
    assert low > high and figure.layout.yaxis.scaleanchor == "x"
    left, right = figure.layout.xaxis.range
    pixels_per_um = 380 / (right - left)
    assert figure.data[0].marker.size == pytest.approx(100 * pixels_per_um)  # spots of 100 um
    bar = figure.layout.shapes[0]
    assert bar.x1 - bar.x0 == 1000
    assert {figure.layout[f"xaxis{i}"].matches for i in (2, 3, 4)} == {"x"}  # zooming one zooms all


def test_the_tissue_lies_behind_the_spots_unless_unwanted():
    figure = pl.compare(prediction(), "ACTB")
    assert len(figure.layout.images) == 4
    assert all(image.layer == "below" and image.sizex == 60 / 0.02 * MPP for image in figure.layout.images)
    assert not pl.compare(prediction(), "ACTB", image=False).layout.images
    assert not pl.compare(prediction(image=False), "ACTB").layout.images


def test_without_measurement_only_what_is_known_is_drawn():
    shown = panels(pl.compare(prediction(measured=False), "ACTB"))
    assert list(shown) == ["Predicted", "Uncertainty (width of the interval)"]
    adata = prediction()
    del adata.layers["genar_lower"]
    assert "Uncertainty (width of the interval)" not in panels(pl.compare(adata, "ACTB"))


def test_uncertainty_names_the_interval_that_the_prediction_recorded():
    assert (
        list(panels(pl.compare(prediction(level=0.8), "ACTB")))[-1]
        == "Uncertainty (width of the 80 % interval)"
    )


def test_one_section_of_several():
    adata = prediction(sections=("C2", "C5"))
    figure = pl.compare(adata, "ACTB", library="C5")
    assert list(figure.data[0].text) == list(adata.obs_names[N:])
    with pytest.raises(UsageError, match="Pass library="):
        pl.compare(adata, "ACTB")


def test_other_keys_and_their_absence():
    figure = pl.compare(prediction(key="ridge"), "ACTB", key="ridge")
    assert "Predicted" in panels(figure)
    with pytest.raises(MissingKeyError, match=r"layers\['genar_log2'\], found .*'ridge'.*Run model.predict"):
        pl.compare(prediction(key="ridge"), "ACTB")


def test_unknown_genes_come_with_a_guess():
    with pytest.raises(UsageError, match=r"panel \(6 genes\), got 'ERBB9'. Did you mean: ERBB2, ERBB3\?"):
        pl.compare(prediction(), "ERBB9")
    with pytest.raises(UsageError, match=r"got 'XIST'.$"):
        pl.compare(prediction(), "XIST")


def test_the_object_is_not_changed():
    adata = prediction()
    before = adata.copy()
    pl.compare(adata, "ACTB")
    assert set(adata.layers) == set(before.layers) and adata.obs.equals(before.obs)
