"""io.sdata: AnnData to SpatialData, through zarr, and back without loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

spatialdata = pytest.importorskip("spatialdata", reason="needs the extra spatial")

from anndata import AnnData  # noqa: E402
from spatialdata.models import Image2DModel, ShapesModel, TableModel  # noqa: E402
from spatialdata.transformations import Identity, Scale  # noqa: E402

from genviz._errors import DataError, MissingKeyError, UsageError  # noqa: E402
from genviz.io import concat_sections, from_spatialdata, read_st, tiles, to_spatialdata  # noqa: E402
from genviz.pp.tiling import tile  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zarr", "ignore::DeprecationWarning")


@pytest.fixture
def joined(st_files):
    one = read_st(st_files.counts, st_files.spots, st_files.image, section="A1", labels=st_files.labels)
    adata = concat_sections({"A1": one, "B 2": one[:30]})
    adata.layers["counts"] = adata.X.copy()
    adata.obsm["X_morphology"] = np.ones((adata.n_obs, 3), np.float32)
    adata.varm["gene_tree"] = np.zeros((adata.n_vars, 2), np.int32)
    tile(adata, 16)
    return adata


def through_zarr(adata, path):
    to_spatialdata(adata).write(path)
    return spatialdata.read_zarr(path)


def test_round_trip_through_zarr_is_equal(joined, tmp_path, same):
    back = from_spatialdata(through_zarr(joined, tmp_path / "s.zarr"))
    same(back, joined)
    np.testing.assert_array_equal(tiles(back).compute(), tiles(joined).compute())


def test_elements_lie_where_they_should(joined):
    sdata = to_spatialdata(joined)
    assert set(sdata.shapes) == {"A1", "B_2"}
    assert set(sdata.images) == {"A1_hires_image", "B_2_hires_image"}
    circles = sdata.shapes["A1"]
    rows = joined[joined.obs["library_id"] == "A1"]
    assert list(circles.index) == list(rows.obs_names)
    np.testing.assert_allclose(
        np.column_stack([circles.geometry.x, circles.geometry.y]), rows.obsm["spatial"]
    )
    diameter = joined.uns["spatial"]["A1"]["scalefactors"]["spot_diameter_fullres"]
    assert circles["radius"].unique() == pytest.approx([diameter / 2])
    extent = spatialdata.get_extent(sdata.images["A1_hires_image"], coordinate_system="A1")
    assert extent["x"][1] == pytest.approx(460)
    assert sdata.tables["table"].uns["spatialdata_attrs"]["region"] == ["A1", "B_2"]


def test_the_object_is_not_changed(joined, same):
    before = joined.copy()
    to_spatialdata(joined)
    same(joined, before)


def test_rows_without_positions_become_a_table(tmp_path, same):
    bulk = AnnData(np.ones((3, 2), np.float32), obs=pd.DataFrame(index=list("abc")))
    same(from_spatialdata(through_zarr(bulk, tmp_path / "s.zarr")), bulk)


def test_a_section_without_diameter_is_refused(joined):
    del joined.uns["spatial"]["A1"]["scalefactors"]["spot_diameter_fullres"]
    with pytest.raises(MissingKeyError, match="spot_diameter_fullres"):
        to_spatialdata(joined)


def test_section_names_that_fall_together_are_refused(joined):
    joined.obs["library_id"] = joined.obs["library_id"].cat.rename_categories({"A1": "B_2"})
    joined.uns["spatial"]["B_2"] = joined.uns["spatial"].pop("A1")
    with pytest.raises(DataError, match="Rename them"):
        to_spatialdata(joined)


@pytest.fixture
def foreign():
    """Laid out as spatialdata-io lays out Visium: numbered instances, images scaled in one system."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(30, 170, (12, 2))
    full = rng.integers(0, 255, (3, 200, 200), dtype=np.uint8)
    table = AnnData(
        rng.poisson(1.0, (12, 2)).astype(np.float32), obs=pd.DataFrame(index=[f"b{i}" for i in range(12)])
    )
    table.obs["region"] = pd.Categorical(["lib"] * 12)
    order = rng.permutation(12)
    table.obs["spot_id"] = order
    shapes = ShapesModel.parse(
        xy, geometry=0, radius=9.0, index=np.arange(12), transformations={"lib": Identity()}
    )
    images = {
        "lib_full_image": Image2DModel.parse(full, dims=("c", "y", "x"), transformations={"lib": Identity()}),
        "lib_hires_image": Image2DModel.parse(
            full[:, ::4, ::4], dims=("c", "y", "x"), transformations={"lib": Scale([4, 4], ("x", "y"))}
        ),
    }
    table = TableModel.parse(table, region="lib", region_key="region", instance_key="spot_id")
    sdata = spatialdata.SpatialData(images=images, shapes={"lib": shapes}, tables={"table": table})
    return sdata, xy[order], np.moveaxis(full, 0, 2)


def test_other_tools_objects_are_adopted(foreign, tmp_path):
    sdata, xy, full = foreign
    sdata.write(tmp_path / "f.zarr")
    adata = from_spatialdata(spatialdata.read_zarr(tmp_path / "f.zarr"), mpp=0.5)
    np.testing.assert_allclose(adata.obsm["spatial"], xy)
    entry = adata.uns["spatial"]["lib"]
    assert entry["scalefactors"] == {
        "spot_diameter_fullres": 18.0,
        "tissue_hires_scalef": pytest.approx(0.25),
    }
    assert entry["mpp"] == 0.5
    np.testing.assert_array_equal(entry["images"]["hires"], full[::4, ::4])
    x, y = np.floor(xy[0] - 5 + 0.5).astype(int)
    np.testing.assert_array_equal(tiles(adata, 10).compute()[0], full[y : y + 10, x : x + 10])


def test_an_unknown_resolution_is_said(foreign):
    with pytest.warns(UserWarning, match="mpp="):
        adata = from_spatialdata(foreign[0])
    assert "mpp" not in adata.uns["spatial"]["lib"]


def test_instances_without_shape_and_unknown_tables(foreign):
    sdata = foreign[0]
    with pytest.raises(UsageError, match="'table'"):
        from_spatialdata(sdata, "other")
    sdata.tables["table"].obs["spot_id"] += 5
    with pytest.raises(DataError, match="5 have none"):
        from_spatialdata(sdata)
