"""Whether GeneVAR's tiles can stand for real ones, or prepare for them, in the classification of tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from genviz.io.concat import concat_sections
from genviz.metrics import ImageSet, Score, TileProtocol, tile_classification
from genviz.metrics.judges.tile_net import tile_net
from genviz.recipes.checks import FromOne, FromZero, Within
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genevar.generated_rows import Case
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.profile_rows import evenly
from genviz.recipes.genevar.row_groups import classes_of, patients_of
from genviz.recipes.genevar.shared_base import SharedBase
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.recipes.genevar.row_groups import Names

Shares = Annotated[tuple[float, ...], Within(0, 1)]
_NAMES = {"accuracy": "acc", "f1": "f1"}
_OTHERS = {"majority": "majority", "real twice": "longer"}


@dataclass(frozen=True)
class TileOptions(ModelOptions):
    """What is classified, and how.

    Attributes
    ----------
    classes
        See `row_groups.classes_of`.
    replace, pretrain
        The p and q of the table.
    net, epochs, pretrain_epochs, n_folds
        See `metrics.TileProtocol`.
    n_tiles
        Real tiles of the training rows, at most, evenly spaced; 0: all.
    n
        Generated tiles a row.
    """

    classes: str = "project"
    replace: Shares = (0.25, 0.5, 0.75)
    pretrain: Shares = (0.25, 0.5, 0.75, 1.0)
    net: str = "small"
    epochs: FromOne = 50
    pretrain_epochs: FromZero = 20
    n_folds: FromOne = 5
    n_tiles: FromZero = 0
    n: FromOne = 1


class TileUse(SharedBase):
    """Nets on real tiles, with a share replaced by generated ones, and pre-trained on generated ones."""

    options: ClassVar[type[ModelOptions]] = TileOptions

    def ready(self, options: ModelOptions) -> None:
        """The net."""
        if isinstance(options, TileOptions):
            tile_net(options.net, 2, seed=0)

    def look(self, options: ModelOptions, training: AnnData, held: AnnData) -> None:
        """Classes."""
        if isinstance(options, TileOptions):
            classes_of(held, options.classes)

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """``p<percent>_acc``, ``q<percent>_f1`` and so on; gains over real tiles alone, majority, longer training."""
        options = options_of(TileOptions, setting, row)
        case = self.case(setting, options, seed)
        real, made, held = real_and_made(case, options, seed)
        found = tile_classification(
            real,
            made,
            replace=options.replace,
            pretrain=options.pretrain,
            protocol=TileProtocol(
                options.net, options.epochs, options.pretrain_epochs, n_folds=options.n_folds
            ),
            held_out=held,
            seeds=(seed,),
            device=setting.device,
        )
        return {row.name: named_settings(found)}

    def n_generated(self, options: ModelOptions) -> int:
        """For every row that may be trained on."""
        if not isinstance(options, TileOptions):
            return 0
        return options.n * ((options.n_tiles or options.n_rows) + options.n_held)


def real_and_made(case: Case, options: TileOptions, seed: int) -> tuple[ImageSet, ImageSet, list[str]]:
    """Real tiles, generated ones with the class and patient of the profile, and the patients that are tested.

    Parameters
    ----------
    case, options
        Of the row.
    seed
        Of the draws.
    """
    training = evenly(case.training, options.n_tiles)
    parts = {"training": training, "held": case.held}
    adata = concat_sections({name: part.copy() for name, part in parts.items()})
    held_N = np.arange(adata.n_obs) >= training.n_obs
    kind_N, patient_N = classes_of(adata, options.classes), patients_of(adata, options.n_folds, held_N)
    tiles = np.concatenate([case.real(part) for part in parts.values()])
    made = np.concatenate([case.generated(part, options.n, seed) for part in parts.values()])

    def drawn(values: Names) -> Names:
        return np.repeat(values, options.n)

    return (
        ImageSet(tiles, None, kind_N, patient_N),
        ImageSet(made, None, drawn(kind_N), drawn(patient_N)),
        sorted(set(patient_N[held_N].tolist())),
    )


def named_settings(found: dict[str, dict[str, Score]]) -> dict[str, Score]:
    """Scores by the names of the table's columns.

    Parameters
    ----------
    found
        From `metrics.tile_classification`.
    """
    scores = {}
    for setting, own in found.items():
        kind, _, share = setting.partition("=")
        name = f"{kind}{round(100 * float(share))}" if share else _OTHERS.get(setting, "p0")
        for long, short in _NAMES.items():
            scores[f"{name}_{short}"] = own[long]
            if f"{long}_gain" in own and share:
                scores[f"{name}_{short}_gain"] = own[f"{long}_gain"]
    return scores
