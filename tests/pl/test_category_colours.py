"""pl.category_colours: colours that the object keeps, and others beside them."""

import pytest

from genviz.pl.category_colours import category_colours, known_colours


@pytest.mark.parametrize("n", [1, 8, 9, 70])
def test_colours_differ(n):
    assert len(set(category_colours(n))) == n


def test_more_categories_than_colours():
    assert len(category_colours(200)) == 200


def test_kept_colours_stay_and_no_other_takes_one_of_them():
    first, second = category_colours(2)
    assert known_colours(None, 2) == [first, second]
    assert known_colours(["red", first.upper()], 2) == [second, first]  # a name is not read
    assert known_colours(["#12345678"], 3) == ["#123456", first, second]
    assert known_colours([first, second, "#123456"], 1) == [first]
