"""Which genes move which morphology statistics in a model: by its gradient, and by editing counts.

Shape legend: N rows, U genes, S statistics, Z condition, E edited genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from genviz._errors import UsageError
from genviz._keys import Obsm
from genviz._settings import settings
from genviz.core.arguments import check_adata
from genviz.core.counts import first_names
from genviz.metrics.tiles.tissue import TISSUE, TissueStandard
from genviz.models.arguments import check_number, check_seed
from genviz.models.genevar.condition.gradient import code_slopes, mean_logs
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.conditions import conditions, told_by
from genviz.models.genevar.rows import record_of
from genviz.models.genevar.tile_bar import one_bar
from genviz.tl.perturbation.matched_genes import matched, partners, shares
from genviz.tl.ridge import Ridge, fit_ridge

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import GeneVAR

Floats = NDArray[np.float64]

UNIT = "standard deviations of the statistic per doubling of the gene, depth held"


@dataclass(frozen=True)
class Attribution:
    """Effects of single genes on the statistics of generated tiles. Correlations of the training tissue, not causes.

    Attributes
    ----------
    genes, statistics
        Names; genes by falling root mean square of their gradient over the statistics.
    gradient_US, gradient_se_US
        Slope through the ridge of statistics on the condition, and its deviation over bootstrapped rows.
    gradient_p_US
        Share of up to 50 genes of most similar expression with at least as large a slope: not corrected for
        the number of genes.
    edited
        Genes whose counts were edited, and ``partner``: of each a random one of similar expression.
    difference_ES, difference_se_ES
        Mean change of the tiles of edited counts, with the same random numbers, over log2 of the fold; standard error
        over rows.
    partner, partner_ES
        See `edited`; changes of the partners.
    r2_S
        Share of the statistics' variance over rows that the ridge explains on rows left out.
    n_rows, n
        Rows; tiles of each.
    unit
        Of all effects.
    record
        Provenance.
    """

    genes: tuple[str, ...]
    statistics: tuple[str, ...]
    gradient_US: Floats
    gradient_se_US: Floats
    gradient_p_US: Floats
    edited: tuple[str, ...]
    difference_ES: Floats
    difference_se_ES: Floats
    partner: tuple[str, ...]
    partner_ES: Floats
    r2_S: Floats
    n_rows: int
    n: int
    unit: str = UNIT
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def agreement(self) -> float:
        """Correlation of gradients and differences over the edited genes and all statistics; NaN below two of them."""
        at = [self.genes.index(gene) for gene in self.edited]
        if self.difference_ES.size < 2:
            return float("nan")
        return float(np.corrcoef(self.gradient_US[at].ravel(), self.difference_ES.ravel())[0, 1])

    def to_frame(self) -> pd.DataFrame:
        """One line a gene and statistic, the largest gradients first; NaN where counts were not edited."""
        n_genes, n_statistics = self.gradient_US.shape
        frame = pd.DataFrame({
            "gene": np.repeat(self.genes, n_statistics),
            "statistic": np.tile(self.statistics, n_genes),
            "gradient": self.gradient_US.ravel(),
            "gradient_se": self.gradient_se_US.ravel(),
            "gradient_p": self.gradient_p_US.ravel(),
        })  # fmt: skip
        edits = pd.DataFrame({
            "gene": np.repeat(self.edited, n_statistics),
            "statistic": np.tile(self.statistics, len(self.edited)),
            "difference": self.difference_ES.ravel(),
            "difference_se": self.difference_se_ES.ravel(),
            "partner": np.repeat(self.partner, n_statistics),
            "partner_difference": self.partner_ES.ravel(),
        })  # fmt: skip
        whole = frame.merge(edits, on=["gene", "statistic"], how="left")
        whole["n_rows"] = self.n_rows
        order = whole["gradient"].abs().sort_values(ascending=False, kind="stable").index
        return whole.loc[order].reset_index(drop=True)


def attribute(
    model: GeneVAR,
    adata: AnnData,
    *,
    statistics: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
    n: int = 2,
    n_edited: int = 8,
    fold: float = 4.0,
    standard: TissueStandard | None = None,
    rule: Any = None,
    seed: int | None = None,
) -> Attribution:
    """Ask a model which genes move which statistics of its tiles, in two ways that should agree.

    The gradient is the slope of a ridge from condition to statistics of generated tiles, times the slope of the
    condition by a gene's logarithm. The difference edits the gene's counts in every row, depth held, and generates
    again with the same random numbers. Beside both stand genes of similar expression: what those do too is no effect
    of the gene.

    Parameters
    ----------
    model
        A trained `GeneVAR` with a condition of kind "pca" or "vae".
    adata
        At least 10 rows with profiles; tiles are not looked at. Time grows with rows, `n` and `n_edited`.
    statistics
        Out of `genviz.metrics.tiles.tissue.TISSUE`; default all 14.
    genes
        Report these only, and edit them; they must be among those that the condition uses. Default all of those.
    n
        Tiles a row.
    n_edited
        How many genes of the largest gradients are edited when ``genes`` is not given; 0: none.
    fold
        Factor of the edit.
    standard
        Threshold of nuclei and units; default measured on the model's own tiles of `adata`.
    rule
        See `GeneVAR.generate`.
    seed
        Of tiles, bootstrap and partners; default ``gv.settings.seed``.

    Returns
    -------
    Attribution
        Genes x statistics, with `Attribution.to_frame`.

    Raises
    ------
    UsageError
        For another kind of condition, unknown statistics, genes that the condition does not use, a fold that is not
        above 0 or is 1, or fewer than 10 rows.
    """
    check_adata(adata)
    seed = check_seed(settings.seed if seed is None else seed)
    check_number("n", n)
    columns = _columns(statistics)
    if not (fold > 0 and np.isfinite(fold) and fold != 1):
        raise UsageError(f"Expected a fold above 0 other than 1; got {fold}.")
    if adata.n_obs < 10:
        raise UsageError(f"Expected at least 10 rows, over which effects are averaged; got {adata.n_obs}.")
    profiles = told_by(model._ready(), adata).profiles
    conditioner: Any = model.fitted.fitted_conditioner()
    slopes_UZ = code_slopes(conditioner, profiles)
    with one_bar(None, "attribute"):
        asker = _Asker.of(model, adata, profiles, n, seed, rule, standard, columns)
        return _attribution(asker, slopes_UZ, mean_logs(conditioner, profiles), genes, n_edited, fold)


def _attribution(
    asker: _Asker,
    slopes_UZ: Floats,
    mean_U: Floats,
    genes: Sequence[str] | None,
    n_edited: int,
    fold: float,
) -> Attribution:
    """Gradients of all genes, differences of the first or the asked ones."""
    fitted, columns, seed = asker.model.fitted, asker.columns, asker.seed
    conditioner: Any = fitted.fitted_conditioner()
    column_U = [int(column) for column in conditioner.scaler.columns_U]
    used = [fitted.genes[column] for column in column_U]
    asked = np.array([used.index(gene) for gene in _asked(genes, used)])
    ridge = fit_ridge(asker.base_NZ, asker.base_NS, seed)
    gradient_US, spread_US = _chained(slopes_UZ, ridge)
    near_UM = matched(mean_U)
    at = asked[np.argsort(-np.square(gradient_US[asked]).sum(axis=1), kind="stable")]
    edited = at if genes is not None else at[:n_edited]
    partner = partners(near_UM, edited, seed)
    difference_ES, difference_se_ES = asker.changes([column_U[i] for i in edited], fold)
    partner_ES, _ = asker.changes([column_U[i] for i in partner], fold)
    parameters = {"n": asker.n, "fold": fold, "ridge": ridge.alpha}
    return Attribution(
        genes=tuple(used[i] for i in at),
        statistics=tuple(TISSUE[i] for i in columns),
        gradient_US=gradient_US[at],
        gradient_se_US=spread_US[at],
        gradient_p_US=shares(gradient_US, near_UM)[at],
        edited=tuple(used[i] for i in edited),
        difference_ES=difference_ES,
        difference_se_ES=difference_se_ES,
        partner=tuple(used[i] for i in partner),
        partner_ES=partner_ES,
        r2_S=ridge.r2_S,
        n_rows=asker.adata.n_obs,
        n=asker.n,
        record=record_of(fitted, asker.adata, "attribute", seed, parameters)
        | {"standard": asker.standard.to_dict(), "units": UNIT},
    )


@dataclass(frozen=True)
class _Asker:
    """Statistics of the tiles of profiles, always drawn with the same random numbers."""

    model: GeneVAR
    adata: AnnData
    profiles: Profiles
    n: int
    seed: int
    rule: Any
    columns: list[int]
    standard: TissueStandard
    base_NZ: NDArray[np.float32]
    base_NS: Floats

    @classmethod
    def of(
        cls,
        model: GeneVAR,
        adata: AnnData,
        profiles: Profiles,
        n: int,
        seed: int,
        rule: Any,
        standard: TissueStandard | None,
        columns: list[int],
    ) -> _Asker:
        """Generate from the profiles as they are."""
        code_NZ = conditions(model.fitted, profiles)
        image = Obsm.image("genevar")
        tiles = model.generate_from_code(adata, code_NZ, n, seed, rule=rule).obsm[image]
        standard = TissueStandard.of(tiles) if standard is None else standard
        base_NS = _row_means(standard.measure(tiles), n)[:, columns]
        return cls(model, adata, profiles, n, seed, rule, columns, standard, code_NZ, base_NS)

    def changes(self, genes: Sequence[int], fold: float) -> tuple[Floats, Floats]:
        """Change of the statistics over log2 of the fold, (E, S), of each gene edited alone, and its standard error."""
        means: Floats = np.empty((len(genes), len(self.columns)))
        errors: Floats = np.empty_like(means)
        for row, gene in enumerate(genes):
            code_NZ = conditions(self.model.fitted, _edited(self.profiles, gene, fold))
            made = self.model.generate_from_code(self.adata, code_NZ, self.n, self.seed, rule=self.rule)
            measured_NS = _row_means(self.standard.measure(made.obsm[Obsm.image("genevar")]), self.n)
            change_NS = (measured_NS[:, self.columns] - self.base_NS) / np.log2(fold)
            means[row], errors[row] = (
                change_NS.mean(axis=0),
                change_NS.std(axis=0, ddof=1) / len(change_NS) ** 0.5,
            )
        return means, errors


def _row_means(measured: Floats, n: int) -> Floats:
    """Mean over the draws of each row."""
    found: Floats = measured.reshape(-1, n, measured.shape[1]).mean(axis=1)
    return found


def _columns(statistics: Sequence[str] | None) -> list[int]:
    chosen = list(TISSUE) if statistics is None else [str(name) for name in statistics]
    unknown = [name for name in chosen if name not in TISSUE]
    if unknown or not chosen:
        raise UsageError(
            f"Expected statistics out of {', '.join(TISSUE)}; got {', '.join(unknown) or 'none'}."
        )
    return [TISSUE.index(name) for name in chosen]


def _asked(genes: Sequence[str] | None, used: Sequence[str]) -> list[str]:
    if genes is None:
        return list(used)
    asked = list(dict.fromkeys(str(gene) for gene in genes))
    unused = [gene for gene in asked if gene not in set(used)]
    if unused or not asked:
        raise UsageError(
            f"Expected genes that the condition uses ({len(used)} of them); it does not use "
            f"{first_names(unused) or 'any, as none was given'}. They move nothing."
        )
    return asked


def _edited(profiles: Profiles, column: int, fold: float) -> Profiles:
    """The same rows with one gene times `fold`; depths as they were."""
    factor_G = np.ones(profiles.matrix.shape[1])
    factor_G[column] = fold
    return replace(profiles, matrix=sparse.csr_matrix(profiles.matrix @ sparse.diags(factor_G)))


def _chained(slopes_UZ: Floats, ridge: Ridge) -> tuple[Floats, Floats]:
    """Slopes of statistics by genes, and their deviation over bootstrapped ridges."""
    draws_BUS = slopes_UZ @ ridge.draws_BZS
    return slopes_UZ @ ridge.weights_ZS, np.asarray(draws_BUS.std(axis=0))
