from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from genviz._errors import FileFormatError, GenvizError, UsageError
from genviz.io.files.atomic import (
    atomic_dir,
    atomic_path,
    atomic_write_h5ad,
    atomic_write_json,
    atomic_write_text,
)
from genviz.io.files.output import check_new_folder, check_writable, check_writable_file, explained


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_name_appears_only_when_the_block_has_ended(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    with atomic_path(target) as working:
        working.write_text("whole")
        assert not target.exists()
        assert working.parent == target.parent
        assert working.suffix == ".txt"
    assert target.read_text() == "whole"
    assert names(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), FileFormatError("cut")])
def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(error)), atomic_path(target) as working:
        working.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_failure_takes_away_folders_it_made(tmp_path):
    with pytest.raises(ValueError), atomic_path(tmp_path / "new" / "deep" / "a.txt"):
        raise ValueError
    assert names(tmp_path) == []


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    atomic_write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "real.txt").read_text() == "new"
    assert (tmp_path / "link.txt").is_symlink()


def test_new_files_have_ordinary_permissions(tmp_path):
    atomic_write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        atomic_write_text(tmp_path, "x")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    said = r"a folder at .*file to write sub.a\.txt in; it is a file\. Choose another place"
    for write in (lambda path: atomic_write_text(path, "x"), check_writable):
        with pytest.raises(UsageError, match=said):
            write(tmp_path / "file" / "sub" / "a.txt")


def test_a_folder_in_the_place_of_a_file_is_refused_before_any_work(tmp_path):
    with pytest.raises(UsageError, match=r"is a folder. Name a file in it"):
        check_writable_file(tmp_path)
    check_writable_file(tmp_path / "new" / "a.txt")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/nowhere"),  # as /proc answers
        PermissionError(errno.EACCES, "Permission denied", "/nowhere"),
        PermissionError(errno.EACCES, "Permission denied", "/nowhere/deep"),
    ],
)
def test_a_folder_above_that_cannot_be_made_is_explained(error):
    said = r"allowed to write .*a\.txt; .*\. Ask\."
    with pytest.raises(GenvizError, match=said), explained(Path("/nowhere/deep/a.txt"), advice="Ask."):
        raise error


@pytest.mark.parametrize("place", ["/now", "/nowhere/deeper/in.tsv", "/nowhere/in.tsv"])
def test_a_place_with_a_similar_name_is_not_blamed(place):
    with pytest.raises(PermissionError), explained(Path("/nowhere/deep/a.txt")):
        raise PermissionError(errno.EACCES, "Permission denied", place)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_folder_without_permission_is_explained(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(GenvizError, match="allowed to write"):
        atomic_write_text(tmp_path / "a.txt", "x")


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("write failed: errno = 28, time ...")],
)
def test_a_full_disk_is_explained(tmp_path, error):
    with pytest.raises(GenvizError, match=r"full.*nothing was left under"), atomic_path(tmp_path / "a"):
        raise error
    assert names(tmp_path) == []
    (tmp_path / "a").write_text("old")
    with (
        pytest.raises(GenvizError, match=r"full.*what was there before is untouched") as told,
        atomic_path(tmp_path / "a"),
    ):
        raise error
    assert "nothing was left" not in str(told.value)
    assert (tmp_path / "a").read_text() == "old"


def test_an_unreadable_input_is_not_blamed_on_the_output(tmp_path):
    elsewhere = PermissionError(errno.EACCES, "Permission denied", "/elsewhere/input.tsv")
    with pytest.raises(PermissionError, match=r"input.tsv"), atomic_path(tmp_path / "a"):
        raise elsewhere


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file size")
def test_a_real_full_disk_leaves_no_h5ad(tmp_path):
    script = """
import resource, sys, numpy as np, anndata
from genviz.io.files.atomic import atomic_write_h5ad
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
rows = anndata.AnnData(np.random.default_rng(0).normal(size=(300, 300)))
try:
    atomic_write_h5ad(rows, sys.argv[1])
except Exception as err:
    sys.exit(f"{type(err).__name__}: {err}")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.h5ad")], capture_output=True, text=True, check=False
    )
    assert "GenvizError: Expected room to write" in done.stderr
    assert names(tmp_path) == []


def test_kill_9_leaves_nothing_under_the_name(tmp_path):
    script = """
import os, signal, sys
from genviz.io.files.atomic import atomic_path
with atomic_path(sys.argv[1]) as working:
    working.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.txt")], check=False)
    assert all(name.startswith(".a.") and name.endswith(".partial.txt") for name in names(tmp_path))
    assert len(names(tmp_path)) == 1
    atomic_write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_a_folder_appears_whole_also_over_an_empty_one(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    with atomic_dir(target) as working:
        (working / "sub").mkdir()
        (working / "sub" / "a").write_text("x")
        assert names(target) == []
    assert (target / "sub" / "a").read_text() == "x"
    assert names(tmp_path) == ["out"]


def test_a_folder_with_content_is_refused_before_any_work(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match=r"mine.txt"), atomic_dir(tmp_path):
        pytest.fail("the block must not run")
    with pytest.raises(UsageError, match="is a file"):
        check_new_folder(tmp_path / "mine.txt")


def test_replacing_a_folder_keeps_the_old_one_on_failure(tmp_path):
    target = tmp_path / "out"
    with atomic_dir(target) as working:
        (working / "old").touch()
    with pytest.raises(ValueError), atomic_dir(target, replace=True) as working:
        (working / "new").touch()
        raise ValueError
    assert names(target) == ["old"]
    with atomic_dir(target, replace=True) as working:
        (working / "new").touch()
    assert names(target) == ["new"]
    assert names(tmp_path) == ["out"]


def test_check_writable_leaves_nothing(tmp_path):
    check_writable(tmp_path / "new" / "deep" / "a.h5ad")
    check_writable(tmp_path)
    assert names(tmp_path) == []


def test_json_is_valid_whatever_numpy_brings(tmp_path):
    value = {
        "n": np.int64(3),
        "nan": np.float32("nan"),
        "v": np.arange(2),
        "p": tmp_path,
        4: (1.5, True, None),
    }
    atomic_write_json(tmp_path / "a.json", value)
    read = json.loads((tmp_path / "a.json").read_text(), parse_constant=lambda text: pytest.fail(text))
    assert read == {"n": 3, "nan": None, "v": [0, 1], "p": str(tmp_path), "4": [1.5, True, None]}


def rows() -> anndata.AnnData:
    adata = anndata.AnnData(np.arange(6, dtype=np.float32).reshape(3, 2))
    adata.obs["text"] = ["x", "y", "x"]
    adata.obs["gaps"] = pd.Series(["x", None, "y"], index=adata.obs_names, dtype=object)
    return adata


def test_writing_h5ad_does_not_change_the_object(tmp_path):
    adata = rows()
    atomic_write_h5ad(adata, tmp_path / "a.h5ad")
    assert adata.obs.dtypes.tolist() == [object, object]
    read = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert read.obs["text"].tolist() == ["x", "y", "x"]
    assert read.obs["gaps"].isna().tolist() == [False, True, False]
    assert np.array_equal(read.X, adata.X)


def test_views_and_backed_objects_are_written(tmp_path):
    atomic_write_h5ad(rows()[1:], tmp_path / "view.h5ad")
    backed = anndata.read_h5ad(tmp_path / "view.h5ad", backed="r")
    atomic_write_h5ad(backed, tmp_path / "again.h5ad")
    assert backed.filename == tmp_path / "view.h5ad"
    assert np.array_equal(anndata.read_h5ad(tmp_path / "again.h5ad").X, [[2, 3], [4, 5]])
