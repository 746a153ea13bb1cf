"""A row's randomness depends on its key and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.core.keyed import row_generator, row_key


def test_equal_keys_draw_equal_numbers() -> None:
    first, second = row_generator(3, "C2", "10x12", "pit"), row_generator(3, "C2", "10x12", "pit")
    np.testing.assert_array_equal(first.random(8), second.random(8))


@pytest.mark.parametrize(
    "other", [(4, "C2", "1x2", "s"), (3, "C3", "1x2", "s"), (3, "C2", "2x1", "s"), (3, "C2", "1x2", "t")]
)
def test_every_part_of_the_key_counts(other: tuple[int, str, str, str]) -> None:
    assert not np.array_equal(row_generator(3, "C2", "1x2", "s").random(4), row_generator(*other).random(4))


def test_parts_do_not_run_together() -> None:
    assert row_key(0, "ab", "c") != row_key(0, "a", "bc")
    assert row_key(0, "a", "b\x00c", "d") != row_key(0, "a", "b", "c\x00d")


def test_stream_is_pinned() -> None:
    # A change here changes every seeded result ever published.
    assert row_key(0, "C2", "10x12") == 211324586691499205357774611734838157162
    np.testing.assert_allclose(
        row_generator(0, "C2", "10x12").random(2), [0.5300302390180336, 0.4044598904791351], rtol=0, atol=0
    )


def test_rows_are_uniform_and_uncorrelated() -> None:
    draws = np.array([row_generator(0, "", f"row{i}").random(2) for i in range(2000)])
    assert abs(draws.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.08
