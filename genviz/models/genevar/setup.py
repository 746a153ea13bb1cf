"""What GeneVAR reads of an AnnData, declared once and stored in it as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers, Obs, Obsm
from genviz.core.arguments import check_adata
from genviz.core.counts import check_names, first_names
from genviz.io.library import library_of_rows, mpp_of
from genviz.io.tile_recipe import read_recipe
from genviz.models.declaration import declare, declared, rows_to_train_on

if TYPE_CHECKING:
    from anndata import AnnData

MODEL = "genevar"
_SAME = 0.02  # native resolutions that differ less than this count as one


@dataclass(frozen=True)
class Setup:
    """Names of the slots that a model reads, and the resolution of its tiles.

    Attributes
    ----------
    genes
        That the condition may use, in model order.
    split_key, slide_key, label_key
        Columns of ``obs``: what is trained on, the slide of each row (None: its section), the class for the condition
        "class".
    mpp
        Micrometres per pixel of the tiles; None: not known.
    """

    genes: tuple[str, ...]
    split_key: str = Obs.SPLIT
    slide_key: str | None = None
    label_key: str = Obs.PROJECT
    mpp: float | None = None

    def told(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the genes."""
        return {"slide_key": self.slide_key, "label_key": self.label_key, "mpp": self.mpp}


def setup_anndata(
    adata: AnnData,
    *,
    genes: Sequence[str] | None = None,
    mpp: float | None = None,
    split_key: str = Obs.SPLIT,
    slide_key: str | None = None,
    label_key: str = Obs.PROJECT,
) -> None:
    """Declare what GeneVAR reads; writes ``uns["genviz"]["setup"]["genevar"]`` (JSON).

    Parameters
    ----------
    adata
        Rows with profiles (``layers["counts"]`` or ``X``, or ``layers["tpm"]``) and tiles (``obsm["tiles"]``, or
        places on slides, from which any size is cut).
    genes
        Genes that the condition may use; default all. Which of them it uses is measured on the training rows.
    mpp
        Micrometres per pixel of the tiles; default that of `pp.tile`, or else the slides' own.
    split_key
        Column of ``obs``; where it is there, rows marked ``train`` are trained on.
    slide_key
        Column of ``obs`` with the slide or patient of each row, for counterfactuals; default its section.
    label_key
        Column of ``obs`` with the class of each row, for the condition "class".

    Raises
    ------
    MissingKeyError
        Without profiles, without tiles and places, or without the slides' column.
    DataError
        For genes that are absent or repeated, no row marked ``train``, or slides of several resolutions without `mpp`.
    """
    check_adata(adata)
    if adata.X is None and not {Layers.COUNTS, Layers.TPM} & set(adata.layers):
        raise MissingKeyError(
            f"Expected profiles in layers['{Layers.COUNTS}'], X or layers['{Layers.TPM}']; there are none. Read the "
            "counts with the rows."
        )
    if not {Obsm.TILES, Obsm.SPATIAL} & set(adata.obsm):
        raise MissingKeyError(
            f"Expected tiles in obsm['{Obsm.TILES}'], or places on slides in obsm['{Obsm.SPATIAL}']; found "
            f"{sorted(adata.obsm)}. Read the rows with their image."
        )
    chosen = [str(gene) for gene in (adata.var_names if genes is None else genes)]
    check_names(chosen, "genes")
    missing = sorted(set(chosen) - set(adata.var_names.astype(str)))
    if missing or not chosen:
        raise DataError(
            f"Expected genes out of var_names; {first_names(missing) or 'none were given'}. Name genes that the data "
            "have."
        )
    if slide_key is not None and slide_key not in adata.obs:
        raise MissingKeyError(
            f"Expected obs['{slide_key}'], the slide of each row; found {sorted(adata.obs)}."
        )
    rows_to_train_on(adata, split_key)  # an error where none is marked
    setup = Setup(tuple(chosen), split_key, slide_key, label_key, _resolution(adata) if mpp is None else mpp)
    declare(adata, MODEL, asdict(setup))


def read_setup(adata: AnnData) -> Setup:
    """The declaration of `setup_anndata`.

    Raises
    ------
    MissingKeyError
        When there is none.
    """
    values = declared(adata, MODEL, "GeneVAR")
    return Setup(**values | {"genes": tuple(values["genes"])})


def of_facts(genes: Sequence[str], facts: Mapping[str, Any]) -> Setup:
    """The declaration that a checkpoint was trained with, as far as it matters for other rows.

    Parameters
    ----------
    genes
        Of the model.
    facts
        With what `Setup.told` gave.
    """
    slide_key, mpp = facts.get("slide_key"), facts.get("mpp")
    return Setup(
        tuple(genes),
        slide_key=None if slide_key is None else str(slide_key),
        label_key=str(facts.get("label_key", Obs.PROJECT)),
        mpp=None if mpp is None else float(mpp),
    )


def _resolution(adata: AnnData) -> float | None:
    """Of the tiles as declared, else of the slides; None where nothing says it.

    Raises
    ------
    DataError
        When slides differ.
    """
    recipe = read_recipe(adata)
    if recipe is not None and recipe.mpp is not None:
        return recipe.mpp
    if Obsm.TILES in adata.obsm:
        return None
    native = {name: mpp_of(adata, name) for name in dict.fromkeys(library_of_rows(adata))}
    if max(native.values()) / min(native.values()) - 1 > _SAME:
        told = ", ".join(f"{name} {value:.3g}" for name, value in native.items())
        raise DataError(
            f"Expected slides of one resolution; got {told} um/px. State the tiles' own with mpp= or gv.pp.tile(...)."
        )
    return min(native.values())
