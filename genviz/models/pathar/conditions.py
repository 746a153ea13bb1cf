"""What rows are drawn from: a label each, and an organ each where the model was trained with organs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Obs
from genviz.core.arguments import check_adata, check_list
from genviz.models.pathar.fitted import Fitted

if TYPE_CHECKING:
    from anndata import AnnData

Organs = str | Sequence[str | None] | None
"""One organ for all rows, or one a row; None is unknown."""


@dataclass(frozen=True)
class Conditions:
    """Labels and organs of some rows, both known to the model.

    Attributes
    ----------
    labels
        One a row.
    organs
        One a row, None where unknown; None of a model without organs.
    """

    labels: list[str]
    organs: list[str | None] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def repeated(self, n: int) -> Conditions:
        """Each row `n` times, one after the other."""
        return self.taken([row for row in range(len(self)) for _ in range(n)])

    def taken(self, rows: Sequence[int] | NDArray[np.int64]) -> Conditions:
        """Some rows."""
        organs = None if self.organs is None else [self.organs[row] for row in rows]
        return Conditions([self.labels[row] for row in rows], organs)

    def columns(self) -> dict[str, Any]:
        """Columns of ``obs``; organs only where one is known."""
        known = self.organs is not None and any(self.organs)
        return {Obs.LABEL: self.labels} | ({Obs.ORGAN: self.organs} if known else {})

    def parameters(self) -> dict[str, Any]:
        """What provenance says of organs; nothing of a model without."""
        return {} if self.organs is None else {"organs": sorted({organ or "" for organ in self.organs})}

    def names(self) -> list[str]:
        """Label, and organ where it is known: what rows are named by."""
        organs = self.organs or [None] * len(self)
        return [
            f"{label}-{organ}" if organ else label for label, organ in zip(self.labels, organs, strict=True)
        ]

    def indices(self, fitted: Fitted) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices in model order, of labels and of organs; an unknown organ is the one after the last."""
        organs = self.organs or [None] * len(self)
        return (
            np.array([fitted.labels.index(label) for label in self.labels], np.int64),
            np.array([organ_index(fitted.organs, organ) for organ in organs], np.int64),
        )


def organ_index(names: Sequence[str], organ: str | None) -> int:
    """Place of an organ among the names; their number for one that is not there."""
    return len(names) if organ is None or organ not in names else list(names).index(organ)


def organ_tensor(fitted: Fitted, organ_B: NDArray[np.int64]) -> Tensor | None:
    """Organs as the prior takes them; None for one that was made without."""
    return from_numpy(organ_B).to(fitted.device) if fitted.organs else None


def conditions_given(
    fitted: Fitted, labels: str | Sequence[str], organs: Organs, n: int | None = None
) -> Conditions:
    """Conditions that a user names.

    Parameters
    ----------
    fitted
        The model.
    labels, organs
        One for all rows, or one a row.
    n
        Rows; default one a label.

    Raises
    ------
    UsageError
        For names that the model does not know, organs for a model without, or numbers that do not fit.
    """
    if n is None:
        n = len(check_list("labels", labels, f"names out of {', '.join(fitted.labels)}", one=str))
    return Conditions(check_labels(fitted, _each("label", labels, n)), check_organs(fitted, organs, n))


def conditions_of(
    fitted: Fitted, adata: AnnData, labels: str | Sequence[str] | None = None, organs: Organs = None
) -> Conditions:
    """Conditions of rows: those that a user names, or else their own.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows; labels and organs are read from the columns declared in training, or ``obs["label"]`` and
        ``obs["organ"]``.
    labels, organs
        As `conditions_given`.

    Raises
    ------
    MissingKeyError
        Without a column of labels.
    UsageError
        As `conditions_given`; for what is no AnnData.
    """
    check_adata(adata)
    if labels is None:
        labels = _own(adata, str(fitted.facts.get("label_key", Obs.LABEL)), Obs.LABEL)
        if labels is None:
            key = fitted.facts.get("label_key", Obs.LABEL)
            raise MissingKeyError(
                f"Expected labels in obs['{key}'], found {sorted(adata.obs)}. Pass labels=."
            )
    if organs is None:
        organs = organs_of(fitted, adata)
    return conditions_given(fitted, labels, organs, adata.n_obs)


def organs_of(fitted: Fitted, adata: AnnData) -> list[str | None] | None:
    """The rows' own organs, None where missing; None of a model without, or of rows without such a column."""
    if not fitted.organs:
        return None
    return _own(adata, str(fitted.facts.get("organ_key") or Obs.ORGAN), Obs.ORGAN)


def check_labels(fitted: Fitted, labels: Sequence[str]) -> list[str]:
    """Labels that the model knows.

    Raises
    ------
    UsageError
        For one that it does not.
    """
    unknown = sorted({str(label) for label in labels} - set(fitted.labels))
    if unknown:
        raise UsageError(f"Expected labels out of {', '.join(fitted.labels)}; got {_named(unknown)}.")
    return [str(label) for label in labels]


def check_organs(fitted: Fitted, organs: Organs, n: int) -> list[str | None] | None:
    """Organs that the model knows, one for each of `n` rows; None of a model without.

    Raises
    ------
    UsageError
        For one that it does not know, any for a model without, or another number.
    """
    if organs is None:
        return [None] * n if fitted.organs else None
    if not fitted.organs:
        raise UsageError(
            "Expected no organs: the model was trained without. Leave organs= out, or train with "
            "setup_anndata(adata, organ_key=...)."
        )
    each = _each("organ", organs, n)
    unknown = sorted({str(organ) for organ in each if organ is not None} - set(fitted.organs))
    if unknown:
        raise UsageError(f"Expected organs out of {', '.join(fitted.organs)}; got {_named(unknown)}.")
    return [None if organ is None else str(organ) for organ in each]


def _named(names: Sequence[str]) -> str:
    """Names for a message, where one may be blank."""
    return ", ".join(name if name.strip() else repr(name) for name in names)


def _each(what: str, values: str | Sequence[Any], n: int) -> list[Any]:
    each = [values] * n if isinstance(values, str) else check_list(f"{what}s", values, "names")
    if len(each) != n:
        raise UsageError(f"Expected one {what}, or one for each of {n} rows; got {len(each)}.")
    return each


def _own(adata: AnnData, key: str, otherwise: str) -> list[Any] | None:
    """A column as texts, None where it is missing; None without such a column."""
    column = key if key in adata.obs else otherwise
    if column not in adata.obs:
        return None
    values = adata.obs[column]
    return [None if absent else str(value) for value, absent in zip(values, values.isna(), strict=True)]
