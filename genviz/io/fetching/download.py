"""Files of a data set: looked up in ``$GENVIZ_DATA``, then in the cache, then downloaded and recognised."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pooch
from filelock import FileLock
from tqdm.auto import tqdm

from genviz._errors import DownloadError, UsageError
from genviz._settings import settings
from genviz.io.fetching.licences import agree
from genviz.io.fetching.manifests import DataFile, Manifest, safe_path
from genviz.io.fetching.recognise import how_recognised, is_authentic
from genviz.io.fetching.resuming import RefusedError, ResumingDownloader, WrongBytesError
from genviz.io.files.output import explained

log = logging.getLogger("genviz")

GATED = frozenset({401, 403})  # what a server answers that wants to know who asks


def cache_folder(name: str) -> Path:
    """Where downloaded files of a data set are kept."""
    return settings.cache_dir / "datasets" / name


def cached_place(manifest: Manifest, file: DataFile) -> Path:
    """Where a file lies in the cache once it was downloaded."""
    return cache_folder(manifest.name) / safe_path(file.local)


def local_places(manifest: Manifest, file: DataFile) -> list[Path]:
    """Where a file may lie in ``$GENVIZ_DATA``: in the data set's folder, which may be a clone of its source.

    Parts of one collection may share a copy of it, in the folder that their ``[hub]`` table names.
    """
    if settings.data_dir is None:
        return []
    if not settings.data_dir.is_dir():
        raise UsageError(
            f"Expected a folder with data sets in GENVIZ_DATA; {settings.data_dir} is none. Correct or unset it."
        )
    folders = [manifest.name, manifest.facts.get("hub", {}).get("folder", manifest.name)]
    homes = [settings.data_dir / safe_path(folder) for folder in folders]
    return list(dict.fromkeys(home / safe_path(name) for home in homes for name in (file.local, file.path)))


def find_file(manifest: Manifest, file: DataFile) -> Path | None:
    """The file in ``$GENVIZ_DATA`` or the cache, checked; None when it is in neither.

    Raises
    ------
    DownloadError
        When the file in ``$GENVIZ_DATA`` has other bytes than the manifest names.
    """
    for place in local_places(manifest, file):
        if place.is_file():
            if is_authentic(place, file):
                return place
            raise DownloadError(
                f"Expected {place} to have the {how_recognised(file)} in the manifest of {manifest.name}; it has "
                "other bytes. Copy it again from its source, or move it away to have it downloaded."
            )
    cached = cached_place(manifest, file)
    return cached if cached.is_file() and is_authentic(cached, file) else None


def located(manifest: Manifest, file: DataFile) -> tuple[str, Path] | None:
    """Place ("GENVIZ_DATA" or "cache") and path of a file that is here, by name; None for one that is not.

    Bytes are not looked at: `find_file` does that.
    """
    places = [("GENVIZ_DATA", path) for path in local_places(manifest, file)]
    places += [("cache", cached_place(manifest, file))]
    return next(((where, path) for where, path in places if path.is_file()), None)


def fetch_files(
    manifest: Manifest,
    files: Sequence[DataFile],
    *,
    accept_licence: bool = False,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Path]:
    """Get files of a data set, downloading into the cache what is nowhere yet.

    A download is resumed, retried, recognised before it gets its name, and made by one process while
    others wait for it. Only files that are missing need a network.

    Parameters
    ----------
    manifest
        The data set.
    files
        Some of its files.
    accept_licence
        Agree to the licence, where it asks for that; needed once, and only for files that are missing.
    headers
        Sent with each request to the host of the address.

    Returns
    -------
    `DataFile.local` → path.

    Raises
    ------
    UsageError
        When the licence was not accepted.
    DownloadError
        When files cannot be had; one error, with the ways out.
    GenvizError
        When the cache cannot be written.
    """
    found = {file.local: find_file(manifest, file) for file in files}
    missing = [file for file in files if found[file.local] is None]
    if missing:
        sizes = [file.size for file in missing if file.size is not None]
        total = sum(sizes) if len(sizes) == len(missing) else None
        agree(manifest, accept_licence=accept_licence, n_files=len(missing), n_bytes=total)
        log.info(
            "Downloading %d files of %s from %s.",
            len(missing), manifest.name, urlsplit(missing[0].url).netloc,
        )  # fmt: skip
        bar = tqdm(total=total, unit="B", unit_scale=True, desc=manifest.name, disable=not settings.progress)
        with bar:
            for file in missing:
                with _ways_out(manifest, missing):
                    found[file.local] = _download(manifest, file, bar, headers)
    return {local: path for local, path in found.items() if path is not None}


def _download(
    manifest: Manifest,
    file: DataFile,
    bar: tqdm,  # type: ignore[type-arg]
    headers: Mapping[str, str] | None,
) -> Path:
    """Fetch one file into the cache, under a lock that other processes wait for."""
    home = cache_folder(manifest.name)
    target = cached_place(manifest, file)
    key = hashlib.sha256(file.local.encode()).hexdigest()[:16]
    incoming = home / ".incoming"
    with explained(home):
        incoming.mkdir(parents=True, exist_ok=True)
        with FileLock(incoming / f"{key}.lock"):
            if target.is_file():
                if is_authentic(target, file):  # another process was faster
                    return target
                log.warning("%s in the cache is damaged and is downloaded again.", target)
                target.unlink()
            partial = incoming / f"{key}.{Path(file.local).name}.partial"
            authentic = functools.partial(is_authentic, file=file)
            downloader = ResumingDownloader(
                partial, authentic, size=file.size, progress=bar.update, headers=headers
            )
            known = f"sha256:{file.sha256}" if file.sha256 else f"md5:{file.md5}" if file.md5 else None
            with _quiet_pooch():
                pooch.retrieve(
                    file.url,
                    known_hash=known,
                    fname=target.name,
                    path=target.parent,
                    downloader=downloader,
                )
    return target


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Pooch announces each file and lectures on missing SHA-256; genviz says what matters itself."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _ways_out(manifest: Manifest, missing: Sequence[DataFile]) -> Iterator[None]:
    """Say once what cannot be had and what to do about it."""
    try:
        yield
    except WrongBytesError:
        raise
    except DownloadError as err:
        if isinstance(err, RefusedError) and err.code in GATED and "hub" in manifest.facts:
            raise  # `io.fetching.hub` knows what to do about it
        first = missing[0].local
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DownloadError(
            f"{str(err).rstrip('.')}. {manifest.name} lacks {first}{more}. Three ways out: (1) set GENVIZ_DATA to "
            f"a folder that has {manifest.name}/{first}; (2) copy the files into the cache, "
            f"{cache_folder(manifest.name)}; (3) connect and run `genviz data fetch {manifest.name}`, which goes "
            "on where it stopped. Without data, `genviz demo --smoke` shows everything on synthetic tissue."
        ) from err
