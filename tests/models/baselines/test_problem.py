"""What is read, what is refused, and folds that hold out sections."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models.baselines.problem import read_problem
from tests.models.baselines.cases import KEY, PANEL, problem, split, tissue

OPTIONS = {"genes": PANEL, "features": KEY, "normalise": "train", "seed": 0}


def test_counts_of_the_panel_and_totals_of_everything():
    train, test = split()
    found = read_problem(train, test, **(OPTIONS | {"genes": PANEL[::-1]}))
    everything = train.X.toarray()
    assert np.array_equal(found.counts_NG, everything[:, 7::-1])
    assert np.array_equal(found.library_N, everything.sum(axis=1))
    expected = np.log2(1 + 1e4 * found.counts_NG / everything.sum(axis=1, keepdims=True))
    assert np.allclose(found.normalised_NG, expected)
    assert len(found.test) == 24


def test_the_marked_panel_is_the_default():
    train, test = split()
    train.var["panel"] = train.var_names.isin(["G2", "H1"])
    assert read_problem(train, test, **(OPTIONS | {"genes": None})).genes == ("G2", "H1")


def test_test_rows_need_no_counts():
    train, test = split()
    test.X = sparse.csr_matrix(np.full(test.shape, np.nan, np.float32))  # would be refused if it were read
    assert read_problem(train, test, **OPTIONS).genes == tuple(PANEL)


@pytest.mark.parametrize(("sections", "n_folds"), [(2, 2), (3, 3), (7, 5)])
def test_folds_hold_out_sections(sections, n_folds):
    given = problem(n=84, sections=sections)
    folds, libraries = list(given.folds()), given.train.libraries
    assert len(folds) == n_folds
    assert given.fold_kind == "sections"
    for fold in folds:
        assert not set(libraries[fold.fit_rows]) & set(libraries[fold.predict_rows])
        assert len(fold.fit_rows) + len(fold.predict_rows) == len(libraries)
        assert fold.fit_NF.shape == (len(fold.fit_rows), 6)
    predicted = np.concatenate([fold.predict_rows for fold in folds])
    assert np.array_equal(np.sort(predicted), np.arange(len(libraries)))


def test_one_section_is_folded_into_strips():
    given = problem(sections=1)
    along = given.train.xy_N2[:, int(np.ptp(given.train.xy_N2, axis=0).argmax())]
    assert given.fold_kind == "strips of the one section"
    strips = [np.sort(along[fold.predict_rows]) for fold in given.folds()]
    assert len(strips) == 4
    assert all(a[-1] <= b[0] for a, b in pairwise(strips))


def test_a_fold_is_standardised_without_the_section_it_predicts():
    given = problem()
    out = given.train.libraries == "A"
    before = next(iter(given.folds()))
    given.train.features_NF[out] += 50.0
    after = next(iter(problem(train=given.train).folds()))
    assert np.array_equal(before.fit_NF, after.fit_NF)
    assert np.allclose(before.fit_NF.mean(axis=0), 0, atol=0.05)
    assert not np.allclose(before.predict_MF, after.predict_MF)


def test_by_section_each_section_has_mean_zero():
    given = problem(m=24, normalise="section")
    assert np.allclose(given.whole.predict_MF.mean(axis=0), 0, atol=1e-5)
    for fold in given.folds():
        assert np.allclose(fold.predict_MF.mean(axis=0), 0, atol=1e-5)


def test_masks_of_a_fold():
    fold = next(iter(problem().folds()))
    mask = np.arange(60) % 2 == 0
    part = fold.among(mask, mask)
    assert (part.fit_rows % 2 == 0).all() and (part.predict_rows % 2 == 0).all()
    assert np.array_equal(part.fit_NF, fold.fit_NF[fold.fit_rows % 2 == 0])
    assert len(fold.among(mask).predict_rows) == len(fold.predict_rows)


def test_shallow_rows_are_refused_for_composition():
    assert problem().deep_N.all()
    shallow = problem(rate=5.0)
    assert not shallow.has_depth
    with pytest.raises(DataError, match="composition_ridge"):
        _ = shallow.deep_N


def test_rows_in_both_objects_are_refused():
    train, test = split()
    with pytest.raises(DataError, match="2 rows are in both: 'A_0x0', 'A_1x1'"):
        read_problem(train, tissue()[["A_0x0", "A_1x1", *test.obs_names]].copy(), **OPTIONS)


def test_equal_names_of_another_section_are_other_rows():
    train, test = split()
    test.obs_names = train.obs_names[: test.n_obs]
    assert len(read_problem(train, test, **OPTIONS).test) == test.n_obs


def test_missing_features_are_refused():
    train, test = split()
    del test.obsm[KEY]
    with pytest.raises(MissingKeyError, match=KEY):
        read_problem(train, test, **OPTIONS)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"normalise": "slide"}, UsageError, "'slide'"),
        ({"genes": []}, UsageError, "at least one gene"),
        ({"genes": ["G0", "G0"]}, DataError, "'G0'"),
        ({"genes": ["G0", "NOPE"]}, DataError, "'NOPE'"),
    ],
)
def test_wrong_arguments_are_refused(changed, error, said):
    with pytest.raises(error, match=said):
        read_problem(*split(), **(OPTIONS | changed))


def test_other_features_and_few_rows_are_refused():
    train, test = split()
    with pytest.raises(DataError, match="20 training rows"):
        read_problem(train[:19].copy(), test, **OPTIONS)
    test.obsm[KEY] = test.obsm[KEY][:, :5]
    with pytest.raises(DataError, match="Expected 6 features"):
        read_problem(train, test, **OPTIONS)
