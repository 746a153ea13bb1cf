"""`genviz perturb`: a ranked table beside controls, rows in a file, and what is refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from genviz import io, tl
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A model, rows in a file, a gene that the model uses and one that it does not."""
    folder = tmp_path_factory.mktemp("perturb")
    given = rows(24)
    trained = model(given)
    io.write_h5ad(given, folder / "rows.h5ad")
    columns = set(trained.fitted.conditioner.scaler.columns_U.tolist())
    used = [gene for i, gene in enumerate(trained.genes) if i in columns]
    idle = next(gene for i, gene in enumerate(trained.genes) if i not in columns)
    return SimpleNamespace(
        model=trained.save(folder / "model"), rows=folder / "rows.h5ad", used=used, idle=idle
    )


def words(case, *more):
    return ("perturb", "--model", case.model, "--adata", case.rows, *more)


def test_a_table_and_a_file(run, case, tmp_path):
    out = tmp_path / "made.h5ad"
    small = ("-n", 1, "--controls", 1, "--max-rows", 5, "--out", out)
    said = run(*words(case, "--genes", f"{case.used[0]}, {case.used[1]}", "--fold", "0.25,1,4", *small))
    assert said.code == 0, said.err
    assert "verdict" in said.out and "Associations in the model, not causes." in said.out
    made = io.read_h5ad(out)
    assert made.n_obs == 5 * 2 * 3 and set(made.obs["gene"].astype(str)) == set(case.used[:2])
    said = run(
        *words(case, "--genes", ",".join(case.used[:2]), "--together", *small, "--absolute", 3, "--json")
    )
    told = json.loads(said.out)
    assert told["n"] == 5 * 2 and told["synthetic"] is True and len(told["effects"]) == 1
    assert told["effects"][0]["gene"] == "+".join(case.used[:2]) and told["effects"][0]["ridge_rms"] is None
    assert len(tl.perturbation_effects(io.read_h5ad(out))) == 2 * 14


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--fold", "a,b"), "numbers with commas"),
        (("--fold", "-1,2"), "from 0"),
        (("--fold", "2,2"), "more than once"),
        (("--genes", "NOGENE"), "absent: 'NOGENE'"),
        (("--genes", ","), "at least one gene"),
        (("--out", "rows.csv"), ".h5ad"),
        (("--model", "nowhere"), "model folder"),
        (("--seed", "-1", "--max-rows", "2"), "a seed from 0"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(run, case, tmp_path, nothing_left, more, said):
    told = dict(zip(more[::2], more[1::2], strict=True))
    given = {"--genes": case.used[0], "--out": tmp_path / "out" / "made.h5ad"} | told
    found = run(*words(case, *(word for pair in given.items() for word in pair)))
    assert said in found.error and found.code in (1, 2)
    nothing_left()


def test_genes_that_the_condition_does_not_use_are_named(run, case, tmp_path):
    assert (
        f"uses none of '{case.idle}'"
        in run(*words(case, "--genes", case.idle, "--out", tmp_path / "a.h5ad")).error
    )


def test_profiles_are_not_written_over(run, case, tmp_path):
    for more in (("--out", case.rows), ("--training", tmp_path / "t.h5ad", "--out", tmp_path / "t.h5ad")):
        assert "would be lost" in run(*words(case, "--genes", case.used[0], *more)).error
    assert io.read_h5ad(case.rows).n_obs == 24
