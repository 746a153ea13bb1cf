"""What data sets there are, what of them is here, and whether the bytes are right."""

from __future__ import annotations

from collections import Counter

import pytest

from genviz import datasets
from genviz._errors import UsageError
from genviz._settings import settings
from genviz.io.fetching.manifests import load_manifest

HERE = ("C2", "C3", "C4", "C5")


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No data at all: an empty folder and an empty cache."""
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    return tmp_path


def her2st():
    return next(data_set for data_set in datasets.list() if data_set.name == "her2st")


def test_data_sets_say_what_they_are():
    found = her2st()
    assert found.kind == "spatial" and found.licence == "CC-BY-4.0" and "Andersson" in found.citation
    assert len(found.sections) == 36 and found.sections[0] == "A1" and found.sections[-1] == "H3"


def test_nothing_is_here_in_an_empty_place(empty):
    found = her2st()
    assert found.n_here == 0 and found.sections_here == () and found.n_files > 100
    assert {file.status for file in datasets.verify("her2st")} == {"absent"}


def test_complete_sections_are_listed(her2st_dir, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
    found = her2st()
    assert set(HERE) <= set(found.sections_here) and "A1" not in found.sections_here
    assert len(HERE) * 3 <= found.n_here < found.n_files


def test_files_are_taken_from_genviz_data(her2st_dir, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
    paths = datasets.fetch("her2st", sections=["C3", "A1"], roles=["counts", "spots"])
    assert {section: set(roles) for section, roles in paths.items()} == {
        "C3": {"counts", "spots"},
        "A1": {"counts", "spots"},
    }
    assert paths["C3"]["counts"] == her2st_dir / "ST-cnts" / "C3.tsv.gz"


def test_the_folder_tells_the_section_not_the_file_name(her2st_dir, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
    paths = datasets.fetch("her2st", sections="C3", roles=["image"])
    assert paths["C3"]["image"].name == "5714_HE_BT_D1.jpg"


def test_bytes_are_checked(her2st_dir, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
    found = datasets.verify("her2st", sections=["C2", "A1", "B1"])
    here = Counter((file.status, file.place) for file in found)
    assert set(here) == {("ok", "GENVIZ_DATA"), ("absent", "")}
    assert here["ok", "GENVIZ_DATA"] == 3 + 3  # image of C2; labels of A1
    assert {file.checked_by for file in found if file.status == "ok"} == {"sha256"}


def test_wrong_bytes_are_found(empty):
    (file,) = load_manifest("her2st").select(["C2"], ["spots"])
    place = empty / "her2st" / file.local
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x\ty\n")
    (wrong,) = [status for status in datasets.verify("her2st", sections="C2") if status.status != "absent"]
    assert (wrong.local, wrong.status, wrong.place, wrong.path) == (file.local, "wrong", "GENVIZ_DATA", place)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.fetch("her3st"), "got 'her3st'. There are: clusterseg, coad-msi, dsb2018, her2st"),
        (lambda: datasets.fetch("her2st", sections=["C7"]), "got 'C7'. There are: A1, A2"),
        (lambda: datasets.verify("her2st", sections=["C7"]), "got 'C7'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(call, message):
    with pytest.raises(UsageError, match=message.replace(".", r"\.")):
        call()
