"""What every command offers: an example, the shared options, and names that the code below knows."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from genviz.cli import app
from genviz.recipes.catalogue import recipe
from tests.recipes.recipes_for_tests import toy_file, use_toy

SHARED = {"--help", "--seed", "--device", "--json", "-v", "-q"}
NOTHING_COMPUTED = {"--seed", "--device"}  # and nothing drawn
LACKING = {
    **dict.fromkeys(("data list", "data fetch", "data verify", "doctor"), NOTHING_COMPUTED),
    **dict.fromkeys(("recipe list", "recipe show", "recipe diff"), NOTHING_COMPUTED),
    "lab": {*NOTHING_COMPUTED, "--json"},
    "recipe run": {"--seed"},  # it has --seeds
    "report": {"--device"},
    "evaluate genar": {"--device"},
    "bench genar": {"--device"},
}
"""Each is told, with its reason, in docs/decisions.md."""


def walked(command: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    yield words, command
    for name, one in getattr(command, "commands", {}).items():
        yield from walked(one, f"{words} {name}".strip())


EVERY = dict(walked(typer.main.get_command(app)))
COMMANDS = {words: command for words, command in EVERY.items() if not hasattr(command, "commands")}


def offered(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


@pytest.mark.parametrize("words", EVERY)
def test_help_ends_with_an_example(words):
    assert f"Example: genviz {words}".strip() in (EVERY[words].epilog or "")


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_takes_the_shared_options(words):
    assert SHARED - offered(COMMANDS[words]) == LACKING.get(words, set())


@pytest.mark.parametrize("words", [words for words in COMMANDS if words.startswith("train ")])
def test_training_can_be_resumed(words):
    assert "--resume" in offered(COMMANDS[words])


@pytest.mark.parametrize(
    ("words", "model"),
    [("generate genevar", "genevar"), ("evaluate genevar", "genevar"), ("perturb", "genevar"),
     ("generate pathar", "pathar")],
)  # fmt: skip
def test_rules_are_those_that_the_model_knows(words, model):
    known = importlib.import_module(f"genviz.models.{model}.prior.rule").SAMPLE_RULES
    (rule,) = (option for option in COMMANDS[words].params if option.name == "rule")
    told = rule.help.partition(":")[2].partition("(")[0].replace(" or ", ",")
    assert [name.strip() for name in told.split(",")] == list(known)


def test_a_recipe_is_shown_as_it_stands_or_as_json(run):
    told = recipe("genar-her2st")
    assert run("recipe", "show", "genar-her2st").out == told.source
    shown = json.loads(run("recipe", "show", "genar-her2st", "--json").out)
    assert set(shown) == {field.name for field in dataclasses.fields(told)} - {"source"}
    assert [row["name"] for row in shown["rows"]] == [row.name for row in told.rows]
    assert shown["sizes"]["mini"]["seeds"] == list(told.size("mini").seeds)


def test_a_run_names_all_that_it_made(run, tmp_path, monkeypatch):
    use_toy(monkeypatch)
    said = run("recipe", "run", toy_file(tmp_path), "--out", tmp_path / "run", "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made == {
        name: str(tmp_path / "run" / file)
        for name, file in (("results", "results.json"), ("table", "table.md"), ("figure", "figure.html"))
    }
    assert (tmp_path / "run" / "figure.html").is_file()


def test_quiet_keeps_results_and_errors_and_leaves_notes_out(run, tmp_path, monkeypatch):
    use_toy(monkeypatch)
    words = ("recipe", "run", toy_file(tmp_path), "--out")
    loud, quiet = run(*words, tmp_path / "a"), run(*words, tmp_path / "b", "-q")
    assert "jobs to run" in loud.err and quiet.err == ""
    assert quiet.out == loud.out != ""
    assert run("recipe", "show", "nothing", "-q").error.startswith("genviz: Expected a recipe")
    assert run("lab", "--check", "-q").out.startswith("packages")


@pytest.mark.parametrize("model", ["pathar", "genevar"])
def test_a_benchmark_draws_from_its_seed(run, tmp_path, monkeypatch, model):
    room = f"genviz.recipes.{model}.bench"
    made = []
    networks = importlib.import_module(room).networks

    def noted(*args, **options):
        found = networks(*args, **options)
        parts = found if isinstance(found, tuple) else tuple(found.by_name().values())
        made.append(sum(float(value.detach().sum()) for part in parts for value in part.parameters()))
        return found

    monkeypatch.setattr(f"{room}.networks", noted)
    file = tmp_path / "b.json"
    words = ("bench", model, "--preset", "nano", "--batch", 1, "--device", "cpu", "--json", file)
    for seed in (1, 1, 2):
        said = run(*words, "--seed", seed)
        assert said.code == 0, said.err
    assert made[0] == made[1] != made[2]
    assert run(*words, "--seed", -1).code == 2
