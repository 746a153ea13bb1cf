"""Which genes are edited, by how much, and what a profile is afterwards.

Shape legend: N rows, G genes of the model, U genes that its condition uses.
"""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from genviz._errors import DataError, UsageError
from genviz.core.arguments import check_list
from genviz.core.counts import first_names
from genviz.models.genevar.condition.rows import other_ids

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.condition.profiles import Profiles
    from genviz.models.genevar.condition.scaler import ProfileScaler
    from genviz.models.genevar.fitted import Fitted

log = logging.getLogger("genviz")

FOLD, ABSOLUTE = "fold", "absolute"
FOLDS = (0.0, 0.5, 1.0, 2.0, 4.0)
_NONE = "measured"


@dataclass(frozen=True)
class Doses:
    """A grid of doses; the measured profile is always one of them.

    Attributes
    ----------
    kind
        "fold" multiplies the measured values, "absolute" sets them.
    levels
        In rising order. The measured profile is fold 1; among absolute doses it comes first and is NaN.
    """

    kind: str
    levels: tuple[float, ...]

    @classmethod
    def of(cls, fold: float | Sequence[float] | None, absolute: float | Sequence[float] | None) -> Doses:
        """Check a grid.

        Parameters
        ----------
        fold, absolute
            One of them, a dose or several; `FOLDS` without either.

        Raises
        ------
        UsageError
            For both, none, no dose beside the measured one, negative or infinite doses, or one that is given twice.
        """
        if fold is not None and absolute is not None:
            raise UsageError("Expected fold= or absolute= doses; got both. Give one of them.")
        kind = ABSOLUTE if absolute is not None else FOLD
        doses = absolute if absolute is not None else FOLDS if fold is None else fold
        given = [_number(value) for value in check_list(kind, doses, "doses", one=(int, float, np.number))]
        if not given:
            raise UsageError(f"Expected at least one dose; got none. Leave {kind} out, or name some.")
        names = [f"{value:g}" for value in given]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"Expected each dose once; got {', '.join(repeated)} more than once.")
        levels = (math.nan, *sorted(given)) if kind == ABSOLUTE else tuple(sorted({*given, 1.0}))
        if len(levels) < 2:
            raise UsageError(f"Expected a dose other than the measured one; got {kind} {', '.join(names)}.")
        return cls(kind, levels)

    @property
    def reference(self) -> int:
        """Place of the measured profile."""
        return 0 if self.kind == ABSOLUTE else self.levels.index(1.0)

    @property
    def measured(self) -> str:
        """Label of the measured profile."""
        return self.label(self.levels[self.reference])

    def label(self, level: float) -> str:
        """``x0.5``, ``=12`` or ``measured``."""
        if math.isnan(level):
            return _NONE
        return f"{'x' if self.kind == FOLD else '='}{level:g}"


@dataclass(frozen=True)
class GeneSet:
    """Genes that are edited together.

    Attributes
    ----------
    name
        Of the set; of a single gene its own.
    genes
        Those that the condition uses.
    columns
        Their places among the U used genes.
    unused
        Others that were named; the model cannot react to them.
    """

    name: str
    genes: tuple[str, ...]
    columns: tuple[int, ...]
    unused: tuple[str, ...] = ()


def named_sets(
    genes: str | Sequence[str] | Mapping[str, Sequence[str]], *, together: bool = False
) -> dict[str, tuple[str, ...]]:
    """Name → genes, as they were asked for.

    Parameters
    ----------
    genes
        A gene, genes, or sets by name.
    together
        Whether a list is one set.

    Raises
    ------
    UsageError
        For no genes, an empty set, a gene that is named twice, or sets by name with `together`.
    """

    def listed(own: Any) -> list[str]:
        return [str(gene) for gene in check_list("genes", own, "names", one=str)]

    if isinstance(genes, Mapping):
        if together:
            raise UsageError("Expected genes in one list with together=True; got sets by name. Leave it out.")
        sets = {str(name): tuple(listed(own)) for name, own in genes.items()}
    else:
        names = listed(genes)
        _check_once(names)
        sets = {"+".join(names): tuple(names)} if together else {gene: (gene,) for gene in names}
    if not sets or not all(sets.values()):
        raise UsageError("Expected at least one gene in each set; got none.")
    for own in sets.values():
        _check_once(own)
    return sets


def scaler_of(fitted: Fitted) -> ProfileScaler:
    """The genes that a model's condition uses, and their statistics.

    Parameters
    ----------
    fitted
        The model.

    Raises
    ------
    UsageError
        For a condition that is not told genes.
    """
    conditioner: Any = fitted.fitted_conditioner()
    scaler: ProfileScaler | None = getattr(conditioner, "scaler", None)
    if scaler is None:
        raise UsageError(
            f"Expected a model that is told genes; the condition of this one is {conditioner.config.kind!r}. Train one "
            "with condition={'kind': 'pca'}."
        )
    return scaler


def usable_sets(
    fitted: Fitted, adata: AnnData, sets: Mapping[str, Sequence[str]]
) -> tuple[list[GeneSet], ProfileScaler]:
    """Keep what the model can react to, with a warning about the rest.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows.
    sets
        From `named_sets`.

    Raises
    ------
    DataError
        For genes that the rows do not have (close names are hinted at), or none that the condition uses.
    UsageError
        For a condition that is not told genes.
    """
    scaler = scaler_of(fitted)
    asked = list(dict.fromkeys(gene for own in sets.values() for gene in own))
    _check_there(adata, asked, fitted.genes)
    place = {fitted.genes[column]: u for u, column in enumerate(scaler.columns_U)}
    unused = [gene for gene in asked if gene not in place]
    why = (
        f"The condition uses {len(place)} genes, the most variable ones among those that enough training rows have; "
        "to others, and to genes that were constant in training, the model cannot react."
    )
    if len(unused) == len(asked):
        raise DataError(
            f"Expected genes that the model's condition uses; it uses none of {first_names(asked)}. {why}"
        )
    if unused:
        log.warning("Left out, because the condition does not use them: %s. %s", first_names(unused, 10), why)
    found = []
    for name, own in sets.items():
        used = tuple(gene for gene in own if gene in place)
        if used:
            rest = tuple(gene for gene in own if gene not in place)
            found.append(GeneSet(name, used, tuple(place[gene] for gene in used), rest))
    return found, scaler


def check_detected(profiles: Profiles, scaler: ProfileScaler, sets: Sequence[GeneSet], doses: Doses) -> None:
    """Refuse folds of genes that no row has: they stay 0 at every fold.

    Parameters
    ----------
    profiles
        Of the rows, all genes of the model.
    scaler
        Of the condition.
    sets, doses
        What is to be done.

    Raises
    ------
    DataError
        Naming the genes.
    """
    edited = {
        gene: scaler.columns_U[u] for own in sets for gene, u in zip(own.genes, own.columns, strict=True)
    }
    values = sparse.csc_matrix(profiles.matrix)[:, list(edited.values())]
    top_E, low_E = (np.asarray(part.todense()).ravel() for part in (values.max(axis=0), values.min(axis=0)))
    never = [gene for gene, top in zip(edited, top_E, strict=True) if top == 0]
    if never and doses.kind == FOLD:
        raise DataError(
            f"Expected genes that the rows have reads of; {first_names(never, 10)} have none, and any fold of 0 is 0. "
            "Leave them out, or set counts with absolute=."
        )
    flat = [gene for gene, top, low in zip(edited, top_E, low_E, strict=True) if top == low]
    if flat and len(profiles) > 1:
        log.warning("Constant in these rows: %s.", first_names(flat, 10))


def edited(
    profiles: Profiles, scaler: ProfileScaler, columns: Sequence[int], kind: str, level: float
) -> Profiles:
    """Profiles with some genes at a dose; the depth and all other genes stay as they were measured.

    Parameters
    ----------
    profiles
        All genes of the model; not changed.
    scaler
        Of the condition.
    columns
        Genes, by their places among the used ones.
    kind, level
        See `Doses`. NaN and fold 1 give the profiles themselves.
    """
    if math.isnan(level) or (kind == FOLD and level == 1):
        return profiles
    n_genes = profiles.matrix.shape[1]
    at = scaler.columns_U[list(columns)]
    factor_G = np.ones(n_genes)
    factor_G[at] = level if kind == FOLD else 0
    matrix = sparse.csr_matrix(profiles.matrix @ sparse.diags(factor_G))
    if kind == ABSOLUTE and level > 0:
        set_G = np.zeros(n_genes)
        set_G[at] = level
        matrix = sparse.csr_matrix(
            matrix + sparse.csr_matrix(np.ones((len(profiles), 1))) @ sparse.csr_matrix(set_G)
        )
    return replace(profiles, matrix=matrix)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(f"Expected doses, finite numbers from 0; got {value!r}.")
    return number


def _check_once(genes: Sequence[str]) -> None:
    if repeated := sorted({gene for gene in genes if list(genes).count(gene) > 1}):
        raise UsageError(f"Expected each gene once; got {first_names(repeated)} more than once.")


def _check_there(adata: AnnData, genes: Sequence[str], of_model: Sequence[str]) -> None:
    names = [str(name) for name in adata.var_names]
    missing = sorted(set(genes) - set(names))
    if not missing:
        return
    by_upper = {name.upper(): name for name in names}
    close: list[str] = []
    for gene in missing[:5]:
        near = difflib.get_close_matches(gene.upper(), list(by_upper), n=2, cutoff=0.75)
        close += [by_upper[name] for name in near]
    hint = f"Close names: {first_names(list(dict.fromkeys(close)), 8)}." if close else ""
    told = " ".join(["", *filter(None, [hint, other_ids(names, of_model)])])
    raise DataError(
        f"Expected genes that the rows have; {len(missing)} are absent: {first_names(missing, 10)}.{told}"
    )
