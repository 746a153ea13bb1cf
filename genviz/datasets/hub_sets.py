"""Parts of a collection on the Hugging Face hub, by sample id: found here, or asked for and fetched with a token."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from genviz._errors import DownloadError, UsageError
from genviz.core.counts import first_names
from genviz.io.fetching.download import cache_folder, fetch_files, located
from genviz.io.fetching.hub import Hub, HubFile, ask_hub, authorisation, explained_gate
from genviz.io.fetching.hub_listing import HubListing, read_hub_listing, write_hub_listing
from genviz.io.fetching.licences import require_accepted
from genviz.io.fetching.manifests import DataFile, Manifest, safe_path
from genviz.io.files.output import explained

log = logging.getLogger("genviz")


def is_hub_set(manifest: Manifest) -> bool:
    """Whether the manifest has a table ``[hub]``."""
    return "hub" in manifest.facts


def roles_of(manifest: Manifest, roles: Sequence[str] | None = None) -> list[str]:
    """Roles to get: those that the manifest fetches by default, if left out.

    Raises
    ------
    UsageError
        For roles that do not exist.
    """
    known = manifest.facts["hub"]["files"]
    if strangers := sorted(set(roles or ()) - set(known)):
        raise UsageError(
            f"Expected roles of {manifest.name} ({', '.join(known)}); got {first_names(strangers)}."
        )
    return list(manifest.facts["hub"]["by_default"] if roles is None else dict.fromkeys(roles))


def hub_files(
    manifest: Manifest, sections: Sequence[str] | None = None, roles: Sequence[str] | None = None
) -> list[DataFile]:
    """Files of some samples: with checksum and address where the hub was asked before, else by name only.

    Parameters
    ----------
    manifest
        With a table ``[hub]``.
    sections, roles
        All samples, and the roles fetched by default, if left out.
    """
    hub, listing = Hub.of(manifest), listing_of(manifest)
    names = [s.name for s in manifest.sections] if sections is None else list(dict.fromkeys(sections))
    found = []
    for name in names:
        for role in roles_of(manifest, roles):
            template = str(manifest.facts["hub"]["files"][role])
            path = safe_path(template.format(id=manifest.section(name).name))
            known = listing.files.get(path) if listing else None
            if known is not None and listing is not None:
                found.append(known.data_file(hub, listing.commit, role=role, section=name))
            else:
                found.append(DataFile(path, path, hub.address(hub.revision, path), role, name))
    return found


def is_listed(file: DataFile) -> bool:
    """Whether its bytes can be recognised: the hub was asked about it."""
    return bool(file.sha256 or file.git_blob)


def listing_of(manifest: Manifest) -> HubListing | None:
    """What the hub told before; None when it was not asked, or about another repository."""
    listing = read_hub_listing(cache_folder(manifest.name))
    return listing if listing and listing.repository == Hub.of(manifest).repository else None


def fetch_hub_set(
    manifest: Manifest,
    sections: Sequence[str] | None,
    roles: Sequence[str] | None,
    *,
    accept_licence: bool = False,
) -> dict[str, dict[str, Path]]:
    """Sample → role → path; what is nowhere yet is downloaded into the cache, at the commit that was asked first.

    Files in ``$GENVIZ_DATA`` (folder of the data set, or of the whole collection) are checked where the hub was
    asked about them, else taken as they are.

    Parameters
    ----------
    manifest
        With a table ``[hub]``.
    sections, roles
        As for `hub_files`.
    accept_licence
        Agree to the licence; needed once, before the first download.

    Raises
    ------
    UsageError
        For samples or roles that do not exist, or without consent.
    DownloadError
        When files cannot be had: no token, no consent on the hub, no network.
    """
    wanted = hub_files(manifest, sections, roles)
    taken: dict[str, Path] = {}
    for file in wanted:
        if not is_listed(file) and (here := located(manifest, file)):
            taken[file.local] = here[1]
    if unknown := [file for file in wanted if not is_listed(file) and file.local not in taken]:
        require_accepted(manifest, accept_licence=accept_licence)
        _ask(manifest, unknown)
        wanted = hub_files(manifest, sections, roles)
    hub = Hub.of(manifest)
    if taken:
        log.info(
            "%d files of %s are taken as they are: the hub was not asked about them.",
            len(taken),
            manifest.name,
        )
    with explained_gate(hub):
        listed = [file for file in wanted if file.local not in taken]
        taken |= fetch_files(manifest, listed, accept_licence=accept_licence, headers=authorisation())
    paths: dict[str, dict[str, Path]] = {}
    for file in wanted:
        paths.setdefault(file.section, {})[file.role] = taken[file.local]
    return paths


def _ask(manifest: Manifest, files: Sequence[DataFile]) -> None:
    """Ask the hub about files and keep the answer in the cache."""
    hub, home = Hub.of(manifest), cache_folder(manifest.name)
    with explained(home):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".listing.lock"):
            listing = listing_of(manifest)
            commit, found = _answer(manifest, hub, files, listing.commit if listing else "")
            listing = listing or HubListing(hub.repository, commit, {})
            write_hub_listing(home, listing.with_files(found))


def _answer(
    manifest: Manifest, hub: Hub, files: Sequence[DataFile], commit: str
) -> tuple[str, list[HubFile]]:
    try:
        return ask_hub(hub, [file.path for file in files], commit=commit)
    except DownloadError as err:
        folder = manifest.facts["hub"].get("folder", manifest.name)
        raise DownloadError(
            f"{str(err).rstrip('.')}. {manifest.name} lacks {len(files)} files, first {files[0].local}. A copy of them "
            f"in a folder {folder} (or {manifest.name}) in GENVIZ_DATA serves too, laid out as on the hub."
        ) from err
