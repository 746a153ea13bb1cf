"""From rows to the conditions that a trained model is told, their genes joined by name.

Shape legend: N rows, G genes of the model, I width of the conditioner's
input, Z of the condition.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from torch import nn

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers, Obs, Uns
from genviz.core.arguments import check_adata, shown
from genviz.core.counts import first_names
from genviz.models.genevar.condition.conditioner import LinearConditioner, PcaConditioner
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.rows import AbsentGenes, profiles_of
from genviz.models.genevar.condition.scaler import ProfileScaler
from genviz.models.genevar.condition.vae import VaeConditioner
from genviz.models.genevar.fitted import Fitted

if TYPE_CHECKING:
    from anndata import AnnData

LABEL_KEY = "label_key"  # the fact that names the column of classes
_MOST_FILLED = 0.5  # share of genes at their training mean beyond which a profile is hardly one


@dataclass(frozen=True)
class Told:
    """What rows tell a model.

    Attributes
    ----------
    profiles
        Of all genes of the model; those that the condition does not use are zeros.
    imputed
        Genes that the rows do not have and the condition uses, at their training mean.
    """

    profiles: Profiles
    imputed: tuple[str, ...] = ()


def told_by(
    fitted: Fitted, adata: AnnData, *, depth: ArrayLike | str | None = None, impute_missing: bool = False
) -> Told:
    """Profiles of rows as the model's condition takes them; tiles are not looked at.

    Only genes that the condition uses are asked for: with 2,000 of them in use, a section may lack others.

    Parameters
    ----------
    fitted
        Model with a condition.
    adata
        Rows with counts or TPM, as the model was trained on; for the condition "class" with its label alone.
    depth
        All reads of each row: a number, one a row, or a column of ``obs``. Default: the sum over all genes of `adata`.
    impute_missing
        Set used genes that `adata` lacks to their training mean, instead of refusing.

    Raises
    ------
    UsageError
        For what is no AnnData.
    DataError
        For no rows, genes that are absent (named), values that are no counts (or TPM), rows of zeros, or depths that
        are not above 0.
    MissingKeyError
        Without profiles or labels.
    """
    check_adata(adata)
    conditioner = fitted.fitted_conditioner()
    config, label_key = conditioner.config, str(fitted.facts.get(LABEL_KEY, Obs.PROJECT))
    if adata.n_obs == 0:
        raise DataError("Expected at least one row, got an empty AnnData.")
    if not isinstance(conditioner, PcaConditioner | VaeConditioner | LinearConditioner):
        return Told(profiles_of(_without_profiles(adata), ["-"], config, label_key=label_key))
    used = [fitted.genes[column] for column in conditioner.scaler.columns_U]
    missing = tuple(sorted(set(used) - set(adata.var_names.astype(str))))
    filled = impute_missing and len(missing) < len(used)  # of nothing measured there is no profile to fill up
    given = [gene for gene in used if gene not in set(missing)] if filled else used
    try:
        own = profiles_of(adata, given, config, depth_N=_depth(adata, depth))
    except AbsentGenes as err:
        if len(missing) == len(used):
            raise
        how = "impute_missing=True (--impute-missing)"
        raise DataError(f"{err} Or set them to their training mean: {how}.") from err
    if len(missing) > _MOST_FILLED * len(used):
        warnings.warn(
            f"{len(missing)} of the {len(used)} genes that the condition uses are absent and set to their training "
            "mean: tiles say little about these rows. Are genes named as in training?",
            stacklevel=2,
        )
    matrix = _in_model_order(own, given, missing, fitted.genes, conditioner.scaler, config)
    return Told(replace(own, matrix=matrix), missing)


def conditions(fitted: Fitted, profiles: Profiles) -> NDArray[np.float32]:
    """Conditions (N, Z), through the projection that was trained with the prior where there is one.

    Parameters
    ----------
    fitted
        Model with a condition.
    profiles
        From `told_by`.
    """
    input_NI = fitted.fitted_conditioner().transform(profiles)
    if isinstance(fitted.head, nn.Identity):
        return input_NI
    z_NZ = np.empty((len(input_NI), fitted.fitted_conditioner().cond_dim), np.float32)
    # Row by row: in a batch, rounding depends on a row's place in it. One buffer: alignment chooses the kernel too.
    row_1I = torch.empty(1, input_NI.shape[1], device=fitted.device)
    with torch.no_grad():
        for row, input_I in enumerate(input_NI):
            row_1I[0] = torch.from_numpy(input_I)
            z_NZ[row] = fitted.head(row_1I)[0].float().cpu().numpy()
    return z_NZ


def _in_model_order(
    own: Profiles,
    given: Sequence[str],
    missing: Sequence[str],
    genes: Sequence[str],
    scaler: ProfileScaler,
    config: ConditionConfig,
) -> sparse.csr_matrix:
    """Columns of the given genes in their places among all, missing ones at their training mean."""
    place = {gene: column for column, gene in enumerate(genes)}
    own_NU = sparse.csc_matrix(own.matrix, dtype=np.float64)
    to = sparse.csr_matrix(
        (np.ones(len(given)), (np.arange(len(given)), [place[gene] for gene in given])),
        shape=(len(given), len(genes)),
    )
    whole_NG = sparse.csr_matrix(own_NU @ to)
    if not missing:
        return whole_NG
    mean_of = dict(zip(scaler.columns_U, scaler.mean_U, strict=True))
    columns = np.array([place[gene] for gene in missing])
    mean_M = np.array([mean_of[column] for column in columns], dtype=np.float64)
    if config.units == "counts":
        filled_NM = np.outer(own.depth_N / config.scale, np.expm1(mean_M))
    else:
        filled_NM = np.tile(np.exp2(mean_M) - 1, (len(own), 1))
    at = sparse.csr_matrix(
        (np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), len(genes))
    )
    return sparse.csr_matrix(whole_NG + sparse.csr_matrix(filled_NM) @ at)


def _depth(adata: AnnData, depth: ArrayLike | str | None) -> NDArray[np.float64] | None:
    if depth is None:
        return None
    if isinstance(depth, str):
        if depth not in adata.obs:
            raise MissingKeyError(
                f"Expected obs['{depth}'], all reads of each row; it is absent. Name another column."
            )
        depth = adata.obs[depth].to_numpy()
    expected = (
        f"Expected a depth, all reads of a row: a number above 0, or one for each of {adata.n_obs} rows"
    )
    try:
        values: NDArray[np.float64] = np.asarray(depth, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{expected}; got {shown(depth)}.") from None
    if values.ndim > 1 or (values.ndim == 1 and len(values) != adata.n_obs):
        raise DataError(f"{expected}; got numbers of shape {values.shape}.")
    depth_N = np.broadcast_to(values, (adata.n_obs,))
    wrong = ~(np.isfinite(depth_N) & (depth_N > 0))
    if wrong.any():
        of = f" for {first_names(list(adata.obs_names[wrong]))}" if values.ndim else ""
        raise DataError(f"{expected}; got {depth_N[wrong][0]:g}{of}. Correct depth, or leave it out.")
    return depth_N


def _without_profiles(adata: AnnData) -> AnnData:
    """The same rows with nothing measured, for a condition that only looks at labels."""
    light = ad.AnnData(
        X=sparse.csr_matrix(np.ones((adata.n_obs, 1))),
        obs=adata.obs,
        var=pd.DataFrame(index=pd.Index(["-"], dtype=object)),
        uns={Uns.SPATIAL: adata.uns.get(Uns.SPATIAL, {})},
    )
    light.layers[Layers.TPM] = 0.5 * light.X  # profiles in either unit
    return light
