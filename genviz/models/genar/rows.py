"""Rows of an AnnData as the arrays a network reads, checked on the way in.

Shape legend: N rows, F features.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.core.counts import first_names
from genviz.io.library import library_of_rows, mpp_of, positions

if TYPE_CHECKING:
    from anndata import AnnData

# Parts of a feature recipe that must agree between training and prediction; a slide's own stain may differ.
_RECIPE = (
    "name",
    "version",
    "n_features",
    "n_own",
    "names_digest",
    "weights_sha256",
    "mpp",
    "ring",
    "pitch_um",
    "stain",
)


@dataclass(frozen=True)
class Rows:
    """What a network is told about rows.

    Attributes
    ----------
    features_NF
        Tile features as stored, float32.
    xy_N2
        Positions, micrometres, float32.
    libraries, names
        Section and name of each row: with the seed they key its randomness.
    """

    features_NF: NDArray[np.float32]
    xy_N2: NDArray[np.float32]
    libraries: NDArray[Any]
    names: NDArray[Any]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: NDArray[np.intp] | slice) -> Rows:
        """Some of the rows."""
        return Rows(self.features_NF[index], self.xy_N2[index], self.libraries[index], self.names[index])


def rows_of(adata: AnnData, features: str) -> Rows:
    """Read features and positions.

    Raises
    ------
    UsageError
        For what is no AnnData.
    MissingKeyError
        Without the features.
    DataError
        For no rows, or NaN features (rows named).
    """
    check_adata(adata)
    if features not in adata.obsm:
        raise MissingKeyError(
            f"Expected tile features in obsm['{features}'], found {sorted(adata.obsm)}. Run gv.pp.embed(adata) first."
        )
    if adata.n_obs == 0:
        raise DataError("Expected at least one row, got an empty AnnData. Is the section empty?")
    features_NF = np.asarray(adata.obsm[features], dtype=np.float32)
    bad = ~np.isfinite(features_NF).all(axis=1)
    if bad.any():
        raise DataError(
            f"Expected finite features in obsm['{features}']; {int(bad.sum())} rows have NaN or infinity: "
            f"{first_names(list(adata.obs_names[bad]))}. Drop those rows or embed them again."
        )
    libraries = library_of_rows(adata)
    scale = {library: mpp_of(adata, library) for library in dict.fromkeys(libraries)}
    mpp_N = np.array([scale[library] for library in libraries])
    xy_N2 = (positions(adata) * mpp_N[:, None]).astype(np.float32)
    return Rows(features_NF, xy_N2, libraries, np.asarray(adata.obs_names, dtype=object))


def feature_recipe(adata: AnnData, features: str) -> dict[str, Any]:
    """How the features were made, without what belongs to single slides; empty when unknown."""
    encoder = features.removeprefix(Obsm.features(""))
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.FEATURES, {}).get(encoder)
    stored = json.loads(text) if text else {}
    return {name: stored[name] for name in _RECIPE if name in stored}


def check_recipe(trained: dict[str, Any], given: dict[str, Any], n_trained: int, n_given: int) -> None:
    """Refuse features that another encoder made.

    Raises
    ------
    DataError
        Saying what differs.
    """
    if n_trained != n_given:
        raise DataError(
            f"Expected {n_trained} features a row, as in training ({trained.get('name', 'unknown encoder')}); got "
            f"{n_given}. Embed these rows with the same encoder."
        )
    differing = [name for name in trained if name in given and trained[name] != given[name]]
    if differing:
        shown = ", ".join(
            f"{name}: {trained[name]!r} in training, {given[name]!r} here" for name in differing
        )
        raise DataError(
            f"Expected features made as in training; they differ in {shown}. Embed the rows again."
        )


def recipe_notes(trained: dict[str, Any], given: dict[str, Any], features: str) -> list[str]:
    """What `check_recipe` could not compare: parts of the training features' record that these rows lack."""
    absent = [name for name in trained if name not in given]
    if not absent:
        return []
    of = f" ({', '.join(absent)} unknown)" if given else ""
    made = str(trained.get("name", "an encoder that was not recorded"))
    return [
        f"obsm['{features}']: these features carry no record of how they were made{of}; the model was trained on "
        f"features of {made}. If they were made otherwise the prediction is meaningless: embed the rows with "
        "gv.pp.embed."
    ]
