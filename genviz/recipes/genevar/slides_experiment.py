"""Whether pre-training on bags of GeneVAR's tiles helps to tell whole slides apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from genviz import datasets
from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm
from genviz.features.registry import get_encoder
from genviz.io.concat import concat_sections
from genviz.metrics import BagSet, Score, SlideProtocol, bag_set, slide_classification
from genviz.metrics.tiles.extractors import encoded
from genviz.recipes.checks import FromOne, FromZero, check_extractor
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genevar.generated_rows import Case
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.row_groups import classes_of, patients_of, regions_of, tissue_contrast
from genviz.recipes.genevar.shared_base import SharedBase
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

_NAMES = {"accuracy": "acc", "f1_weighted": "f1", "auc": "auc"}
_PRETRAINED = " + pre-training"
_MAJORITY = "majority"
_AT_ONCE = 4096
OWN, COAD_MSI = "own", "coad-msi"


@dataclass(frozen=True)
class SlideOptions(ModelOptions):
    """Which slides are told apart, and how.

    Attributes
    ----------
    slides
        ``own``: of the rows themselves; ``coad-msi``: of that data set, with bags generated from the rows' profiles of
        its patients.
    classes
        See `row_groups.classes_of`; of ``rna`` a slide is above the median contrast or below.
    named
        Cohort → class.
    region
        Side of a square of places that stands for a slide; 0: whole slides.
    encoder
        Of the tiles.
    networks
        See `metrics.slide_classification`; each fills the row of its name.
    n
        Generated tiles a row; with ``coad-msi`` a profile.
    n_profiles
        Of its patients, for what a run costs.
    width, epochs, pretrain_epochs, n_tiles, n_folds
        See `metrics.SlideProtocol`.
    """

    slides: str = OWN
    classes: str = "project"
    named: Mapping[str, str] = field(default_factory=dict)
    region: FromZero = 0
    encoder: str = "morphology"
    networks: tuple[str, ...] = ("transmil", "gated_attention", "mean")
    n: FromOne = 1
    n_profiles: FromZero = 0
    width: FromOne = 64
    epochs: FromOne = 20
    pretrain_epochs: FromZero = 10
    n_tiles: FromOne = 512
    n_folds: FromOne = 5

    def __post_init__(self) -> None:
        if self.slides not in (OWN, COAD_MSI):
            raise UsageError(f"Expected slides out of {OWN}, {COAD_MSI}; got {self.slides!r}.")


class SlideUse(SharedBase):
    """Networks on bags of real tiles, with and without pre-training on bags of generated ones."""

    options: ClassVar[type[ModelOptions]] = SlideOptions

    def ready(self, options: ModelOptions) -> None:
        """The encoder of tiles."""
        if isinstance(options, SlideOptions):
            check_extractor(options.encoder)

    def look(self, options: ModelOptions, training: AnnData, held: AnnData) -> None:
        """Classes; with the other data set its tiles, and patients of its own on both sides."""
        if not isinstance(options, SlideOptions):
            return
        if options.slides == COAD_MSI:
            known = list(datasets.coad_msi().obs[Obs.PATIENT].astype(str))
            for rows in (training, held):
                _of_patients(rows, known)
        else:
            classes_of(held, options.classes, options.named)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """A row a network: ``acc_without``, ``acc_with``, ``acc_gain`` and so on; beside them the majority class."""
        options = options_of(SlideOptions, setting, row)
        case = self.case(setting, options, seed)
        if options.slides == COAD_MSI:
            real, made, held = _coad(case, options, seed)
        else:
            real, made, held = own_bags(case, options, seed)
        found = slide_classification(
            real,
            made,
            networks=options.networks,
            protocol=SlideProtocol(
                options.width,
                options.epochs,
                options.pretrain_epochs,
                options.n_tiles,
                n_folds=options.n_folds,
            ),
            held_out=held,
            seeds=(seed,),
            device=setting.device,
        )
        return {name: _beside(found, name) for name in options.networks}

    def n_generated(self, options: ModelOptions) -> int:
        """For every row, or every profile."""
        if not isinstance(options, SlideOptions):
            return 0
        return options.n * (options.n_profiles or options.n_rows + options.n_held)


def own_bags(case: Case, options: SlideOptions, seed: int) -> tuple[BagSet, BagSet, list[str]]:
    """Bags of the rows' own slides or regions, of their generated tiles, and the patients that are tested.

    Parameters
    ----------
    case, options
        Of the row.
    seed
        Of the draws.
    """
    adata = concat_sections({"training": case.training.copy(), "held": case.held.copy()})
    held_N = np.arange(adata.n_obs) >= case.training.n_obs
    patient_N = patients_of(adata, options.n_folds, held_N)
    slide_N = regions_of(adata, options.region, patient_N)
    if options.classes == "rna":
        contrast_N = tissue_contrast(adata)
        mean = {name: contrast_N[slide_N == name].mean() for name in dict.fromkeys(slide_N.tolist())}
        middle = float(np.median(list(mean.values())))
        kind_N = np.array(["epithelial" if mean[name] > middle else "stromal" for name in slide_N], object)
    else:
        kind_N = classes_of(adata, options.classes, options.named)
    parts = (case.training, case.held)
    real, made = (
        np.concatenate([_features(tiles, options.encoder) for tiles in some])
        for some in (
            [case.real(part) for part in parts],
            [case.generated(part, options.n, seed) for part in parts],
        )
    )
    columns = (slide_N, kind_N, patient_N)
    held = sorted(set(patient_N[held_N].tolist()))
    return bag_set(real, *columns), bag_set(made, *(np.repeat(one, options.n) for one in columns)), held


def _coad(case: Case, options: SlideOptions, seed: int) -> tuple[BagSet, BagSet, list[str]]:
    """Slides of the data set; bags generated from the profiles of its patients; the generator's held-out ones tested.

    Slides and profiles are of the same TCGA patients, whose barcodes are the names on both sides.
    """
    tiles = datasets.coad_msi()
    real = bag_set(
        _features(tiles.obsm[Obsm.TILES], options.encoder),
        tiles.obs[Obs.SCENE].astype(str), tiles.obs[Obs.LABEL].astype(str), tiles.obs[Obs.PATIENT].astype(str),
    )  # fmt: skip
    kind = dict(zip(real.patients.tolist(), real.labels.tolist(), strict=True))
    parts, held = [], []
    for rows in (case.training, case.held):
        own = _of_patients(rows, kind)
        first = own[~own.obs[Obs.SOURCE].duplicated().to_numpy()].copy()
        whose = np.repeat(first.obs[Obs.PATIENT].astype(str).to_numpy(object), options.n)
        made = _features(case.generated(first, options.n, seed), options.encoder)
        parts.append((made, whose))
        held = sorted(set(whose.tolist()))
    features, whose = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return real, bag_set(features, whose, [kind[name] for name in whose], whose), held


def _of_patients(rows: AnnData, patients: Collection[str]) -> AnnData:
    own = rows[rows.obs[Obs.PATIENT].astype(str).isin(list(patients)).to_numpy()].copy()
    if not own.n_obs:
        raise DataError(
            f"Expected profiles of patients of {COAD_MSI} among the rows; there are none. Read tcga-coad."
        )
    return own


def _features(tiles: Any, encoder: str) -> NDArray[np.float64]:
    """Features of tiles, which may be lazy: a part at a time."""
    network = get_encoder(encoder, ring=None)
    starts = range(0, tiles.shape[0], _AT_ONCE)
    return np.concatenate([encoded(network, np.asarray(tiles[start : start + _AT_ONCE])) for start in starts])


def _beside(found: Mapping[str, Mapping[str, Score]], network: str) -> dict[str, Score]:
    without, with_ = found[network], found[network + _PRETRAINED]
    scores = {}
    for long, short in _NAMES.items():
        if long in without:
            scores[f"{short}_without"], scores[f"{short}_with"] = without[long], with_[long]
            scores[f"{short}_gain"] = with_[f"{long}_gain"]
            scores[f"{short}_majority"] = found[_MAJORITY][long]
    return scores
