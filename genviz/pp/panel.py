"""Which genes to model: a given list, or the well measured and variable ones of the training rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Uns, Var
from genviz.core.arguments import check_adata, check_list, check_number
from genviz.core.counts import check_names
from genviz.core.gene_ranks import detection_by_section, variability_rank
from genviz.io.counts import counts_of, gene_positions
from genviz.io.files.opening import existing, read_text_bytes
from genviz.pp.fitted_rows import FITTED_ON, fitted_on
from genviz.pp.splitting import training_rows

if TYPE_CHECKING:
    from anndata import AnnData

FLAVOURS = ("expressed_variable", "expressed", "variable")
GIVEN = "given"  # the method of a panel that was not chosen here: on which rows it was, nobody knows
Panel = str | PathLike[str] | Sequence[str]


def select_genes(
    adata: AnnData,
    n: int = 200,
    *,
    # a given panel
    panel: Panel | None = None,
    # or a choice
    flavour: str = "expressed_variable",
    min_counts: int = 50,
    min_fraction: float = 0.1,
    rows: Sequence[bool] | np.ndarray | None = None,
) -> None:
    """Mark the genes to model in ``var["panel"]`` (bool), and say in ``uns["genviz"]["panel"]`` (JSON) on which rows.

    Without `panel`, genes are chosen on training rows alone (``obs["split"] == "train"`` where there is a
    split, or `rows`): highly expressed are those detected in at least `min_fraction` of the spots of
    **every** training section with `min_counts` in all; among them the `n` most variable for their
    mean, ranked in each section (``obs["library_id"]``) and averaged over sections, so that neither a
    deep section nor a shift between sections decides.

    Parameters
    ----------
    adata
        Rows with measured counts.
    n
        Size of the panel; not used with `panel`.
    panel
        File with one gene a line (blank lines and lines that begin with # are skipped), or names.
    flavour
        ``"expressed_variable"`` as above; ``"expressed"``: the n with the largest mean share among
        the detected; ``"variable"``: the n most variable among genes detected at all.
    min_counts, min_fraction
        What counts as detected well.
    rows
        Mask of rows to choose on.

    Raises
    ------
    DataError
        Naming genes of the panel that are missing or repeated; or when fewer than `n` genes qualify.
    UsageError
        For an unknown flavour, n that is no whole number from 1, or what is no AnnData.
    """
    check_adata(adata)
    record: dict[str, Any]
    if panel is not None:
        at = gene_positions(adata.var_names, read_panel(panel))
        record = {"method": GIVEN}
        if isinstance(panel, (str, PathLike)):
            record["file"] = Path(panel).name
    else:
        chosen_on = training_rows(adata, rows)
        at = _chosen(adata, n, flavour, min_counts, min_fraction, chosen_on)
        limits = {"min_counts": min_counts, "min_fraction": min_fraction}
        record = {"method": flavour} | limits | {FITTED_ON: fitted_on(adata, chosen_on)}
    mask = np.zeros(adata.n_vars, dtype=bool)
    mask[at] = True
    adata.var[Var.PANEL] = mask
    record["digest"] = _digest(panel_of(adata))
    adata.uns.setdefault(Uns.GENVIZ, {})[Uns.PANEL] = json.dumps(record)


def read_panel(panel: Panel) -> list[str]:
    """Names of a panel, from a file or a list, refused when repeated.

    Raises
    ------
    DataError
        For no genes or repeated ones.
    """
    if isinstance(panel, (str, PathLike)):
        file = existing(panel, "the gene panel")
        try:
            lines = read_text_bytes(file, "a list of genes, one a line").decode().splitlines()
        except UnicodeDecodeError as err:
            raise DataError(
                f"Expected a text file of genes in {file}; it is not text. Give one gene a line."
            ) from err
        names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    else:
        names = [str(gene) for gene in check_list("panel", panel, "genes, or a file of them")]
    if not names:
        raise DataError("Expected genes in the panel; it is empty. Give one gene a line.")
    check_names(names, "genes of the panel")
    return names


def panel_of(adata: AnnData) -> list[str]:
    """Genes marked in ``var["panel"]``, in the order of ``var``; all genes where none was chosen.

    Parameters
    ----------
    adata
        Reads ``var["panel"]`` (bool) where it is there, and the names.

    Returns
    -------
    Names of the genes.

    Raises
    ------
    DataError
        When the column is there and marks no gene.
    """
    check_adata(adata)
    if Var.PANEL not in adata.var:
        return [str(name) for name in adata.var_names]
    marked = adata.var[Var.PANEL].astype(bool).to_numpy()
    names = [str(name) for name in adata.var_names[marked]]
    if not names:
        raise DataError(
            f"Expected genes marked in var['{Var.PANEL}']; none is. Run gv.pp.select_genes(adata)."
        )
    return names


def panel_record(adata: AnnData) -> dict[str, Any] | None:
    """How the genes of ``var["panel"]`` were chosen: method, and on which rows; None where nothing tells.

    Parameters
    ----------
    adata
        Reads ``uns["genviz"]["panel"]`` and checks that it is of the genes marked now.

    Returns
    -------
    ``method`` (a flavour of `select_genes`, or "given"), ``fitted_on`` (see `fitted_on`) where it was chosen here.
    """
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.PANEL)
    if text is None or Var.PANEL not in adata.var:
        return None
    record: dict[str, Any] = json.loads(text)
    return record if record.get("digest") == _digest(panel_of(adata)) else None


def _digest(genes: Sequence[str]) -> str:
    """SHA-256 of a set of genes, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(genes)).encode()).hexdigest()


def _chosen(
    adata: AnnData, n: int, flavour: str, min_counts: int, min_fraction: float, mask: np.ndarray
) -> np.ndarray:
    """Columns of the n best genes."""
    if flavour not in FLAVOURS:
        raise UsageError(f"Expected flavour {', '.join(FLAVOURS)}; got {flavour!r}.")
    n = check_number("n", n)
    training = adata[mask]
    counts = counts_of(training)
    sections = (
        training.obs[Obs.LIBRARY].astype(str).tolist() if Obs.LIBRARY in training.obs else [""] * mask.sum()
    )
    total = np.asarray(counts.sum(axis=0)).ravel()
    if flavour == "variable":
        eligible = total > 0
    else:
        eligible = (detection_by_section(counts, sections) >= min_fraction).all(axis=0) & (
            total >= min_counts
        )
    found = int(eligible.sum())
    if found < n:
        raise DataError(
            f"Expected {n} genes detected in {min_fraction:.0%} of the spots of every training section with "
            f"{min_counts} counts in all; {found} are. Ask for fewer, or lower min_fraction and min_counts."
        )
    worst_last = -total if flavour == "expressed" else variability_rank(counts, sections, eligible)
    names = adata.var_names.astype(str).to_numpy()
    best = sorted(np.flatnonzero(eligible).tolist(), key=lambda i: (worst_last[i], names[i]))[:n]
    return np.asarray(best)
