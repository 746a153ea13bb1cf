"""Images with masks as rows: layouts, pixels, padding, and what is refused."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import genviz as gv
from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm
from genviz.io.image_masks import reading as image_masks
from genviz.io.image_masks.reading import read_image_masks
from genviz.io.library import read_records
from tests.io.conftest import assert_same
from tests.io.image_sets import NAMES, SIZES, index_set, labels, pair_folders, pannuke_fold, picture, save


@pytest.fixture
def root(tmp_path):
    return index_set(tmp_path / "set")


def test_index_gives_one_row_an_image(root):
    adata = read_image_masks(root)
    assert list(adata.obs_names) == list(NAMES) and adata.n_vars == 0
    assert list(adata.obs[Obs.LABEL]) == ["fluorescence", "histology", "fluorescence"]
    assert list(adata.obs[Obs.SPLIT]) == ["train", "train", "val"]
    assert list(adata.obs[Obs.N_NUCLEI]) == [2, 2, 2]
    tiles, masks = adata.obsm[Obsm.TILES], adata.obsm[Obsm.MASKS]
    assert (tiles.shape, tiles.dtype) == ((3, 48, 50, 3), np.uint8)
    assert (masks.shape, masks.dtype) == ((3, 48, 50), np.uint16)
    for i, name in enumerate(NAMES):
        h, w = adata.obs[Obs.HEIGHT].iloc[i], adata.obs[Obs.WIDTH].iloc[i]
        assert (h, w) == SIZES[name]
        np.testing.assert_array_equal(tiles[i, :h, :w], picture(name))
        np.testing.assert_array_equal(masks[i, :h, :w], labels(name))
        assert not tiles[i, h:].any() and not tiles[i, :, w:].any() and not masks[i, h:].any()
    assert read_records(adata)["set"]["masks"] == "instances"
    assert gv.io.contract_report(adata) == []


def test_images_of_16_bits_are_told_and_recorded(root, caplog):
    """Their high byte is kept; beside 8-bit images they would else pass for equals."""
    assert "n_16_bit" not in read_records(read_image_masks(root))["set"] and not caplog.records
    save(root / "images" / "b.png", picture("b")[..., 0].astype(np.uint16) * 16)  # 12 bits in 16
    adata = read_image_masks(root)
    assert read_records(adata)["set"]["n_16_bit"] == 1
    assert "set: 1 of 3 images have 16 bits a channel" in caplog.text and "value // 256" in caplog.text
    h, w = SIZES["b"]
    np.testing.assert_array_equal(adata.obsm[Obsm.TILES][1, :h, :w, 0], picture("b")[..., 0] // 16)
    assert gv.io.contract_report(adata) == []


def test_folder_and_index_are_the_same(root):
    assert_same(read_image_masks(root), read_image_masks(root / "index.csv"))


def test_index_may_name_its_files(root):
    (root / "index.csv").write_text("id,label,image,mask\nx,k,images/b.png,labels/b.png\n")
    adata = read_image_masks(root)
    np.testing.assert_array_equal(adata.obsm[Obsm.TILES][0], picture("b"))
    assert Obs.SPLIT not in adata.obs


def test_lazy_and_in_memory_are_equal_and_come_back(root, tmp_path, monkeypatch):
    memory = read_image_masks(root)
    monkeypatch.setattr(image_masks, "_IN_MEMORY_BYTES", 0)
    lazy = read_image_masks(root)
    for key in (Obsm.TILES, Obsm.MASKS):
        assert isinstance(lazy.obsm[key], da.Array) and lazy.obsm[key].chunks[0] == (1, 1, 1)
    assert_same(lazy, memory)
    gv.io.write_h5ad(lazy, tmp_path / "out.h5ad")
    assert_same(gv.io.read_h5ad(tmp_path / "out.h5ad"), memory)
    some = lazy[["c", "a"]]
    np.testing.assert_array_equal(gv.tiles(some)[0].compute(), memory.obsm[Obsm.TILES][2])
    np.testing.assert_array_equal(
        gv.tiles(memory)[1, 3:9, ::2].compute(), memory.obsm[Obsm.TILES][1, 3:9, ::2]
    )
    np.testing.assert_array_equal(
        np.asarray(lazy.obsm[Obsm.MASKS][1, 3:9, ::2]), memory.obsm[Obsm.MASKS][1, 3:9, ::2]
    )


def test_frame_of_a_stated_size(root):
    assert read_image_masks(root, size_px=64).obsm[Obsm.TILES].shape == (3, 64, 64, 3)
    with pytest.raises(DataError, match="'a' does not"):
        read_image_masks(root, size_px=48)


def test_plain_folder_needs_a_label(tmp_path):
    pair_folders(tmp_path)
    assert list(read_image_masks(tmp_path, label="x").obs[Obs.LABEL]) == ["x"] * 3
    with pytest.raises(UsageError, match="Give label="):
        read_image_masks(tmp_path)


def test_sub_folders_are_labels(tmp_path):
    for kind in ("one", "two"):
        pair_folders(tmp_path, images=f"images/{kind}", masks=f"masks/{kind}", names=("a", "b"))
    adata = read_image_masks(tmp_path)
    assert list(adata.obs_names) == ["one_a", "one_b", "two_a", "two_b"]
    assert list(adata.obs[Obs.LABEL]) == ["one", "one", "two", "two"]


@pytest.mark.parametrize(
    ("folder", "images", "masks"),
    [("histology", "images", "masks"), ("histology_annotation/dataset", "data", "label")],
)
def test_folders_of_labels_with_splits(tmp_path, folder, images, masks):
    for split, names in (("train", ("a", "b")), ("test", ("c",))):
        pair_folders(tmp_path / folder / split, images, masks, names, binary=True)
    adata = read_image_masks(tmp_path)
    assert set(adata.obs[Obs.LABEL]) == {"histology"}
    assert list(adata.obs[Obs.SPLIT]) == ["test", "train", "train"]
    assert read_records(adata)[tmp_path.name]["masks"] == "binary"
    assert list(adata.obs[Obs.N_NUCLEI]) == [2, 2, 2]


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_pannuke(tmp_path, dtype):
    for k in (1, 2):
        pannuke_fold(tmp_path, k, dtype=dtype)
    adata = read_image_masks(tmp_path)
    assert list(adata.obs_names[:2]) == ["fold1_0000", "fold1_0001"] and adata.n_obs == 6
    assert set(adata.obs[Obs.LABEL]) == {"histology"}
    assert list(adata.obs[Obs.ORGAN][:3]) == ["Breast", "Colon", "Breast"]
    assert list(adata.obs[Obs.SPLIT]) == ["train"] * 3 + ["val"] * 3
    assert list(np.unique(adata.obsm[Obsm.MASKS][0])) == [0, 1, 2, 3]
    assert set(adata.obs[Obs.N_NUCLEI]) == {3}


def test_pannuke_types_are_never_unpickled(tmp_path):
    pannuke_fold(tmp_path, 1)
    np.save(
        tmp_path / "Fold 1/images/fold1/types.npy", np.array(["Breast", None, "x"], object), allow_pickle=True
    )
    with pytest.raises(gv._errors.FileFormatError):
        read_image_masks(tmp_path)


def test_a_set_of_single_nuclei_can_be_called_instances(tmp_path):
    mask = np.zeros((20, 20), np.uint8)
    mask[2:5, 2:5] = mask[10:14, 10:14] = 1
    save(tmp_path / "images" / "a.png", np.zeros((20, 20), np.uint8))
    save(tmp_path / "masks" / "a_mask.png", mask)
    assert read_image_masks(tmp_path, label="x").obs[Obs.N_NUCLEI].iloc[0] == 2
    assert read_image_masks(tmp_path, label="x", masks="instances").obs[Obs.N_NUCLEI].iloc[0] == 1


def test_scene_that_straddles_the_split(root):
    (root / "index.csv").write_text("id,modality,split,scene\na,x,train,7\nb,x,val,7\nc,x,val,8\n")
    with pytest.raises(DataError, match=r"7 \(train, val\)"):
        read_image_masks(root)


def test_missing_partners_are_named(root):
    (root / "labels" / "b.png").unlink()
    with pytest.raises(DataError, match=r"a mask for each image.*'b'"):
        read_image_masks(root)
    (root / "images" / "b.png").unlink()
    with pytest.raises(DataError, match="neither: 'b'"):
        read_image_masks(root)
    pair_folders(root / "plain")
    (root / "plain" / "images" / "a.png").unlink()
    with pytest.raises(DataError, match=r"an image for each mask.*'a'"):
        read_image_masks(root / "plain", label="x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,modality\na,x\na,x\n", "occur more than once: 'a'"),
        ("name,modality\na,x\n", "column id"),
        ("id\na\n", "modality or label"),
        ("id,modality,image,mask\na,x,../../b.png,labels/a.png\n", "refused"),
        ("id,modality\n", "there are none"),
    ],
)
def test_bad_indices(root, text, message):
    (root / "index.csv").write_text(text)
    with pytest.raises((DataError, UsageError), match=message):
        read_image_masks(root)


def test_empty_folders(tmp_path):
    with pytest.raises(UsageError, match="none of them"):
        read_image_masks(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match="there are none"):
        read_image_masks(tmp_path)
    with pytest.raises(UsageError, match="nothing is there"):
        read_image_masks(tmp_path / "absent")


def test_sizes_must_agree(root):
    save(root / "labels" / "b.png", labels("b")[:-1])
    with pytest.raises(DataError, match=r"'b'.*32 x 48.*32 x 47"):
        read_image_masks(root)


def test_truncated_image(root):
    whole = (root / "images" / "b.png").read_bytes()
    (root / "images" / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(gv._errors.FileFormatError, match=r"b\.png"):
        read_image_masks(root)


def test_too_many_instances(tmp_path):
    import tifffile

    save(tmp_path / "images" / "a.png", np.zeros((257, 256), np.uint8))
    (tmp_path / "masks").mkdir()
    many = np.arange(257 * 256, dtype=np.int32).reshape(257, 256)
    tifffile.imwrite(tmp_path / "masks" / "a.tif", many)
    with pytest.raises(DataError, match="at most 65,535 instances"):
        read_image_masks(tmp_path, label="x")
    tifffile.imwrite(
        tmp_path / "masks" / "a.tif", np.where(many % 2, 0, many * 1000 + 1).astype(np.int32) // 4 * 4
    )
    adata = read_image_masks(tmp_path, label="x")
    assert adata.obsm[Obsm.MASKS].max() == adata.obs[Obs.N_NUCLEI].iloc[0]


def test_real_set(genviz_data):
    folder = genviz_data / "dsb2018"
    if not folder.is_dir():
        pytest.skip("no dsb2018 in GENVIZ_DATA")
    adata = read_image_masks(folder)
    assert adata.n_obs == 357 and adata.obs[Obs.N_NUCLEI].sum() == 16_321
    assert isinstance(adata.obsm[Obsm.TILES], da.Array)
    assert gv.io.contract_report(adata) == []
