"""io.files.opening: absent, damaged, of another kind; checksums."""

from __future__ import annotations

import gzip
import hashlib

import pytest

from genviz._errors import DataError, FileFormatError, MissingKeyError, UsageError
from genviz.io.files.opening import existing, file_sha256, read_text_bytes, reading


def test_absent_and_wrong_kind(tmp_path):
    with pytest.raises(UsageError, match="nothing is there"):
        existing(tmp_path / "no", "a table")
    with pytest.raises(UsageError, match="a file; it is a folder"):
        existing(tmp_path, "a table")
    assert existing(tmp_path, "a folder of tables", folder=True) == tmp_path


@pytest.mark.parametrize("error", [EOFError("end"), OSError("bad"), KeyError("x"), ValueError("v")])
def test_decoder_errors_become_one_error_with_their_reason(tmp_path, error):
    with (
        pytest.raises(FileFormatError, match=type(error).__name__) as caught,
        reading(tmp_path / "f", "a table"),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_our_own_errors_pass_and_permission_is_not_damage(tmp_path):
    for kind in (FileFormatError, UsageError, DataError, MissingKeyError):
        with pytest.raises(kind, match=r"^said$"), reading(tmp_path, "a table"):
            raise kind("said")
    with pytest.raises(UsageError, match="permission"), reading(tmp_path, "a table"):
        raise PermissionError("no")


def test_gzip_is_told_by_its_bytes(tmp_path):
    plain, packed = tmp_path / "a.tsv", tmp_path / "b.tsv"
    plain.write_bytes(b"x\n")
    packed.write_bytes(gzip.compress(b"x\n"))
    assert read_text_bytes(plain, "t") == read_text_bytes(packed, "t") == b"x\n"
    packed.write_bytes(gzip.compress(b"x\n" * 999)[:-3])
    with pytest.raises(FileFormatError, match="truncated"):
        read_text_bytes(packed, "t")
    plain.write_bytes(b" \n")
    with pytest.raises(FileFormatError, match="empty"):
        read_text_bytes(plain, "t")


def test_sha256_of_files_and_folders(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"abc" * 1000)
    assert file_sha256(file) == hashlib.sha256(b"abc" * 1000).hexdigest()
    folder = tmp_path / "d"
    (folder / "c").mkdir(parents=True)
    (folder / "c" / "0").write_bytes(b"1")
    before = file_sha256(folder)
    (folder / "c" / "0").write_bytes(b"22")
    assert file_sha256(folder) != before
