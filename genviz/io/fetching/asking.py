"""Asking a server again where that may help, and plain words for what went wrong with a connection."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import requests

from genviz._errors import DownloadError

log = logging.getLogger("genviz")

ATTEMPTS = 4
BACKOFF_S = 0.5  # before the second attempt; doubled before each further one, with some chance in it
LONGEST_WAIT_S = 60.0
TIMEOUT_S = 30.0  # longest silence of a server
CUT: tuple[type[Exception], ...] = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)

Answer = TypeVar("Answer")


class PassingError(Exception):
    """What may go better the next time; carries how long the server asks to wait, seconds."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def ask(
    work: Callable[[], Answer],
    expected: str,
    *,
    arrived: Callable[[], int] = lambda: 0,
    cut: tuple[type[Exception], ...] = CUT,
) -> Answer:
    """Do something that needs a server, up to four times.

    Parameters
    ----------
    work
        One attempt; raises `PassingError` where another may help.
    expected
        Begins the error: "Expected an answer of the hub".
    arrived
        How much is there; attempts that bring something new do not count.
    cut
        Errors that a cut connection makes.

    Raises
    ------
    DownloadError
        When the attempts are used up, or none can help.
    """
    failures = 0
    while True:
        before = arrived()
        try:
            return work()
        except PassingError as err:
            passing = err
        except cut as err:
            passing = PassingError(_plain(err))
            passing.__cause__ = err
        except requests.RequestException as err:
            raise DownloadError(f"{expected}; {err} Check the address.") from err
        failures = 0 if arrived() > before else failures + 1
        if failures == ATTEMPTS:
            raise DownloadError(f"{expected}; {passing} ({ATTEMPTS} attempts).") from passing
        log.info("%s; %s. Trying again.", expected, passing)
        pause_s = min(BACKOFF_S * 2 ** max(failures - 1, 0), LONGEST_WAIT_S) * random.uniform(0.8, 1.2)
        time.sleep(max(passing.wait_s, pause_s))


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
