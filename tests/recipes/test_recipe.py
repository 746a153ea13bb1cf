"""recipes.recipe and recipes.catalogue: what a recipe says, and what is refused."""

import subprocess
import sys

import pytest

from genviz._errors import FileFormatError, UsageError
from genviz.recipes.catalogue import recipe, recipes
from genviz.recipes.experiment import KINDS
from genviz.recipes.recipe import read_recipe
from tests.recipes.recipes_for_tests import toy_file


def test_a_recipe_is_read(tmp_path):
    toy = read_recipe(toy_file(tmp_path))
    assert [row.name for row in toy.measured(toy.size("nano"))] == ["ours"]
    assert [row.name for row in toy.measured(toy.size("mini"))] == ["ours", "dear"]
    assert [row.name for row in toy.measured(toy.size("nano"), ["dear"])] == ["dear"]
    assert [row.name for row in toy.measured(toy.size("nano"), ["again"])] == ["ours"]  # which it shows
    assert toy.rows[0].published == {"fd": (100.0, None), "acc": (0.9, 0.01)}
    assert [column.comparable for column in toy.columns] == [False, True]
    assert toy.size("mini").seeds == (0, 1, 2) and toy.size("paper").device == "h100"
    assert toy.source == (tmp_path / "toy.toml").read_text()


def test_what_cannot_be_asked(tmp_path):
    toy = read_recipe(toy_file(tmp_path))
    with pytest.raises(UsageError, match="nano, mini, paper; got 'huge'"):
        toy.size("huge")
    for name in ("theirs", "extra"):
        with pytest.raises(UsageError, match=f"that are run, out of ours, dear; got {name}"):
            toy.measured(toy.size("mini"), [name])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "A toy"', "", "title"),
        ('name = "theirs"', 'name = "ours"', "ours stand twice"),
        (
            "published = { fd = 50.0",
            "published = { fid = 50.0",
            "fid of the row ours has no column; columns are fd, acc",
        ),
        ('rows = ["ours"]', 'rows = ["our"]', "got our"),
        ("seeds = [0, 1]\n", "seeds = []\n", "size nano has seeds"),
        ("[sizes.paper]", "[sizes.large]", "sizes nano, mini, large"),
        ('kind = "toy"', 'kind = "toy"\nspeed = 3', r"unknown key 'speed' in the recipe; known: name, title"),
        ('title = "FD"', 'titel = "FD"', r"unknown key 'titel' in columns; known: score, title, better"),
        ('title = "FD"', "", r"no entry 'title' in columns\."),
        (
            "options = { add = 1.0 }",
            "option = { add = 1.0 }",
            r"'option' in rows; known: .*options, published",
        ),
        ("options = { base = 1.0 }", "row = []", r"unknown key 'row' in sizes\.nano; known: seeds, data"),
        ('same_as = "ours"', 'same_as = "us"', "us names no other row"),
        ('better = "lower"', 'better = "less"', "better is 'less'"),
        ('name = "dear"', 'name = "a/../b"', "row 'a/../b' is not named"),
        ('data = { name = "phantom" }', 'data = { file = "x" }', "size nano names no data"),
        ('device = "h100"', 'device = "abacus"', "device 'abacus'"),
        ("seeds = [0, 1, 2]", "seeds = [0, 0]", "size mini has seeds"),
        ('name = "toy"', 'name = "Toy"', "small letters"),
        (
            'name = "toy"',
            'name = "tie"',
            r'recipe \'tie\' in tie\.toml.*Rename the file, or write name = "toy" in it',
        ),
        ('paper = "PathAR"', "paper = PathAR", "Invalid value"),
    ],
)
def test_a_recipe_with_a_mistake_is_refused(tmp_path, old, new, said):
    with pytest.raises((FileFormatError, UsageError), match=said):
        read_recipe(toy_file(tmp_path, (old, new)))


def test_a_file_whose_name_no_recipe_can_have_is_to_be_renamed(tmp_path):
    other = toy_file(tmp_path).rename(tmp_path / "My toy.toml")
    with pytest.raises(FileFormatError, match=r"Rename the file\.$"):
        read_recipe(other)


def test_bytes_that_are_no_text_are_no_recipe(tmp_path):
    (tmp_path / "toy.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(FileFormatError, match="'utf-8' codec"):
        read_recipe(tmp_path / "toy.toml")


def test_the_list_loads_nothing_heavy():
    asked = "print(sorted({'torch', 'numpy', 'anndata'} & set(sys.modules)))"
    code = f"import sys, genviz.recipes.catalogue as c; c.recipes(); {asked}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_catalogue_finds_by_name_and_by_file(tmp_path):
    assert recipe("genar-her2st").table == "Table 1"
    assert recipe(str(toy_file(tmp_path))).name == "toy"
    with pytest.raises(UsageError, match=r"genar-her2st.*genviz recipe list"):
        recipe("genar-her2")
    with pytest.raises(UsageError, match="no such file"):
        recipe(str(tmp_path / "none.toml"))


def test_every_recipe_has_an_experiment_and_published_numbers():
    for one in recipes().values():
        assert one.kind in KINDS, one.name
        assert one.columns and one.about.strip() and one.split, one.name
        assert one.size("nano").data["name"] == "phantom", one.name
        assert len(one.size("mini").seeds) >= 3 or one.kind.endswith("speed"), one.name
