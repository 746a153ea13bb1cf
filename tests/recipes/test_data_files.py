"""recipes.data_files: which bytes a run read."""

import hashlib

import pytest

from genviz import datasets
from genviz._errors import DataError
from genviz.recipes.data_files import KEPT, PHANTOM, data_files, hold_to_data


def test_a_file_is_told_by_its_bytes(tmp_path):
    (tmp_path / "rows.h5ad").write_bytes(b"rows")
    found = data_files({"name": str(tmp_path / "rows.h5ad")})
    assert found == {str(tmp_path / "rows.h5ad"): hashlib.sha256(b"rows").hexdigest()}
    assert data_files({"name": str(tmp_path / "nowhere.h5ad")}) == {}


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
    beside = data_files({"name": "her2st", "sections": ["C3"], "beside": ["pannuke"]})
    assert set(beside) == {"her2st/ST-cnts/C3.tsv.gz"}  # sections are of the first


def test_bytes_are_read_again_only_where_something_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "her2st" / "ST-cnts"
    folder.mkdir(parents=True)
    (folder / "C2.tsv.gz").write_bytes(b"C2")
    asked, verify = [], datasets.verify
    monkeypatch.setattr(
        datasets, "verify", lambda name, sections: (asked.append(name), verify(name, sections=sections))[1]
    )
    data = {"name": "her2st", "sections": ["C2", "C3"]}
    first = data_files(data)
    assert data_files(data) == first and asked == ["her2st"]
    (folder / "C3.tsv.gz").write_bytes(b"C3")  # downloaded by a job
    assert set(data_files(data)) == {"her2st/ST-cnts/C2.tsv.gz", "her2st/ST-cnts/C3.tsv.gz"}
    (folder / "C2.tsv.gz").write_bytes(b"other")
    assert data_files(data)["her2st/ST-cnts/C2.tsv.gz"] == hashlib.sha256(b"other").hexdigest()
    (folder / "C2.tsv.gz").unlink()
    assert set(data_files(data)) == {"her2st/ST-cnts/C3.tsv.gz"} and len(asked) == 4


def test_an_unpacked_archive_is_told_by_all_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path / "cache"))
    (tmp_path / "clusterseg" / "test").mkdir(parents=True)
    file = tmp_path / "clusterseg" / "test" / "one.png"
    file.write_bytes(b"one")
    found = [data_files({"name": "clusterseg"})]
    (tmp_path / "clusterseg" / "test" / ".DS_Store").write_bytes(b"a window was opened")
    assert data_files({"name": "clusterseg"}) == found[0]
    for change in (lambda: file.write_bytes(b"another"), lambda: file.rename(file.with_name("two.png"))):
        change()
        found.append(data_files({"name": "clusterseg"}))
    assert all(len(one) == 1 for one in found) and len({str(one) for one in found}) == 3


def test_what_was_noted_is_compared(tmp_path):
    (tmp_path / "run" / "records").mkdir(parents=True)
    (tmp_path / "run" / "records" / "ours-0.json").touch()
    assert hold_to_data(tmp_path / "new", {}) == {} and not (tmp_path / "new").exists()
    assert hold_to_data(tmp_path / "run", {"a": "1"}) == {"a": "1"}
    assert hold_to_data(tmp_path / "run", {"b": "2"}) == {"a": "1", "b": "2"}
    assert hold_to_data(tmp_path / "run", {}) == {"a": "1", "b": "2"}
    with pytest.raises(DataError, match=r"run was made from; 'b' has other bytes now.*--models"):
        hold_to_data(tmp_path / "run", {"a": "1", "b": "3"})


def test_a_run_that_made_nothing_binds_nobody(tmp_path):
    """A damaged file was noted, the run stopped at it, and it was fetched anew."""
    run = tmp_path / "run"
    hold_to_data(run, {"a": "damaged", "b": "1"})
    (run / "models").mkdir()
    (run / "models" / "part-0.lock").touch()
    assert hold_to_data(run, {"a": "whole"}) == {"a": "whole"}
    (run / "models" / "weights.safetensors").touch()
    with pytest.raises(DataError, match="'a' has other bytes"):
        hold_to_data(run, {"a": "damaged"})


def test_where_all_is_noted_nothing_is_written(tmp_path):
    hold_to_data(tmp_path, {"a": "1", "b": "2"})
    before = (tmp_path / KEPT).stat().st_mtime_ns
    (tmp_path / f".{KEPT}.lock").unlink(missing_ok=True)
    assert hold_to_data(tmp_path, {"b": "2"}) == {"a": "1", "b": "2"}
    assert not (tmp_path / f".{KEPT}.lock").exists()
    assert (tmp_path / KEPT).stat().st_mtime_ns == before


def test_made_up_data_of_another_version_are_named_so(tmp_path):
    (tmp_path / "weights.safetensors").touch()
    hold_to_data(tmp_path, {PHANTOM: "made by genviz 0.0.1"})
    with pytest.raises(DataError, match=r"made by genviz 0\.0\.1, which is not installed"):
        hold_to_data(tmp_path, data_files({"name": PHANTOM}))
