"""Options, rows and costs of GeneVAR's recipes: nothing unknown passes, nobody is on both sides, no data are needed."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest

from genviz import tiles
from genviz._errors import DataError, DownloadError, MissingKeyError, UsageError
from genviz.recipes.catalogue import recipes
from genviz.recipes.experiment import Setting, experiment
from genviz.recipes.genevar import profile_rows
from genviz.recipes.genevar.ablations import BUDGET
from genviz.recipes.genevar.base_models import _told
from genviz.recipes.genevar.genevar_cost import forward_of, model_cost
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.profile_rows import evenly, rows_of
from tests.io.gdc_folder import small_cohort
from tests.pp.test_slide_tiling import slide

OWN = {name: recipe for name, recipe in recipes().items() if recipe.paper == "GeneVAR"}
NANO = {"name": "phantom", "n_profiles": 8, "tiles_per_profile": 2, "n_genes": 20}


def setting(name="genevar-ablations", size="nano", tmp_path=None, **changes):
    recipe = OWN[name]
    own = replace(recipe.size(size), **changes)
    return Setting(recipe, own, tmp_path)


def row(told, name):
    return next(row for row in told.recipe.rows if row.name == name)


def test_rows_lie_over_sizes_option_by_option():
    told = setting()
    own = replace(row(told, "a4_rcm"), options={"ablation": "a4_rcm", "budget": {"flow": {"width": 16}}})
    found = options_of(ModelOptions, told, own)
    assert found.budget["flow"] == {"max_epochs": 1, "width": 16}
    assert found.config().flow.width == 16 and found.config().flow.max_epochs == 1
    assert found.config().injects and not options_of(ModelOptions, told, row(told, "c1_var")).config().refine


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ablation": "a4_rcm", "epochs": 3}, "in the row a4_rcm; got epochs"),
        ({"ablation": "a5"}, "abl/a5"),
        ({"ablation": "a4_rcm", "budget": {"flow": {"widht": 3}}}, "widht"),
        ({"ablation": "a4_rcm", "model": {"flwo": {}}}, "flwo"),
    ],
)
def test_nothing_unknown_passes(options, said):
    told = setting()
    with pytest.raises(UsageError, match=said):
        options_of(ModelOptions, told, replace(row(told, "a4_rcm"), options=options))


@pytest.mark.parametrize(
    ("name", "own", "said"),
    [
        ("genevar-tcga", {"extractor": "inceptoin"}, "Expected an extractor"),
        ("genevar-tiles", {"net": "resnet19"}, "Expected a size"),
        ("genevar-mil", {"encoder": "uni3"}, "Expected an extractor"),
        ("genevar-mil", {"slides": "coad"}, "Expected slides"),
        ("genevar-velocity", {"beside": "a9"}, "abl/a9"),
        ("genevar-composition", {"method": ""}, "Expected a method"),
    ],
)
def test_what_would_fail_in_the_end_is_refused_at_once(name, own, said):
    told = setting(name)
    first = told.recipe.measured(told.size)[0]
    asked = experiment(told.recipe.kind)
    asked.check(told, first)
    with pytest.raises(UsageError, match=said):
        asked.check(told, replace(first, options={**first.options, **own}))


@pytest.mark.parametrize("name", ["genevar-tcga", "genevar-composition", "genevar-tiles", "genevar-velocity"])
def test_rows_are_looked_at_before_anything_is_trained(name, tmp_path, monkeypatch):
    made = profile_rows._phantom

    def without_cohorts(*told):
        adata, held_N = made(*told)
        del adata.obs["project"]
        return adata, held_N

    monkeypatch.setattr(profile_rows, "_phantom", without_cohorts)
    told = setting(name, tmp_path=tmp_path)
    asked = experiment(told.recipe.kind)
    with pytest.raises(MissingKeyError, match=r"obs\['project'\]"):
        asked.make_shared(told, "condition and tokenizer", 0)
    with pytest.raises(MissingKeyError, match=r"obs\['project'\]"):
        asked.measure(told, told.recipe.measured(told.size)[0], 0)
    assert not any(tmp_path.iterdir())


def test_a_distance_needs_ten_rows(tmp_path):
    few = setting("genevar-tcga").options | {"n_held": 9}
    told = setting("genevar-tcga", tmp_path=tmp_path, options=few)
    with pytest.raises(DataError, match="at least 10 held-out rows for a distance; got 9"):
        experiment("genevar.fidelity").measure(told, told.recipe.measured(told.size)[0], 0)
    assert not any(tmp_path.iterdir())


def test_mini_is_the_budget_of_the_records_that_were_taken_over():
    assert setting(size="mini").options["budget"] == BUDGET


def test_what_decides_a_tokenizer_decides_its_folder():
    training, _ = rows_of(NANO, 40)
    base = ModelOptions(preset="nano")
    others = [
        replace(base, model={"tokenizer": {"n_codes": 16}}),
        replace(base, model={"condition": {"n_latent": 3}}),
        replace(base, unpaired=5),
    ]
    told = [_told(one, training) for one in (base, *others)]
    coarser, _ = rows_of(NANO | {"mpp": 2.0}, 40)
    more, _ = rows_of(NANO | {"n_genes": 24}, 40)
    told += [_told(base, one) for one in (training[:-1], coarser, more)]
    assert len({str(one) for one in told}) == len(told)
    same = replace(base, budget={"prior": {"width": 16}}, ablation="c1_var")
    assert _told(same, training) == told[0]


def test_no_patient_is_on_both_sides():
    training, held = rows_of(NANO, 40)
    assert training.n_obs + held.n_obs == 16 and held.n_obs == 4
    assert not set(training.obs["patient"]) & set(held.obs["patient"])
    assert training.obsm["tiles"].shape[1] == 40
    assert list(evenly(training, 3).obs_names) == list(training.obs_names[[0, 5, 11]])
    assert evenly(training, 0) is training


def test_data_are_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="got grid"):
        rows_of(NANO | {"grid": 3}, 40)
    with pytest.raises(UsageError, match="among C2"):
        rows_of({"name": "her2st", "sections": ["C2"], "held": ["C5"]}, 40)

    def nothing(*_, **__):
        raise DownloadError("run `genviz data fetch tcga-gbm`")

    monkeypatch.setattr("genviz.datasets.fetch", nothing)
    with pytest.raises(DownloadError, match="genviz data fetch tcga-gbm"):
        rows_of({"name": "tcga-gbm"}, 40)


@pytest.mark.parametrize("name", OWN)
def test_costs_need_no_data(name, tmp_path):
    asked = experiment(OWN[name].kind)
    for size in ("nano", "mini", "paper"):
        told = setting(name, size, tmp_path)
        costs = [asked.cost(told, one) for one in OWN[name].measured(told.size)]
        assert all(cost.flops > 0 and cost.parameters > 0 for cost in costs)
        assert asked.shared(told, OWN[name].measured(told.size)) and not asked.shared(told, [])
    assert not any(tmp_path.iterdir())


def test_a_cost_grows_with_what_is_done():
    base = ModelOptions(preset="mini", ablation="a4_rcm", n_rows=100)
    more = model_cost(base, n=1000).flops - model_cost(base, n=0).flops
    assert more > 1000 * forward_of(base.config()).decode
    assert model_cost(base, n=0, sharing=10).flops < model_cost(base, n=0).flops
    assert model_cost(replace(base, ablation="c1_var"), n=0).flops < model_cost(base, n=0).flops
    assert model_cost(base, n=0, prior=False).parameters < model_cost(base, n=0).parameters
    paper = forward_of(ModelOptions(preset="paper").config())
    assert np.isclose(paper.n_prior, 310e6, rtol=0.01)  # as published


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    """A cohort of one patient, with the slide or without, in place of what `datasets.fetch` gives."""
    found = small_cohort(tmp_path / "tcga-luad")
    monkeypatch.setattr(profile_rows, "TCGA_MPP", 1.0)
    monkeypatch.setattr(
        "genviz.datasets.fetch", lambda _: {"": {"folder": found.path, "sheet": found.path / "sheet.tsv"}}
    )
    sheet = next(path for path in found.path.iterdir() if path.suffix == ".tsv")
    sheet.rename(found.path / "sheet.tsv")
    return found


def test_slides_that_are_not_here_are_asked_for(cohort):
    with pytest.raises(DataError, match="genviz data fetch tcga-luad --roles profiles,slides"):
        rows_of({"name": "tcga-luad"}, 64)


def test_cohorts_are_read_together(cohort, monkeypatch):
    for line in (3, 4):
        file_id, name = cohort.lines[line].split("\t")[:2]
        (cohort.path / file_id).mkdir(exist_ok=True)
        slide(cohort.path / file_id, name=name)
    found, held = profile_rows._bulk(
        {"name": "tcga-luad", "cohorts": ["tcga-luad", "tcga-coad"], "n_tiles": 3}, 64
    )
    assert found.n_obs == 6 and held.all()  # all are of one patient
    assert set(found.obs["project"]) == {"TCGA-LUAD"} and {"counts", "tpm"} <= set(found.layers)
    assert len(set(found.obs["library_id"])) == 2 and np.asarray(tiles(found)).shape == (6, 64, 64, 3)
    with pytest.raises(DataError, match="got 0 and 3"):
        rows_of({"name": "tcga-luad", "n_tiles": 3}, 64)


def test_a_share_of_each_cohort_s_patients_is_held_out():
    obs = {"patient": [f"p{i // 2}" for i in range(80)], "project": ["A"] * 20 + ["B"] * 60}
    adata = ad.AnnData(np.zeros((80, 1), np.float32), obs=obs)
    held = profile_rows._held_patients(adata, 0.1)
    own = adata.obs[held]
    assert own.groupby("project", observed=True)["patient"].nunique().to_dict() == {"A": 1, "B": 3}
    assert not set(own["patient"]) & set(adata.obs["patient"][~held])
    turned = profile_rows._held_patients(adata[::-1].copy(), 0.1)
    assert (turned[::-1] == held).all()
