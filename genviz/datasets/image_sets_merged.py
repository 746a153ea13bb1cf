"""A set whose labels are merged from one mask a nucleus, as its committed index says."""

from __future__ import annotations

import csv
import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock
from tqdm.auto import tqdm

from genviz._errors import DownloadError, GenvizError
from genviz._settings import settings
from genviz.io.fetching.download import cache_folder
from genviz.io.fetching.licences import agree
from genviz.io.fetching.manifests import Manifest, safe_path
from genviz.io.fetching.resuming import ResumingDownloader
from genviz.io.files.output import explained
from genviz.io.image_masks.archive import image_digest, is_whole_gzip, label_digest, merged_pairs, write_pair
from genviz.io.image_masks.index import INDEX
from genviz.io.image_masks.rows import ImageFile, MaskFile

log = logging.getLogger("genviz")

_PARTS = ("images", "labels")


@dataclass(frozen=True)
class MergedSet:
    """What the manifest says about such a set, and what can be done with it."""

    manifest: Manifest

    @cached_property
    def digests(self) -> dict[str, dict[str, str]]:
        """Id → part ("images", "labels") → SHA-256 of its pixels."""
        table = self.manifest.folder / safe_path(self.manifest.facts["merged"]["pixels"])
        with table.open(newline="", encoding="utf-8") as lines:
            rows = [*csv.DictReader(lines)]
        return {row["id"]: {"images": row["image_sha256"], "labels": row["label_sha256"]} for row in rows}

    @property
    def index(self) -> Path:
        """The committed index."""
        return self.manifest.folder / safe_path(self.manifest.facts["merged"]["index"])

    def files(self) -> list[tuple[str, str]]:
        """(part, id) of every image and label."""
        return [(part, name) for name in self.digests for part in _PARTS]

    def parts(self, home: Path) -> dict[str, Path]:
        """Role → path in a folder that has the set."""
        return {"index": home / INDEX, **{part: home / part for part in _PARTS}}

    def find(self, places: Iterable[tuple[str, Path]]) -> Path | None:
        """The first folder that has the index and every file, by name; `right` looks at pixels."""
        for _, home in places:
            if (home / INDEX).is_file():
                there = {part: _names(home / part) for part in _PARTS}
                if all(f"{name}.png" in there[part] for part, name in self.files()):
                    return home
        return None

    def right(self, home: Path, part: str, name: str) -> bool:
        """Whether a file has the pixels that were listed."""
        path = str(home / part / f"{name}.png")
        try:
            pixels = (ImageFile if part == "images" else MaskFile)(path).read()
        except GenvizError:
            return False
        digest = image_digest if part == "images" else label_digest
        return digest(pixels) == self.digests[name][part]

    def download(self, *, accept_licence: bool = False) -> Path:
        """Fetch the archive, merge, check, and keep only the result; goes on where it was interrupted.

        Parameters
        ----------
        accept_licence
            Agree to the licence, where it asks for that.

        Raises
        ------
        UsageError
            Without consent to a licence that asks for it.
        DownloadError
            When the archive cannot be had, or other pixels come out of it.
        """
        home = cache_folder(self.manifest.name)
        incoming = home / ".incoming"
        with explained(home):
            incoming.mkdir(parents=True, exist_ok=True)
            with FileLock(incoming / "merged.lock"):
                if self.find([("cache", home)]) is None:
                    self._merge(self._archive(incoming, accept_licence), home)
                    shutil.copyfile(self.index, home / INDEX)  # last: with it the set is complete
                    (incoming / "archive.tar.gz").unlink(missing_ok=True)
        return home

    def _archive(self, incoming: Path, accept_licence: bool) -> Path:
        target = incoming / "archive.tar.gz"
        if target.is_file():
            return target
        name, url = self.manifest.name, self.manifest.facts["merged"]["archive"]
        agree(self.manifest, accept_licence=accept_licence)
        log.info("Downloading %s from %s.", name, url)
        with tqdm(unit="B", unit_scale=True, desc=name, disable=not settings.progress) as bar:
            fetch = ResumingDownloader(incoming / "archive.partial", is_whole_gzip, progress=bar.update)
            try:
                fetch(url, target, None)
            except DownloadError as err:
                raise DownloadError(
                    f"{str(err).rstrip('.')}. Ways out: (1) set GENVIZ_DATA to a folder that has {name}/{INDEX}, "
                    f"{name}/images and {name}/labels; (2) connect and run `genviz data fetch {name}` again, which "
                    "goes on where it stopped. Without data, gv.datasets.phantom('nuclei') draws nuclei."
                ) from err
        return target

    def _merge(self, archive: Path, home: Path) -> None:
        missing = [
            name
            for name in self.digests
            if not all(
                (home / part / f"{name}.png").is_file() and self.right(home, part, name) for part in _PARTS
            )
        ]
        wrong, seen = [], set()
        pairs = merged_pairs(archive, missing)
        for name, rgb, labels in tqdm(pairs, "merging", len(missing), disable=not settings.progress):
            seen.add(name)
            if {"images": image_digest(rgb), "labels": label_digest(labels)} == self.digests[name]:
                write_pair(home, name, rgb, labels)
            else:
                wrong.append(name)
        if failed := sorted(set(missing) - seen) + wrong:
            archive.unlink()
            raise DownloadError(
                f"Expected {len(missing)} images with the pixels listed for {self.manifest.name}; {len(failed)} are "
                f"absent or other: {failed[0]} and others. The source has changed, or something on the way changes "
                "files; try again, or set GENVIZ_DATA to a copy."
            )


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
