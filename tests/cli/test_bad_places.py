"""Places that cannot be written, errors nobody expected, and stopping by hand."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from genviz.io.files import h5_sink
from genviz.recipes.genar import jobs
from tests.cli.processes import signal_when, start


@pytest.fixture
def every_writer(run, predict, train, tissue):
    """The commands that write, each into a place below a folder."""

    def call(folder):
        scores = ("--pred", tissue.predicted, "--counts", tissue.counts, "--json", folder / "s.json")
        yield predict(adata=tissue.rows, out=folder / "p.h5ad")
        yield run("evaluate", "genar", *scores, "--allow-seen")
        yield run("report", tissue.predicted, "--out", folder / "r.html")
        yield train(out=folder / "run")

    return call


def test_a_file_where_a_folder_should_be(every_writer, tmp_path):
    (tmp_path / "file").write_text("mine")
    for said in every_writer(tmp_path / "file"):
        assert said.code == 2
        assert f"a folder at {tmp_path / 'file'}" in said.error and "it is a file" in said.error
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_where_a_file_should_be(predict, tissue, tmp_path):
    (tmp_path / "out" / "p.h5ad").mkdir(parents=True)
    assert predict(adata=tissue.rows).code == 2


def test_a_full_disk(every_writer, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("genviz.io.files.atomic.flush", full)
    for said in every_writer(tmp_path / "full"):
        assert said.code == 1
        assert "the disk or quota is full" in said.error
    left = [path for path in (tmp_path / "full").rglob("*") if path.is_file() and "log" not in path.parts]
    assert left == []


def test_a_disk_that_fills_up_under_hdf5(predict, tissue, tmp_path, monkeypatch):
    """HDF5 itself must not notice: on a full disk it may crash the process."""

    class Disk(h5_sink.FileIO):
        def write(self, data):
            if self.tell() + len(data) > 50_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    monkeypatch.setattr(h5_sink, "FileIO", Disk)
    said = predict(adata=tissue.rows)
    assert said.code == 1
    assert "the disk or quota is full" in said.error
    assert not list((tmp_path).glob("out/*"))


def test_the_unexpected_is_one_line_unless_debugging(run, predict, tissue, tmp_path, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(jobs, "embed_as_in_training", broken)
    said = predict(adata=tissue.rows)
    assert said.code == 1
    assert said.error == (
        "genviz: Unexpected ZeroDivisionError: two lines. Run again with --debug to see where."
    )
    words = ("--adata", tissue.rows, "--model", tissue.model, "--out", tmp_path / "p.h5ad")
    assert "Traceback" in run("predict", "genar", *words, "--debug").err


def test_misuse_is_exit_code_2(run):
    for words in (
        ["nope"],
        ["predict", "genar", "--nope"],
        ["predict", "genar"],
        ["predict", "genar", "--samples", "x"],
    ):
        said = run(*words)
        assert said.code == 2
        assert "Traceback" not in said.err


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_stopped_training_goes_on(train, tissue, tmp_path, signum):
    """The weights of a run that was stopped and resumed equal those of one that never was."""
    words = ["train", "genar", "--data", tissue.rows, "--preset", "nano", "--epochs", 60, "--out"]
    stopped = tmp_path / "stopped"
    process = start(*words, stopped)
    code, err = signal_when(process, (stopped / "member_0" / "last.ckpt").exists, signum)
    assert not (stopped / "model").exists()
    assert "Traceback" not in err
    if signum == signal.SIGINT:
        assert code == 1
        assert err.splitlines()[-1].startswith("genviz: Training was stopped.")
        assert "with --resume." in err.splitlines()[-1] and "resume=True" not in err
        assert not list(stopped.rglob("*.partial*"))
    assert train("--resume", epochs=60, out=stopped).code == 0
    assert train(epochs=60, out=tmp_path / "whole").code == 0
    weights = [folder / "model" / "weights.safetensors" for folder in (stopped, tmp_path / "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_stopped_predicting_leaves_no_result(tissue, tmp_path, signum):
    out = tmp_path / "out"
    out.mkdir()
    words = ["predict", "genar", "--model", tissue.model, "--image", tissue.image, "--spots", tissue.spots]
    cache = tmp_path / "cache"
    process = start(*words, "--mpp", 1.2, "--out", out / "p.h5ad", "-v", GENVIZ_CACHE=str(cache))
    lines = iter(process.stderr)
    code, err = signal_when(process, lambda: "Warning" in next(lines), signum)
    assert list(out.iterdir()) == []
    assert not list(cache.rglob("*.partial*"))
    assert "Traceback" not in err
    if signum == signal.SIGINT:
        assert code == 1
        assert err.splitlines()[-1].startswith("genviz: Stopped.")
