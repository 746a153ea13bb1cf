"""Files of the GDC into a folder: profiles by the bundle, slides one by one, both resumed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from tqdm.auto import tqdm

from genviz._errors import DownloadError
from genviz._settings import settings
from genviz.io.fetching.resuming import ResumingDownloader, WrongBytesError
from genviz.io.files.output import explained
from genviz.io.gdc.api import GdcFile, fetch_bundle
from genviz.io.gdc.listing import is_here, md5_is_right

log = logging.getLogger("genviz")

INCOMING = ".incoming"
_BUNDLE_FILES = 32
_LARGE = 32 << 20  # bytes from which a file is worth a request that can be resumed inside it


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """The folder to oneself, made if it is missing; other processes wait. Yields the folder for unfinished files."""
    incoming = folder / INCOMING
    with explained(folder):
        incoming.mkdir(parents=True, exist_ok=True)
        with FileLock(incoming / "gdc.lock"):
            yield incoming


def fetch_into(api: str, files: Sequence[GdcFile], folder: Path, incoming: Path, name: str) -> None:
    """Get what is not there yet.

    Parameters
    ----------
    api
        Address of the API.
    files
        Wanted.
    folder
        Where ``<file id>/<name>`` is written.
    incoming
        From `locked`.
    name
        Of the data set, for progress and messages.

    Raises
    ------
    DownloadError
        When files cannot be had; one error, with the ways out.
    """
    missing = [file for file in files if not is_here(folder, file)]
    if not missing:
        return
    total = sum(file.size for file in missing)
    log.info("Downloading %d files of %s, %.3g GB, from %s.", len(missing), name, total / 1e9, api)
    small = [file for file in missing if file.size < _LARGE]
    with (
        tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=not settings.progress) as bar,
        _ways_out(name, missing, folder),
    ):
        for at in range(0, len(small), _BUNDLE_FILES):
            fetch_bundle(api, small[at : at + _BUNDLE_FILES], folder, incoming, bar.update)
        for file in missing:
            if file.size >= _LARGE:
                _fetch_one(api, file, folder, incoming, bar)


def _fetch_one(api: str, file: GdcFile, folder: Path, incoming: Path, bar: tqdm) -> None:  # type: ignore[type-arg]
    partial = incoming / f"{file.file_id}.partial"
    authentic = functools.partial(md5_is_right, file=file)
    fetch = ResumingDownloader(partial, authentic, size=file.size, progress=bar.update)
    target = folder / file.local
    target.parent.mkdir(parents=True, exist_ok=True)
    fetch(f"{api}/data/{file.file_id}", target, None)


@contextmanager
def _ways_out(name: str, missing: Sequence[GdcFile], folder: Path) -> Iterator[None]:
    try:
        yield
    except WrongBytesError:
        raise
    except DownloadError as err:
        left = [file for file in missing if not is_here(folder, file)]
        raise DownloadError(
            f"{str(err).rstrip('.')}. {name} lacks {len(left)} files, first {left[0].local}. Ways out: (1) connect and "
            f"run `genviz data fetch {name}` again, which goes on where it stopped; (2) get them with the GDC's own "
            f"client into a folder {name} in GENVIZ_DATA, with their sample sheet. Without data, "
            "gv.datasets.phantom('bulk') draws profiles with tiles."
        ) from err
