"""A recipe and an experiment that cost nothing, to test what runs them."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import ClassVar

from genviz.metrics import Score
from genviz.recipes import experiment as registry
from genviz.recipes.checks import check_names
from genviz.recipes.cost import Cost

TOML = """
name = "toy"
title = "A toy"
paper = "PathAR"
table = "Table 0"
kind = "toy"
split = "a scene in turn"
about = "Tells numbers."

[[columns]]
score = "fd"
title = "FD"
better = "lower"
digits = 2
published_title = "FID"
published_digits = 1

[[columns]]
score = "acc"
title = "accuracy"
better = "higher"

[[extras]]
score = "floor"
title = "floor"

[[rows]]
name = "theirs"
title = "Somebody's"
published = { fd = 100.0, acc = [0.9, 0.01] }

[[rows]]
name = "ours"
title = "Ours <b>"
options = { add = 1.0 }
published = { fd = 50.0, acc = 0.95 }

[[rows]]
name = "dear"
title = "Ours, large"
options = { add = 2.0 }

[[rows]]
name = "extra"
title = "read-out of the same job"

[[rows]]
name = "again"
title = "printed twice"
same_as = "ours"
published = { fd = 51.0 }

[sizes.nano]
seeds = [0, 1]
data = { name = "phantom" }
options = { base = 1.0 }
rows = ["ours"]

[sizes.mini]
seeds = [0, 1, 2]
data = { name = "dsb2018" }
options = { base = 2.0 }

[sizes.paper]
seeds = [0]
data = { name = "dsb2018" }
device = "h100"
"""


class Toy:
    """Scores by arithmetic; what was asked of it is kept in `asked`."""

    asked: ClassVar[list[tuple]] = []

    def check(self, setting, row):
        check_names(row.options, {"add"}, f"the row {row.name}")

    def shared(self, setting, rows):
        return ["part"] if rows else []

    def make_shared(self, setting, part, seed):
        setting.models.mkdir(parents=True, exist_ok=True)
        (setting.models / f"{part}-{seed}").touch()
        self.asked.append(("shared", part, seed))

    def measure(self, setting, row, seed):
        assert (setting.models / f"part-{seed}").exists()
        self.asked.append(("measure", row.name, seed))
        value = setting.options["base"] + row.options["add"] + seed
        nan = float("nan")
        return {
            row.name: {
                "fd": Score(value, (value - 1, value + 1), 7, baseline=9.0),
                "acc": Score(nan),
                "floor": Score(0.5),
            },
            "extra": {"fd": Score(10 * value)},
        }

    def cost(self, setting, row):
        return Cost(steps=10, flops=60e9 * 3600, parameters=5, disk=1000)


def toy_file(folder: Path, *changes: tuple[str, str]) -> Path:
    """The recipe as a file, with words of it replaced."""
    text = textwrap.dedent(TOML)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "toy.toml"
    path.write_text(text)
    return path


def use_toy(monkeypatch) -> None:
    """Register the experiment for one test."""
    monkeypatch.setitem(registry.KINDS, "toy", "tests.recipes.recipes_for_tests:Toy")
    Toy.asked.clear()
