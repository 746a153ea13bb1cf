"""What napari shows of a section, without napari: values, colours, threshold, groups, rings, words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Layers, Obsm, Uns
from genviz.napari.colouring import colours_of, count_text, number_text, rgba_of, spot_lines, steps_of
from genviz.napari.session import RING, Session
from genviz.pl.colours import EXPRESSION
from tests.controllers.slide_cases import NASTY, section


def test_colours_are_those_of_the_notebook():
    rgba = colours_of(np.array([0.0, 4.0, np.nan, 9.0], np.float32), (0.0, 4.0), "measured")
    assert np.allclose(rgba[0], rgba_of(EXPRESSION[0])) and np.allclose(rgba[1], rgba_of(EXPRESSION[-1]))
    assert np.allclose(rgba[3], rgba[1]) and rgba[2, 3] < 0.5  # beyond the end; nothing measured
    assert steps_of(EXPRESSION).shape == (256, 4)


def test_begins_with_the_prediction_of_the_gene_that_varies_most():
    session = Session(section())
    assert session.gene == session.controller.most_variable(1)[0]
    assert (session.panel, session.threshold) == ("predicted", None)
    assert session.panels == ("measured", "predicted", "error", "uncertainty")
    assert "· predicted, log2(1+count) · section S1" in session.title
    assert session.face.shape == (64, 4) and session.shown.all()


def test_setting_tells_what_changed_and_refuses_what_is_not_there():
    session, told = Session(section()), []
    end = session.on_change(told.append)
    session.set(gene="flat", panel="error")
    session.set(gene="flat")
    assert told == [frozenset({"gene", "panel"})]
    with pytest.raises(UsageError, match="Expected one of 4 genes"):
        session.set(gene="nonsense", panel="measured")
    assert (session.gene, session.panel) == ("flat", "error") and len(told) == 1
    end()
    session.set(gene="left")
    assert len(told) == 1


def test_threshold_fades_or_hides():
    session = Session(section(), gene="left")
    session.set(panel="measured", threshold=2.5)  # log2(1 + 5) and more: columns 0 to 3
    kept = np.arange(64) % 8 < 4
    assert np.array_equal(session.kept, kept) and session.shown.all()
    assert (session.face[~kept, 3] < 0.2).all() and (session.face[kept, 3] == 1).all()
    session.set(below="hide")
    assert np.array_equal(session.shown, kept) and (session.face[:, 3] == 1).all()
    session.set(panel="error", threshold=0.4)  # the error is 0.5 everywhere; its size counts
    assert session.kept.all()


def test_features_are_what_hovering_shows():
    columns = Session(section(), gene="left").features
    assert list(columns) == ["spot", "measured", "predicted", "interval from", "interval to", "error"]
    assert columns["spot"][9] == "1x1" and columns["measured"][0] == pytest.approx(np.log2(9))
    assert columns["error"].dtype == np.float64


def test_uncertainty_names_the_interval_that_the_prediction_recorded():
    adata = section()
    adata.uns[Uns.GENVIZ] = {"genar": '{"level": 0.8}'}
    session = Session(adata, gene="left")
    assert "80 % interval from" in session.features
    session.set(panel="uncertainty")
    assert "left · width of 80 % interval, log2 units · section" in session.title


def test_words_about_a_spot():
    lines = spot_lines(Session(section(), gene="left").stored, 0, 0.9)
    assert lines[0] == ("measured", "3.17", "8 counts")
    assert lines[2][0] == "90 % interval" and lines[2][2] == "7 – 17 counts"
    assert lines[3] == ("error", "+0.50", "")
    assert (count_text(0.0), number_text(1.0, "error"), number_text(-1.0, "error")) == ("0", "+1.0", "−1.0")


def test_rings_show_regions():
    session = Session(section())
    session.controller.select([3, 4], "tumour")
    colour, width = session.rings
    assert width[3] == RING and width[0] == 0 and colour[0, 3] == 0
    assert np.allclose(colour[3], rgba_of(session.controller.categories()[0].colour))
    assert session.unsaved
    session.controller.undo()
    assert not session.rings[1].any()


def with_tree(adata):
    """Two groups of two genes."""
    adata.varm["gene_tree"] = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 1, 3]], np.int32)
    adata.var["gene_order"] = np.arange(4, dtype=np.int32)
    adata.uns[Uns.GENVIZ] = {
        Uns.GENE_TREE: '{"layout": "nested", "scales": [1, 2, 4], "names": {"2/1": "rare"}}'
    }
    counts = adata.layers[Layers.COUNTS].toarray()
    sums = np.column_stack([counts[:, :2].sum(1), counts[:, 2:].sum(1)])
    adata.layers[Layers.mean("genar")] = counts
    for bound, factor in (("", 1.0), ("lower", 0.5), ("upper", 2.0)):
        adata.obsm[Obsm.scale("genar", 2, bound)] = sums * factor
    return adata


def test_groups_of_the_gene_tree():
    session = Session(with_tree(section()), gene="left")
    assert session.groups.scales == [2]
    assert session.groups.names(2) == ["2 genes: left, flat", "rare"]
    session.set(group=(2, 0), panel="measured")
    assert session.values[0] == pytest.approx(np.log2(1 + 8 + 3))
    assert "left, flat" in session.title
    session.set(panel="uncertainty")
    assert session.values[0] == pytest.approx(np.log2(23) - np.log2(6.5))
    session.set(gene="flat")
    assert session.group is None
    with pytest.raises(UsageError, match="Expected a group of one of the scales"):
        session.set(group=(2, 5))
    assert session.group is None and session.gene == "flat"


def test_what_is_missing_names_the_call():
    with pytest.raises(MissingKeyError, match=r"gv.io.read_\*, or run model.predict\(adata\)"):
        Session(section(measured=False, predicted=False))
    with pytest.raises(MissingKeyError, match="key_added='other'"):
        Session(section(), key="other")
    bare = section()
    del bare.obsm["spatial"]
    with pytest.raises(MissingKeyError, match=r"obsm\['spatial'\]"):
        Session(bare)
    only = Session(section(predicted=False))
    assert only.panels == ("measured",)
    with pytest.raises(UsageError, match=r"model.predict\(adata"):
        only.set(panel="predicted")


def test_a_gene_name_is_text():
    session = Session(section(), gene=NASTY)
    assert session.title.startswith(NASTY)


def test_other_sections_keep_the_colours(monkeypatch):
    from genviz.io.concat import concat_sections

    session = Session(concat_sections({"S1": section(), "S2": section(6, library="S2")}), gene="left")
    limits, told = session.limits, []
    session.on_change(told.append)
    session.set(library="S2")
    assert told == [frozenset({"library"})] and session.limits == limits and len(session.values) == 36
    with pytest.raises(UsageError, match="Expected a section"):
        session.set(library="S3")
    assert session.library == "S2"


def test_hundred_thousand_spots():
    n = 100_000
    from anndata import AnnData

    rng = np.random.default_rng(0)
    adata = AnnData(obs=pd.DataFrame(index=[f"s{i}" for i in range(n)]), var=pd.DataFrame(index=["a", "b"]))
    adata.layers[Layers.COUNTS] = rng.poisson(3, (n, 2)).astype(np.float32)
    adata.obsm["spatial"] = rng.random((n, 2)) * 1e5
    session = Session(adata, gene="a")
    session.set(gene="b", threshold=2.0)
    assert session.face.shape == (n, 4) and 0 < session.kept.sum() < n
