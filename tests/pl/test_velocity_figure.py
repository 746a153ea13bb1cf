"""The figure of trajectories: grey starts, coloured ends, thin segments, and the numbers below."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import genviz as gv
from genviz._errors import MissingKeyError
from genviz.pl.colours import CATEGORIES


def followed() -> ad.AnnData:
    rng = np.random.default_rng(0)
    made = ad.AnnData(obs=pd.DataFrame({"organ": ["a", "b"] * 6}, index=[f"r{i}" for i in range(12)]))
    for slot in ("velocity_start", "velocity_end", "velocity_end_plain"):
        made.obsm[slot] = rng.normal(size=(12, 2)).astype(np.float32)
    scores = {"silhouette": -0.01, "knn": 0.5, "knn_null": 0.4, "knn_null_95": 0.6}
    names = ("start", "before", "real", "end:model", "end:plain")
    record = {
        "parameters": {"colour_key": "organ"}, "compare": ["plain"], "numbers": dict.fromkeys(names, scores)
    }  # fmt: skip
    made.uns["genviz"] = {"velocity": json.dumps(record)}
    return made


def test_what_is_drawn():
    adata = followed()
    figure = gv.pl.velocity(adata)
    *points, table = figure.data
    assert len(points) == 2 * 2 * 3 + 1  # models, groups, kinds of trace, and what a ring is
    segments = [trace for trace in points if trace.mode == "lines"]
    assert {trace.opacity for trace in segments} == {0.2}
    of_a = np.flatnonzero(adata.obs["organ"] == "a")
    assert segments[0].x[0] == adata.obsm["velocity_start"][of_a[0], 0]
    assert segments[0].x[1] == adata.obsm["velocity_end"][of_a[0], 0] and np.isnan(segments[0].x[2])
    assert [trace.name for trace in points if trace.showlegend] == ["noise", "a", "b"]
    lines = list(table.cells["values"][0])
    assert lines[1:] == [
        "coarser scales alone",
        "real tiles",
        "end of the flow (model)",
        "end of the flow (plain)",
    ]
    assert table.cells["values"][1][0] == "−0.010"
    texts = [note.text for note in figure.layout.annotations]
    assert texts[:2] == ["model", "plain"] and "not trajectories" in texts[-1]


def ends_of(figure) -> dict[str, tuple[str, int]]:
    """Group -> colour and number of its ends, of the first panel."""
    return {
        trace.name: (trace.marker.color, len(trace.x))
        for trace in figure.data[:-1]
        if trace.showlegend and trace.name != "noise"
    }


def test_colours_are_those_that_the_object_keeps():
    adata = followed()
    adata.obs["organ"] = pd.Categorical(["a", "c"] * 6, categories=["a", "b", "c"])
    assert ends_of(gv.pl.velocity(adata)) == {"a": (CATEGORIES[0], 6), "c": (CATEGORIES[2], 6)}
    adata.uns["organ_colors"] = np.array(["#112233", "#445566", "#778899"])
    assert ends_of(gv.pl.velocity(adata)) == {"a": ("#112233", 6), "c": ("#778899", 6)}


def test_rows_without_a_group_are_grey_not_gone():
    adata = followed()
    adata.obs["side"] = ["l", None, "r"] * 4
    adata.obs["many"] = [f"kind {i}" for i in range(12)]
    found = ends_of(gv.pl.velocity(adata, colour="side"))
    assert [n for _, n in found.values()] == [4, 4, 4] and list(found) == ["l", "r", "none"]
    many = ends_of(gv.pl.velocity(adata, colour="many"))
    assert len({colour for colour, _ in many.values()}) == 12


def test_a_single_model_needs_no_name():
    adata = followed()
    record = json.loads(adata.uns["genviz"]["velocity"])
    del record["numbers"]["end:plain"]
    adata.uns["genviz"] = {"velocity": json.dumps(record | {"compare": []})}
    figure = gv.pl.velocity(adata)
    assert list(figure.data[-1].cells["values"][0])[-1] == "end of the flow"
    assert "model" not in [note.text for note in figure.layout.annotations]


def test_rows_without_trajectories_are_refused():
    with pytest.raises(MissingKeyError, match=r"gv\.tl\.velocity"):
        gv.pl.velocity(ad.AnnData(np.ones((2, 2))))


def test_the_embedding_is_named():
    adata = followed()
    record = json.loads(adata.uns["genviz"]["velocity"])
    assert (
        "in one t-SNE:" in gv.pl.velocity(adata).layout.annotations[-1].text
    )  # of a result that does not say
    record["parameters"]["embedding"] = "umap"
    adata.uns["genviz"] = {"velocity": json.dumps(record)}
    assert "in one UMAP:" in gv.pl.velocity(adata).layout.annotations[-1].text


def test_colours_of_another_column():
    adata = followed()
    adata.obs["reads"] = np.arange(12.0)
    *points, _ = gv.pl.velocity(adata, colour="reads").data
    ends = [trace for trace in points if trace.mode == "markers" and trace.marker.colorscale is not None]
    assert len(ends) == 2 and list(ends[0].marker.color) == list(range(12))
    assert [bool(trace.marker.showscale) for trace in ends] == [False, True]
    adata.obs["side"] = ["l", "r", "l"] * 4
    assert ends_of(gv.pl.velocity(adata, colour="side")).keys() == {"l", "r"}
    with pytest.raises(MissingKeyError, match="stage"):
        gv.pl.velocity(adata, colour="stage")
