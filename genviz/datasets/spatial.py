"""Spatial data sets as AnnData."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from anndata import AnnData

from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.core.counts import first_names
from genviz.datasets.catalogue import fetch
from genviz.io.concat import concat_sections
from genviz.io.fetching.manifests import Manifest, load_manifest
from genviz.io.spots.st import read_st

_READ = ("counts", "spots", "image", "labels")


def her2st(sections: Iterable[str], *, images: bool = True, genes: Sequence[str] | None = None) -> AnnData:
    """HER2-positive breast tumours (Andersson et al. 2021, CC BY 4.0): raw counts, spots and H&E.

    Parameters
    ----------
    sections
        Of ``A1``-``A6``, ``B1``-``B6``, ``C1``-``C6``, ``D1``-``D6``, ``E1``-``E3``, ``F1``-``F3``,
        ``G1``-``G3``, ``H1``-``H3``; the letter is the patient.
    images
        Whether to get the images too (4 MB each in patient C).
    genes
        Genes to keep. Default: all that any of the sections has, so that row sums are library sizes; a gene
        that no spot of a section has is 0 there (with a warning if none of the sections has it).

    Returns
    -------
    AnnData
        As `io.read_st` reads a section (rows ``XxY``), as `io.concat_sections` joins several (rows
        ``C2_XxY``); also ``obs["patient"]`` and, for sections a pathologist has labelled, ``obs["label"]``.

    Raises
    ------
    UsageError
        For a section that does not exist.
    DownloadError
        When files cannot be had; it names the ways out.
    """
    names = [sections] if isinstance(sections, str) else [*dict.fromkeys(sections)]
    if not names:
        raise UsageError("Expected at least one section of her2st; got none. `genviz data list` shows them.")
    manifest = load_manifest("her2st")
    paths = fetch(manifest.name, sections=names, roles=[r for r in _READ if images or r != "image"])
    parts = {name: _section(manifest, name, paths[name]) for name in names}
    wanted = [*dict.fromkeys(gene for part in parts.values() for gene in part.var_names)]
    _warn_of_strangers(genes or (), wanted)
    if len(parts) > 1:
        return concat_sections(parts, genes=wanted if genes is None else genes)
    (only,) = parts.values()
    return only if genes is None else _named_as_one(only, names[0], genes)


def _section(manifest: Manifest, name: str, paths: dict[str, Path]) -> AnnData:
    part = read_st(
        paths["counts"],
        paths["spots"],
        paths.get("image"),
        section=name,
        labels=paths.get("labels"),
        pitch_um=float(manifest.facts["spots"]["pitch_um"]),
    )
    part.obs[Obs.PATIENT] = [manifest.section(name).patient] * part.n_obs
    part.obs[Obs.PATIENT] = part.obs[Obs.PATIENT].astype("category")
    return part


def _warn_of_strangers(genes: Sequence[str], known: Sequence[str]) -> None:
    """A gene that no section has may be unexpressed, or misspelt: only the user can tell."""
    if strangers := [gene for gene in genes if gene not in set(known)]:
        warnings.warn(
            f"{len(strangers)} genes are in none of these sections and set to 0: {first_names(strangers)}. "
            "Are they spelled as in the data set (old symbols such as SEPW1, H2AFJ, ATP5B)?",
            stacklevel=3,
        )


def _named_as_one(part: AnnData, name: str, genes: Sequence[str]) -> AnnData:
    """One section with exactly these genes, its rows named as in its file."""
    chosen = concat_sections({name: part}, genes=genes)
    chosen.obs_names = part.obs_names
    return chosen
