"""What every test may ask for: real data, if there is any, and a cache folder that is not the user's."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from genviz._settings import settings

if TYPE_CHECKING:
    from anndata import AnnData


@pytest.fixture(autouse=True)
def _words_given_back() -> Iterator[None]:
    """A command in this process sends genviz's log and warnings to its own standard error; after the test it is not."""
    log, shown, progress = logging.getLogger("genviz"), warnings.showwarning, settings.progress
    handlers, level = list(log.handlers), log.level
    yield
    log.handlers[:] = handlers
    log.setLevel(level)
    warnings.showwarning, settings.progress = shown, progress


@pytest.fixture(scope="session")
def genviz_data() -> Path:
    """The folder of real data, ``$GENVIZ_DATA``; without it tests skip, or fail if data are required."""
    text = os.environ.get("GENVIZ_DATA")
    folder = Path(text).expanduser() if text else None
    if folder is None or not folder.is_dir():
        reason = f"expected GENVIZ_DATA to name a folder of real data (her2st/, visium/); got {text!r}"
        if os.environ.get("GENVIZ_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder.resolve()


@pytest.fixture(scope="session")
def her2st_dir(genviz_data: Path) -> Path:
    """The folder of HER2ST sections C2 to C5."""
    return _part(genviz_data, "her2st")


@pytest.fixture(scope="session")
def her2st_rows(her2st_dir: Path) -> dict[str, AnnData]:
    """Sections C2 to C5 without images, read once; not to be changed."""
    from genviz.io import read_st

    tables, spots = her2st_dir / "ST-cnts", her2st_dir / "ST-spotfiles"
    return {
        name: read_st(tables / f"{name}.tsv.gz", spots / f"{name}_selection.tsv", section=name)
        for name in ("C2", "C3", "C4", "C5")
    }


@pytest.fixture(scope="session")
def visium_dir(genviz_data: Path) -> Path:
    """The folder of Space Ranger outputs."""
    return _part(genviz_data, "visium")


@pytest.fixture(scope="session")
def _two_processes() -> Iterator[Any]:
    """A Dask cluster of two worker processes, for whoever connects."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def tasks_there(_two_processes: Any) -> Iterator[Callable[[str], int]]:
    """An active Dask client of two processes; gives how often a function has been done there in this test."""
    from distributed import Client

    prefixes = _two_processes.scheduler.task_prefixes

    def done(name: str) -> int:
        own = name.strip("_")  # as Dask groups its tasks
        return int(prefixes[own].state_counts["memory"]) if own in prefixes else 0

    before = {name: done(name) for name in prefixes}
    with Client(_two_processes):
        yield lambda name: done(name) - before.get(name.strip("_"), 0)


def _part(data: Path, name: str) -> Path:
    if (data / name).is_dir():
        return data / name
    reason = f"expected {name}/ in GENVIZ_DATA; {data} does not have it"
    if os.environ.get("GENVIZ_REQUIRE_DATA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_configure() -> None:
    """Hear Ctrl-C even where the shell that began the tests made them deaf to it, as it does with background jobs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep downloads, decoded slides and features of this session apart from the user's cache.

    Parallel test processes share the folder, so that a slide is decoded once, under its lock.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "genviz-cache"
    folder.mkdir(exist_ok=True)
    before, shown = settings.cache_dir, settings.progress
    settings.cache_dir, settings.progress = folder, False
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENVIZ_CACHE", str(folder))  # for processes that tests start
        yield
    settings.cache_dir, settings.progress = before, shown
