"""Counts that are none, and AnnData files that are damaged: one message, exit 1 or 2, nothing left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse


def _table(tissue) -> pd.DataFrame:
    return pd.read_csv(tissue.counts, sep="\t", index_col=0).astype(float)


@pytest.fixture
def evaluate(run, tissue, tmp_path):
    """`genviz evaluate genar` against a spoiled table of counts; the error that it ends in."""

    def call(table: pd.DataFrame | bytes, code: int = 1) -> str:
        path = tmp_path / "bad.tsv.gz"
        if isinstance(table, bytes):
            path.write_bytes(table)
        else:
            table.to_csv(path, sep="\t", compression="gzip")
        scores = tmp_path / "scores.json"
        said = run("evaluate", "genar", "--pred", tissue.predicted, "--counts", path, "--json", scores)
        assert said.code == code
        assert not scores.exists()
        return said.error

    return call


@pytest.mark.parametrize(
    ("value", "words"), [(1.5, "not whole"), (-2, "are negative"), (np.nan, "NaN or infinite")]
)
def test_values_that_are_no_counts(evaluate, train, tissue, tmp_path, nothing_left, value, words):
    table = _table(tissue)
    table.iloc[3, 5] = value
    error = evaluate(table)
    assert words in error
    assert table.columns[5] in error
    assert table.index[3] in error
    adata = tissue.read()
    adata.X = sparse.csr_matrix(table.loc[adata.obs_names].to_numpy(np.float32))
    adata.write_h5ad(tmp_path / "bad.h5ad")
    said = train(data=tmp_path / "bad.h5ad")
    assert said.code == 1
    assert words in said.error
    assert "Warning" not in said.err, "said twice"
    nothing_left()


def test_genes(evaluate, train, tissue, tmp_path, nothing_left):
    table = _table(tissue)
    assert "3 are absent" in evaluate(table.iloc[:, 3:])
    twice = table.set_axis([*table.columns[:-1], table.columns[0]], axis=1)
    assert f"more than once: '{table.columns[0]}'" in evaluate(twice)
    for content, words in (
        ("NOSUCH\n", "absent"),
        (f"{table.columns[0]}\n" * 2, "more than once"),
        ("", "empty"),
    ):
        (tmp_path / "panel.txt").write_text(content)
        said = train(panel=tmp_path / "panel.txt")
        assert said.code == 1
        assert words in said.error
    assert train(panel=tmp_path / "no.txt").code == 2
    nothing_left()


def test_spots(evaluate, tissue):
    table = _table(tissue)
    assert "Is it the same section?" in evaluate(table.set_axis([f"s{name}" for name in table.index]))
    assert "transpose" in evaluate(table.T)
    assert "no rows" in evaluate(table.iloc[:0])
    repeated = table.set_axis([*table.index[:-1], table.index[0]])
    error = evaluate(repeated)
    assert "more than once" in error
    assert "var_names" not in error


def test_truncated_gzip(evaluate, tissue):
    raw = tissue.counts.read_bytes()
    for data in (b"", raw[:20], raw[: len(raw) // 2], raw[:-4]):
        assert "again" in evaluate(data)


def test_files_that_are_not_there(run, tissue, tmp_path):
    scores = tmp_path / "s.json"
    for pred, counts in ((tmp_path / "no.h5ad", tissue.counts), (tissue.predicted, tmp_path / "no.tsv")):
        said = run("evaluate", "genar", "--pred", pred, "--counts", counts, "--json", scores)
        assert said.code == 2
        assert "Check the path" in said.error


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
def test_truncated_h5ad(run, predict, train, tissue, tmp_path, nothing_left, keep):
    raw = tissue.rows.read_bytes()
    bad = tmp_path / "bad.h5ad"
    bad.write_bytes(raw[: int(len(raw) * keep)])
    words = [
        lambda: predict(adata=bad),
        lambda: train(data=bad),
        lambda: run("report", bad, "--out", tmp_path / "out" / "r.html"),
        lambda: run(
            "evaluate", "genar", "--pred", bad, "--counts", tissue.counts, "--json", tmp_path / "out"
        ),
    ]
    for call in words:
        said = call()
        assert said.code == 1
        assert "Copy or download the file again" in said.error
    nothing_left()


def test_rows(predict, train, tissue, tmp_path, nothing_left):
    empty, twice, bare = tmp_path / "empty.h5ad", tmp_path / "twice.h5ad", tmp_path / "bare.h5ad"
    adata = tissue.read()
    adata[:0].copy().write_h5ad(empty)
    for said in (predict(adata=empty), train(data=empty)):
        assert said.code == 1
        assert "There are no rows" in said.error
    adata.obs_names = [*adata.obs_names[:-1], adata.obs_names[0]]
    adata.write_h5ad(twice)
    assert "obs_names_make_unique" in predict(adata=twice).error
    tissue.read()[:, []].copy().write_h5ad(bare)
    assert "to hold raw counts" in train(data=bare).error
    nothing_left()


def test_not_a_prediction(run, tissue, tmp_path):
    said = run("report", tissue.rows, "--out", tmp_path / "r.html")
    assert said.code == 1
    assert "genviz predict genar" in said.error
    assert not (tmp_path / "r.html").exists()
