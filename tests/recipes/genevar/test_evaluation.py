"""Scores of a model on sections it never saw: which there are, and what is refused, left out, or held to one noise."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz import io, metrics
from genviz._errors import DataError, UsageError
from genviz.metrics.conditions.use import correlation_scores
from genviz.metrics.tiles.tissue import TISSUE
from genviz.models.genevar.prior.rule import sample_rule
from genviz.pp.fitted_rows import fitted_on
from genviz.recipes.genevar.draws import draw, has_depth
from genviz.recipes.genevar.evaluation import evaluate_genevar, facts_of
from genviz.recipes.genevar.nuisance import nuisance_scores
from genviz.recipes.genevar.records import read_records, record_path, write_tables
from genviz.recipes.genevar.rows import grid_step, load_evaluated
from genviz.recipes.genevar.use import derangement, likelihood_scores, with_profiles_of
from tests.models.genevar.model_cases import model, rows

N = 44
NAMES = {
    "psnr", "reconstruction_r", "reconstruction_fd_tissue", "usage", "perplexity", "perplexity_scale_4",
    "r_single", "r_mean", "r_single_share", "r_mean_coherence", "rho", "p_shuffled", "p_shifted", "rank_statistics",
    "r_mean_depth_fixed", "r_mean_plain", "fd_tissue_plain", "fd_tissue", "fd_tissue_of_floor", "fd_tissue_half",
    "fd_morphology", "kid_morphology", "fd_tissue_floor_A", "spread_coherence", "nuclei_count", "w1_area", "hamming",
    "hamming_min", "nearest_distance", "nll", "nll_shuffled", "nll_without_scale_1", "rank_likelihood",
    "probe_depth_real", "probe_section_generated", "probe_haematoxylin_flow",
}  # fmt: skip


def spots():
    """Two sections on grids."""
    given = rows(N)
    at = np.arange(N) // 2
    given.obs["array_x"], given.obs["array_y"] = at % 11, at // 11
    return given


def known():
    """A model that was trained on section A."""
    given = spots()
    found = model(given)
    own = (given.obs["library_id"] == "A").to_numpy()
    found.fitted.training_rows = given.obs_names[own].tolist()
    found.fitted.facts["sections"] = ["A"]
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genevar_evaluation")
    io.write_h5ad(spots(), folder / "rows.h5ad")
    known().save(folder / "model")
    return folder


@pytest.fixture(scope="module")
def told(home):
    """What is printed, and the document."""
    file = record_path(home / "records", "nano", 0)
    file.parent.mkdir()
    text = evaluate_genevar(
        str(home / "model"), str(home / "rows.h5ad"), file, n=2, min_reads=0, device="cpu"
    )
    return text, json.loads(file.read_text())


@pytest.fixture(scope="module")
def case(home):
    return load_evaluated(known(), str(home / "rows.h5ad"), min_reads=0)


def test_all_scores_are_there(told):
    text, document = told
    scores = metrics.scores_from_json(document)
    assert set(scores) >= NAMES | {f"rho_{name}" for name in TISSUE}
    assert (document["sections"], document["sections_of_training"], document["seen"]) == (["B"], ["A"], [])
    assert (document["n_rows"], document["n_training_rows"], document["n_draws"]) == (22, 22, 2)
    assert document["rule"]["cfg"] == 1.5 and len(document["standard"]["mean"]) == len(TISSUE)
    assert "hamming_moved" not in scores  # stored tiles have no room to move in
    for name in ("r_single", "r_mean", "fd_tissue", "fd_morphology", "w1_count", "hamming"):
        assert scores[name].baseline is not None, name
    assert scores["fd_tissue"].n == 22 and scores["fd_tissue_half"].n == 11
    assert "r_mean_share" in text


def test_rows_that_were_trained_on_are_refused_or_stamped(home):
    data = str(home / "rows.h5ad")
    with pytest.raises(UsageError, match=r"22 were trained on \('A'\)\..*--allow-seen"):
        load_evaluated(known(), data, ["A"], min_reads=0)
    with pytest.raises(UsageError, match="got also C"):
        load_evaluated(known(), data, ["C"])
    chosen = known()
    chosen.fitted.facts["chosen_by"] = ["B"]
    with pytest.raises(UsageError, match=r"sections trained on or chosen by \('B'\)"):
        load_evaluated(chosen, data, ["B"], min_reads=0)
    tiles = known()
    tiles.fitted.facts["sections_unpaired"] = ["B"]
    with pytest.raises(UsageError, match=r"22 lie in sections trained on .*\('B'\)"):
        load_evaluated(tiles, data, ["B"], min_reads=0)
    found = load_evaluated(known(), data, ["A", "B"], allow_seen=True, min_reads=0)
    assert found.leakage.sections == ["A"] and len(found.held_out) == N
    assert found.leakage.overridden and found.leakage.kinds == {"row": 22}
    both = known()
    both.fitted.facts["sections"], both.fitted.training_rows = ["A", "B"], list(spots().obs_names)
    with pytest.raises(UsageError, match="there are none"):
        load_evaluated(both, data, min_reads=0)


def test_every_row_of_a_training_section_counts_as_seen(home):
    few = known()
    few.fitted.training_rows = few.fitted.training_rows[:5]
    found = load_evaluated(few, str(home / "rows.h5ad"), min_reads=0)
    assert set(found.held_out.sections) == {"B"} and len(found.training) == 5


def test_a_patient_of_training_is_stamped_and_refused_where_the_split_is_by_patient(home, tmp_path):
    given, apart = spots(), known()
    given.obs["patient"] = "p1"
    io.write_h5ad(given, tmp_path / "rows.h5ad")
    data = str(tmp_path / "rows.h5ad")
    assert load_evaluated(known(), str(home / "rows.h5ad"), min_reads=0).leakage.same_patient is None
    case = load_evaluated(apart, data, min_reads=0)  # from before patients were noted: by its rows
    assert set(case.held_out.sections) == {"B"} and case.leakage.patients == ["p1"]
    stamp = facts_of(case, data, 1, 0, sample_rule("mini"))["leakage"]
    assert stamp["patients"] == ["p1"] and stamp["same_patient"] is True and not stamp["overridden"]
    apart.fitted.facts |= {"patients_of_training": ["p0"], "split_by": "patient"}
    others = split_patients(tmp_path)
    stamp = facts_of(load_evaluated(apart, others, min_reads=0), others, 1, 0, sample_rule("mini"))["leakage"]
    assert stamp["patients"] == [] and stamp["same_patient"] is False
    apart.fitted.facts["patients_of_training"] = ["p1"]
    with pytest.raises(UsageError, match=r"22 are of patients trained on, .*by patient \('p1'\)"):
        load_evaluated(apart, data, ["B"], min_reads=0)
    report = load_evaluated(apart, data, ["B"], allow_seen=True, min_reads=0).leakage
    assert report.patients == ["p1"] and report.kinds == {"patient": 22} and report.overridden


def split_patients(folder):
    """Section A of p0, B of p2."""
    given = spots()
    given.obs["patient"] = ["p0" if name == "A" else "p2" for name in given.obs["library_id"]]
    io.write_h5ad(given, folder / "others.h5ad")
    return str(folder / "others.h5ad")


def test_profiles_that_the_condition_was_fitted_on_count_though_their_tiles_were_held_out(home, tmp_path):
    data, staged = str(home / "rows.h5ad"), known()
    own = (spots().obs["library_id"] == "B").to_numpy()
    staged.fitted.facts["condition_fitted_on"] = fitted_on(spots(), own)
    with pytest.raises(UsageError, match=r"22 have profiles that the condition was fitted on \('B'\)"):
        load_evaluated(staged, data, ["B"], min_reads=0)
    found = load_evaluated(staged, data, ["B"], allow_seen=True, min_reads=0)
    assert found.leakage.kinds == {"condition": 22}
    with pytest.raises(UsageError, match="there are none"):
        load_evaluated(staged, data, min_reads=0)


def test_tiles_of_one_profile_leak_it(home, tmp_path):
    """Other tiles of the same samples, as a split by tile would leave them."""
    given = spots()
    given.obs["source"] = [f"sample{k // 2}" for k in range(N)]  # each has a tile in A and one in B
    io.write_h5ad(given, tmp_path / "tiles.h5ad")
    data = str(tmp_path / "tiles.h5ad")
    with pytest.raises(UsageError, match="22 have profiles that the condition was fitted on"):
        load_evaluated(known(), data, ["B"], min_reads=0)
    apart = known()
    apart.fitted.facts["condition_fitted_on"] = {"rows": ["sample1"], "sources": ["sample1"]}
    assert load_evaluated(apart, data, ["B"], allow_seen=True, min_reads=0).leakage.kinds == {"condition": 1}
    alone = given[(given.obs["library_id"] == "B").to_numpy()].copy()
    io.write_h5ad(alone, tmp_path / "alone.h5ad")
    with pytest.warns(UserWarning, match="leaks by condition could not be looked for"):
        stamp = load_evaluated(known(), str(tmp_path / "alone.h5ad"), min_reads=0).leakage.stamp()
    assert stamp["unknown"]["condition"] == "not recorded"


def test_without_training_rows_what_needs_them_is_left_out_and_said(home, tmp_path):
    only = spots()[spots().obs["library_id"] == "B"].copy()
    io.write_h5ad(only, tmp_path / "b.h5ad")
    file = tmp_path / "s.json"
    evaluate_genevar(
        str(home / "model"), str(tmp_path / "b.h5ad"), file, n=1, min_reads=0, extractor="statistics", device="cpu"
    )  # fmt: skip
    document = json.loads(file.read_text())
    found = metrics.scores_from_json(document)
    assert not {"rho", "r_mean_share", "hamming", "fd_tissue_of_floor", "probe_section_real"} & set(found)
    assert found["r_mean"].baseline is None and found["fd_statistics"].value > 0
    assert any("floors" in reason for reason in document["left_out"])


def test_shallow_rows_are_left_out(home):
    reads = np.asarray(spots().X.sum(axis=1)).ravel()
    least = int(np.sort(reads)[5])
    found = load_evaluated(known(), str(home / "rows.h5ad"), min_reads=least)
    assert len(found.held_out) + len(found.training) == N - 5
    assert found.left_out == [f"5 rows with fewer than {least} reads"]
    with pytest.raises(UsageError, match="Ask for fewer: min_reads"):
        load_evaluated(known(), str(home / "rows.h5ad"), min_reads=10**9)


def test_a_fixed_depth_changes_only_the_depth(case):
    part = case.held_out
    assert has_depth(part)
    plain = draw(part, case.standard, 2, 0)
    again = draw(part, case.standard, 2, 0)
    np.testing.assert_array_equal(plain.tokens, again.tokens)
    made = part.model.generate(part.adata, 2, 0)
    np.testing.assert_array_equal(plain.tokens[1], made.obsm["genevar_tokens"][1::2])
    fixed = draw(part, case.standard, 2, 0, depth_fixed=True)
    assert not np.array_equal(plain.tokens, fixed.tokens)
    part.code[:, -1], kept = 0.0, part.code.copy()
    np.testing.assert_array_equal(draw(part, case.standard, 2, 0).tokens, fixed.tokens)
    part.code[:] = kept


def test_other_profiles_at_the_same_places(case):
    part = case.held_out
    order = derangement(len(part), part.sections, 0)
    assert sorted(order) == list(range(len(part))) and (order != np.arange(len(part))).all()
    other = with_profiles_of(part.adata, order)
    np.testing.assert_array_equal(other.obsm["tiles"], part.adata.obsm["tiles"])
    assert (part.adata.X[order] != other.X).nnz == 0 and list(other.obs_names) == list(part.adata.obs_names)
    sections = np.array(["A", "B"] * 6, object)
    moved = derangement(12, sections, 1)
    assert (sections[moved] == sections).all()


def test_likelihoods_are_those_of_the_model(case):
    found = likelihood_scores(case, 0)
    own = case.held_out.model.log_prob(case.held_out.adata)
    tokens = sum(side**2 for side in (1, 2, 4))
    assert found["nll"].value == pytest.approx(-own.sum() / len(own) / tokens)
    assert found["nll_scale_2"].value == pytest.approx(-own[:, 1].mean() / 4)


def test_a_plain_model_without_flow_has_no_latents_to_read(home):
    plain = model(spots(), refine=False, mask={"strategy": "none"}, prior={"n_inject": 0})
    plain.fitted.facts["sections"], plain.fitted.training_rows = ["A"], known().fitted.training_rows
    found = nuisance_scores(load_evaluated(plain, str(home / "rows.h5ad"), min_reads=0), 0)
    assert set(found) == {f"probe_{t}_{s}" for t in ("depth", "section") for s in ("real", "generated")}


def test_the_grid_is_measured_in_distances_of_neighbours(case):
    assert grid_step(case.held_out) == (1.0, 1.0)
    case.held_out.adata.uns["spatial"]["B"] |= {
        "grid_step_um": np.array([50.0, 86.6]),
        "pitch_um": 100.0,
    }
    assert grid_step(case.held_out) == pytest.approx((0.5, 0.866))


def test_real_tiles_as_draws_would_be_perfect(case):
    found = correlation_scores(np.stack([case.real, case.real]), case.real)
    assert found["r_single"].value == pytest.approx(1)


class TestRecords:
    """Tables of records."""

    def page(self, home, tmp_path):
        page = tmp_path / "page.md"
        names = [
            "reconstruction",
            "generation",
            "use",
            "controls",
            "statistics",
            "likelihood",
            "composition",
            "nuisance",
        ]
        page.write_text("".join(f"<!-- table genevar-{name} -->\nold\n<!-- end -->\n" for name in names))
        write_tables(home / "records", page)
        return page.read_text()

    def test_every_table_is_filled(self, told, home, tmp_path):
        text = self.page(home, tmp_path)
        assert "old" not in text and "Not measured" not in text
        assert "| `nano` | depth fixed |" in text and "| `nano` | low frequency sd |" in text
        assert "| `nano` | 4 x 4 |" in text and "| `nano` | flow |" in text

    def test_records_of_seen_rows_and_empty_folders_are_refused(self, told, tmp_path):
        with pytest.raises(DataError, match="found none"):
            read_records(tmp_path)
        record_path(tmp_path, "m", 0).write_text(json.dumps(told[1] | {"seen": ["A"]}))
        with pytest.raises(DataError, match="never saw"):
            read_records(tmp_path)

    def test_seeds_of_a_model_are_one_row(self, told, tmp_path):
        for name, seed in (("mini", 0), ("mini", 1), ("mini-C4", 0)):
            record_path(tmp_path, name, seed).write_text(json.dumps(told[1]))
        assert {name: len(row.runs) for name, row in read_records(tmp_path).items()} == {
            "mini": 2,
            "mini-C4": 1,
        }
