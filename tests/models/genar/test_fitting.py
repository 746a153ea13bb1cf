"""models.genar.fitting: which gene tree a model learns along."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from genviz import pp
from genviz._errors import UsageError
from genviz.models import GenAR
from tests.models.genar.cases import GENES, tissue


def tree_of_model(adata, **training):
    GenAR.setup_anndata(adata, genes=GENES)
    return GenAR(adata, preset="nano", max_epochs=1).train(seed=0, **training).tree


def groups(tree):
    """Genes that stand together at the second scale, whatever the groups' numbers."""
    return {frozenset(tree.members(1, k)) for k in range(tree.scales[1])}


def test_a_tree_of_the_training_rows_is_kept():
    adata = tissue(60)
    pp.gene_tree(adata, genes=GENES, method="random", seed=5, scales=(1, 3, 12))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = tree_of_model(adata)
    assert groups(tree) == groups(pp.tree_of(adata))


def test_a_tree_that_saw_other_rows_is_fitted_again_in_the_same_way():
    adata = tissue(60)
    pp.gene_tree(adata, genes=GENES, method="linkage", scales=(1, 2, 12))
    train = adata[adata.obs["library_id"] == "S0"].copy()
    with pytest.warns(
        UserWarning, match="fitted on 60 rows, not on the 30 training rows; it is fitted again"
    ):
        tree = tree_of_model(train)
    alone = train.copy()
    pp.gene_tree(alone, genes=GENES, method="linkage", scales=(1, 2, 12))
    assert tree.scales == (1, 2, 12) and groups(tree) == groups(pp.tree_of(alone))


def test_early_stopping_does_not_lose_the_chosen_method():
    adata = tissue(60)
    pp.gene_tree(adata, genes=GENES, method="random", seed=5, scales=(1, 3, 12))
    with pytest.warns(UserWarning, match="fitted again"):
        tree = tree_of_model(adata, val="S1")
    assert groups(tree) == groups(pp.tree_of(adata))  # random groups do not depend on rows


def test_expected_sums_add_up_over_the_tree():
    adata = tissue(40)
    GenAR.setup_anndata(adata, genes=GENES)
    model = GenAR(adata, preset="nano", max_epochs=2).train(seed=0)
    predicted = model.predict(adata, n_samples=16, seed=0)
    tree = pp.tree_of(predicted)
    for k, n in enumerate(tree.scales[:-1]):
        sums = tree.aggregate(np.asarray(predicted.layers["genar"]), k)
        np.testing.assert_allclose(predicted.obsm[f"genar_scale_{n}"], sums, rtol=1e-4)


def test_a_section_with_test_rows_may_not_stop_training():
    adata = tissue(60)
    adata.obs["split"] = np.where(adata.obs["library_id"] == "S0", "train", "test")
    with pytest.raises(UsageError, match="S1 has some"):
        tree_of_model(adata, val="S1")
