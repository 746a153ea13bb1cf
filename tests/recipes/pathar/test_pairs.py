"""recipes.pathar.pairs and recipes.pathar.records: generated pairs are scored, records become tables."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz._errors import DataError, FileFormatError
from genviz.metrics import ImageSet, Score
from genviz.recipes.pathar import pairs
from genviz.recipes.pathar.records import read_records, write_record, write_tables
from genviz.recipes.pathar.tiles import tiles_or_phantom
from tests.models.pathar.tile_cases import LABELS, tiles, trained


class Bright:
    """Takes bright pixels for nuclei."""

    def predict(self, tiles_NHW3):
        return tiles_NHW3.mean(axis=-1) > 100


class Dark:
    """Tells the labels of the cases apart by brightness, without training."""

    names = LABELS
    temperature = 1.0

    def predict_proba(self, tiles_NHW3, *, calibrated=True):
        light = (tiles_NHW3.mean(axis=(1, 2, 3)) > 100).astype(float)
        return np.stack([1 - light, light], axis=1)

    def predict(self, tiles_NHW3):
        return np.array(self.names, object)[self.predict_proba(tiles_NHW3).argmax(axis=1)]


def judges(n: int = 8) -> pairs.Judges:
    from genviz.metrics.image_set import image_set

    return pairs.Judges(image_set(tiles(n, 1)), image_set(tiles(n, 2)), Bright(), Dark())


def test_pairs_are_scored_beside_real_ones():
    scores = pairs.score_pairs(trained(), judges(12), n=12)
    for name in ("style", "val_fd_statistics_dark", "train_fd_statistics_half_dark", "nearest_distance_dark"):
        assert name in scores
    for label in LABELS:  # a net of two epochs may leave no pair with nuclei to agree on
        filled = (1 - scores[f"empty_share_{label}"].value) * 12
        assert (f"agreement_{label}" in scores) == (f"agreement_shuffled_{label}" in scores) == (filled > 1.5)
    assert scores["val_fd_statistics_dark"].baseline is not None


def test_crops_without_nuclei_are_left_out():
    real = judges().val
    masks = real.masks.copy()
    masks[:3] = 0
    assert len(pairs.with_nuclei(ImageSet(real.tiles, masks, real.labels, real.groups))) == len(real) - 3


def record(folder, seed, value):
    scores = {
        "psnr": Score(value), "psnr_dark": Score(value + 1), "ce_structure_dark": Score(1.0, baseline=3.0),
        "unigram_structure_dark": Score(3.0), "ce_appearance_dark": Score(2.0, baseline=5.0),
        "unigram_appearance_dark": Score(5.0),
    }  # fmt: skip
    return write_record(folder, "mini", seed, "tokenizer", scores)


def test_records_become_tables_of_means_and_spreads(tmp_path):
    for seed, value in ((0, 30.0), (1, 32.0)):
        record(tmp_path, seed, value)
    pairs = {
        "empty_share_dark": Score(0.04, baseline=0.0),
        "val_precision_statistics_dark": Score(0.7, baseline=0.8),
        "nearest_correlation_max_dark": Score(0.91, baseline=0.96),
    }
    write_record(tmp_path, "mini", 0, "pairs", pairs)
    write_record(tmp_path, "mini", 0, "use", {"dark|100 synthetic": Score(0.85, baseline=0.87)})
    page = tmp_path / "results.md"
    names = ("tokenizer", "swaps", "prior", "pairs", "pairs-more", "use")
    page.write_text(
        "".join(f"<!-- table pathar-{name} -->\nold\n<!-- end -->\n" for name in names)
        + "<!-- table main -->\nkept\n<!-- end -->\n"
    )
    write_tables(tmp_path, page, ("dark",))
    text = page.read_text()
    assert "old" not in text
    assert "kept" in text
    assert "31.00 ± 1.41" in text
    assert "1.00 (3.00)" in text
    assert "5.00" in text.split("pathar-prior")[1].split("<!-- end")[0]
    assert "0.850 (0.870)" in text
    assert "| `mini` | dark | 0.70 (0.80) | - | - | - | - | 0.91 (0.96) |" in text


def test_what_is_not_measured_yet_is_said_and_older_records_are_read(tmp_path):
    record(tmp_path, 0, 30.0)  # neither leak nor centroids
    page = tmp_path / "results.md"
    names = ("leak", "centroids", "few")
    page.write_text("".join(f"<!-- table pathar-{name} -->\nold\n<!-- end -->\n" for name in names))
    write_tables(tmp_path, page, LABELS)
    assert page.read_text().count("Not measured yet.") == 3 and "old" not in page.read_text()

    newer = {
        "leak_r2_structure": Score(0.98), "leak_r2_appearance": Score(0.25), "leak_r2_structure_dark": Score(0.97),
        "leak_r2_appearance_dark": Score(0.44), "centroid_structure_dark_stained": Score(0.2),
        "centroid_appearance_dark_stained": Score(1.9), "centroid_structure_mean": Score(0.2),
        "centroid_appearance_mean": Score(1.9),
    }  # fmt: skip
    write_record(tmp_path, "mini", 1, "tokenizer", newer)
    few = {
        "dark|5 real": Score(0.8), "dark|100 synthetic": Score(0.7, baseline=0.8),
        "dark|100 synthetic|empty_share": Score(0.1), "dark|100 synthetic|nearest_distance": Score(9.0, baseline=12.0),
    }  # fmt: skip
    write_record(tmp_path, "mini", 0, "few", few)
    write_tables(tmp_path, page, LABELS)
    text = page.read_text()
    assert "| `mini` | dark | 0.97 | 0.44 |" in text
    assert "stained | 0.97" not in text  # never measured: no row of dashes
    assert "| `mini` | dark, stained | 0.20 | 1.90 |" in text
    assert "| `mini` | dark | 100 synthetic | 0.700 (0.800) | 0.10 | 9.0 (12.0) |" in text
    assert "| `mini` | dark | 5 real | 0.800 |  |  |" in text


def test_a_record_says_what_it_is_of(tmp_path):
    document = json.loads(record(tmp_path, 3, 1.0).read_text())
    assert (document["model"], document["seed"], document["part"]) == ("mini", 3, "tokenizer")


def test_missing_records_and_unknown_tables_are_named(tmp_path):
    with pytest.raises(DataError, match="--part pairs"):
        read_records(tmp_path, "pairs")
    page = tmp_path / "results.md"
    page.write_text("<!-- table pathar-nothing -->\n<!-- end -->\n")
    with pytest.raises(FileFormatError, match="pathar-nothing"):
        write_tables(tmp_path, page, LABELS)


def test_tiles_to_look_at_are_drawn_without_data(monkeypatch):
    from genviz._errors import DownloadError

    def absent(*_):
        raise DownloadError("no network")

    monkeypatch.setattr("genviz.recipes.pathar.tiles.datasets.dsb2018", absent)
    found, source = tiles_or_phantom(n=2)
    assert "synthetic" in source
    assert found.obs["label"].value_counts().to_dict() == {"fluorescence": 2, "histology": 2}
