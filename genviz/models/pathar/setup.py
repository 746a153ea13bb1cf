"""What PathAR reads of an AnnData, declared once and stored in it as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.models.declaration import TRAIN, declare, declared

if TYPE_CHECKING:
    from anndata import AnnData

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
    """

    label_key: str
    split_key: str
    labels: tuple[str, ...]


def setup_anndata(adata: AnnData, *, label_key: str = Obs.LABEL, split_key: str = Obs.SPLIT) -> None:
    """Declare what PathAR reads; writes ``uns["genviz"]["setup"]["pathar"]`` (JSON).

    Parameters
    ----------
    adata
        Rows with ``obsm["tiles"]`` (images) and ``obsm["masks"]`` (nuclei).
    label_key
        Column of ``obs`` with what an image is generated from: imaging modality, organ ...
    split_key
        Column of ``obs``; where it is there, rows marked ``train`` are trained on, and their labels are the model's.

    Raises
    ------
    MissingKeyError
        When images, masks or labels are not there.
    DataError
        When a label is missing, or no row is marked ``train``.
    """
    for key in (Obsm.TILES, Obsm.MASKS):
        if key not in adata.obsm:
            raise MissingKeyError(
                f"Expected obsm['{key}'], found {sorted(adata.obsm)}. Read images and masks with "
                "gv.io.read_image_masks(...)."
            )
    if label_key not in adata.obs:
        raise MissingKeyError(
            f"Expected labels in obs['{label_key}'], found {sorted(adata.obs)}. Name the column with label_key=."
        )
    column = adata.obs[label_key]
    if split_key in adata.obs:
        column = column[(adata.obs[split_key].astype(str) == TRAIN).to_numpy()]
        if not len(column):
            raise DataError(
                f"Expected rows with obs['{split_key}'] == '{TRAIN}'; got none. Mark some, or name another split_key=."
            )
    if column.isna().any():
        raise DataError(
            f"Expected a label for every row; {int(column.isna().sum())} of {len(column)} have none. Fill "
            f"obs['{label_key}'] or leave those rows out."
        )
    setup = Setup(label_key, split_key, tuple(sorted(set(column.astype(str)))))
    declare(adata, MODEL, asdict(setup))


def read_setup(adata: AnnData) -> Setup:
    """The declaration of `setup_anndata`.

    Raises
    ------
    MissingKeyError
        When there is none.
    """
    values = declared(adata, MODEL, "PathAR")
    return Setup(values["label_key"], values["split_key"], tuple(values["labels"]))
