"""Rows in and out: every result survives a file and says that it is synthetic; what does not fit is refused."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from genviz import io
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models.pathar import codec
from tests.models.pathar.tile_cases import LABELS, SIDE, discs, tiles, trained, untrained

REGION = np.pad(np.ones((16, 16), bool), 8)
PARTS = np.where(REGION, 0.7, 0.1)  # a map of probabilities
NOWHERE = np.where(REGION, np.nan, 0.0)


def results():
    """Every operation that gives rows."""
    model, rows = trained(), tiles(2)
    return {
        "generate": model.generate(LABELS, n=2, seed=0),
        "masks": model.masks(LABELS, n=2, seed=0),
        "encode": model.encode(rows),
        "decode": model.decode(rows),
        "log_prob": model.log_prob(rows),
        "swap": model.swap(rows[:2].copy(), rows[2:].copy()),
        "render": model.render(rows, "dark", n=2, seed=0),
        "from_mask": model.from_mask(rows, "stained", seed=0),
        "inpaint": model.inpaint(rows, REGION, n=2, n_candidates=2, seed=0),
    }


@pytest.fixture(scope="module")
def made():
    return results()


def test_every_result_comes_back_from_a_file_as_it_was(made, tmp_path):
    for name, rows in made.items():
        io.write_h5ad(rows, tmp_path / f"{name}.h5ad")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = io.read_h5ad(tmp_path / f"{name}.h5ad")
        pd.testing.assert_frame_equal(found.obs, rows.obs, check_index_type=False, check_names=False)
        assert set(found.obsm) == set(rows.obsm)
        for key in rows.obsm:
            np.testing.assert_array_equal(found.obsm[key], rows.obsm[key])
            assert found.obsm[key].dtype == rows.obsm[key].dtype
        assert dict(found.uns["genviz"]) == dict(rows.uns["genviz"])


def test_every_new_image_says_that_it_is_synthetic(made):
    for name in ("generate", "masks", "decode", "swap", "render", "from_mask", "inpaint"):
        record = json.loads(made[name].uns["genviz"]["pathar"])
        assert record["synthetic"] is True and record["operation"] == name
        assert record["model"] == "PathAR" and {"seed", "parameters", "split_sha256", "version"} <= set(
            record
        )
    assert (
        json.loads(made["generate"].uns["genviz"]["pathar"])["parameters"]["rule"]["structure"]["guidance"]
        == 1.5
    )


def test_shapes_types_and_names_are_as_promised(made):
    rows = made["generate"]
    assert list(rows.obs_names) == ["dark-0", "dark-1", "stained-0", "stained-1"]
    assert rows.obs["draw"].tolist() == [0, 1, 0, 1]
    assert rows.obsm["pathar"].dtype == np.uint8 and rows.obsm["pathar"].shape == (4, SIDE, SIDE, 3)
    assert rows.obsm["pathar_mask"].dtype == np.uint16
    assert rows.obsm["structure_tokens"].dtype == np.int32
    assert rows.obs["n_nuclei"].tolist() == [int(mask.max()) for mask in rows.obsm["pathar_mask"]]
    assert list(made["render"].obs_names)[:2] == ["dark0@dark#0", "dark0@dark#1"]
    assert list(made["swap"].obs_names) == ["dark0+stained0", "dark1+stained1"]
    assert list(made["inpaint"].obs_names)[:2] == ["dark0~0", "dark0~1"]
    assert made["log_prob"].obsm["pathar_structure_log_prob"].shape == (4, 16)
    assert (made["log_prob"].obsm["pathar_appearance_log_prob"] <= 0).all()
    assert set(made["masks"].obsm) == {"pathar_mask", "structure_tokens"}


def test_images_of_grey_labels_are_grey(made):
    rows = made["generate"]
    grey = np.ptp(rows.obsm["pathar"].astype(int), axis=-1).max(axis=(1, 2)) == 0
    assert grey[:2].all()


def test_the_result_key_is_the_users():
    rows = trained().generate("dark", seed=0, key_added="mine")
    assert {"mine", "mine_mask"} <= set(rows.obsm) and "mine" in rows.uns["genviz"]


def test_a_row_does_not_depend_on_its_neighbours():
    """Seventeen rows and each alone: the same bytes, over a border of chunks."""
    model, rows = trained(), tiles(9)
    encoded, decoded = model.encode(rows), model.decode(rows)
    for k in (0, 15, 16, 17):
        alone = rows[[k]].copy()
        one = model.encode(alone)
        np.testing.assert_array_equal(one.obsm["appearance_tokens"][0], encoded.obsm["appearance_tokens"][k])
        np.testing.assert_array_equal(one.obsm["structure_tokens"][0], encoded.obsm["structure_tokens"][k])
        np.testing.assert_array_equal(model.decode(alone).obsm["pathar"][0], decoded.obsm["pathar"][k])


def test_gpu_memory_that_is_short_halves_the_chunk(monkeypatch, caplog):
    model, rows = trained(), tiles(4)
    whole = model.decode(rows).obsm["pathar"]
    decode = model.fitted.tokenizer.decode_image

    def short(s, a, grid):
        if len(a) > 4:
            raise torch.cuda.OutOfMemoryError("too large")
        return decode(s, a, grid)

    monkeypatch.setattr(model.fitted.tokenizer, "decode_image", short)
    np.testing.assert_array_equal(model.decode(rows).obsm["pathar"], whole)
    assert "going on with 8" in caplog.text and "going on with 4" in caplog.text
    monkeypatch.setattr(model.fitted.tokenizer, "decode_image", lambda *_: short(None, range(9), None))
    with pytest.raises(torch.cuda.OutOfMemoryError):  # not even one row fits
        model.decode(rows)


def test_larger_tiles_are_taken_apart_and_put_together():
    """The tokenizer is convolutional; the prior has one size."""
    model, rows = trained(), discs(2, 48)
    wide = model.decode(rows)
    assert wide.obsm["pathar"].shape == (4, 48, 48, 3)
    oblong = rows.copy()
    for key in ("tiles", "masks"):
        oblong.obsm[key] = oblong.obsm[key][:, :, :24]
    encoded = model.encode(oblong)
    assert json.loads(encoded.uns["genviz"]["tokens"])["grid"] == [6, 3]
    assert model.decode(encoded).obsm["pathar_mask"].shape == (4, 48, 24)
    for call in (
        model.log_prob,
        lambda a: model.render(a, seed=0),
        lambda a: model.inpaint(a, np.ones((48, 48))),
    ):
        with pytest.raises(
            DataError, match=r"tiles of 32 x 32 pixels, 4 x 4 tokens; got 6 x 6.*gv\.pp\.crops"
        ):
            call(rows)


def test_padding_is_not_encoded():
    model, rows = trained(), tiles(2)
    padded = rows.copy()
    for key in ("tiles", "masks"):
        width = [(0, 0), (0, 8), (0, 16)] + [(0, 0)] * (rows.obsm[key].ndim - 3)
        padded.obsm[key] = np.pad(rows.obsm[key], width)
    padded.obs["height"] = padded.obs["width"] = SIDE
    expected, found = model.encode(rows), model.encode(padded)
    np.testing.assert_array_equal(found.obsm["appearance_tokens"], expected.obsm["appearance_tokens"])
    padded.obs["height"] = [SIDE, 24, SIDE, SIDE]
    with pytest.raises(
        DataError, match=r"2 different heights and widths.*gv\.pp\.crops\(adata, size_px=32\)"
    ):
        model.encode(padded)


def test_half_of_the_tokens_is_enough_where_half_is_needed():
    model = trained()
    masks = model.masks(LABELS, n=1, seed=4)
    whole = model.generate(LABELS, n=1, seed=4)
    rendered = model.render(masks, seed=4)
    np.testing.assert_array_equal(rendered.obsm["appearance_tokens"], whole.obsm["appearance_tokens"])
    decoded = model.decode(masks)
    np.testing.assert_array_equal(decoded.obsm["pathar_mask"], whole.obsm["pathar_mask"])
    assert "pathar" not in decoded.obsm
    bare = tiles(1)
    del bare.obsm["tiles"]
    assert model.render(bare, seed=0).n_obs == 2
    assert model.swap(bare, tiles(1)).n_obs == 2


def changed(**slots):
    rows = tiles(1)
    for key, value in slots.items():
        if value is None:
            del rows.obsm[key]
        else:
            rows.obsm[key] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        (changed(tiles=None), MissingKeyError, r"obsm\['tiles'\].*read_image_masks"),
        (changed(masks=None), MissingKeyError, r"obsm\['masks'\]"),
        (changed(tiles=np.zeros((2, SIDE, SIDE, 3))), DataError, r"uint8 .* got float64"),
        (changed(tiles=np.zeros((2, SIDE, SIDE), np.uint8)), DataError, r"uint8 \(rows, H, W, 3\)"),
        (changed(masks=np.zeros((2, 40, 40), np.uint8)), DataError, "masks of the size of the tiles"),
        (changed(tiles=np.zeros((2, 30, 30, 3), np.uint8)), DataError, "multiples of 8 pixels.*30 x 30"),
        (tiles(1)[:0].copy(), DataError, "at least one row"),
    ],
    ids=["no tiles", "no masks", "floats", "grey", "other masks", "other sides", "no rows"],
)
def test_rows_that_do_not_fit_are_refused(rows, error, said):
    with pytest.raises(error, match=said):
        trained().encode(rows)


def test_tokens_that_do_not_fit_are_refused():
    model = trained()
    rows = tiles(1)
    rows.obsm["structure_tokens"] = np.zeros((2, 16), np.int32)
    for bad, said in (
        (np.full((2, 16), 32), "appearance tokens from 0 to 31; got 32 to 32.*another model"),
        (np.full((2, 16), -1), "got -1 to -1"),
        (np.zeros((2, 25), int), "4 x 4 appearance tokens a row; got 25"),
    ):
        rows.obsm["appearance_tokens"] = bad
        with pytest.raises(DataError, match=said):
            model.decode(rows)
    del rows.obsm["structure_tokens"]
    rows.obsm["appearance_tokens"] = np.zeros((2, 16), int)
    with pytest.raises(MissingKeyError, match="never decoded appearance alone"):
        model.decode(rows)
    rows.obsm["appearance_tokens"] = np.zeros((2, 15), int)
    with pytest.raises(DataError, match="a square tile; got 15"):
        model.decode(rows)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda m: m.generate("blue"), UsageError, "labels out of dark, stained; got blue"),
        (lambda m: m.generate([]), UsageError, "each once; got none"),
        (lambda m: m.generate(["dark", "dark"]), UsageError, "each once; got dark, dark"),
        (lambda m: m.generate("dark", n=0), UsageError, "n, a whole number from 1; got 0"),
        (lambda m: m.generate("dark", n=1.5), UsageError, "got 1.5"),
        (lambda m: m.generate("dark", seed=-1), UsageError, "a seed from 0"),
        (lambda m: m.generate("dark", seed=2**63), UsageError, "a seed from 0"),
        (lambda m: m.generate("dark", seed=0.5), UsageError, "a seed from 0"),
        (lambda m: m.generate("dark", rule="wild"), UsageError, "plain, paper, model; got 'wild'"),
        (lambda m: m.generate("dark", sampler="fast"), UsageError, "a sampler out of"),
        (lambda m: m.generate("dark", batch_size=0), UsageError, "batch_size, a whole number"),
        (lambda m: m.masks("dark", n=-1), UsageError, "n, a whole number"),
        (lambda m: m.render(tiles(1), "blue"), UsageError, "got blue"),
        (lambda m: m.render(tiles(1), ["dark"]), UsageError, "each of 2 rows; got 1"),
        (lambda m: m.render(tiles(1), n=0), UsageError, "n, a whole number"),
        (lambda m: m.from_mask(np.zeros((40, 40)), "dark"), DataError, r"32 x 32 pixels; got 40 x 40.*crops"),
        (lambda m: m.from_mask(np.zeros((0, SIDE, SIDE)), "dark"), DataError, "at least one mask"),
        (lambda m: m.from_mask(np.zeros(7), "dark"), DataError, "masks of 32 x 32"),
        (lambda m: m.from_mask(np.full((SIDE, SIDE), 0.4), "dark"), DataError, "whole numbers.*masks > 0.5"),
        (lambda m: m.from_mask(np.full((SIDE, SIDE), np.nan), "dark"), DataError, "fractions or NaN"),
        (lambda m: m.from_mask(np.full((SIDE, SIDE), -1), "dark"), DataError, "masks from 0.*got -1"),
        (lambda m: m.decode(changed(masks=np.full((2, SIDE, SIDE), -1))), DataError, "masks from 0.*got -1"),
        (lambda m: m.swap(tiles(2), tiles(2)[:3].copy()), UsageError, "as many rows on both sides"),
        (lambda m: m.swap(tiles(1), discs(1, 48)), DataError, "tiles of one size"),
        (lambda m: m.inpaint(tiles(1), np.ones((8, 8))), UsageError, "a region of 32 x 32"),
        (lambda m: m.inpaint(tiles(1), np.zeros((SIDE, SIDE))), UsageError, "at least one pixel in every row"),
        (lambda m: m.inpaint(tiles(1), REGION, what="structure"), UsageError, "'both', 'appearance'"),
        (lambda m: m.inpaint(tiles(1), REGION, n_candidates=0), UsageError, "n_candidates, a whole number"),
        (lambda m: m.inpaint(tiles(1), REGION, masks=np.zeros((3, 3))), DataError, "painted masks of 32 x 32"),
        (lambda m: m.inpaint(tiles(1), REGION, masks=PARTS), DataError, "painted masks of whole numbers"),
        (lambda m: m.inpaint(tiles(1), REGION, masks=-1 * REGION), DataError, "painted masks from 0.*got -1"),
        (lambda m: m.inpaint(tiles(1), NOWHERE), DataError, "a region of whole numbers.*NaN"),
        (lambda m: m.inpaint(tiles(1), PARTS), DataError, "a region of whole numbers"),
        (lambda m: m.inpaint(tiles(1), -1 * REGION), DataError, "a region from 0.*got -1"),
        (lambda m: m.generate("dark", organs="liver"), UsageError, "no organs: the model was trained without"),
        (lambda m: m.render(tiles(1), organs=[None] * 2), UsageError, "no organs"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(call, error, said):
    with pytest.raises(error, match=said):
        call(trained())


def test_rows_without_labels_need_them_told():
    rows = tiles(1)
    del rows.obs["label"]
    with pytest.raises(MissingKeyError, match=r"obs\['label'\].*Pass labels="):
        trained().render(rows)
    assert trained().render(rows, "dark", seed=0).n_obs == 2


def test_masks_are_looked_at_before_instances_are_parted():
    fitted = untrained()
    tokens = codec.Tokens(
        codec.encode_masks(fitted, np.ones((2, SIDE, SIDE), bool)), codec.no_tokens(2), (4, 4)
    )
    foreground = codec.decode_foreground(fitted, tokens)
    assert foreground.shape == (2, SIDE, SIDE) and foreground.dtype == bool
