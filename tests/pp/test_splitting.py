"""obs["split"]: by names, fractions and index files; written so that h5ad keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz import pp
from genviz._errors import DataError, FileFormatError, MissingKeyError, UsageError
from genviz._keys import Obs, Uns
from genviz.pp.splitting import training_rows


@pytest.fixture
def sections() -> ad.AnnData:
    names = [f"{s}_{i}" for s in ("C2", "C3", "C4", "C5") for i in range(6)]
    obs = pd.DataFrame(
        {Obs.LIBRARY: [n[:2] for n in names], Obs.PATIENT: ["p1"] * 12 + ["p2"] * 12}, index=names
    )
    return ad.AnnData(np.ones((24, 3), np.float32), obs=obs)


def test_by_section(sections: ad.AnnData, tmp_path: Path) -> None:
    assert pp.split(sections, test=["C5"], val=["C4"]) is None
    found = sections.obs.groupby(Obs.LIBRARY, observed=True)[Obs.SPLIT].unique()
    assert {k: list(v) for k, v in found.items()} == {
        "C2": ["train"],
        "C3": ["train"],
        "C4": ["val"],
        "C5": ["test"],
    }
    record = json.loads(sections.uns[Uns.GENVIZ][Uns.SPLIT])
    assert record["rows"] == {"train": 12, "val": 6, "test": 6}
    assert record["groups"]["test"] == ["C5"]
    sections.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_series_equal(back.obs[Obs.SPLIT], sections.obs[Obs.SPLIT])
    assert back.uns[Uns.GENVIZ][Uns.SPLIT] == sections.uns[Uns.GENVIZ][Uns.SPLIT]


def test_by_patient_takes_whole_patients(sections: ad.AnnData) -> None:
    pp.split(sections, group_key=Obs.PATIENT, test=0.4)
    assert sections.obs.groupby(Obs.PATIENT, observed=True)[Obs.SPLIT].nunique().eq(1).all()
    assert set(sections.obs[Obs.SPLIT]) == {"train", "test"}


@pytest.mark.parametrize("by", ["rows", "groups"])
def test_by_index_file(sections: ad.AnnData, tmp_path: Path, by: str) -> None:
    groups = sections.obs[Obs.LIBRARY].astype(str)
    names = sections.obs_names if by == "rows" else pd.unique(groups)
    splits = ["test" if name.startswith("C3") else "train" for name in names]
    table = pd.DataFrame({"modality": "x", "id": names, "split": splits}).sample(frac=1, random_state=0)
    table.to_csv(tmp_path / "index.tsv", sep="\t" if by == "rows" else ",", index=False)
    pp.split(sections, index_file=tmp_path / "index.tsv")
    assert ((sections.obs[Obs.SPLIT] == "test") == (groups == "C3")).all()
    with pytest.raises(UsageError, match="got both"):
        pp.split(sections, index_file=tmp_path / "index.tsv", test=["C2"])


def test_an_index_file_that_leaks_or_misses_rows_is_refused(sections: ad.AnnData, tmp_path: Path) -> None:
    file = tmp_path / "index.csv"
    table = pd.DataFrame({"id": sections.obs_names, "split": "train"})
    table.loc[0, "split"] = "test"
    table.to_csv(file, index=False)
    with pytest.raises(DataError, match="1 straddle: 'C2'"):
        pp.split(sections, index_file=file)
    table.iloc[3:].to_csv(file, index=False)
    with pytest.raises(DataError, match="3 rows are not: 'C2_0'"):
        pp.split(sections, index_file=file)
    table.assign(split="dev").to_csv(file, index=False)
    with pytest.raises(DataError, match="found 'dev'"):
        pp.split(sections, index_file=file)
    table.assign(split="test").to_csv(file, index=False)
    with pytest.raises(UsageError, match="to train on"):
        pp.split(sections, index_file=file)
    table.drop(columns="split").to_csv(file, index=False)
    with pytest.raises(FileFormatError):
        pp.split(sections, index_file=file)
    with pytest.raises(UsageError, match="nothing is there"):
        pp.split(sections, index_file=tmp_path / "absent.csv")
    assert Obs.SPLIT not in sections.obs


def test_columns_are_needed(sections: ad.AnnData) -> None:
    with pytest.raises(MissingKeyError, match="nowhere"):
        pp.split(sections, group_key="nowhere", test=["C5"])
    sections.obs.loc["C2_0", Obs.LIBRARY] = np.nan
    with pytest.raises(DataError, match="'C2_0' have none"):
        pp.split(sections, test=["C5"])


def test_training_rows(sections: ad.AnnData) -> None:
    assert training_rows(sections).all()
    pp.split(sections, test=["C5"])
    assert training_rows(sections).sum() == 18
    assert training_rows(sections, np.arange(24) < 2).sum() == 2
    with pytest.raises(DataError, match="boolean mask"):
        training_rows(sections, [0, 1])
    with pytest.raises(DataError, match="none of 6"):
        training_rows(sections[sections.obs[Obs.SPLIT] == "test"])
