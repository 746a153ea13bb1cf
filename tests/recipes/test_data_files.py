"""recipes.data_files: which bytes a run read."""

import hashlib

from genviz.recipes.data_files import data_files


def test_a_file_is_told_by_its_bytes(tmp_path):
    (tmp_path / "rows.h5ad").write_bytes(b"rows")
    found = data_files({"name": str(tmp_path / "rows.h5ad")})
    assert found == {"rows.h5ad": hashlib.sha256(b"rows").hexdigest()}


def test_made_up_data_are_told_by_the_version_that_makes_them():
    (told,) = data_files({"name": "phantom"}).values()
    assert told.startswith("made by genviz ")


def test_files_of_every_data_set_that_is_here_and_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path / "cache"))
    (tmp_path / "her2st" / "ST-cnts").mkdir(parents=True)
    for section in ("C2", "C3"):
        (tmp_path / "her2st" / "ST-cnts" / f"{section}.tsv.gz").write_bytes(section.encode())
    found = data_files({"name": "her2st", "sections": ["C2"]})
    assert found == {"her2st/ST-cnts/C2.tsv.gz": hashlib.sha256(b"C2").hexdigest()}
    both = data_files({"name": "her2st", "cohorts": ["her2st", "pannuke"]})
    assert set(both) == {"her2st/ST-cnts/C2.tsv.gz", "her2st/ST-cnts/C3.tsv.gz"}
