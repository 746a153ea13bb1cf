"""tl.perturb: edited profiles beside their controls, in rows that files keep."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import warnings

import numpy as np
import pandas as pd
import pytest

from genviz import io, tl
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.metrics import TissueStandard
from genviz.metrics.tiles.tissue import TISSUE
from genviz.models.genevar.conditions import told_by
from genviz.models.genevar.training_range import training_range
from genviz.tl.perturbation.controls import matched_sets
from tests.models.genevar.model_cases import model, rows

N_ROWS, N = 6, 2


@pytest.fixture(scope="module")
def trained():
    return model(rows(24))


def used(trained, count: int = 3) -> list[str]:
    """Genes that the condition uses, the most expressed first."""
    scaler = trained.fitted.conditioner.scaler
    return [trained.genes[scaler.columns_U[u]] for u in np.argsort(-scaler.mean_U)[:count]]


def unused(trained) -> list[str]:
    columns = set(trained.fitted.conditioner.scaler.columns_U.tolist())
    return [gene for i, gene in enumerate(trained.genes) if i not in columns]


@pytest.fixture(scope="module")
def made(trained):
    genes = used(trained)
    sets = {genes[0]: genes[:1], "both": genes[1:3]}
    return tl.perturb(trained, rows(24)[:N_ROWS].copy(), sets, fold=(0.5, 4), n=N, seed=3, controls=2)


def at(made, gene: str, dose: str):
    return made[((made.obs["gene"] == gene) & (made.obs["dose_label"] == dose)).to_numpy()]


def test_rows_are_as_promised(made, trained):
    gene = used(trained)[0]
    assert made.n_obs == N_ROWS * N * 2 * 3 and made.obs_names.is_unique
    assert list(made.obs_names[:3]) == [
        f"0x0_0|{gene}|x0.5#0",
        f"0x0_0|{gene}|x0.5#1",
        f"1x0_0|{gene}|x0.5#0",
    ]
    assert made.obs["dose"].unique().tolist() == [0.5, 1, 4]
    assert set(made.obs["source"]) == set(rows(24).obs_names[:N_ROWS]) and set(made.obs["draw"]) == {0, 1}
    assert made.obsm["genevar"].shape == (72, 32, 32, 3) and made.obsm["genevar_tokens"].shape == (72, 21)
    assert made.obsm["genevar_statistics"].shape == (72, 14)
    record = json.loads(made.uns["genviz"]["genevar"])
    assert record["synthetic"] is True and record["operation"] == "perturb"


def test_the_measured_dose_is_what_the_model_generates(made, trained):
    plain = trained.generate(rows(24)[:N_ROWS].copy(), n=N, seed=3)
    for gene in made.obs["gene"].unique():
        own = at(made, gene, "x1")
        for key in ("genevar", "genevar_tokens", "X_rna"):
            np.testing.assert_array_equal(own.obsm[key], plain.obsm[key])
        assert not np.array_equal(at(made, gene, "x4").obsm["X_rna"], plain.obsm["X_rna"])
        assert (own.obs["code_change"] == 0).all()


def test_changes_are_zero_at_the_measured_dose_and_paired_elsewhere(made, trained):
    effects = tl.perturbation_effects(made)
    assert len(effects) == 2 * 3 * 14 and tuple(effects["statistic"][:14]) == TISSUE
    same = effects[effects["dose"] == "x1"]
    assert (same["change"] == 0).all() and (same["se"] == 0).all() and (same["p"] == 1).all()
    assert (same["independent_change"] != 0).any()
    gene = used(trained)[0]
    one = effects[(effects["gene"] == gene) & (effects["dose"] == "x4")]
    by_row = [
        at(made, gene, d).obsm["genevar_statistics"].reshape(N_ROWS, N, 14).mean(1) for d in ("x4", "x1")
    ]
    change_ND = by_row[0] - by_row[1]
    np.testing.assert_allclose(one["change"], change_ND.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(one["se"], change_ND.std(axis=0, ddof=1) / np.sqrt(N_ROWS), atol=1e-12)
    assert (effects["q"] >= effects["p"] - 1e-12).all()


def test_every_effect_stands_beside_its_controls(made, trained):
    summary = tl.perturbation_summary(made)
    assert len(summary) == 4 and (summary["n_controls"] == 4).all()
    assert summary["rms"].is_monotonic_decreasing
    few = "needs 19 controls, has 4"  # larger than four is no finding
    assert set(summary["verdict"]) <= {few, "within its controls"}
    largest = summary[["matched_rms_largest", "direction_rms_largest"]].max(axis=1)
    assert ((summary["rms"] > largest) == (summary["verdict"] == few)).all()
    facts = tl.perturbation_facts(made)
    for name, own in facts["matched_sets"].items():
        asked = facts["sets"][name]["genes"]
        assert len(own) == 2
        for genes in own:
            assert len(set(genes)) == len(asked) and not set(genes) & set(asked)
            assert set(genes) <= set(trained.genes)
    assert "fewer than" in facts["ridge"]["absent"]
    assert summary["ridge_rms"].isna().all()
    assert facts["range"]["of"].startswith("the rows themselves") and not facts["range"]["of_training"]


def test_code_directions_have_the_length_of_the_edit_and_leave_the_depth(trained, monkeypatch):
    drawn = []
    plain = type(trained).generate_from_code

    def watch(self, adata, code, *rest, **how):
        drawn.append(np.asarray(code))
        return plain(self, adata, code, *rest, **how)

    monkeypatch.setattr(type(trained), "generate_from_code", watch)
    given = rows(24)[:4].copy()
    tl.perturb(trained, given, used(trained, 1), fold=(4,), n=1, seed=0, controls=1)
    measured = trained.generate(given, seed=0).obsm["X_rna"]
    edit, matched, direction = (code - measured for code in drawn[-3:])
    np.testing.assert_allclose(
        np.linalg.norm(direction, axis=1), np.linalg.norm(edit, axis=1), rtol=1e-4, atol=1e-5
    )
    for change in (edit, matched, direction):
        assert (change[:, -1] == 0).all()  # the depth


def test_a_file_gives_it_back(made, tmp_path):
    io.write_h5ad(made, tmp_path / "made.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = io.read_h5ad(tmp_path / "made.h5ad")
    pd.testing.assert_frame_equal(found.obs, made.obs, check_index_type=False, check_names=False)
    assert dict(found.uns["genviz"]) == dict(made.uns["genviz"]) and set(found.obsm) == set(made.obsm)
    for key in made.obsm:
        np.testing.assert_array_equal(found.obsm[key], made.obsm[key])
    pd.testing.assert_frame_equal(tl.perturbation_effects(found), tl.perturbation_effects(made))


def test_the_given_rows_stay_as_they_were(trained):
    given = rows(24)[:3].copy()
    before = given.copy()
    tl.perturb(trained, given, used(trained, 1), fold=(2,), n=1, controls=0)
    assert (given.X != before.X).nnz == 0 and list(given.obs) == list(before.obs)
    assert set(given.obsm) == set(before.obsm) and given.uns == before.uns


def test_a_row_does_not_depend_on_the_others(made, trained):
    gene = used(trained)[0]
    standard = TissueStandard.from_dict(tl.perturbation_facts(made)["standard"])
    alone = tl.perturb(
        trained, rows(24)[2:3].copy(), gene, fold=(4,), n=N, seed=3, controls=0, standard=standard
    )
    name = f"{rows(24).obs_names[2]}|{gene}|x4#"
    own = made[[name + "0", name + "1"]]
    for key in ("genevar", "genevar_statistics"):
        np.testing.assert_array_equal(at(alone, gene, "x4").obsm[key], own.obsm[key])
    assert tl.perturbation_summary(alone)["verdict"].tolist() == ["no controls"]
    assert tl.perturbation_effects(alone)["se"].isna().all()


def test_absolute_doses_are_set_and_the_measured_profile_is_added(trained):
    gene = used(trained, 1)[0]
    given = rows(24)[:4].copy()
    found = tl.perturb(trained, given, gene, absolute=(0, 7.5), n=1, controls=0, seed=1)
    assert found.obs["dose_label"].cat.categories.tolist() == ["measured", "=0", "=7.5"]
    assert found.obs_names[0] == f"0x0_0|{gene}|measured" and found.obs["dose"].isna().sum() == 4
    by_fold = tl.perturb(trained, given, gene, fold=(0,), n=1, controls=0, seed=1)
    np.testing.assert_array_equal(at(found, gene, "=0").obsm["X_rna"], at(by_fold, gene, "x0").obsm["X_rna"])


@pytest.mark.parametrize("how", [{"fold": (3,)}, {"absolute": (6,)}])
def test_an_edit_is_one_of_counts_with_the_depth_held(trained, how):
    gene, given = used(trained, 1)[0], rows(24)[:4].copy()
    found = tl.perturb(trained, given, gene, **how, n=1, controls=0, seed=1)
    counts = given.X.toarray()
    own = counts[:, given.var_names.get_loc(gene)]
    own[:] = 3 * own if "fold" in how else 6
    other = given.copy()
    other.X = counts
    expected = trained.generate(other, seed=1, depth=np.asarray(given.X.sum(axis=1)).ravel())
    last = found[(found.obs["dose"] == next(iter(how.values()))[0]).to_numpy()]
    for key in ("genevar", "X_rna"):
        np.testing.assert_array_equal(last.obsm[key], expected.obsm[key])


def test_values_and_codes_outside_the_range_are_marked(trained):
    gene, given = used(trained, 1)[0], rows(24)[:5].copy()
    found = tl.perturb(trained, given, gene, absolute=(0, 1e30), n=1, controls=0, training=rows(24))
    assert at(found, gene, "=1e+30").obs["gene_out_of_range"].all()
    assert at(found, gene, "=1e+30").obs["code_out_of_range"].all()
    assert not at(found, gene, "measured").obs["gene_out_of_range"].any()
    assert tl.perturbation_facts(found)["range"]["of"] == "24 rows given as training"
    summary = tl.perturbation_summary(found).set_index("dose")
    assert summary.loc["=1e+30", "genes_outside"] == 1


def test_the_range_is_that_of_the_models_training_rows(trained, caplog):
    """Doses that no training row reached are outside, whatever the rows given reach themselves."""
    gene, few = used(trained, 1)[0], rows(24)[:5].copy()
    column = few.var_names.get_loc(gene)
    most = trained.fitted.conditioner.scaler.logs
    profiles = told_by(trained.fitted, rows(24)).profiles
    knowing = copy.copy(trained)
    knowing._fitted = dataclasses.replace(trained.fitted, span=training_range(trained.fitted, profiles))
    high = most(profiles, trained.fitted.conditioner.config)[
        :, trained.fitted.conditioner.scaler.columns_U.tolist().index(trained.genes.index(gene))
    ].max()
    depth_N = np.asarray(few.X.sum(axis=1)).ravel()
    at_most = np.expm1(high) * depth_N.min() / trained.fitted.conditioner.config.scale
    doses = (0.9 * at_most, 1.1 * at_most * depth_N.max() / depth_N.min())
    assert doses[1] > few.X.toarray()[:, column].max()
    with caplog.at_level(logging.WARNING, "genviz"):
        found = tl.perturb(knowing, few, gene, absolute=doses, n=1, controls=0)
    assert "range" not in caplog.text
    within, beyond = (at(found, gene, f"={dose:g}").obs["gene_out_of_range"] for dose in doses)
    assert not within.any() and beyond.all()
    facts = tl.perturbation_facts(found)["range"]
    assert facts["of"] == "the model's 24 training rows" and facts["rows"] == 24 and facts["of_training"]


def test_a_model_that_does_not_know_its_range_says_so(trained, caplog):
    with caplog.at_level(logging.WARNING, "genviz"):
        found = tl.perturb(trained, rows(24)[:3].copy(), used(trained, 1), fold=(2,), n=1, controls=0)
    assert "does not keep the range of its training rows" in caplog.text and "training=" in caplog.text
    facts = tl.perturbation_facts(found)["range"]
    assert "the model does not keep that of its training rows" in facts["of"] and facts["rows"] == 3
    assert not facts["of_training"]


def test_each_control_is_on_record_and_lines_are_corrected_for_each_other(made):
    summary, facts = tl.perturbation_summary(made), tl.perturbation_facts(made)
    for line in summary.itertuples():
        sizes = facts["control_rms"][line.gene][line.dose]
        assert [len(sizes[kind]) for kind in ("matched", "directions")] == [2, 2]
        assert max(sizes["matched"]) == pytest.approx(line.matched_rms_largest)
        assert np.median(sizes["directions"]) == pytest.approx(line.direction_rms)
        as_large = [sum(size >= line.rms for size in own) for own in sizes.values()]
        assert (line.matched_p, line.direction_p) == tuple((1 + n) / 3 for n in as_large)
        assert line.control_p == (1 + sum(as_large)) / 5
    for kind in ("control", "matched", "direction"):
        assert (summary[f"{kind}_q"] >= summary[f"{kind}_p"] - 1e-12).all()


def test_matched_sets_are_drawn_once_each_while_there_are_others():
    logs_NU = np.random.default_rng(0).gamma(1.0, size=(9, 40)) * np.linspace(0.2, 3, 40)
    single = matched_sets(logs_NU, [20], 19, seed=0, name="one")
    assert len(set(single)) == 19 and (20,) not in single
    assert max(abs(u - 20) for (u,) in single) <= 32
    pairs = matched_sets(logs_NU, [5, 6], 10, seed=0, name="two")
    assert len({frozenset(own) for own in pairs}) == 10
    assert len(matched_sets(logs_NU[:, :3], [0], 6, seed=0, name="few")) == 6


def test_real_tiles_give_a_ridge(trained):
    found = tl.perturb(trained, rows(24), used(trained, 1), fold=(4,), n=1, controls=0)
    facts, summary = tl.perturbation_facts(found), tl.perturbation_summary(found)
    assert facts["ridge"]["rows"] == 24 and len(facts["ridge"]["r2"]) == 14
    assert summary["ridge_rms"].notna().all() and summary["ridge_cosine"].between(-1, 1).all()


def test_a_list_is_single_genes_or_one_set(trained):
    genes, given = used(trained, 2), rows(24)[:2].copy()
    one_by_one = tl.perturb(trained, given, genes, fold=(2,), n=1, controls=0)
    assert one_by_one.obs["gene"].unique().tolist() == genes
    together = tl.perturb(trained, given, genes, fold=(2,), n=1, controls=0, together=True)
    assert together.obs["gene"].unique().tolist() == ["+".join(genes)]


TPM = {"units": "tpm", "depth": False}
KINDS = {
    "linear": {"condition": {"kind": "linear", "n_genes": 12}, "flow": {"use_z": False}},
    "vae": {"condition": {"kind": "vae", "n_genes": 12, "n_latent": 4, "hidden": (8,), "max_epochs": 2}},
    "tpm": {"condition": {"n_genes": 12, "n_latent": 4, **TPM}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_condition_that_is_told_genes(kind):
    given = rows(24)
    given.layers["tpm"] = given.X.toarray() / np.asarray(given.X.sum(axis=1)) * 9e5
    trained = model(given, **KINDS[kind])
    few = given[:3].copy()
    found = tl.perturb(trained, few, used(trained, 1), fold=(4,), n=1, seed=2, controls=1)
    assert (tl.perturbation_summary(found)["n_controls"] == 2).all()
    assert (at(found, used(trained)[0], "x4").obs["code_change"] > 0).all()
    np.testing.assert_array_equal(
        at(found, used(trained)[0], "x1").obsm["genevar"], trained.generate(few, seed=2).obsm["genevar"]
    )


def test_a_model_that_is_told_classes_has_no_genes_to_edit():
    given = rows(24)
    with pytest.raises(UsageError, match="'class'"):
        tl.perturb(model(given, condition={"kind": "class"}), given, "G00")


def test_genes_that_cannot_be_edited_are_named(trained, caplog):
    given, genes, idle = rows(24)[:3].copy(), used(trained), unused(trained)
    with pytest.raises(DataError, match=rf"absent: 'g{genes[0][1:]}x'.*Close names: .*'{genes[0]}'"):
        tl.perturb(trained, given, f"g{genes[0][1:]}x")
    other = given.copy()
    other.var_names = [f"ENSG{i:011d}" for i in range(other.n_vars)]
    with pytest.raises(DataError, match=f"absent: '{genes[0]}'.*Ensembl ids and the model symbols"):
        tl.perturb(trained, other, genes[0])
    with pytest.raises(DataError, match=f"uses none of '{idle[0]}'.*most variable"):
        tl.perturb(trained, given, idle[:2])
    with caplog.at_level(logging.WARNING, "genviz"):
        found = tl.perturb(trained, given, {"set": [genes[0], idle[0]]}, fold=(2,), n=1, controls=0)
    assert f"does not use them: '{idle[0]}'" in caplog.text
    assert tl.perturbation_facts(found)["sets"]["set"] == {"genes": [genes[0]], "unused": [idle[0]]}
    counts = given.X.toarray()
    counts[:, given.var_names.get_loc(genes[0])] = 0
    given.X = counts
    with pytest.raises(DataError, match=f"'{genes[0]}' have none.*absolute"):
        tl.perturb(trained, given, genes[0])
    assert tl.perturb(trained, given, genes[0], absolute=(5,), n=1, controls=0).n_obs == 6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fold": (-1, 2)}, "from 0"),
        ({"fold": (float("nan"),)}, "from 0"),
        ({"fold": ("much",)}, "much"),
        ({"fold": (2, 2.0)}, "2 more than once"),
        ({"fold": (1,)}, "other than the measured"),
        ({"fold": (2,), "absolute": (3,)}, "got both"),
        ({"n": 0}, "n, a whole number from 1"),
        ({"controls": -1}, "controls"),
        ({"seed": -1}, "seed"),
        ({"genes": []}, "at least one gene"),
        ({"genes": ["G01", "G01"]}, "'G01' more than once"),
        ({"genes": {"s": ["G01"]}, "together": True}, "sets by name"),
    ],
)
def test_impossible_calls_are_refused(trained, wrong, said):
    with pytest.raises(UsageError, match=said):
        tl.perturb(trained, rows(24), **{"genes": used(trained, 1), **wrong})


def test_profiles_in_another_unit_are_refused(trained):
    given = rows(24)[:3].copy()
    counts = given.X.toarray()
    given.X = counts / counts.sum(axis=1, keepdims=True) * 1e6
    with pytest.raises(DataError, match="as TPM do"):
        tl.perturb(trained, given, used(trained, 1))


def test_rows_of_another_origin_have_no_effects():
    with pytest.raises(MissingKeyError, match=r"gv\.tl\.perturb"):
        tl.perturbation_effects(rows(3))
