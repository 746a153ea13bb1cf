from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genviz._errors import DataError, UsageError
from genviz.io.fetching.manifests import load_manifest, manifest_folder, manifest_names, safe_path
from genviz.io.fetching.recognise import git_blob_id

ROOT = Path(__file__).parents[3]

MINIMAL = """
name = "toy"
title = "Toy"
kind = "spatial"
licence = "CC0-1.0"
citation = "Nobody"
[[sections]]
name = "A1"
patient = "A"
[[files]]
path = "data/a.tsv"
local = "a.tsv"
url = "https://example.org/a.tsv"
role = "counts"
section = "A1"
git_blob = "ce013625030ba8dba906f756967f9e9ca394464a"
"""


def toy(folder: Path, *, old: str = "", new: str = "", more: str = "") -> str:
    assert old in MINIMAL
    file = folder / "toy.toml"
    file.write_text(MINIMAL.replace(old, new) + more if old else MINIMAL + more)
    return str(file)


@pytest.fixture(scope="module")
def her2st():
    return load_manifest("her2st")


@pytest.fixture(scope="module")
def her2st_folder():
    data = os.environ.get("GENVIZ_DATA")
    if not data or not (Path(data) / "her2st").is_dir():
        pytest.skip("set GENVIZ_DATA to a folder with her2st/ to run this test")
    return Path(data) / "her2st"


def test_every_file_of_the_repository_is_listed(her2st):
    assert len(her2st.files) == 126
    assert len({file.git_blob for file in her2st.files}) == 126
    roles = [file.role for file in her2st.files]
    assert {role: roles.count(role) for role in set(roles)} == {
        "counts": 36, "spots": 36, "image": 36, "annotation": 8, "labels": 9, "readme": 1,
    }  # fmt: skip


def test_each_section_has_counts_spots_and_image(her2st):
    assert len(her2st.sections) == 36
    for section in her2st.sections:
        assert section.patient == section.name[0]
        assert sorted(f.role for f in her2st.select([section.name], ["counts", "spots", "image"])) == [
            "counts",
            "image",
            "spots",
        ]
    (image,) = her2st.select(["C3"], ["image"])
    assert image.local == "ST-imgs/C/C3/5714_HE_BT_D1.jpg"


def test_addresses_name_the_commit(her2st):
    commit = "85df7411b987a7dec3feff9718b869a7a82091ec"
    for file in her2st.files:
        assert file.url == f"https://raw.githubusercontent.com/almaan/her2st/{commit}/{file.path}"
        assert file.path == f"data/{file.local}"


def test_verified_means_that_a_checksum_was_computed(her2st):
    for file in her2st.files:
        assert file.verified == bool(file.sha256) == (file.size is not None)
    assert sum(file.verified for file in her2st.files) == 46


def test_verified_files_are_what_the_manifest_says(her2st, her2st_folder):
    verified = [file for file in her2st.files if file.verified]
    for file in verified:
        path = her2st_folder / file.local
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert git_blob_id(path) == file.git_blob
    here = {p.relative_to(her2st_folder).as_posix() for p in her2st_folder.glob("ST-*/**/*") if p.is_file()}
    assert here == {file.local for file in verified}


def test_licence_and_rules_are_there(her2st):
    assert her2st.licence == "CC-BY-4.0"
    assert "s41467-021-26271-2" in her2st.citation
    assert her2st.facts["spots"]["pitch_um"] == 200.0
    assert "200 um" in her2st.facts["spots"]["mpp_rule"]
    assert [her2st.section(name).facts["n_spots"] for name in ("C2", "C3", "C4", "C5")] == [
        187,
        180,
        184,
        181,
    ]
    assert her2st.section("C2").facts["mpp"] == pytest.approx(0.689, abs=2e-3)


def test_panels_are_shipped_and_labelled(her2st):
    lists = {panel.name: (her2st.folder / panel.file).read_text().split() for panel in her2st.panels}
    assert [len(genes) for genes in lists.values()] == [200, 200]
    assert len(set(lists["genes_genar200"]) & set(lists["genes_hvg200_C2-C5"])) == 32
    assert "leak" in next(panel.note for panel in her2st.panels if "hvg" in panel.name)


def test_the_manifest_is_made_by_its_script(her2st_folder, tmp_path):
    blobs = tmp_path / "blobs.tsv"
    listed = load_manifest("her2st").files
    blobs.write_text("".join(f"{file.git_blob}\t{file.path}\n" for file in reversed(listed)))
    out = tmp_path / "her2st.toml"
    subprocess.run(
        [
            sys.executable,
            ROOT / "data_manifests" / "make_her2st.py",
            "--blobs",
            blobs,
            "--data",
            her2st_folder,
            "--out",
            out,
        ],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert out.read_bytes() == (manifest_folder() / "her2st.toml").read_bytes()


def test_unknown_names_list_the_known(her2st):
    assert "her2st" in manifest_names()
    with pytest.raises(UsageError, match="her2st"):
        load_manifest("her3st")
    with pytest.raises(UsageError, match="her2st"):
        load_manifest("../data_manifests/her2st")
    with pytest.raises(UsageError, match=r"'C9'.*C2"):
        her2st.select(["C9"])


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/x", "a//x", "./x", "", "C:/x", "a\\..\\x", "a/\x00", "..", "a/", "NUL\n"],
)
def test_paths_that_leave_the_folder_are_refused(tmp_path, path):
    with pytest.raises(DataError, match="refused"):
        safe_path(path)
    quoted = path.replace("\\", "\\\\").replace("\x00", "\\u0000").replace("\n", "\\n")
    for key, old in (("path", "data/a.tsv"), ("local", "a.tsv")):
        with pytest.raises(DataError, match="refused"):
            load_manifest(toy(tmp_path, old=f'{key} = "{old}"', new=f'{key} = "{quoted}"'))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('git_blob = "ce013625030ba8dba906f756967f9e9ca394464a"', "", "it has none"),
        ("ce013625030ba8dba906f756967f9e9ca394464a", "ce01", "in hex"),
        ('role = "counts"', 'role = "counts"\nverified = true', "marked verified"),
        ("https://", "file://", "http"),
        ('section = "A1"', 'section = "B1"', "B1"),
        ('title = "Toy"', "", "title"),
        ('role = "counts"', 'role = "counts"\ncolour = "red"', "colour"),
        ("[[files]]", "[[files", "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(tmp_path, old, new, message):
    assert load_manifest(toy(tmp_path)).files[0].local == "a.tsv"
    with pytest.raises(DataError, match=message):
        load_manifest(toy(tmp_path, old=old, new=new))


def test_a_file_listed_twice_is_refused(tmp_path):
    again = "[[files]]" + MINIMAL.split("[[files]]")[1].replace('local = "a.tsv"', 'local = "A.tsv"')
    with pytest.raises(DataError, match="twice"):
        load_manifest(toy(tmp_path, more=again))
