"""What every model object does alike: hold what was fitted, and say what is missing when it is asked too early."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import torch

from genviz._errors import UsageError
from genviz._settings import settings
from genviz.models import zoo
from genviz.models.arguments import check_seed
from genviz.train.device import resolve_device

if TYPE_CHECKING:
    from anndata import AnnData


class Parts(Protocol):
    """Networks and what was fitted beside them."""

    def to(self, device: torch.device) -> Self:
        """Move the networks, in place."""
        ...


Fitted = TypeVar("Fitted", bound=Parts)


class LifeCycle(Generic[Fitted]):
    """Base of `GenAR`, `GeneVAR` and `PathAR`."""

    _adata: AnnData | None = None
    _fitted: Fitted | None = None
    _device: str = "auto"

    @property
    def fitted(self) -> Fitted:
        """Networks and everything fitted beside them.

        Raises
        ------
        UsageError
            Before training.
        """
        if self._fitted is None:
            raise UsageError(
                f"Expected a trained model. Run model.train() first, or {type(self).__name__}.load(...)."
            )
        return self._fitted

    @classmethod
    def load(cls, model: str | Path, *, device: str = "auto") -> Self:
        """Load a model folder, or a model in the box by name.

        Parameters
        ----------
        model
            Checkpoint folder, run folder, or name (of a `GenAR`: ``"genar-her2st-mini"``).
        device
            Where to compute: ``auto``, ``cpu``, ``cuda`` or ``mps``.

        Returns
        -------
        A trained model; it has no rows to train on.

        Raises
        ------
        CheckpointError
            Damaged, newer, of another kind, or with parts that were not trained together.
        UsageError
            Neither a folder nor a known name.
        """
        self = cls.__new__(cls)
        self._fitted, self._device = self._restored(zoo.folder_of(model)), device
        return self

    def _restored(self, folder: Path) -> Fitted:
        """What a checkpoint folder holds; configuration and declaration are set from it."""
        raise NotImplementedError

    def _ready(self) -> Fitted:
        """What was fitted, on the device to compute on."""
        return self.fitted.to(resolve_device(self._device))

    def _to_train_on(self, out_dir: str | Path | None, *, resume: bool) -> AnnData:
        """The rows given at construction; an error for a loaded model, or one to resume without its folder."""
        if self._adata is None:
            raise UsageError(
                "Expected a model with rows to train on; this one was loaded. Make a new "
                f"{type(self).__name__}(adata)."
            )
        if resume and out_dir is None:
            raise UsageError("Expected out_dir with resume=True: the run folder to go on from.")
        return self._adata

    @staticmethod
    def _seed(seed: int | None) -> int:
        return check_seed(settings.seed if seed is None else seed)
