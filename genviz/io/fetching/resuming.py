"""A downloader for pooch that goes on where an interrupted download stopped.

Bytes are kept in a partial file beside the destination until they are whole and recognised. After a cut
connection, Ctrl-C or kill -9 the next attempt asks the server for the rest (HTTP Range); a server that
cannot do that sends everything again. What is not recognised is thrown away and fetched anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from genviz._errors import DownloadError
from genviz.io.fetching.asking import LONGEST_WAIT_S, TIMEOUT_S, PassingError, ask

_CHUNK = 1 << 13  # what is lost when a connection is cut
_GONE = frozenset({400, 401, 403, 404, 405, 410, 451})


class WrongBytesError(DownloadError):
    """The server's file is not the one that was asked for, however often it is fetched."""


class RefusedError(DownloadError):
    """The server has no such file, or does not hand it out; `code` is its HTTP status."""

    code = 0


class ResumingDownloader:
    """Download over HTTP in as many pieces as it takes; called by pooch.

    Parameters
    ----------
    partial
        File that keeps what has arrived, across attempts and processes.
    authentic
        Whether a finished file has the right bytes.
    size
        Bytes of the whole, where known.
    progress
        Called with the number of bytes that arrived.
    headers
        Sent with each request, to the host of the address only: what it redirects to does not see
        ``Authorization``.
    """

    def __init__(
        self,
        partial: Path,
        authentic: Callable[[Path], bool],
        *,
        size: int | None = None,
        progress: Callable[[int], object] = lambda _: None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.partial = partial
        self.authentic = authentic
        self.size = size
        self.progress = progress
        self.headers = dict(headers or {})
        self._strange = 0  # how often a whole file had other bytes

    def __call__(
        self, url: str, output_file: str | os.PathLike[str], pooch: Any, check_only: bool = False
    ) -> bool | None:
        """Fetch `url` into `output_file`, which appears only with the right bytes (pooch's protocol).

        Raises
        ------
        DownloadError
            When the server has no such file, cannot be reached, or sends other bytes.
        """
        if check_only:
            return requests.head(url, timeout=TIMEOUT_S, allow_redirects=True).ok
        # Pooch made an empty file under a random name; gone now, a killed process leaves none behind.
        Path(output_file).unlink(missing_ok=True)
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        self.progress(self._arrived())
        self._strange = 0
        ask(
            lambda: self._attempt(url, Path(output_file)),
            f"Expected to download {url}",
            arrived=self._arrived,
        )
        return None

    def _arrived(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _attempt(self, url: str, target: Path) -> None:
        """One request; a whole file gets its name when its bytes are right, and is thrown away when not."""
        self._request(url)
        if self.authentic(self.partial):
            self.partial.replace(target)
            return
        self.partial.unlink()
        self._strange += 1
        if self._strange == 2:
            raise _wrong_bytes(url)
        raise PassingError("its bytes are not those of the manifest")

    def _request(self, url: str) -> None:
        """Ask for the rest of the file if part of it is there; appends to the partial file."""
        start = self._arrived()
        if self.size and start >= self.size:
            return
        # No compression: a range of a compressed stream would be a range of other bytes.
        headers = self.headers | {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={start}-"} if start else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            self._judge(response, url)
            if response.status_code == 206 and not _continues(response, start):
                self.partial.unlink(missing_ok=True)
                raise PassingError("the server sent another part than was asked for")
            if response.status_code == 416:  # nothing after `start`: it is whole, or it is of another file
                return
            with self.partial.open("ab" if response.status_code == 206 else "wb") as sink:
                for chunk in response.iter_content(_CHUNK):
                    sink.write(chunk)
                    sink.flush()
                    self.progress(len(chunk))
        if self.size is not None and self._arrived() < self.size:
            raise PassingError(f"the connection ended after {self._arrived()} of {self.size} bytes")

    def _judge(self, response: requests.Response, url: str) -> None:
        code = response.status_code
        if code in (200, 206, 416):
            return
        if code in _GONE:
            refused = RefusedError(
                f"Expected a file at {url}; the server answered {code} {response.reason}. "
                "It was moved or removed, or your network does not let you see it."
            )
            refused.code = code
            raise refused
        pause = response.headers.get("Retry-After", "")
        wait_s = min(float(pause), LONGEST_WAIT_S) if pause.isdigit() else 0.0
        raise PassingError(f"the server answered {code} {response.reason}", wait_s)


def _continues(response: requests.Response, start: int) -> bool:
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    return plain and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _wrong_bytes(url: str) -> WrongBytesError:
    return WrongBytesError(
        f"Expected the bytes that the manifest names from {url}; others came, twice. "
        "Something on the way changes files (a proxy, a login page), or the source has changed."
    )
