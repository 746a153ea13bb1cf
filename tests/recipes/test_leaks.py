"""In which ways rows leak, on rows and stages that are written down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.recipes.leakage import LeakReport, check_leakage, joined_reports
from genviz.recipes.leaks import (
    CONDITION,
    GIVEN,
    NOT_RECORDED,
    PANEL,
    TRAINING,
    TREE,
    Scored,
    Seen,
    leaks_of,
)

NONE = frozenset()
ROWS = Scored(
    ("1x1", "B_2x2", "3x3", "img"),
    ("A", "B", "C", ""),
    scenes=("", "", "", "street"),
    patients=("p1", "p2", "p3", ""),
    sources=("", "", "", "whole"),
)


def found(rows=ROWS, **stages):
    """Kind → positions of the rows that leak."""
    stages = {TRAINING: Seen(rows={}, sections=NONE)} | stages
    return {
        kind: np.flatnonzero(mask).tolist()
        for kind, mask in leaks_of(rows, stages).kinds.items()
        if mask.any()
    }


def training(**what):
    return found(training=Seen(**({"rows": {}} | what)))


@pytest.mark.parametrize("name", ["1x1", "A_1x1"])
def test_a_row_is_known_by_section_and_name_however_either_is_spelled(name):
    assert training(rows={"A": frozenset([name])}) == {"row": [0]}
    assert training(rows={"": frozenset([name])}, sections=frozenset("A")) == {"row": [0]}
    assert training(rows={"C": frozenset([name])}) == {}
    assert training(rows={"": frozenset(["2x2", "B_2x2"])}, sections=NONE) == {"row": [1]}


def test_bare_names_mean_something_within_their_sections_only():
    assert training(rows={"": frozenset(["1x1"])}, sections=frozenset("Z")) == {}
    assert training(rows={"": frozenset(["img"])}) == {"row": [3]}


def test_each_row_is_told_by_what_is_nearest():
    assert training(rows={"A": frozenset(["1x1"])}, sections=frozenset("AB")) == {"row": [0], "section": [1]}
    assert training(scenes=frozenset(["street"])) == {"scene": [3]}
    assert training(sources=frozenset(["whole"])) == {"row": [3]}  # another crop of the same image
    assert training(sources=frozenset(["img"])) == {"row": [3]}  # a crop of the image itself
    declared = training(sections=frozenset("A"), patients=frozenset(["p1", "p2"]), declared_by="patient")
    assert declared == {"section": [0], "patient": [1]}
    assert training(patients=frozenset(["p2"]), declared_by="library_id") == {}


def test_other_stages_are_told_where_the_training_is_not_to_blame():
    whole = Seen(sections=frozenset("AB"))
    clean = Seen(rows={}, sections=frozenset("A"))
    assert found(training=clean, panel=whole, tree=whole) == {"section": [0], "panel": [1], "tree": [1]}
    assert found(training=clean, condition=whole) == {"section": [0], "condition": [1]}
    assert found(condition=Seen(rows={}, sources=frozenset(["whole"]))) == {"condition": [3]}
    assert found(panel=Seen(rows={"": frozenset(["img"])})) == {"panel": [3]}


def test_refused_unless_asked_for_and_stamped():
    seen = {TRAINING: Seen(rows={"A": frozenset(["1x1"])}, sections=frozenset("A"), patients=NONE)}
    with pytest.raises(UsageError, match=r"of 4 rows 1 were trained on \('A'\)\. Score others.*--allow-seen"):
        check_leakage(replace(ROWS, scenes=None, sources=None), seen)
    with pytest.warns(UserWarning, match="say nothing about other rows: 1 were trained on"):
        report = check_leakage(replace(ROWS, scenes=None, sources=None), seen, allow_seen=True)
    assert report.stamp() == {
        "overridden": True, "kinds": {"row": 1}, "same_patient": False, "patients": [], "unknown": {},
    }  # fmt: skip
    assert report.sections == ["A"]


def test_what_was_not_overridden_is_not_called_so():
    seen = {TRAINING: Seen(rows={}, sections=NONE, scenes=NONE, patients=frozenset(["p2"]))}
    report = check_leakage(ROWS, seen, allow_seen=True)
    assert (report.overridden, report.same_patient, report.patients) == (False, True, ["p2"])


def test_what_nobody_knows_is_said_and_warned_of_where_rows_could_have_been_compared():
    seen = {TRAINING: Seen(), PANEL: Seen(given=True), TREE: Seen(), CONDITION: Seen(rows={})}
    with pytest.warns(UserWarning, match="leaks by condition, patient, scene, training, tree could not"):
        stamp = check_leakage(ROWS, seen).stamp()
    assert stamp["unknown"][PANEL] == GIVEN and stamp["unknown"]["scene"] == NOT_RECORDED
    assert stamp["same_patient"] == "unknown"
    silent = check_leakage(Scored(["a"], ["S"]), {TRAINING: Seen(sections=NONE), PANEL: Seen(given=True)})
    assert silent.unknown == {PANEL: GIVEN, "patient": "the rows do not say theirs"}


def test_patients_that_may_be_more_than_are_known():
    partly = Seen(rows={}, scenes=NONE, patients=frozenset(["p9"]), partial=True)
    assert leaks_of(ROWS, {TRAINING: partly}).patient_N is None
    hit = leaks_of(ROWS, {TRAINING: replace(partly, patients=frozenset(["p1"]))})
    assert hit.patient_N.tolist() == [True, False, False, False]


def test_folds_add_up():
    parts = [
        LeakReport({"panel": 2}, ["A"], False, [], {}, True),
        LeakReport({"panel": 1}, ["B"], None, [], {"tree": NOT_RECORDED}, True),
    ]
    whole = joined_reports(parts)
    assert whole == LeakReport({"panel": 3}, ["A", "B"], None, [], {"tree": NOT_RECORDED}, True)
    assert joined_reports([*parts, LeakReport(same_patient=True, patients=["p"])]).same_patient is True
