"""What GenAR reads of an AnnData, declared once and stored in it as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.core.arguments import check_adata
from genviz.core.counts import check_names
from genviz.models.declaration import declare, declared
from genviz.pp.panel import panel_of

if TYPE_CHECKING:
    from anndata import AnnData

MODEL = "genar"
_MAX_PANEL = 5000


@dataclass(frozen=True)
class Setup:
    """Names of the slots that a model reads.

    Attributes
    ----------
    features
        Key in ``obsm``.
    genes
        The panel, in model order.
    split_key
        Column of ``obs``.
    """

    features: str
    genes: tuple[str, ...]
    split_key: str


def setup_anndata(
    adata: AnnData,
    *,
    features: str = Obsm.features("morphology"),
    genes: Sequence[str] | None = None,
    split_key: str = Obs.SPLIT,
) -> None:
    """Declare what GenAR reads; writes ``uns["genviz"]["setup"]["genar"]`` (JSON).

    Parameters
    ----------
    adata
        Rows with raw counts (``layers["counts"]`` or ``X``) and tile features.
    features
        Key in ``obsm`` of the tile features.
    genes
        Panel; default the genes marked in ``var["panel"]``, else all.
    split_key
        Column of ``obs``; where it is there, rows marked ``train`` are trained on.

    Raises
    ------
    MissingKeyError
        When the features are not there.
    DataError
        For a panel that is empty, duplicated, missing in ``var``, or larger than 5,000 genes.
    """
    check_adata(adata)
    if features not in adata.obsm:
        raise MissingKeyError(
            f"Expected tile features in obsm['{features}'], found {sorted(adata.obsm)}. Run gv.pp.embed(adata) first."
        )
    panel = [str(gene) for gene in (panel_of(adata) if genes is None else genes)]
    check_names(panel, "panel genes")
    missing = [gene for gene in panel if gene not in adata.var_names]
    if missing:
        raise DataError(
            f"Expected the panel's genes in var_names; {len(missing)} are missing: {', '.join(missing[:5])}."
        )
    if not 2 <= len(panel) <= _MAX_PANEL:
        raise DataError(
            f"Expected a panel of 2 to {_MAX_PANEL} genes, got {len(panel)}. "
            "Choose one with gv.pp.select_genes(adata, n=200)."
        )
    setup = Setup(features, tuple(panel), split_key)
    declare(adata, MODEL, asdict(setup))


def read_setup(adata: AnnData) -> Setup:
    """The declaration of `setup_anndata`.

    Raises
    ------
    MissingKeyError
        When there is none.
    """
    values = declared(adata, MODEL, "GenAR")
    return Setup(values["features"], tuple(values["genes"]), values["split_key"])
