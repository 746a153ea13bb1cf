"""GMT files: as they are found, and what is wrong with a line."""

from __future__ import annotations

import gzip

import pytest

import genviz as gv
from genviz._errors import FileFormatError, UsageError

GOOD = "A\tsome words\tG1\tG2,1.0\tG2\t\nB\t\tG3\n\n# a remark\n"


def test_plain_and_gzipped(tmp_path):
    """Weights, empty fields, blank lines, remarks, Windows line ends."""
    plain, packed = tmp_path / "a.gmt", tmp_path / "a.gmt.gz"
    plain.write_bytes(GOOD.replace("\n", "\r\n").encode("utf-8-sig"))
    packed.write_bytes(gzip.compress(GOOD.encode()))
    assert gv.io.read_gmt(plain) == gv.io.read_gmt(packed) == {"A": ["G1", "G2"], "B": ["G3"]}


@pytest.mark.parametrize(
    "bad", ["C no tabs at all", "C\tonly description", "\tnameless\tG1", "C\td\t\t", "A\tagain\tG5"]
)
def test_a_bad_line_is_named_by_its_number(tmp_path, bad):
    file = tmp_path / "a.gmt"
    file.write_text(GOOD + bad + "\n")
    with pytest.raises(FileFormatError, match="line 5"):
        gv.io.read_gmt(file)


def test_no_file_empty_file_binary_file(tmp_path):
    with pytest.raises(UsageError, match="nothing is there"):
        gv.io.read_gmt(tmp_path / "none.gmt")
    for content in (b"", b"# remark\n", b"\xff\xfe\x00A"):
        (tmp_path / "b.gmt").write_bytes(content)
        with pytest.raises(FileFormatError):
            gv.io.read_gmt(tmp_path / "b.gmt")
