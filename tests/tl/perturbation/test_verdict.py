"""What is said of an effect beside its controls: nothing that so few could not show."""

from __future__ import annotations

import pytest

from genviz.tl.perturbation.verdict import (
    ENOUGH_EACH,
    LEAST_P,
    NEEDED,
    share_as_large,
    verdict,
    what_controls_can_say,
)


def test_one_control_lets_nothing_exceed_it():
    assert verdict(9.0, [1.0]) == f"needs {NEEDED} controls, has 1"
    assert verdict(1.0, [1.0]) == "within its controls" and verdict(9.0, []) == "no controls"


def test_what_cannot_be_measured_exceeds_nothing():
    assert verdict(float("nan"), [1.0] * NEEDED) == "within its controls"


@pytest.mark.parametrize("n", [1, 8, 18, 19, 20, 99])
def test_the_words_and_the_p_agree(n):
    rivals = [1.0] * n
    said, p = verdict(2.0, rivals), share_as_large(2.0, rivals)
    assert (said == "exceeds its controls") == (p <= LEAST_P)
    assert verdict(2.0, [*rivals[1:], 3.0]) == "within its controls"


def test_enough_are_enough_and_one_less_is_not():
    assert 1 / (NEEDED + 1) <= LEAST_P < 1 / NEEDED
    assert 2 * (ENOUGH_EACH - 1) < NEEDED <= 2 * ENOUGH_EACH


def test_sentences_say_how_many_to_take():
    assert f"take {ENOUGH_EACH} of each kind" in what_controls_can_say(1)
    assert "is 0.33 at least" in what_controls_can_say(1)
    assert f"take {ENOUGH_EACH} of each kind" in what_controls_can_say(0)
    assert (
        what_controls_can_say(ENOUGH_EACH)
        == "With 20 controls the p of an effect among them is 0.048 at least."
    )
