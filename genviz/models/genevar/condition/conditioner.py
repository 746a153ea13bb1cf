"""From profiles to the vector that the prior and the flow are told: four kinds behind one face.

Everything is fitted on training rows and kept as arrays and JSON. Shape legend: N rows, U used genes, I width of the
input, Z length of the condition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from genviz._errors import CheckpointError, DataError, UsageError
from genviz.core.counts import first_names
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.profiles import Profiles, thinned
from genviz.models.genevar.condition.scaler import ProfileScaler

Float = NDArray[np.float32]
State = tuple[dict[str, NDArray[Any]], dict[str, Any]]


@dataclass(frozen=True)
class Conditioner(ABC):
    """What every kind offers.

    Attributes
    ----------
    config
        What it was made with.
    """

    config: ConditionConfig

    @property
    @abstractmethod
    def input_dim(self) -> int:
        """I, width of what `transform` gives."""

    @property
    def cond_dim(self) -> int:
        """Z, width behind `head`, which the prior and the flow take; the same but for "linear"."""
        return self.input_dim

    @abstractmethod
    def transform(self, profiles: Profiles) -> Float:
        """Float32 (N, I); a row's values depend on that row alone."""

    @abstractmethod
    def view(self, profiles: Profiles, *, seed: int, view: int) -> Float:
        """The same for a training view: thinned counts, noise; keyed by (seed, library, row, view)."""

    def head(self) -> nn.Module:
        """A new module from (B, I) to (B, Z), to be trained with the prior; it has no parameters but for "linear"."""
        return nn.Identity()

    @abstractmethod
    def state(self) -> State:
        """Arrays and JSON values, from which `kinds.restore_conditioner` rebuilds it."""


@dataclass(frozen=True)
class PcaConditioner(Conditioner):
    """Whitened principal components of the logarithms of the most variable genes, and the depth.

    Attributes
    ----------
    config, scaler
        Recipe; genes and their statistics. Components are of centred logarithms, not of z-scores: what varies more
        counts more.
    components_ZU
        Principal axes over the deviations of their scores: scores of the training rows have deviation 1.
    explained
        Share of the variance of the training rows.
    """

    scaler: ProfileScaler
    components_ZU: Float
    explained: float

    @classmethod
    def fit(cls, config: ConditionConfig, profiles: Profiles) -> PcaConditioner:
        """Fit on training rows.

        Parameters
        ----------
        config
            The recipe.
        profiles
            Training rows.

        Raises
        ------
        UsageError
            For more components than rows or genes allow.
        """
        scaler = ProfileScaler.fit(profiles, config)
        logs_NU = scaler.logs(profiles, config).astype(np.float64)
        centred_NU = logs_NU - logs_NU.mean(axis=0)
        most = min(len(profiles) - 1, centred_NU.shape[1])
        if config.n_latent > most:
            raise UsageError(
                f"Expected n_latent of at most {most} ({len(profiles)} training rows, {centred_NU.shape[1]} genes); "
                f"got {config.n_latent}."
            )
        variance_Z, axes_ZU = _principal(centred_NU, config.n_latent)
        if variance_Z[-1] <= 1e-12 * variance_Z[0]:
            raise DataError(
                f"Expected training profiles of {config.n_latent} or more independent directions; they have fewer. "
                "Lower n_latent."
            )
        whitened_ZU = axes_ZU / np.sqrt(variance_Z)[:, None]
        explained = float(variance_Z.sum() / centred_NU.var(axis=0).sum())
        return cls(config, scaler, whitened_ZU.astype(np.float32), explained)

    @property
    def input_dim(self) -> int:
        """Components, and one for the depth."""
        return self.config.n_latent + self.config.depth

    def transform(self, profiles: Profiles) -> Float:
        """Scores over their deviations, then the depth: (N, Z)."""
        centred_NU = self.scaler.logs(profiles, self.config) - self.scaler.mean_U
        return with_depth(row_products(centred_NU, self.components_ZU), self.scaler, profiles, self.config)

    def view(self, profiles: Profiles, *, seed: int, view: int) -> Float:
        """Scores of thinned counts, with noise."""
        return noisy(
            self.transform(thin(profiles, self.config, seed, view)), profiles, self.config, seed, view
        )

    def state(self) -> State:
        """Arrays and JSON values."""
        tensors = self.scaler.tensors() | {"components": self.components_ZU}
        return tensors, {"condition": self.config.to_dict(), "explained": self.explained}


@dataclass(frozen=True)
class ClassConditioner(Conditioner):
    """The row's label alone: one number a class. A linear layer behind it is a table of embeddings.

    Attributes
    ----------
    config
        The recipe.
    classes
        Names in rising order.
    """

    classes: tuple[str, ...]

    @classmethod
    def fit(cls, config: ConditionConfig, profiles: Profiles) -> ClassConditioner:
        """Take the labels of the training rows.

        Parameters
        ----------
        config
            The recipe.
        profiles
            Training rows with labels.

        Raises
        ------
        DataError
            Without labels.
        """
        return cls(config, tuple(sorted(set(_labels(profiles)))))

    @property
    def input_dim(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def transform(self, profiles: Profiles) -> Float:
        """1 at the row's class, else 0.

        Raises
        ------
        DataError
            For labels that no training row has.
        """
        labels = _labels(profiles)
        if strangers := sorted(set(labels) - set(self.classes)):
            raise DataError(
                f"Expected labels of training ({first_names(self.classes, 8)}); got {first_names(strangers)}."
            )
        return np.eye(len(self.classes), dtype=np.float32)[[self.classes.index(label) for label in labels]]

    def view(self, profiles: Profiles, *, seed: int, view: int) -> Float:
        """The same: a label has nothing to draw."""
        return self.transform(profiles)

    def state(self) -> State:
        """JSON values; no arrays."""
        return {}, {"condition": self.config.to_dict(), "classes": list(self.classes)}


@dataclass(frozen=True)
class LinearConditioner(Conditioner):
    """z-scores of all used genes, and a projection that is trained with the prior.

    Attributes
    ----------
    config, scaler
        Recipe; genes and their statistics.
    """

    scaler: ProfileScaler

    @classmethod
    def fit(cls, config: ConditionConfig, profiles: Profiles) -> LinearConditioner:
        """Measure the genes of the training rows.

        Parameters
        ----------
        config
            The recipe.
        profiles
            Training rows.
        """
        return cls(config, ProfileScaler.fit(profiles, config))

    @property
    def input_dim(self) -> int:
        """Genes, and one for the depth."""
        return len(self.scaler.columns_U) + self.config.depth

    @property
    def cond_dim(self) -> int:
        """Width of the projection."""
        return self.config.n_latent

    def transform(self, profiles: Profiles) -> Float:
        """z-scores, then the depth: (N, I)."""
        return with_depth(self.scaler.standardised(profiles, self.config), self.scaler, profiles, self.config)

    def view(self, profiles: Profiles, *, seed: int, view: int) -> Float:
        """z-scores of thinned counts. No noise: on thousands of inputs it would be another quantity."""
        return self.transform(thin(profiles, self.config, seed, view))

    def head(self) -> nn.Module:
        """Linear, then LayerNorm."""
        return nn.Sequential(nn.Linear(self.input_dim, self.cond_dim), nn.LayerNorm(self.cond_dim))

    def state(self) -> State:
        """Arrays and JSON values; the projection's weights are the head's, kept by whoever trains it."""
        return self.scaler.tensors(), {"condition": self.config.to_dict()}


def thin(profiles: Profiles, config: ConditionConfig, seed: int, view: int) -> Profiles:
    """Thinned counts where the recipe says so; TPM and ``thin_from=1`` stay as they are."""
    if config.units != "counts" or config.thin_from == 1:
        return profiles
    return thinned(profiles, thin_from=config.thin_from, seed=seed, view=view)


def noisy(code_NZ: Float, profiles: Profiles, config: ConditionConfig, seed: int, view: int) -> Float:
    """The codes with Gaussian noise of deviation `code_noise`, keyed like `thin`; the depth gets none."""
    if not config.code_noise:
        return code_NZ
    out_NZ = code_NZ.copy()
    n = config.n_latent
    for row in range(len(profiles)):
        noise_Z = profiles.generator(row, seed, f"code noise {view}").standard_normal(n, np.float32)
        out_NZ[row, :n] += config.code_noise * noise_Z
    return out_NZ


def with_depth(code_NZ: Float, scaler: ProfileScaler, profiles: Profiles, config: ConditionConfig) -> Float:
    """The codes, and the depth as last column where the recipe says so."""
    return np.hstack([code_NZ, scaler.depth(profiles)]) if config.depth else code_NZ


def row_products(x_NU: Float, weights_ZU: Float) -> Float:
    """``x @ weights.T`` row by row: in one product, rounding would depend on which other rows there are."""
    out_NZ = np.empty((len(x_NU), len(weights_ZU)), np.float32)
    own_U = np.empty(x_NU.shape[1], np.float32)  # one buffer: alignment in memory chooses the kernel too
    for i, x_U in enumerate(x_NU):
        own_U[:] = x_U
        out_NZ[i] = weights_ZU @ own_U
    return out_NZ


def config_of(told: Mapping[str, Any]) -> ConditionConfig:
    """The recipe in the JSON values of `Conditioner.state`.

    Raises
    ------
    CheckpointError
        When there is none.
    """
    if "condition" not in told:
        raise CheckpointError("Expected the recipe of a condition in the checkpoint; there is none.")
    return ConditionConfig.from_dict(told["condition"])


def _principal(centred_NU: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances (n,) and axes (n, U) of the largest principal components, by the smaller Gram matrix.

    The sign of an axis is that of its largest loading.
    """
    n_rows, n_genes = centred_NU.shape
    if n_rows <= n_genes:
        values, left_NN = np.linalg.eigh(centred_NU @ centred_NU.T)
        top = np.argsort(values)[::-1][:n]
        axes_ZU = (left_NN[:, top].T @ centred_NU) / np.sqrt(np.maximum(values[top], 1e-300))[:, None]
    else:
        values, right_UU = np.linalg.eigh(centred_NU.T @ centred_NU)
        top = np.argsort(values)[::-1][:n]
        axes_ZU = right_UU[:, top].T
    largest = axes_ZU[np.arange(n), np.abs(axes_ZU).argmax(axis=1)]
    return np.maximum(values[top], 0) / n_rows, axes_ZU * np.where(largest < 0, -1.0, 1.0)[:, None]


def _labels(profiles: Profiles) -> tuple[str, ...]:
    if profiles.labels is None:
        raise DataError(
            "Expected a label of each row for the condition 'class'; there are none. Name their column."
        )
    return profiles.labels
