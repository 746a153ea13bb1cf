"""The Hugging Face hub: which bytes a file of a repository has, and who may fetch it.

The hub tells SHA-256 (of large files) or git blob id (of small ones) and size of every file of a commit. Files
of gated repositories need a token of an account that accepted their terms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from genviz._errors import DataError, DownloadError
from genviz.io.fetching.asking import TIMEOUT_S, PassingError, ask
from genviz.io.fetching.download import GATED
from genviz.io.fetching.manifests import DataFile, Manifest, safe_path
from genviz.io.fetching.resuming import RefusedError

_EXPECTED = "Expected an answer of the hub"


@dataclass(frozen=True)
class Hub:
    """Where a manifest's files are: its ``[hub]`` table.

    Attributes
    ----------
    endpoint
        Address of the hub; ``$HF_ENDPOINT`` stands for it where set, as in all tools of the hub.
    repository
        Of data: "owner/name".
    revision
        Branch, tag or commit.
    gate
        Page where its terms are accepted; "" for none.
    """

    endpoint: str
    repository: str
    revision: str
    gate: str

    @classmethod
    def of(cls, manifest: Manifest) -> Hub:
        """The table of a manifest."""
        facts = manifest.facts["hub"]
        endpoint = os.environ.get("HF_ENDPOINT") or str(facts["endpoint"])
        repository, revision = str(facts["repository"]), str(facts.get("revision", "main"))
        return cls(endpoint.rstrip("/"), repository, revision, str(facts.get("gate", "")))

    def address(self, commit: str, path: str) -> str:
        """Where a file of a commit is downloaded from."""
        return f"{self.endpoint}/datasets/{self.repository}/resolve/{commit}/{quote(path)}"


@dataclass(frozen=True)
class HubFile:
    """A file as the hub describes it: path in the repository, bytes, SHA-256 or git blob id."""

    path: str
    size: int
    sha256: str = ""
    git_blob: str = ""

    def data_file(self, hub: Hub, commit: str, *, role: str = "", section: str = "") -> DataFile:
        """The same for `download.fetch_files`."""
        known: dict[str, Any] = {"sha256": self.sha256, "git_blob": self.git_blob, "size": self.size}
        return DataFile(self.path, self.path, hub.address(commit, self.path), role, section, **known)


def hub_token() -> str | None:
    """The user's token: ``$HF_TOKEN``, else the file that the hub's own login writes; None without one."""
    if given := os.environ.get("HF_TOKEN", "").strip():
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface").expanduser()
    place = Path(os.environ.get("HF_TOKEN_PATH") or home / "token").expanduser()
    try:
        return place.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def authorisation() -> dict[str, str]:
    """Header that shows the token; empty without one."""
    token = hub_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def ask_hub(hub: Hub, paths: Sequence[str], *, commit: str = "") -> tuple[str, list[HubFile]]:
    """What the hub knows of some files.

    Parameters
    ----------
    hub
        Of a manifest.
    paths
        In the repository.
    commit
        To ask about; the newest of the revision, if left out.

    Returns
    -------
    Commit, and the files in the order of `paths`.

    Raises
    ------
    DownloadError
        When the hub cannot be reached, asks for consent, or has no such files.
    """
    api = f"{hub.endpoint}/api/datasets/{hub.repository}"
    with explained_gate(hub):
        if not commit:
            told = ask(lambda: _json("GET", f"{api}/revision/{quote(hub.revision, safe='')}"), _EXPECTED)
            commit = str(_only_dict(told, api).get("sha", ""))
        body = {"paths": list(paths), "expand": "false"}
        entries = ask(lambda: _json("POST", f"{api}/paths-info/{commit}", body), _EXPECTED)
    try:
        found = {entry["path"]: _file(entry) for entry in entries if entry["type"] == "file"}
    except DataError:  # a path that leaves the folder
        raise
    except (KeyError, TypeError, ValueError) as err:
        raise _other_answer(api, err) from err
    if missing := [path for path in paths if path not in found]:
        raise DownloadError(
            f"Expected {missing[0]} in {hub.repository}; commit {commit[:12]} does not have it, nor {len(missing) - 1} "
            "others. The collection has changed: update genviz, or name other sections."
        )
    return commit, [found[path] for path in paths]


@contextmanager
def explained_gate(hub: Hub) -> Iterator[None]:
    """Say what to do when the hub wants a token, or consent from its account."""
    try:
        yield
    except RefusedError as err:
        if err.code not in GATED:
            raise
        if hub_token() is None:
            why = "no token was found"
        elif err.code == 401:
            why = "it does not know the token, which may have expired"
        else:
            why = (
                "the token's account has not accepted the terms, or the token may not read gated repositories"
            )
        raise DownloadError(
            f"Expected to be let into {hub.repository}; the hub answered {err.code}: {why}. Accept the terms at "
            f"{hub.gate or f'{hub.endpoint}/datasets/{hub.repository}'}, then log in with `hf auth login` (before: "
            "`huggingface-cli login`) or set HF_TOKEN, and run the command again: it goes on where it stopped."
        ) from err


def _file(entry: Mapping[str, Any]) -> HubFile:
    path, size = safe_path(str(entry["path"])), int(entry["size"])
    if large := entry.get("lfs"):
        return HubFile(path, size, sha256=str(large["oid"]))
    return HubFile(path, size, git_blob=str(entry["oid"]))


def _only_dict(told: Any, where: str) -> dict[str, Any]:
    if not isinstance(told, dict) or not told.get("sha"):
        raise _other_answer(where, None)
    return told


def _other_answer(where: str, err: Exception | None) -> DownloadError:
    detail = f" ({type(err).__name__}: {err})" if err else ""
    return DownloadError(
        f"Expected the list of files from {where}; got something else{detail}. Something on the way changes answers "
        "(a proxy, a login page), or the hub has changed: update genviz."
    )


def _json(method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
    response = requests.request(method, url, data=body, headers=authorisation(), timeout=TIMEOUT_S)
    code = response.status_code
    if code >= 500 or code == 429:
        raise PassingError(f"it answered {code} {response.reason}")
    if code != 200:
        refused = RefusedError(f"Expected an answer at {url}; the hub answered {code} {response.reason}.")
        refused.code = code
        raise refused
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError as err:
        raise _other_answer(url, err) from err
