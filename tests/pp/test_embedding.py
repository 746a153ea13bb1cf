"""pp.embed: what is written, what is kept between calls, and what is refused."""

from __future__ import annotations

import hashlib
import json

import anndata as ad
import numpy as np
import pytest

from genviz._errors import DataError, GenvizError, MissingKeyError, UsageError
from genviz._settings import settings
from genviz._torchvision import guard_torchvision
from genviz.io import write_h5ad
from genviz.io.tile_recipe import TileRecipe, write_recipe
from genviz.pp.embedding import embed
from tests.pp.cases import MPP, Colour, painted, two_sections


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    return tmp_path / "cache" / "features"


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """Two painted sections."""
    return two_sections(tmp_path_factory.mktemp("slides"))


def record_of(adata, name="colour"):
    return json.loads(adata.uns["genviz"]["features"][name])


def test_features_of_each_section_come_from_its_own_slide(sections):
    from genviz.io.slides.of_section import slide_of

    adata, encoder = sections.copy(), Colour()
    embed(adata, encoder, stain=None)
    features = adata.obsm["X_colour"]
    assert features.dtype == np.float32 and features.shape == (18, 3)
    assert encoder.asked == [9, 9]
    for row in (0, 4, 17):
        x, y = adata.obsm["spatial"][row].astype(int)
        tile = slide_of(adata, adata.obs["library_id"].iloc[row]).read(x - 10, y - 10, 20, 20)
        np.testing.assert_allclose(features[row], tile.reshape(-1, 3).mean(axis=0), rtol=1e-5)


def test_how_they_were_made_is_recorded_as_one_string(sections, tmp_path):
    from genviz.io.slides.of_section import slide_of

    adata = sections.copy()
    embed(adata, Colour())
    record = record_of(adata)
    names = ["red", "green", "blue"]
    assert {name: record[name] for name in ("name", "version", "mpp", "ring", "stain", "n_features", "names")} == {
        "name": "colour", "version": 1, "mpp": MPP, "ring": "none", "stain": "macenko_glass", "n_features": 3,
        "names": names,
    }  # fmt: skip
    assert record["names_digest"] == hashlib.sha256(json.dumps(names).encode()).hexdigest()
    assert set(record["slides"]) == {"a", "b"}
    for name, slide in record["slides"].items():
        assert slide["sha256"] == slide_of(adata, name).sha256
        assert slide["stain"]["method"] == "macenko_glass"
    write_h5ad(adata, tmp_path / "e.h5ad")
    read = ad.read_h5ad(tmp_path / "e.h5ad")
    assert record_of(read) == record
    np.testing.assert_array_equal(read.obsm["X_colour"], adata.obsm["X_colour"])


def test_nothing_else_is_touched(sections):
    adata = sections.copy()
    before = adata.copy()
    embed(adata, Colour(), key_added="mine")
    assert set(adata.obsm) - set(before.obsm) == {"X_mine"}
    assert list(adata.uns["genviz"]["features"]) == ["mine"] and record_of(adata, "mine")["name"] == "colour"
    assert adata.obs.equals(before.obs) and (adata.X != before.X).sum() == 0


def test_a_row_does_not_depend_on_its_company(sections, cache):
    whole, part = sections.copy(), sections[[15, 2, 9]].copy()
    embed(whole, Colour())
    embed(part, Colour())
    np.testing.assert_array_equal(part.obsm["X_colour"], whole.obsm["X_colour"][[15, 2, 9]])
    assert len(list(cache.glob("*.safetensors"))) == 4  # other positions are another entry


def test_features_from_the_cache_equal_computed_ones(sections):
    first, second, encoder = sections.copy(), sections.copy(), Colour()
    embed(first, encoder)
    again = Colour()
    embed(second, again)
    assert (encoder.asked, again.asked) == ([9, 9], [])
    np.testing.assert_array_equal(first.obsm["X_colour"], second.obsm["X_colour"])
    assert record_of(first) == record_of(second)


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"version": 2}, {}),
        ({"weights_sha256": "00"}, {}),
        ({"ring": "mean", "pitch_um": 100.0}, {}),
        ({}, {"stain": None}),
        ({}, {"stain": "reinhard"}),
    ],
)
def test_another_recipe_is_computed_anew(sections, changes, options):
    embed(sections.copy(), Colour())
    other = Colour(**changes)
    embed(sections.copy(), other, **options)
    assert other.asked == [9, 9]


def test_another_picture_under_the_same_name_is_computed_anew(tmp_path):
    embed(painted(tmp_path), Colour())
    other = Colour()
    embed(painted(tmp_path, seed=5), other)
    assert other.asked == [9]


@pytest.mark.parametrize("spoil", [lambda data: data[:-2], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_damaged_cache_entry_is_computed_again_and_repaired(sections, cache, spoil):
    first, second, third = sections.copy(), sections.copy(), sections.copy()
    embed(first, Colour())
    entries = sorted(cache.glob("*.safetensors"))
    entries[0].write_bytes(spoil(entries[0].read_bytes()))
    repairing, after = Colour(), Colour()
    embed(second, repairing)
    embed(third, after)
    assert (repairing.asked, after.asked) == ([9], [])
    np.testing.assert_array_equal(second.obsm["X_colour"], first.obsm["X_colour"])


def test_the_ring_widens_morphology_as_it_says(sections):
    adata = sections[:3].copy()
    widths, names = {}, {}
    for ring in (None, "mean", "each"):
        embed(adata, "morphology", ring=ring)
        widths[ring], names[ring] = (
            adata.obsm["X_morphology"].shape[1],
            record_of(adata, "morphology")["names"],
        )
        assert record_of(adata, "morphology")["ring"] == (ring or "none")
        assert record_of(adata, "morphology")["n_own"] == widths[None]
    own = widths[None]
    around = widths["mean"] - own
    assert widths["each"] == own + 8 * around and 0 < around < own
    assert names["mean"][:own] == names["each"][:own] == names[None]
    assert all(len(set(found)) == len(found) == widths[ring] for ring, found in names.items())


def test_the_record_says_which_tissue_was_looked_at(sections):
    adata = sections[:3].copy()
    embed(adata, "morphology")
    record = record_of(adata, "morphology")
    assert (
        record["windows_um"] == [78.4, 156.8, 313.6]
        and record["mpp"] == 0.7
        and record["weights_sha256"] == ""
    )
    embed(adata, Colour())
    assert record_of(adata)["windows_um"] == []  # an encoder that does not say
    tiles = stored()
    embed(tiles, "morphology")
    record = record_of(tiles, "morphology_tile")
    assert (
        record["tiles"] == {"size_px": list(tiles.obsm["tiles"].shape[1:3]), "mpp": MPP}
        and "windows_um" not in record
    )


def stored(n: int = 6, mpp: float | None = MPP) -> ad.AnnData:
    from tests.features.painting import tissue

    picture = tissue(400, 700)
    adata = ad.AnnData(np.zeros((n, 0), np.float32))
    adata.obs["library_id"] = ["a"] * (n // 2) + ["b"] * (n - n // 2)
    adata.obsm["tiles"] = np.stack([picture[:200, 100 * i : 100 * i + 200] for i in range(n)])
    write_recipe(adata, TileRecipe(size_px=200, mpp=mpp))
    return adata


def test_stored_tiles_are_embedded_under_a_name_of_their_own():
    adata = stored()
    embed(adata, Colour(ring="mean"), stain=None)
    expected = adata.obsm["tiles"].reshape(6, -1, 3).mean(axis=1)
    np.testing.assert_allclose(adata.obsm["X_colour_tile"], expected, rtol=1e-5)
    record = record_of(adata, "colour_tile")
    assert (record["ring"], record["stain"], set(record["tile_stains"])) == ("none", "none", {"a", "b"})


def test_stains_of_stored_tiles_are_of_their_section():
    adata = stored()
    alone = adata[adata.obs["library_id"] == "b"].copy()
    embed(adata, Colour())
    embed(alone, Colour())
    np.testing.assert_array_equal(alone.obsm["X_colour_tile"], adata.obsm["X_colour_tile"][3:])
    stains = record_of(adata, "colour_tile")["tile_stains"]
    assert stains["a"] != stains["b"]


def refused(adata, error, words, *args, **kwargs):
    """`embed` raises, and leaves the object as it was."""
    before = set(adata.obsm), json.dumps(sorted(adata.uns.get("genviz", {})))
    with pytest.raises(error, match=words):
        embed(adata, *args, **kwargs)
    assert (set(adata.obsm), json.dumps(sorted(adata.uns.get("genviz", {})))) == before


def test_unknown_words_are_refused_with_those_that_exist(sections):
    refused(sections.copy(), UsageError, "an encoder of morphology, .*uni.*; got 'vgg'", "vgg")
    refused(sections.copy(), UsageError, "ring='mean', 'each' or None, got 'all'", ring="all")
    refused(
        sections.copy(),
        UsageError,
        "stain='macenko_glass', 'macenko', 'reinhard' or None, got 'he'",
        Colour(),
        stain="he",
    )
    refused(
        stored(),
        UsageError,
        "stain='macenko_glass', 'macenko', 'reinhard' or None, got 'he'",
        Colour(),
        stain="he",
    )


def test_missing_slots_are_named(sections, tmp_path):
    without = sections.copy()
    del without.obsm["spatial"]
    refused(without, MissingKeyError, "spatial", Colour())
    without = sections.copy()
    del without.uns["spatial"]["b"]["mpp"]
    refused(without, MissingKeyError, "mpp", Colour())
    gone = painted(tmp_path)
    (tmp_path / "S.png").unlink()
    refused(gone, DataError, r"S\.png", Colour())


def test_no_rows_are_refused(sections):
    refused(sections[:0].copy(), DataError, "at least one row.*Is the section empty", Colour())
    refused(stored()[:0].copy(), DataError, "at least one row.*Is the section empty", Colour())


def test_tiles_without_a_resolution_say_how_to_write_it():
    refused(stored(mpp=None), UsageError, r"write_recipe\(adata, TileRecipe\(size_px", Colour())


def test_a_slide_without_tissue_says_how_to_skip_the_stain(tmp_path):
    from PIL import Image

    adata = painted(tmp_path)
    Image.new("RGB", (700, 700), (245, 245, 245)).save(tmp_path / "S.png")
    adata.uns["spatial"]["S"]["metadata"].pop("source_image_sha256")
    refused(adata, DataError, "stain=None", Colour())
    embed(adata, Colour(), stain=None)
    assert (adata.obsm["X_colour"] == 245).all()


def test_gated_weights_say_what_to_do_and_write_nothing(sections, monkeypatch):
    guard_torchvision()
    timm = pytest.importorskip("timm", reason="the extra 'encoders' is not installed")
    errors = pytest.importorskip("huggingface_hub.errors", reason="the extra 'encoders' is not installed")

    def refuse(*args, **kwargs):
        raise errors.GatedRepoError.__new__(errors.GatedRepoError)

    monkeypatch.setattr(timm, "create_model", refuse)
    refused(sections.copy(), GenvizError, r"huggingface\.co/MahmoodLab/UNI.*hf auth login.*HF_TOKEN", "uni")


def copied(sections, embedding, encoder, **options):
    found = sections.copy()
    embedding.embed(found, encoder, **options)
    return found


@pytest.mark.parametrize("encoder", ["colour", "morphology"])
def test_on_a_cluster_it_is_the_same(sections, encoder, monkeypatch, tmp_path, request):
    from genviz.pp import embedding

    made = Colour() if encoder == "colour" else encoder
    here = copied(sections, embedding, made)
    tasks_there = request.getfixturevalue("tasks_there")
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "another")
    monkeypatch.setattr(embedding, "_ROWS_THERE", 4)
    embed(sections[:9].copy(), made)  # one of the two sections is in the cache
    assert tasks_there("_part") == 3
    there = copied(sections, embedding, made)
    assert tasks_there("_part") == 6
    np.testing.assert_array_equal(there.obsm[f"X_{encoder}"], here.obsm[f"X_{encoder}"])
    assert record_of(there, encoder) == record_of(here, encoder)
    assert len(list((tmp_path / "another" / "features").glob("*.safetensors"))) == 2
    copied(sections, embedding, made)
    assert tasks_there("_part") == 6


def test_on_a_cluster_stored_tiles_are_the_same(monkeypatch, request):
    from genviz.pp import embedding

    here, there = stored(), stored()
    embed(here, Colour())
    tasks_there = request.getfixturevalue("tasks_there")
    monkeypatch.setattr(embedding, "_TILES", 2)
    embed(there, Colour())
    assert tasks_there("_part_of_tiles") == 4
    np.testing.assert_array_equal(there.obsm["X_colour_tile"], here.obsm["X_colour_tile"])
