"""`genviz lab`: what it looks at, where it works, which kernel it makes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from genviz._errors import MissingDependencyError
from genviz.cli import lab_kernel, lab_start

NEW = {"a.ipynb": "one", "b.ipynb": "two"}


def folder_of(place: Path, files: dict[str, str]) -> Path:
    place.mkdir(exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(text)
    return place


def texts(place: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in place.glob("*.ipynb")}


def test_check_looks_at_everything_and_starts_nothing(run, monkeypatch):
    monkeypatch.setattr(lab_start, "start", lambda *_, **__: pytest.fail("started"))
    said = run("lab", "--check")
    assert said.code == 0, said.err
    assert [line.split()[0] for line in said.out.splitlines()] == [
        "packages", "kernel", "data", "computes", "notebooks"
    ]  # fmt: skip
    assert "anywidget" in said.out


def test_it_becomes_jupyterlab_on_the_notebooks(run, monkeypatch, tmp_path):
    begun = []
    monkeypatch.setattr(lab_start.os, "execv", lambda program, words: begun.append(words))
    said = run("lab", "--dir", tmp_path / "mine", "--port", 8901, "--no-browser", "--quiet")
    assert said.code == 0 and said.out == ""
    (words,) = begun
    assert words[:3] == [sys.executable, "-m", "jupyterlab"]
    assert {"--port=8901", "--no-browser", f"--ServerApp.root_dir={tmp_path / 'mine'}"} <= set(words)
    assert list((tmp_path / "mine").glob("*.ipynb"))


def test_copies_never_overwrite_what_was_edited(tmp_path):
    source, place = folder_of(tmp_path / "source", NEW), folder_of(tmp_path / "place", {})
    assert [path.name for path in lab_start.copy_notebooks(source, place)] == ["a.ipynb", "b.ipynb"]
    assert lab_start.copy_notebooks(source, place) == []
    folder_of(place, {"a.ipynb": "mine"})
    assert lab_start.copy_notebooks(source, place) == []
    folder_of(source, {"a.ipynb": "one, newer", "b.ipynb": "two, newer"})
    lab_start.copy_notebooks(source, place)
    assert texts(place) == {"a.ipynb": "mine", "a.new.ipynb": "one, newer", "b.ipynb": "two, newer"}
    folder_of(place, {"a.new.ipynb": "looked at"})
    lab_start.copy_notebooks(source, place)
    assert texts(place)["a.new.ipynb"] == "looked at"


def test_a_file_of_the_users_with_the_same_name_is_left_alone(tmp_path):
    source, place = folder_of(tmp_path / "source", NEW), folder_of(tmp_path / "place", {"a.ipynb": "mine"})
    lab_start.copy_notebooks(source, place)
    assert texts(place) == {"a.ipynb": "mine", "a.new.ipynb": "one", "b.ipynb": "two"}


def test_a_deleted_notebook_comes_back(tmp_path):
    source, place = folder_of(tmp_path / "source", NEW), folder_of(tmp_path / "place", {})
    lab_start.copy_notebooks(source, place)
    (place / "a.ipynb").unlink()
    lab_start.copy_notebooks(source, place)
    assert texts(place) == NEW


def test_a_place_that_cannot_be_written_to(run, tmp_path):
    (tmp_path / "file").write_text("")
    said = run("lab", "--check", "--dir", tmp_path / "file" / "inside")
    assert said.code == 2 and "--dir" in said.error


@pytest.mark.parametrize("version", [None, "3.6.1"])
def test_without_jupyterlab_it_says_what_to_install(run, monkeypatch, version):
    real = lab_start.importlib.metadata.version

    def asked(package):
        if package != "jupyterlab":
            return real(package)
        if version is None:
            raise lab_start.importlib.metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(lab_start.importlib.metadata, "version", asked)
    said = run("lab", "--check")
    assert said.code == 1 and "genviz[notebook]" in said.error and "jupyterlab" in said.error


def test_a_kernel_of_another_environment_is_seen(monkeypatch):
    spec = {
        "kernelspecs": {"python3": {"spec": {"argv": ["/opt/other/bin/python", "-m", "ipykernel_launcher"]}}}
    }

    class Ended:
        stdout = json.dumps(spec)

    monkeypatch.setattr(lab_start.subprocess, "run", lambda *_, **__: Ended)
    assert "another environment (/opt/other/bin/python)" in lab_start._kernel()
    Ended.stdout = json.dumps({"kernelspecs": {}})
    assert "--install-kernel" in lab_start._kernel()


def test_a_kernel_is_installed_twice_without_harm(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", "/data")
    for _ in range(2):
        said = run("lab", "--install-kernel", "--prefix", tmp_path, "--name", "mine")
        assert said.code == 0, said.err
    file = tmp_path / "share" / "jupyter" / "kernels" / "mine" / "kernel.json"
    assert str(file.parent) in said.out and "genviz (" in said.out
    spec = json.loads(file.read_text())
    assert spec["argv"][0] == sys.executable and spec["argv"][-1] == "{connection_file}"
    assert spec["env"]["GENVIZ_DATA"] == "/data"
    assert run("lab", "--install-kernel", "--prefix", tmp_path, "--display-name", "Mine").code == 0
    default = tmp_path / "share" / "jupyter" / "kernels" / "genviz" / "kernel.json"
    assert json.loads(default.read_text())["display_name"] == "Mine"


def test_a_kernel_for_a_user(run, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    assert run("lab", "--install-kernel").code == 0
    assert (tmp_path / "kernels" / "genviz" / "kernel.json").is_file()


@pytest.mark.parametrize(
    ("device", "short"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("Tesla V100-SXM2-16GB", "V100-SXM2-16GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-SXM4-40GB"),
    ],
)
def test_a_kernel_with_cuda_says_so(monkeypatch, device, short):
    import torch

    monkeypatch.delenv("PYTORCH_CUDA_ALLOC_CONF", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: device)
    spec = lab_kernel.kernel_spec()
    assert spec["display_name"] == f"genviz (CUDA: {short})"
    assert spec["env"]["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"


def test_misuse_of_the_kernels_options(run, tmp_path, monkeypatch):
    assert "letters" in run("lab", "--install-kernel", "--name", "a b", "--prefix", tmp_path).error
    assert "--install-kernel" in run("lab", "--name", "x").error
    (tmp_path / "file").write_text("")
    assert "--prefix" in run("lab", "--install-kernel", "--prefix", tmp_path / "file").error
    monkeypatch.setattr(lab_kernel.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="ipykernel"):
        lab_kernel.install(name=None, display_name=None, prefix=None)
