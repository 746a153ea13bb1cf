"""Edit genes in profiles and look at what a model makes of it, beside what it makes of edits that mean nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from genviz._errors import UsageError
from genviz._settings import settings
from genviz.core.arguments import check_adata, kind_of
from genviz.metrics.tiles.tissue import TissueStandard
from genviz.models import GeneVAR
from genviz.models.arguments import check_number, check_seed
from genviz.models.genevar.tile_bar import one_bar
from genviz.tl.perturbation.draws import Draw, names_of
from genviz.tl.perturbation.gene_edits import Doses, named_sets
from genviz.tl.perturbation.under_way import Perturbing

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.prior.rule import SampleRule

CONTROLS = 4


def perturb(
    model: GeneVAR,
    adata: AnnData,
    genes: str | Sequence[str] | Mapping[str, Sequence[str]],
    *,
    # input
    fold: float | Sequence[float] | None = None,
    absolute: float | Sequence[float] | None = None,
    together: bool = False,
    depth: ArrayLike | str | None = None,
    impute_missing: bool = False,
    # inference
    n: int = 2,
    seed: int | None = None,
    rule: str | SampleRule | None = None,
    batch_size: int | None = None,
    # what effects are held against
    controls: int = CONTROLS,
    standard: TissueStandard | None = None,
    training: AnnData | None = None,
    # result
    key_added: str = "genevar",
) -> AnnData:
    """Generate tiles of profiles in which genes were multiplied or set, and measure what changes.

    Doses of a row share their random numbers: at the measured dose the change is exactly 0, and small changes show. A
    change alone is no evidence, random codes of the same length change tiles as well; so every effect stands beside
    its controls. Whatever is found is about the model, and correlational.

    Parameters
    ----------
    model
        A trained `GeneVAR` that is told genes.
    adata
        Rows with profiles; not changed.
    genes
        A gene; genes, each by itself; or sets by name, the genes of a set edited at once.
    fold, absolute
        Doses, or one: factors of the measured values (default 0, 0.5, 1, 2, 4; 1 is always added), or values to set,
        in the model's unit (the measured profile is added).
    together
        Take a list of genes as one set.
    depth
        All reads of each row, as in `GeneVAR.generate`. Measured or given, it is held at every dose.
    impute_missing, n, seed, rule, batch_size
        See `GeneVAR.generate`, whose tiles are those of the measured dose.
    controls
        Random gene sets of the same mean expression and detection at the same dose, and random directions of the code
        with the same length of change row by row, beside each effect; 10 of each are the fewest that an effect can be
        said to exceed (p of .05). Where rows have real tiles, a ridge from code to statistics predicts each change.
    standard
        Of the 14 statistics; default that of the measured profiles' generated tiles.
    training
        Rows that the range is taken from; default what the model keeps of its own, or `adata`, as the result says.
    key_added
        Result key.

    Returns
    -------
    New AnnData as of `generate`, for each gene and dose: ``<row>|<gene>|<dose>#<draw>`` (no draw for ``n=1``);
    ``obs`` gene, dose (NaN: measured), dose_label, code_change, gene_out_of_range, code_out_of_range;
    ``obsm["<key>_statistics"]``. Read by `perturbation_effects`, `perturbation_summary`, `perturbation_facts`.

    Raises
    ------
    UsageError
        For doses that are none, negative, repeated or all 1; n below 1; another model, or one that is told no genes.
    DataError
        For genes that are absent, that no row has reads of (fold), or of which the condition uses none; others that it
        does not use are left out with a warning. Also as `GeneVAR.generate`.
    """
    under_way = perturbing(
        model, adata, genes, fold=fold, absolute=absolute, together=together, depth=depth,
        impute_missing=impute_missing, n=n, seed=seed, rule=rule, batch_size=batch_size,
        controls=controls, standard=standard, training=training, key_added=key_added,
    )  # fmt: skip
    with one_bar(under_way.n_tiles, "perturb"):
        for _ in under_way.steps():
            pass
    return under_way.result()


def perturbing(
    model: GeneVAR,
    adata: AnnData,
    genes: str | Sequence[str] | Mapping[str, Sequence[str]],
    *,
    fold: float | Sequence[float] | None = None,
    absolute: float | Sequence[float] | None = None,
    together: bool = False,
    depth: ArrayLike | str | None = None,
    impute_missing: bool = False,
    n: int = 2,
    seed: int | None = None,
    rule: str | SampleRule | None = None,
    batch_size: int | None = None,
    controls: int = CONTROLS,
    standard: TissueStandard | None = None,
    training: AnnData | None = None,
    key_added: str = "genevar",
) -> Perturbing:
    """`perturb` before its first step, all arguments checked: to be watched, or stopped, while it runs.

    Parameters
    ----------
    model, adata, genes, fold, absolute, together, depth, impute_missing, n, seed, rule, batch_size, controls, standard
        See `perturb`.
    training, key_added
        See `perturb`.

    Raises
    ------
    UsageError, DataError
        As `perturb`.
    """
    if not isinstance(model, GeneVAR):
        raise UsageError(
            f"Expected a GeneVAR, which makes tiles from profiles; got {kind_of(model)}. Load one with "
            "gv.models.GeneVAR.load(...)."
        )
    check_adata(adata)
    if training is not None:
        check_adata(training, "training")
    doses, sets = Doses.of(fold, absolute), named_sets(genes, together=together)
    seed = check_seed(settings.seed if seed is None else seed)
    n, controls = check_number("n", n), _controls(controls)
    draw = Draw(model, names_of(adata), n, seed, rule, batch_size)
    return Perturbing(
        adata, draw, doses, controls, key_added, sets, depth, impute_missing, standard, training
    )


def _controls(controls: int) -> int:
    if isinstance(controls, bool) or not isinstance(controls, int | np.integer) or controls < 0:
        raise UsageError(f"Expected controls, a whole number from 0; got {controls!r}.")
    return int(controls)
