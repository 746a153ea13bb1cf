"""The front end's code: files and functions stay short, names do not clash where files are joined."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from genviz import widgets
from genviz.widgets import scripts
from genviz.widgets.view import View

FOLDER = Path(scripts.__file__).parent / "js"
VIEWS = [one for name in widgets.__all__ if issubclass(one := getattr(widgets, name), View)]
FUNCTION = re.compile(r"^(\s*)(?:export )?(?:async )?function \w+")
TOP = re.compile(r"^(?:async )?(?:function|class|const|let) (?:\[([^\]]*)\]|\{([^}]*)\}|(\w+))", re.MULTILINE)


def long_functions(path: Path) -> dict[str, int]:
    """Functions that end, at their own indent, more than 80 lines below."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {}
    for i, line in enumerate(lines):
        if (match := FUNCTION.match(line)) and not line.rstrip().endswith("}"):
            end = next(k for k in range(i + 1, len(lines)) if lines[k].startswith(match[1] + "}"))
            found[f"{path.name}: {line.strip()}"] = end - i + 1
    return {name: n for name, n in found.items() if n > 80}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.stem)
def test_a_file_is_short_and_safe(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 400
    assert not long_functions(path)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function|\bfetch\(|https?://(?!www\.w3\.org)",
        text,
    )
    # What outlives a display is opened by the frame alone, which closes it.
    assert path.stem == "frame" or not re.search(
        r"new (Resize|Mutation|Intersection)Observer|matchMedia\(", text
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_names_are_unique_in_a_view(view):
    names = Counter(
        name
        for group in TOP.findall(scripts.script(*view.scripts))
        for part in group
        for name in re.findall(r"\w+", part)
    )
    assert not {name: n for name, n in names.items() if n > 1}


def test_every_file_is_used():
    used = {*scripts.SHARED_SCRIPTS, "page", *(name for view in VIEWS for name in view.scripts)}
    assert used == {path.stem for path in FOLDER.glob("*.js")}
