"""Bars: one for a call, one for an analysis of many calls, none for a call that ends at once."""

from __future__ import annotations

import pytest

from genviz import tl
from genviz._settings import settings
from genviz.models.genevar import tile_bar
from tests.models.genevar.model_cases import model, rows


@pytest.fixture
def bars(monkeypatch):
    """Every bar that is made, with what became of it; shown at once."""
    made = []

    class Bar(tile_bar.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(tile_bar, "tqdm", Bar)
    monkeypatch.setattr(settings, "progress", True)
    return made


def test_a_sweep_has_one_bar_that_ends_full(bars, monkeypatch, capsys):
    monkeypatch.setattr(tile_bar, "_DELAY", 0.0)
    given = rows(6)
    trained = model(rows(24))
    scaler = trained.fitted.conditioner.scaler
    genes = [trained.genes[scaler.columns_U[u]] for u in (-scaler.mean_U).argsort()[:2]]
    tl.perturb(trained, given, genes, fold=(0.5, 4), n=2, controls=2)
    (bar,) = bars
    assert bar.n == bar.total == 6 * 2 * (2 + 2 * 2 * (1 + 2 * 2))
    shown = capsys.readouterr().err
    assert shown.startswith("\rperturb:") and shown.count("\n") == 1


def test_calls_by_themselves_have_their_own(bars):
    trained, given = model(), rows(3)
    trained.generate(given, 2)
    trained.generate(given)
    assert [(bar.n, bar.total) for bar in bars] == [(6, 6), (3, 3)]


def test_a_short_call_leaves_nothing_behind(bars, capsys):
    model().generate(rows(3))
    assert bars and capsys.readouterr().err == ""


def test_what_is_left_open_does_not_reach_the_next_call(bars):
    with pytest.raises(ZeroDivisionError), tile_bar.one_bar(5):
        raise ZeroDivisionError
    with tile_bar.one_bar(None), tile_bar.one_bar(3), tile_bar.tile_bar(2) as advance:
        advance(2)
    assert [bar.n for bar in bars] == [0, 2]
    with tile_bar.tile_bar(1) as advance:
        advance(1)
    assert len(bars) == 3


def test_none_are_shown_without_progress(bars, monkeypatch):
    monkeypatch.setattr(settings, "progress", False)
    model().generate(rows(3))
    assert all(bar.disable for bar in bars)
