"""io.read_gdc: profiles joined to samples and slides by name, and every way a download arrives broken."""

from __future__ import annotations

import json
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from genviz import io
from genviz._errors import DataError, FileFormatError, MissingKeyError, UsageError
from tests.io.gdc_folder import GENES, NEW_COLUMNS, GdcFolder, counts_of, small_cohort, star_table, tpm_of

TUMOUR, OTHER, NORMAL = "TCGA-05-4244-01A", "TCGA-05-4249-01A", "TCGA-05-4249-11A"


@pytest.fixture
def cohort(tmp_path) -> GdcFolder:
    return small_cohort(tmp_path / "luad")


def test_one_row_a_sample_with_counts_and_tpm(cohort):
    adata = io.read_gdc(cohort.path)
    assert list(adata.obs_names) == [TUMOUR, OTHER, NORMAL]
    assert list(adata.var_names) == [
        "ENSG00000000003", "ENSG00000002586", "ENSG00000002586_PAR_Y", "ENSG00000141510", "ENSG00000199377",
        "ENSG00000223972",
    ]  # fmt: skip
    for row, seed in enumerate((1, 2, 3)):
        np.testing.assert_array_equal(adata.layers["counts"][row].toarray()[0], counts_of(seed))
        np.testing.assert_array_equal(adata.X[row].toarray()[0], counts_of(seed))
        np.testing.assert_allclose(adata.layers["tpm"][row].toarray()[0], tpm_of(counts_of(seed)), rtol=1e-6)
    assert sparse.isspmatrix_csr(adata.layers["counts"]) and adata.layers["counts"].dtype.kind == "i"
    assert adata.X is not adata.layers["counts"]
    assert list(adata.var["gene_symbol"][:3]) == ["TSPAN6", "CD99", "CD99"]
    assert list(adata.var["ensembl_version"][:3]) == ["15", "20", "20"]
    assert adata.var["gene_type"].iloc[4] == "snRNA"
    assert list(adata.obs["case"]) == ["TCGA-05-4244", "TCGA-05-4249", "TCGA-05-4249"]
    assert list(adata.obs["sample_type"]) == ["Primary Tumor", "Primary Tumor", "Solid Tissue Normal"]
    assert set(adata.obs["project"]) == {"TCGA-LUAD"} and list(adata.obs["patient"]) == list(
        adata.obs["case"]
    )
    assert json.loads(adata.uns["genviz"]["reader"])["luad"]["gene_model"] == "GENCODE v36"


def test_slides_are_paired_by_case_and_sample_type(cohort):
    adata = io.read_gdc(cohort.path)
    pairs = io.slide_pairs(adata)
    assert list(zip(pairs["profile"], pairs["slide_type"], strict=True)) == [
        (TUMOUR, "diagnostic"), (TUMOUR, "frozen"), (NORMAL, "frozen")
    ]  # fmt: skip
    assert list(adata.obs["n_slides"]) == [2, 0, 1]
    assert list(pairs["path"] != "") == [False, True, False] and pairs["path"][1].endswith(".svs")
    assert set(io.slide_pairs(adata[[2]])["profile"]) == {NORMAL}
    with pytest.raises(MissingKeyError, match="read_gdc"):
        io.slide_pairs(anndata.AnnData(np.zeros((1, 1))))


def test_written_and_read_it_is_the_same(cohort, tmp_path, same):
    adata = io.read_gdc(cohort.path)
    file = io.write_h5ad(adata, tmp_path / "luad.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(adata, io.read_h5ad(file))
    assert len(io.slide_pairs(io.read_h5ad(file))) == 3
    assert [f for f in io.contract_report(adata) if f.level != "note"] == []


def test_symbols_add_what_has_one_name(cohort):
    ids, symbols = io.read_gdc(cohort.path), io.read_gdc(cohort.path, names="symbol")
    assert list(symbols.var_names) == ["TSPAN6", "CD99", "TP53", "RNU5F-1", "DDX11L1"]
    for layer in ("counts", "tpm"):
        wide, narrow = ids.layers[layer].toarray(), symbols.layers[layer].toarray()
        np.testing.assert_allclose(narrow[:, 1], wide[:, 1] + wide[:, 2])
        np.testing.assert_allclose(narrow.sum(1), wide.sum(1), rtol=1e-6)
    assert symbols.var["ensembl_id"].iloc[1] == "ENSG00000002586;ENSG00000002586_PAR_Y"


def test_files_may_lie_anywhere_in_the_folder_in_any_gene_order(cohort):
    (file,) = cohort.path.glob("00000001-id/*")
    backwards = star_table(counts_of(1)[::-1], genes=GENES[::-1], tpm=tpm_of(counts_of(1))[::-1])
    (cohort.path / file.name).write_text(backwards)
    before = io.read_gdc(small_cohort(cohort.path.parent / "again").path).layers["counts"].toarray()
    file.unlink()
    adata = io.read_gdc(cohort.path)
    np.testing.assert_array_equal(adata[:, "ENSG00000141510"].X.toarray()[:, 0], before[:, 3])


def test_newer_sheets_state_the_tissue_instead(tmp_path):
    folder = GdcFolder(tmp_path)
    folder.profile(1, "TCGA-05-4244-01A", "Tumor\tPrimary\tSolid Tissue\tOCT")
    folder.profile(2, "TCGA-05-4249-11A", "Normal\tNot Applicable\tSolid Tissue\tOCT")
    folder.profile(3, "C3L-00001-01", "Tumor\tPrimary\tSolid Tissue\tSnap Frozen")
    types = io.read_gdc(folder.save(columns=NEW_COLUMNS)).obs["sample_type"]
    assert list(types) == ["Primary Tumor", "Solid Tissue Normal", "Primary Tumor"]


def test_sheets_of_profiles_and_slides_may_be_apart(cohort):
    whole = io.slide_pairs(io.read_gdc(cohort.path))
    lines, sheet = cohort.lines, next(cohort.path.glob("*.tsv"))
    cohort.lines = [line for line in lines if "Slide" in line]
    cohort.save("slides.tsv")
    cohort.lines = [line for line in lines if "Slide" not in line]
    cohort.save(sheet.name)
    pd.testing.assert_frame_equal(io.slide_pairs(io.read_gdc(cohort.path)), whole)
    with pytest.warns(UserWarning, match="1 slides"):
        assert io.slide_pairs(io.read_gdc(cohort.path, sheet=sheet)).empty


def test_some_sample_types(cohort):
    (normal,) = cohort.path.glob("00000003-id/*")
    assert list(io.read_gdc(cohort.path, sample_types=["Primary Tumor"]).obs_names) == [TUMOUR, OTHER]
    normal.unlink()
    assert io.read_gdc(cohort.path, sample_types="Primary Tumor").n_obs == 2
    with pytest.raises(UsageError, match="got 'Metastatic'"):
        io.read_gdc(cohort.path, sample_types=["Metastatic"])


# ---- broken input ----


def test_a_folder_without_sheet_or_profiles(tmp_path):
    with pytest.raises(UsageError, match="nothing is there"):
        io.read_gdc(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="Sample Sheet"):
        io.read_gdc(tmp_path)
    folder = GdcFolder(tmp_path)
    folder.slide(1, "TCGA-05-4244-01Z")
    with pytest.raises(DataError, match="none is listed"):
        io.read_gdc(folder.save())
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(FileFormatError, match="File ID"):
        io.read_gdc(tmp_path, sheet=tmp_path / "other.tsv")


def test_missing_files_are_named(cohort):
    (file,) = cohort.path.glob("00000002-id/*")
    file.rename(file.with_name(file.name + ".partial"))
    with pytest.raises(DataError, match=r"1 are not there: '00000002-id/.*Unfinished downloads"):
        io.read_gdc(cohort.path)


def test_foreign_files_are_named(cohort):
    (cohort.path / "MANIFEST.txt").write_text("id\tfilename\tmd5\tsize\tstate\n")
    (cohort.path / "logs").mkdir()
    (cohort.path / "logs" / "a.parcel").write_bytes(b"\0")
    assert io.read_gdc(cohort.path).n_obs == 3
    stray = cohort.path / "whose.tsv"
    stray.write_text(star_table(counts_of(9)))
    with pytest.raises(DataError, match=r"1 are in none.*'whose.tsv'"):
        io.read_gdc(cohort.path)
    stray.unlink()
    (cohort.path / "extra.svs").write_bytes(b"pixels")
    with pytest.warns(UserWarning, match=r"1 slides .*'extra.svs'"):
        io.read_gdc(cohort.path)


def test_a_file_in_two_places_is_refused(cohort):
    (file,) = cohort.path.glob("00000001-id/*")
    for name in ("a", "b"):
        (cohort.path / name).mkdir()
        (cohort.path / name / file.name).write_bytes(file.read_bytes())
    file.unlink()
    with pytest.raises(DataError, match="Keep one"):
        io.read_gdc(cohort.path)


def test_duplicated_samples_are_refused_or_the_deepest_is_taken(cohort):
    cohort.profile(7, TUMOUR, text=star_table(counts_of(7) * 100))
    cohort.save()
    with pytest.raises(
        DataError, match=f"1 samples have several, first '{TUMOUR}': '00000001-id', '00000007-id'"
    ):
        io.read_gdc(cohort.path)
    adata = io.read_gdc(cohort.path, repeats="deepest")
    assert adata.n_obs == 3 and adata.obs["file_id"].iloc[0] == "00000007-id"


def test_the_same_profile_under_two_names_is_refused(cohort):
    cohort.profile(8, "TCGA-05-4250-01A", text=star_table(counts_of(1)))
    with pytest.raises(DataError, match=f"'{TUMOUR}' and 'TCGA-05-4250-01A' have the same"):
        io.read_gdc(cohort.save())


def test_a_file_listed_for_two_samples_is_refused(cohort):
    cohort.lines.append(cohort.lines[0].replace("4244", "4299"))
    with pytest.raises(DataError, match="lists it again"):
        io.read_gdc(cohort.save())
    cohort.lines[-1] = cohort.lines[0]
    assert io.read_gdc(cohort.save()).n_obs == 3


def broken(cohort, text: str, message: str, error=DataError) -> None:
    cohort.profile(5, "TCGA-05-4300-01A", text=text)
    with pytest.raises(error, match=message):
        io.read_gdc(cohort.save())


def test_genes_that_a_profile_lacks_are_named(cohort):
    text = star_table(counts_of(5)[:-2], genes=GENES[:-2])
    broken(cohort, text, r"lacks 2 of .*ENSG00000199377', 'ENSG00000223972'\) and has 0 others")


def test_another_gene_model_is_named(cohort):
    other = (*GENES[:-1], ("ENSG00000999999.1", "NEW", "lncRNA"))
    broken(
        cohort, star_table(counts_of(5), genes=other, model="GENCODE v22"), "'GENCODE v36' and 'GENCODE v22'"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (star_table(np.zeros(6, int), tpm=tpm_of(counts_of(5))), "all 6 genes have 0"),
        (star_table(counts_of(5), tpm=np.zeros(6)), "all are 0"),
        (star_table(counts_of(5), tpm=counts_of(5)), "they equal the counts"),
        (star_table(counts_of(5), tpm=counts_of(5) * 1000), "more than a million"),
        (star_table(counts_of(5), tpm=-tpm_of(counts_of(5))), "6 genes are negative"),
        (star_table(tpm_of(counts_of(5)), tpm=counts_of(5)), "are they TPM"),
        (star_table(counts_of(5)).replace("ENSG00000141510.18\tTP53", "TP53\tTP53"), "Ensembl gene ids.*'TP53'"),
        (star_table(counts_of(5)).replace("000141510.18", "000000003.2"), "occur more than once"),
        (star_table(counts_of(5))[:-25], "The file was probably cut"),
    ],
)  # fmt: skip
def test_values_that_cannot_be(cohort, text, message):
    broken(cohort, text, message)


def test_other_workflows_are_refused(cohort):
    broken(
        cohort, "ENSG00000000003.15\t17\nENSG00000000005.6\t0\n", "STAR - Counts.*not HTSeq", FileFormatError
    )


def test_a_cut_gzip_file_is_refused(cohort):
    (file,) = cohort.path.glob("00000002-id/*")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match="damaged"):
        io.read_gdc(cohort.path)


def test_options_that_do_not_exist(cohort):
    with pytest.raises(UsageError, match="names 'ensembl' or 'symbol'"):
        io.read_gdc(cohort.path, names="entrez")
