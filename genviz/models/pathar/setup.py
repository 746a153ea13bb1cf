"""What PathAR reads of an AnnData, declared once and stored in it as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.core.arguments import check_adata
from genviz.models.declaration import declare, declared, rows_to_train_on

if TYPE_CHECKING:
    from anndata import AnnData
    from pandas import Series

MODEL = "pathar"


@dataclass(frozen=True)
class Setup:
    """Names of the slots that a model reads.

    Attributes
    ----------
    label_key, split_key
        Columns of ``obs``.
    labels
        The labels, in model order.
    organ_key, organs
        Column of ``obs`` with organs, and their names in model order; None and nothing without.
    """

    label_key: str
    split_key: str
    labels: tuple[str, ...]
    organ_key: str | None = None
    organs: tuple[str, ...] = ()


def setup_anndata(
    adata: AnnData,
    *,
    label_key: str = Obs.LABEL,
    split_key: str = Obs.SPLIT,
    organ_key: str | None = None,
) -> None:
    """Declare what PathAR reads; writes ``uns["genviz"]["setup"]["pathar"]`` (JSON).

    Parameters
    ----------
    adata
        Rows with ``obsm["tiles"]`` (images) and ``obsm["masks"]`` (nuclei).
    label_key
        Column of ``obs`` with what an image is generated from: imaging modality, organ ...
    split_key
        Column of ``obs``; where it is there, rows marked ``train`` are trained on, and their labels are the model's.
    organ_key
        Column of ``obs`` with the organ of each row, which it is generated from beside its label; it may be missing.
        Default: organs take no part.

    Raises
    ------
    MissingKeyError
        When images, masks, labels or the column of organs are not there.
    DataError
        When a label is missing, no row is marked ``train``, or none of those has an organ.
    """
    check_adata(adata)
    for key in (Obsm.TILES, Obsm.MASKS):
        if key not in adata.obsm:
            raise MissingKeyError(
                f"Expected obsm['{key}'], found {sorted(adata.obsm)}. Read images and masks with "
                "gv.io.read_image_masks(...)."
            )
    for what, column in (("label", label_key), ("organ", organ_key)):
        if column is not None and column not in adata.obs:
            raise MissingKeyError(
                f"Expected {what}s in obs['{column}'], found {sorted(adata.obs)}. Name the column with {what}_key=."
            )
    obs = adata.obs[rows_to_train_on(adata, split_key)]
    labels = obs[label_key]
    if labels.isna().any():
        raise DataError(
            f"Expected a label for every row; {int(labels.isna().sum())} of {len(labels)} have none. Fill "
            f"obs['{label_key}'] or leave those rows out."
        )
    organs = () if organ_key is None else _names(obs[organ_key].dropna())
    if organ_key is not None and not organs:
        raise DataError(
            f"Expected organs in obs['{organ_key}']; no training row has one. Fill the column, or leave organ_key= out."
        )
    setup = Setup(label_key, split_key, _names(labels), organ_key, organs)
    declare(adata, MODEL, asdict(setup))


def read_setup(adata: AnnData) -> Setup:
    """The declaration of `setup_anndata`.

    Raises
    ------
    MissingKeyError
        When there is none.
    """
    values = declared(adata, MODEL, "PathAR")
    return Setup(
        values["label_key"],
        values["split_key"],
        tuple(values["labels"]),
        values.get("organ_key"),
        tuple(values.get("organs", ())),
    )


def _names(column: Series[Any]) -> tuple[str, ...]:
    return tuple(sorted(set(column.astype(str))))
