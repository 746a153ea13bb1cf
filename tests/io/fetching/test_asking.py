"""What may pass is tried again, four times; what will not is an error at once."""

from __future__ import annotations

import pytest
import requests

from genviz._errors import DownloadError
from genviz.io.fetching import asking
from genviz.io.fetching.asking import ATTEMPTS, PassingError, ask


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """How long it would have waited, seconds; the chance in it left out."""
    found: list[float] = []
    monkeypatch.setattr(asking.time, "sleep", found.append)
    monkeypatch.setattr(asking.random, "uniform", lambda low, high: 1.0)
    return found


def failing(*errors):
    """Work that fails with these one after the other, then answers."""
    left = list(errors)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return work


def test_waits_double(waits):
    busy = [PassingError("it is busy") for _ in range(ATTEMPTS - 1)]
    assert ask(failing(*busy), "Expected an answer") == "answer"
    assert waits == [0.5, 1.0, 2.0]


def test_the_server_says_how_long_to_wait(waits):
    assert ask(failing(PassingError("it is busy", 7.0)), "Expected an answer") == "answer"
    assert waits == [7.0]


def test_attempts_are_counted():
    busy = [PassingError("it is busy") for _ in range(ATTEMPTS)]
    with pytest.raises(DownloadError, match=r"^Expected an answer; it is busy \(4 attempts\)\.$"):
        ask(failing(*busy), "Expected an answer")


def test_what_brings_something_new_does_not_count():
    arrived = iter(range(100))  # more each time it is asked
    busy = [PassingError("it is busy") for _ in range(3 * ATTEMPTS)]
    assert ask(failing(*busy), "Expected an answer", arrived=lambda: next(arrived)) == "answer"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.Timeout("read timed out"), "does not answer"),
        (requests.ConnectionError("Failed to resolve 'x' (NameResolutionError)"), "cannot be resolved"),
        (requests.ConnectionError("[Errno 111] Connection refused"), "connection is refused"),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "certificate is not trusted"),
        (requests.exceptions.ChunkedEncodingError("IncompleteRead"), "connection was cut"),
    ],
)
def test_connections_fail_in_plain_words(error, words):
    with pytest.raises(DownloadError, match=words) as told:
        ask(failing(*[error] * ATTEMPTS), "Expected an answer")
    assert told.value.__cause__.__cause__ is error  # for a log


def test_what_no_attempt_can_help_is_said_at_once(waits):
    with pytest.raises(DownloadError, match="Check the address"):
        ask(failing(requests.exceptions.InvalidURL("no host")), "Expected an answer")
    assert not waits
