"""Files of GeneVAR: what is read is never written over, and nothing is said twice."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from scipy import sparse

from genviz import io
from genviz._errors import UsageError
from genviz.recipes.genevar.files import check_kept, check_rows_out, rows_of
from tests.models.genevar.model_cases import rows


def test_what_is_read_is_not_written_over(tmp_path):
    given = tmp_path / "given.h5ad"
    given.write_text("profiles")
    (tmp_path / "below").mkdir()
    for same in (given, tmp_path / "below" / ".." / "given.h5ad"):
        with pytest.raises(UsageError, match="would be lost"):
            check_rows_out(same, None, given)
    if os.name != "nt":
        (tmp_path / "link.h5ad").symlink_to(given)
        with pytest.raises(UsageError, match="would be lost"):
            check_rows_out(tmp_path / "link.h5ad", given)
    check_rows_out(tmp_path / "new.h5ad", None, given)
    check_kept(tmp_path / "s.json", given)
    assert given.read_text() == "profiles" and not (tmp_path / "new.h5ad").exists()
    with pytest.raises(UsageError, match="h5ad file"):
        check_rows_out(tmp_path / "new.csv", given)


def test_bad_counts_are_left_to_the_model(tmp_path):
    given = rows()
    given.X = sparse.csr_matrix(given.X.toarray() * 0.5)
    io.write_h5ad(given, tmp_path / "half.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rows_of(tmp_path / "half.h5ad")
    np.testing.assert_array_equal(found.X.toarray(), given.X.toarray())
    given.obs["split"] = "elsewhere"
    io.write_h5ad(given, tmp_path / "both.h5ad")
    with pytest.warns(UserWarning, match="split"):
        rows_of(tmp_path / "both.h5ad")
