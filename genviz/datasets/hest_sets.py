"""Samples of HEST-1k as AnnData, by data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from anndata import AnnData

from genviz._errors import DownloadError, UsageError
from genviz._keys import Obs
from genviz.datasets.hub_sets import hub_files, is_hub_set
from genviz.io.concat import concat_sections
from genviz.io.fetching.download import located
from genviz.io.fetching.manifests import Manifest, load_manifest, manifest_names
from genviz.io.spots.hest import read_hest

Images = Literal["patches", "slide", "none"]

_ROLES: dict[str, tuple[str, ...]] = {
    "patches": ("counts", "patches"),
    "slide": ("counts", "image"),
    "none": ("counts",),
}


def hest(
    name: str,
    ids: Iterable[str] | str | None = None,
    *,
    images: Images = "patches",
    genes: Sequence[str] | None = None,
) -> AnnData:
    """Samples of HEST-1k (Jaume et al. 2024, CC BY-NC-SA 4.0) that are on this machine. Nothing is downloaded.

    Parameters
    ----------
    name
        ``hest-prad``, ``hest-kidney``, ``hest-mouse-brain``, ``hest-ccrcc`` or ``hest-her2st``.
    ids
        Samples (``MEND145``); all of the data set, if left out.
    images
        "patches": HEST's tiles of 224 pixels, lazily, and only rows that have one; "slide": the whole slide, to cut
        tiles from with `pp.tile`; "none": counts only.
    genes
        Genes to keep. Default: those that all samples have.

    Returns
    -------
    AnnData
        As `io.read_hest` reads a sample (``obs["library_id"]`` is its id), as `io.concat_sections` joins several;
        also ``obs["patient"]``, from the manifest.

    Raises
    ------
    UsageError
        For a data set or sample that does not exist.
    DownloadError
        When files are not here; it names the command that fetches them.
    """
    manifest = load_manifest(name)
    if not is_hub_set(manifest):
        known = ", ".join(one for one in manifest_names() if is_hub_set(load_manifest(one)))
        raise UsageError(f"Expected a data set of HEST-1k ({known}); got {name!r}.")
    if images not in _ROLES:
        raise UsageError(f"Expected images 'patches', 'slide' or 'none'; got {images!r}.")
    if ids is None:
        names = [section.name for section in manifest.sections]
    else:
        names = [ids] if isinstance(ids, str) else [*dict.fromkeys(ids)]
    if not names:
        raise UsageError(f"Expected at least one sample of {name}; got none. `genviz data list` shows them.")
    paths = _paths(manifest, names, images)
    parts = {one: _sample(manifest, one, paths[one]) for one in names}
    if len(parts) == 1 and genes is None:
        return parts[names[0]]
    return concat_sections(parts, genes=genes)


def _paths(manifest: Manifest, names: Sequence[str], images: Images) -> dict[str, dict[str, Path]]:
    """Sample → role → path of what is here; metadata where there are any."""
    paths: dict[str, dict[str, Path]] = {}
    missing = []
    for file in hub_files(manifest, names, [*_ROLES[images], "metadata"]):
        if here := located(manifest, file):
            paths.setdefault(file.section, {})[file.role] = here[1]
        elif file.role != "metadata":
            missing.append(file)
    if missing:
        samples = ",".join(dict.fromkeys(file.section for file in missing))
        roles = " --roles counts,image,metadata" if images == "slide" else ""
        raise DownloadError(
            f"Expected {missing[0].local} of {manifest.name}; it is not on this machine, nor are {len(missing) - 1} "
            f"other files. Run `genviz data fetch {manifest.name} --sections {samples}{roles}` (licence "
            f"{manifest.licence}), or set GENVIZ_DATA to a folder that has them."
        )
    return paths


def _sample(manifest: Manifest, name: str, paths: dict[str, Path]) -> AnnData:
    part = read_hest(
        paths["counts"],
        paths.get("patches"),
        paths.get("image"),
        metadata=paths.get("metadata"),
        section=name,
    )
    part.obs[Obs.PATIENT] = [manifest.section(name).patient] * part.n_obs
    part.obs[Obs.PATIENT] = part.obs[Obs.PATIENT].astype("category")
    return part
