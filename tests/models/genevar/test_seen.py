"""What a model has seen: rows by section and name, sections that chose, patients of a split by patient."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

import genviz as gv
from genviz._errors import DataError
from genviz.models import GeneVAR
from genviz.models.genevar.seen import patients_told, seen_patients, seen_rows, trained_rows
from tests.models.genevar.model_cases import model, rows


def known(names=None, **facts):
    """The fitted parts of a model of section A, and rows of A and B."""
    given = rows(14)
    own = (given.obs["library_id"] == "A").to_numpy()
    fitted = model(given).fitted
    fitted.training_rows = [f"A_{name}" for name in given.obs_names[own]] if names is None else names
    fitted.facts |= {"sections": ["A"]} | facts
    given.obs["patient"] = np.where(own, "p1", "p2")
    return fitted, given, own


def prefixed(adata):
    """The same rows with their sections before their names, as joined ones have them."""
    found = adata.copy()
    found.obs_names = [f"{s}_{n}" for s, n in zip(found.obs["library_id"], found.obs_names, strict=True)]
    return found


def test_rows_are_known_by_section_and_name_however_either_side_is_named():
    joined, given, own = known()
    alone, _, _ = known(given.obs_names[own].tolist())
    for fitted in (joined, alone):
        for adata in (given, prefixed(given)):
            np.testing.assert_array_equal(trained_rows(fitted, adata), own)
    moved = prefixed(given)
    moved.obs["library_id"] = pd.Categorical(["B"] * 14)
    assert not trained_rows(alone, moved).any()
    nameless, _, _ = known(["0x0_0"], sections=[])
    bulk = given[:2].copy()
    del bulk.obs["library_id"], bulk.uns["spatial"]
    assert trained_rows(nameless, bulk).tolist() == [True, False]


def test_the_shipped_model_has_seen_the_spots_of_c5():
    """It was trained on C5 among joined sections; alone, that section's rows have other names."""
    section = gv.datasets.her2st("C5", images=False)
    assert trained_rows(GeneVAR.load("genevar-her2st-mini").fitted, section).all()


def test_what_may_not_be_held_out():
    few, given, own = known(["A_1x0_0"])
    assert trained_rows(few, given).sum() == 1
    np.testing.assert_array_equal(seen_rows(few, given), own)
    chosen, _, _ = known(chosen_by=["B"])
    assert seen_rows(chosen, given).all()
    given.obs["patient"] = "p1"
    by_section, _, _ = known(patients_of_training=["p1"], split_by="library_id")
    by_patient, _, _ = known(patients_of_training=["p1"], split_by="patient")
    np.testing.assert_array_equal(seen_rows(by_section, given), own)
    assert seen_rows(by_patient, given).all()


def test_patients_of_old_checkpoints_are_those_of_their_rows_at_hand():
    old, given, own = known()
    noted, _, _ = known(patients_of_training=["p2", "p9"])
    assert seen_patients(noted, given) == ["p2"] and seen_patients(noted, given[own]) == []
    assert seen_patients(old, given) is None and seen_patients(old, given, given[own]) == ["p1"]
    del given.obs["patient"]
    assert seen_patients(noted, given) is None


def test_tiles_without_a_profile_count_as_seen(caplog):
    fitted, given, own = known(sections_unpaired=["B"])
    assert seen_rows(fitted, given).all() and trained_rows(fitted, given).sum() == own.sum()
    given.obs["split"] = np.where(own, "train", "test")
    others = rows(4, 3)
    others.obs["library_id"] = "B"
    with caplog.at_level(logging.WARNING, "genviz"):
        by_section = patients_told(given, own, "split", others)
    assert by_section["patients_of_training"] == ["p1", "p2"] and "1 are held out: 'p2'" in caplog.text
    others.obs["patient"] = ["p1", "p7", None, "p7"]
    assert patients_told(given, own, "split", others)["patients_of_training"] == ["p1", "p7"]
    gv.pp.split(given, group_key="patient", test=["p2"])
    assert patients_told(given, own, "split", others)["patients_of_training"] == ["p1", "p7"]
    others.obs["patient"] = "p2"
    with pytest.raises(DataError, match=r"unpaired tiles of training patients; 1 are held out: 'p2'"):
        patients_told(given, own, "split", others)
    del given.obs["patient"]
    assert patients_told(given, own, "split", others) == {}  # not known of the rows, so not known


def test_a_patient_on_both_sides_is_refused_where_the_split_is_by_patient(caplog):
    _, given, own = known()
    assert patients_told(given, own, "split") == {"patients_of_training": ["p1"]}
    gv.pp.split(given, group_key="patient", test=["p2"])
    told = patients_told(given, own, "split")
    assert told == {"patients_of_training": ["p1"], "split_by": "patient"} and not caplog.records
    given.obs["patient"] = "p1"
    with pytest.raises(DataError, match="1 straddle: 'p1'"):
        patients_told(given, own, "split")
    gv.pp.split(given, test=["B"])
    with caplog.at_level(logging.WARNING, "genviz"):
        told = patients_told(given, own, "split")
    assert told["split_by"] == "library_id" and "another patient" in caplog.text
