"""io.spots.visium and io.spots.tenx: Space Ranger folders of several versions."""

from __future__ import annotations

import gzip
import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import io as scipy_io
from scipy import sparse

from genviz._errors import DataError, FileFormatError, UsageError
from genviz.io import read_visium, tiles

STEP = np.array([30.0, 30.0 * np.sqrt(3)])  # pixels per array column and row: 50 and 86.6 um at 1.667 um/px


class Folder:
    """A synthetic Space Ranger output whose matrix and positions are in different orders."""

    def __init__(self, path):
        rng = np.random.default_rng(0)
        self.path, self.spatial = path, path / "spatial"
        self.spatial.mkdir(parents=True)
        places = [(row, col) for row in range(8) for col in range(row % 2, 14, 2)]
        self.positions = pd.DataFrame(places, columns=["array_row", "array_col"])
        self.positions.insert(0, "barcode", [f"{'ACGT'[i % 4]}{i:03d}-1" for i in range(len(places))])
        self.positions.insert(1, "in_tissue", 1)
        self.positions["pxl_row_in_fullres"] = np.rint(40 + self.positions["array_row"] * STEP[1]).astype(int)
        self.positions["pxl_col_in_fullres"] = np.rint(25 + self.positions["array_col"] * STEP[0]).astype(int)
        self.genes = ["A", "B", "A", "protein"]
        self.ids = ["ENSG1", "ENSG2", "ENSG3", "AB1"]
        self.barcodes = self.positions["barcode"].sample(frac=1, random_state=1).to_numpy()
        self.counts = rng.poisson(1.5, (len(places), 4))
        factors = {"spot_diameter_fullres": 39.0, "tissue_hires_scalef": 0.5, "tissue_lowres_scalef": 0.1}
        (self.spatial / "scalefactors_json.json").write_text(json.dumps(factors))
        Image.new("RGBA", (225, 240), (200, 100, 180, 255)).save(self.spatial / "tissue_hires_image.png")
        Image.new("RGB", (45, 48), (200, 100, 180)).save(self.spatial / "tissue_lowres_image.png")
        self.write_positions()
        self.write_h5()

    def write_positions(self, header=True):
        for name in ("tissue_positions.csv", "tissue_positions_list.csv"):
            (self.spatial / name).unlink(missing_ok=True)
        name = "tissue_positions.csv" if header else "tissue_positions_list.csv"
        self.positions.to_csv(self.spatial / name, index=False, header=header)

    def write_h5(self):
        matrix = sparse.csr_matrix(self.counts)
        with h5py.File(self.path / "filtered_feature_bc_matrix.h5", "w") as file:
            file.attrs["library_ids"] = np.array([b"sample7"])
            group = file.create_group("matrix")
            for name, values in (
                ("data", matrix.data),
                ("indices", matrix.indices),
                ("indptr", matrix.indptr),
            ):
                group[name] = values
            group["shape"] = np.array(matrix.shape[::-1], np.int32)
            group["barcodes"] = self.barcodes.astype("S")
            kinds = ["Gene Expression"] * 3 + ["Antibody Capture"]
            for name, values in (("name", self.genes), ("id", self.ids), ("feature_type", kinds)):
                group[f"features/{name}"] = np.array(values, "S")

    def write_mtx(self):
        (self.path / "filtered_feature_bc_matrix.h5").unlink()
        folder = self.path / "filtered_feature_bc_matrix"
        folder.mkdir()
        kinds = ["Gene Expression"] * 3 + ["Antibody Capture"]
        lines = ["\t".join(fields) for fields in zip(self.ids, self.genes, kinds, strict=True)]
        for name, text in (("barcodes", "\n".join(self.barcodes)), ("features", "\n".join(lines))):
            (folder / f"{name}.tsv.gz").write_bytes(gzip.compress(text.encode()))
        with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
            scipy_io.mmwrite(file, sparse.coo_matrix(self.counts.T))


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "outs")


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("kind", ["h5", "mtx"])
def test_counts_and_positions_are_joined_by_barcode(folder, header, kind):
    folder.write_positions(header)
    if kind == "mtx":
        folder.write_mtx()
    adata = read_visium(folder.path, section="s")
    assert list(adata.obs_names) == list(folder.barcodes)
    np.testing.assert_array_equal(adata.X.toarray(), folder.counts[:, :3])
    places = folder.positions.set_index("barcode").loc[adata.obs_names]
    np.testing.assert_array_equal(adata.obsm["spatial"], places[["pxl_col_in_fullres", "pxl_row_in_fullres"]])
    np.testing.assert_array_equal(adata.obs[["array_x", "array_y"]], places[["array_col", "array_row"]])


def test_symbols_become_unique_and_ids_stay(folder):
    adata = read_visium(folder.path)
    assert list(adata.var_names) == ["A", "B", "A-1"]
    assert list(adata.var["gene_ids"]) == ["ENSG1", "ENSG2", "ENSG3"]
    assert list(adata.uns["spatial"]) == ["sample7"]


def test_mpp_is_from_the_hexagonal_pitch_and_agrees_with_the_65_um_spot(folder):
    entry = read_visium(folder.path).uns["spatial"]["sample7"]
    assert entry["mpp"] == pytest.approx(50 / 30, rel=0.005)
    assert entry["mpp"] == pytest.approx(65 / entry["scalefactors"]["spot_diameter_fullres"], rel=0.01)
    assert entry["pitch_um"] == 100.0
    assert entry["images"]["hires"].shape == (240, 225, 3)
    assert entry["scalefactors"]["tissue_hires_scalef"] == 0.5


def test_rows_off_the_tissue_and_without_position_are_left_out(folder):
    folder.positions.loc[folder.positions["barcode"] == folder.barcodes[4], "in_tissue"] = 0
    folder.positions = folder.positions[folder.positions["barcode"] != folder.barcodes[9]]
    folder.write_positions()
    adata = read_visium(folder.path)
    assert list(adata.obs_names) == [b for i, b in enumerate(folder.barcodes) if i not in (4, 9)]
    record = json.loads(adata.uns["genviz"]["reader"])["sample7"]
    assert record["barcodes_without_position"] == [folder.barcodes[9]]


def test_the_full_image_gives_tiles(folder, tmp_path):
    rgb = np.random.default_rng(0).integers(0, 255, (480, 450, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "full.png")
    adata = read_visium(folder.path, tmp_path / "full.png")
    x, y = adata.obsm["spatial"][0].astype(int)
    np.testing.assert_array_equal(tiles(adata, 10).compute()[0], rgb[y - 5 : y + 5, x - 5 : x + 5])
    Image.fromarray(rgb[:100, :100]).save(tmp_path / "wrong.png")
    with pytest.raises(DataError, match="lie outside its image"):
        read_visium(folder.path, tmp_path / "wrong.png")


def test_a_wrong_mpp_is_said(folder):
    with pytest.warns(UserWarning, match=r"Stated resolution of 0.5 um/px"):
        assert read_visium(folder.path, mpp=0.5).uns["spatial"]["sample7"]["mpp"] == 0.5


@pytest.mark.parametrize(
    "name",
    ["filtered_feature_bc_matrix.h5", "spatial/scalefactors_json.json", "spatial/tissue_positions.csv",
     "spatial/tissue_hires_image.png"],
)  # fmt: skip
def test_truncated_files(folder, name):
    path = folder.path / name
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * 0.6)])
    if name.endswith(".csv"):
        path.write_bytes(raw[: raw.rfind(b",")])
    with pytest.raises(FileFormatError, match="again"):
        read_visium(folder.path)


def test_truncated_mtx(folder):
    folder.write_mtx()
    path = folder.path / "filtered_feature_bc_matrix" / "matrix.mtx.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match="Matrix Market"):
        read_visium(folder.path)


def test_absent_parts_are_named(folder, tmp_path):
    with pytest.raises(UsageError, match="nothing is there"):
        read_visium(tmp_path / "no")
    shutil.move(folder.spatial / "scalefactors_json.json", tmp_path)
    with pytest.raises(FileFormatError, match=r"scalefactors_json.json"):
        read_visium(folder.path)
    shutil.rmtree(folder.spatial)
    with pytest.raises(FileFormatError, match="coordinates=False"):
        read_visium(folder.path)
    assert read_visium(folder.path, coordinates=False).n_vars == 3
    (folder.path / "filtered_feature_bc_matrix.h5").unlink()
    with pytest.raises(FileFormatError, match="outs/"):
        read_visium(folder.path)


def test_matrix_and_positions_of_different_runs(folder):
    folder.positions["barcode"] = [f"X{i}" for i in range(len(folder.positions))]
    folder.write_positions()
    with pytest.raises(DataError, match="one run"):
        read_visium(folder.path)


def test_fractional_counts_are_refused(folder):
    folder.counts = folder.counts + 0.5
    folder.write_h5()
    with pytest.raises(DataError, match="not whole"):
        read_visium(folder.path)


def test_space_ranger_1(her2st_dir):
    adata = read_visium(her2st_dir.parent / "visium" / "1.0.0")
    entry = adata.uns["spatial"]["custom"]
    assert adata.shape == (100, 100)
    assert entry["mpp"] == pytest.approx(0.7252, abs=1e-3)
    assert entry["mpp"] == pytest.approx(65 / entry["scalefactors"]["spot_diameter_fullres"], rel=0.01)
    assert entry["images"]["hires"].shape == (2000, 2000, 3)
    assert adata.obs.loc["AAACAAGTATCTCCCA-1", ["array_y", "array_x"]].tolist() == [50, 102]


def test_space_ranger_2_probes_are_summed_to_genes(her2st_dir):
    path = her2st_dir.parent / "visium" / "2.1.0"
    with pytest.raises(FileFormatError, match="coordinates=False"):
        read_visium(path)
    adata = read_visium(path, coordinates=False)
    assert adata.n_obs == 2348
    assert adata.var_names.is_unique
    assert not adata.var["gene_ids"].str.startswith("DEPRECATED").any()
    with h5py.File(path / "raw_probe_bc_matrix.h5") as file:
        group = file["matrix"]
        raw = sparse.csr_matrix(
            (group["data"][:], group["indices"][:], group["indptr"][:]), shape=group["shape"][:][::-1]
        )
        kept = group["features/filtered_probes"][:].astype(bool)
        rows = group["filtered_barcodes"][:].astype(bool)
        gene = group["features/gene_name"][:].astype(str)
    assert adata.X.sum() == raw[rows][:, kept].sum()
    hmgn2 = raw[rows][:, kept & (gene == "Hmgn2")].sum(axis=1)
    np.testing.assert_array_equal(adata[:, "Hmgn2"].X.toarray(), np.asarray(hmgn2))
