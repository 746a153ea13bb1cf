"""Scripts of benchmarks/ have one face, pages name them as they are, and no figure or stray file lies about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import ROOT, modules, tree
from tests.house.test_words import committed

BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"
SCRIPTS = {path.stem: path for path in sorted(BENCHMARKS.glob("*.py"))}
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMING = [*DOCUMENTS, *sorted((ROOT / "notebooks").glob("*.ipynb")), *modules()]
WITHOUT_OUT = {"recipe_tables", "train_shipped_genar"}  # one fills a page, the other writes into the box
IN_THE_ROOT = {
    ".ci", ".gitignore", "CHANGELOG.md", "CITATION.cff", "LICENSE", "Makefile", "NOTICE", "README.md", "benchmarks",
    "data_manifests", "docs", "environment.yml", "genviz", "notebooks", "pyproject.toml", "tests",
}  # fmt: skip

# The command ends where its line does, unless the line goes on; at a comment, a quote, the end of code.
_CALL = re.compile(r"(python )?benchmarks/(\w+)\.py((?:\\\n|[^\n\\#`\"|])*)")
_OPTION = re.compile(r"(?<![^\s\[(])--?[a-z][\w-]*")
_FIGURES = re.compile(r"benchmarks/results(?:/[\w.-]*\w)+")


def options(source: ast.AST) -> dict[str, bool]:
    """Options of a script's parser, and whether each has to be given; ``--help`` is there always."""
    found = {"--help": False, "-h": False}
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr != "add_argument":
                continue
            needed = any(
                word.arg == "required" and getattr(word.value, "value", False) for word in node.keywords
            )
            names = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
            found |= dict.fromkeys(names, needed)
    return found


def calls(text: str) -> Iterator[tuple[str, list[str], bool]]:
    """Scripts that a text names, with the options behind each, and whether it is a whole command."""
    for match in _CALL.finditer(text):
        yield match[2], _OPTION.findall(match[3]), match[1] is not None


def wrong_calls(text: str, parsers: dict[str, dict[str, bool]]) -> list[str]:
    """What is wrong with the commands in a text."""
    found = []
    for name, given, whole in calls(text):
        if name not in parsers:
            found.append(f"{name}.py is not there")
            continue
        found += [f"{name}.py has no option {option}" for option in given if option not in parsers[name]]
        needed = [option for option, required in parsers[name].items() if required and whole]
        found += [f"{name}.py needs {option}" for option in needed if option not in given]
    return found


def faults(name: str, source: ast.Module, parsers: dict[str, dict[str, bool]]) -> list[str]:
    """What the face of a script lacks, and what is wrong with the commands that it shows."""
    told = ast.get_docstring(source, clean=False) or ""
    known = options(source)
    nodes = list(ast.walk(source))
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    argv = any(isinstance(node, ast.alias) and node.name == "argv" for node in nodes)
    guard = any(
        isinstance(node, ast.If) and ast.unparse(node) == "if __name__ == '__main__':\n    main()"
        for node in source.body
    )
    found = []
    if not any(whole and script == name for script, _, whole in calls(told)):
        found.append(f"its docstring shows no command `python benchmarks/{name}.py`")
    if "ArgumentParser" not in named or "argv" in named or argv:
        found.append("it reads its words otherwise than by argparse")
    if not guard:
        found.append("it ends in no guarded main()")
    if "--out" not in known and name not in WITHOUT_OUT:
        found.append("it has no --out")
    return found + wrong_calls(told, parsers | {name: known})


@pytest.fixture(scope="module")
def parsers() -> dict[str, dict[str, bool]]:
    """Options of every script."""
    return {name: options(tree(path)) for name, path in SCRIPTS.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_have_one_face(name, parsers):
    assert not faults(name, tree(SCRIPTS[name]), parsers)


def test_commands_in_pages_can_be_given(parsers):
    wrong = {
        str(page.relative_to(ROOT)): found
        for page in NAMING
        if (found := wrong_calls(page.read_text(encoding="utf-8"), parsers))
    }
    assert not wrong


def unnamed(figures: list[Path], named: set[str]) -> list[str]:
    """Files of figures that are not named, nor their folder (of recipes' runs: the folder of all)."""
    found = []
    for path in figures:
        folder = path.parent.parent if path.name == "results.json" else path.parent
        places = {path.as_posix()} | {folder.as_posix()} - {"benchmarks/results"}
        found += [] if places & named else [path.as_posix()]
    return found


def test_every_figure_is_named_and_every_named_one_is_there():
    texts = [path.read_text(encoding="utf-8") for path in (*DOCUMENTS, *SCRIPTS.values())]
    named = {place for text in texts for place in _FIGURES.findall(text)}
    figures = [path.relative_to(ROOT) for path in sorted(RESULTS.rglob("*.json"))]
    assert len(figures) > 50
    assert not unnamed(figures, named)
    assert not [place for place in named if not (ROOT / place).exists()]


def test_every_kept_run_of_a_recipe_has_its_table():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    runs = {path.parent.name for path in RESULTS.glob("recipes/*/results.json")}
    assert runs == set(re.findall(r"<!-- table recipe-([\w-]+) -->", page))


def test_the_root_holds_what_belongs_there():
    found = {name.split("/")[0] for name in committed()}
    assert found <= IN_THE_ROOT, "a file that a command wrote by mistake? Remove it, or name it here"


GOOD = '''"""Times a view.

    python benchmarks/one.py --out \\\\
        figures.json -n 3
"""
import argparse
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("-n")
if __name__ == "__main__":
    main()
'''


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("", "", None),
        ("python benchmarks/one.py", "run it", "no command"),
        ("python benchmarks/one.py", "python benchmarks/two.py", "no command"),
        ("figures.json -n 3", "figures.json -m 3", "no option -m"),
        ("--out \\\\\n", "\\\\\n", "needs --out"),
        ('"--out"', '"--json"', "no --out"),
        ("import argparse", "import argparse, sys; sys.argv[1]", "otherwise than by argparse"),
        ("import argparse", "import argparse; from sys import argv", "otherwise than by argparse"),
        ("argparse.ArgumentParser()", "words()", "otherwise than by argparse"),
        ('if __name__ == "__main__":\n    main()', "main()", "guarded"),
    ],
)
def test_a_script_with_a_fault_is_found(before, after, fault):
    found = faults("one", ast.parse(GOOD.replace(before, after, 1)), {"two": {}})
    assert found == [] if fault is None else any(fault in one for one in found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("`python benchmarks/one.py --out x` and `--more`", None),
        ("Run benchmarks/one.py.", None),
        ("python benchmarks/one.py --out x     # or --more", None),
        ("python benchmarks/one.py --out x --more", "no option --more"),
        ("benchmarks/one.py --more", "no option --more"),
        ("python benchmarks/one.py \\\n    --more y --out x", "no option --more"),
        ("python benchmarks/one.py", "needs --out"),
        ("see benchmarks/gone.py", "not there"),
    ],
)
def test_a_command_with_a_fault_is_found(text, fault):
    found = wrong_calls(text, {"one": {"--out": True}})
    assert found == [] if fault is None else any(fault in one for one in found)


def test_a_figure_that_nothing_names_is_found():
    named = {"benchmarks/results/one", "benchmarks/results/recipes", "benchmarks/results/two/a.json"}
    kept = ["one/a.json", "recipes/x/results.json", "two/a.json"]
    stray = ["a.json", "two/b.json", "three/a.json"]
    figures = [Path("benchmarks/results", name) for name in (*kept, *stray)]
    assert unnamed(figures, named) == [f"benchmarks/results/{name}" for name in stray]
