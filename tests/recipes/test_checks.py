"""recipes.checks: numbers and sections that cannot be are refused before anything is made, by a dry run as well."""

import pytest

from genviz._errors import UsageError
from genviz.recipes.catalogue import recipe
from genviz.recipes.dry_run import dry_run
from genviz.recipes.recipe import read_recipe
from genviz.recipes.runner import run_recipe

C2_TO_C5 = '["C2", "C3", "C4", "C5"]'


@pytest.mark.parametrize(
    ("name", "size", "old", "new", "said"),
    [
        (
            "genar-her2st",
            "nano",
            "n_samples = 16",
            "n_samples = -16",
            "from 1 for n_samples .* nano; got -16",
        ),
        ("genar-her2st", "nano", "n_rows = 108", "n_rows = -108", "from 1 for n_rows .* nano; got -108"),
        (
            "genar-her2st",
            "nano",
            "n_rows = 108",
            "n_rows = 1.5",
            "whole numbers from 1 for n_rows .* got 1.5",
        ),
        ("genar-her2st", "nano", "n_sections = 3", "n_sections = -3", "n_sections in phantom .* got -3"),
        ("genar-her2st", "nano", "n_sections = 3", 'n_sections = "3"', "n_sections in phantom .* got '3'"),
        ("genar-her2st", "nano", "grid = [6, 6]", "grid = [-6, 6]", "grid in phantom .* got -6"),
        ("genar-her2st", "nano", "mpp = 1.4", "mpp = 0", "numbers above 0 for mpp"),
        ("genar-her2st", "nano", 'held = ["P1"]', 'held = ["P9"]', "'P1', 'P2', 'P3' for held.* got 'P9'"),
        ("genar-her2st", "mini", f"held = {C2_TO_C5}", 'held = ["C9"]', "out of 'C2', .* got 'C9'"),
        (
            "genar-her2st",
            "mini",
            f"sections = {C2_TO_C5}",
            'sections = ["Z5"]',
            "31 more .* got 'Z5'",
        ),
        ("genar-her2st", "mini", f"sections = {C2_TO_C5}", 'sections = "C2"', "list of names .* got 'C2'"),
        (
            "genar-components",
            "nano",
            "n_samples = 64",
            "n_samples = -64",
            "n_samples in readouts '' .* got -64",
        ),
        (
            "genar-scales",
            "nano",
            "scales = [1, 20, 200] }, m",
            "scales = [-1, 200] }, m",
            "scales in tree .* got -1",
        ),
        ("genevar-mil", "nano", "n_profiles = 36", "n_profiles = -36", "n_profiles in the data .* got -36"),
        ("genevar-mil", "nano", "n_rows = 81", "n_rows = -81", "from 0 for n_rows in the row .* got -81"),
        ("genevar-mil", "nano", "epochs = 2", "epochs = 0", "from 1 for epochs in the row .* got 0"),
        ("genevar-mil", "mini", 'held = ["C5"]', 'held = ["C6"]', "for held in the data .* got 'C6'"),
        ("genevar-mil", "mini", 'held = ["C5"]', f"held = {C2_TO_C5}", "sections to train on"),
        ("pathar-synthetic", "nano", "n_images = 8", "n_images = -8", "n_images in the data .* got -8"),
        ("pathar-synthetic", "nano", "size_px = 64 }", "size_px = -64 }", "size_px in the data .* got -64"),
        ("pathar-synthetic", "nano", "n_real = -1", "n_real = -2", "from -1 for n_real in the row .* got -2"),
        ("pathar-quality", "nano", "n = 12", "n = -12", "from 1 for n in the row .* got -12"),
        ("pathar-speed", "mini", "repeats = 1", "repeats = 0", "from 1 for repeats in the row .* got 0"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(tmp_path, name, size, old, new, said):
    source = recipe(name).source
    assert old in source
    path = tmp_path / f"{name}.toml"
    path.write_text(source.replace(old, new))
    told = read_recipe(path)
    with pytest.raises(UsageError, match=said):
        dry_run(told, size)
    with pytest.raises(UsageError, match=said):
        run_recipe(told, size, tmp_path / "run")
    assert list(tmp_path.iterdir()) == [path]
