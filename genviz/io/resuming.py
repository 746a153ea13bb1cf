"""A downloader for pooch that goes on where an interrupted download stopped.

Bytes are kept in a partial file beside the destination until they are whole and recognised. After a cut
connection, Ctrl-C or kill -9 the next attempt asks the server for the rest (HTTP Range); a server that
cannot do that sends everything again. What is not recognised is thrown away and fetched anew.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from genviz._errors import DownloadError

log = logging.getLogger("genviz")

_CHUNK = 1 << 13  # what is lost when a connection is cut
_GONE = frozenset({400, 401, 403, 404, 405, 410, 451})
_LONGEST_WAIT_S = 60.0
_CUT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class WrongBytesError(DownloadError):
    """The server's file is not the one that was asked for, however often it is fetched."""


class RefusedError(DownloadError):
    """The server has no such file, or does not hand it out; `code` is its HTTP status."""

    code = 0


class _Again(Exception):
    """An attempt that may be repeated; carries how long the server asks to wait."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


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
    attempts
        How often to try. Attempts that bring new bytes do not count.
    backoff_s
        Wait before the second attempt; doubled before each further one, with some chance in it.
    timeout_s
        Longest silence of the server.
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
        attempts: int = 4,
        backoff_s: float = 0.5,
        timeout_s: float = 30.0,
        progress: Callable[[int], object] = lambda _: None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.partial = partial
        self.authentic = authentic
        self.size = size
        self.attempts = attempts
        self.backoff_s = backoff_s
        self.timeout_s = timeout_s
        self.progress = progress
        self.headers = dict(headers or {})

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
            return requests.head(url, timeout=self.timeout_s, allow_redirects=True).ok
        # Pooch made an empty file under a random name; gone now, a killed process leaves none behind.
        Path(output_file).unlink(missing_ok=True)
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        self.progress(self._arrived())
        failures, strange = 0, 0
        while failures < self.attempts:
            before = self._arrived()
            try:
                with _repeatable(url):
                    self._attempt(url)
                if self.authentic(self.partial):
                    self.partial.replace(output_file)
                    return None
                self.partial.unlink()
                strange += 1
                if strange == 2:
                    raise _wrong_bytes(url)
                again = _Again("its bytes are not those of the manifest")
            except _Again as err:
                again = err
            failures = 0 if self._arrived() > before else failures + 1
            log.info("%s: %s; trying again.", url.rpartition("/")[2], again)
            self._wait(failures, again)
        raise DownloadError(f"Expected to download {url}; {again} ({self.attempts} attempts).")

    def _wait(self, failures: int, again: _Again) -> None:
        if failures < self.attempts:
            pause = self.backoff_s * 2 ** max(failures - 1, 0)
            time.sleep(max(again.wait_s, pause * random.uniform(0.8, 1.2)))

    def _arrived(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _attempt(self, url: str) -> None:
        """One request, for the rest of the file if part of it is there; appends to the partial file."""
        start = self._arrived()
        if self.size and start >= self.size:
            return
        # No compression: a range of a compressed stream would be a range of other bytes.
        headers = self.headers | {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={start}-"} if start else {}
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout_s) as response:
            self._judge(response, url)
            if response.status_code == 206 and not _continues(response, start):
                self.partial.unlink(missing_ok=True)
                raise _Again("the server sent another part than was asked for")
            if response.status_code == 416:  # nothing after `start`: it is whole, or it is of another file
                return
            with self.partial.open("ab" if response.status_code == 206 else "wb") as sink:
                for chunk in response.iter_content(_CHUNK):
                    sink.write(chunk)
                    sink.flush()
                    self.progress(len(chunk))
        if self.size is not None and self._arrived() < self.size:
            raise _Again(f"the connection ended after {self._arrived()} of {self.size} bytes")

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
        wait_s = min(float(pause), _LONGEST_WAIT_S) if pause.isdigit() else 0.0
        raise _Again(f"the server answered {code} {response.reason}", wait_s)


def _continues(response: requests.Response, start: int) -> bool:
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    return plain and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


@contextmanager
def _repeatable(url: str) -> Iterator[None]:
    """Sort errors of the connection into those that may pass and those that will not."""
    try:
        yield
    except _CUT as err:
        raise _Again(_plain(err)) from err
    except requests.RequestException as err:
        raise DownloadError(f"Expected to download {url}; {err} Check the address.") from err


def _wrong_bytes(url: str) -> WrongBytesError:
    return WrongBytesError(
        f"Expected the bytes that the manifest names from {url}; others came, twice. "
        "Something on the way changes files (a proxy, a login page), or the source has changed."
    )


def _plain(err: Exception) -> str:
    """What a person needs to know of an error that wraps three others."""
    text = str(err)
    if isinstance(err, requests.Timeout):
        return "the server does not answer"
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return "its address cannot be resolved"
    if "Proxy" in text:
        return "the proxy refuses the connection"
    if "refused" in text:
        return "the connection is refused"
    if isinstance(err, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    return "the connection was cut"
