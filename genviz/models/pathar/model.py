"""PathAR as a user meets it: set up, train, generate, take apart, save, load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genviz._errors import TrainingStopped
from genviz._keys import Obs
from genviz.io.files.locks import training_in
from genviz.models.arguments import check_number
from genviz.models.pathar import setup as declaration
from genviz.models.pathar.checkpoint import load_fitted, save_fitted
from genviz.models.pathar.conditions import Organs, conditions_given
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.generating import generate, rule_of
from genviz.models.pathar.operations import TokenOperations
from genviz.models.pathar.presets import preset as preset_config
from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.stages import train
from genviz.train.device import resolve_device

if TYPE_CHECKING:
    from anndata import AnnData


class PathAR(TokenOperations):
    """Makes pairs of image and nuclear mask from a label, and takes tiles apart into structure and appearance.

    Structure tokens describe the mask, appearance tokens the image; a transformer draws structure first, and never
    lets it see appearance (PathAR, arXiv 2606.01543; repaired as docs/models/pathar.md tells).

    Parameters
    ----------
    adata
        Rows declared with `setup_anndata`: ``obsm["tiles"]``, ``obsm["masks"]`` and a label each, an organ if named.
    preset
        ``"nano"`` (seconds), ``"mini"`` (a laptop), ``"paper"`` (as published).
    tokenizer, prior
        Options of `TokenizerConfig` and `PriorConfig` to change.

    Examples
    --------
    >>> PathAR.setup_anndata(adata)
    >>> model = PathAR(adata, preset="mini")
    >>> model.train()
    >>> pairs = model.generate(["histology"], n=16, seed=0)
    """

    def __init__(
        self,
        adata: AnnData,
        *,
        preset: str = "mini",
        tokenizer: Mapping[str, Any] | None = None,
        prior: Mapping[str, Any] | None = None,
    ) -> None:
        self.setup = declaration.read_setup(adata)
        self.config = preset_config(preset, tokenizer=tokenizer, prior=prior)
        self.preset = preset
        self._adata = adata

    setup_anndata = staticmethod(declaration.setup_anndata)

    # ------------------------------------------------------------------ training

    def train(
        self,
        max_epochs: int | None = None,
        *,
        stage: str = "all",
        # how
        seed: int | None = None,
        device: str = "auto",
        precision: str = "bf16-mixed",
        label_weights: Mapping[str, float] | None = None,
        # run folder
        out_dir: str | Path | None = None,
        resume: bool = False,
    ) -> PathAR:
        """Train on the rows marked ``train`` (or all), for fixed numbers of epochs.

        Parameters
        ----------
        max_epochs
            Upper bound on the epochs of each part of each stage, for a quick look; None: as many as the configuration
            says, which is never exceeded. Schedules end with it, and a run is resumed under its own.
        stage
            ``"tokenizer"``, ``"prior"`` (on the tokenizer in `out_dir`, or the one trained before), or ``"all"``.
        seed
            Seed of start weights, tiles, order and dropout; default ``gv.settings.seed``.
        device, precision
            Where and how to compute; mixed bfloat16 halves the time on processors that know it.
        label_weights
            Label → share of the tiles drawn; default the fourth root of the numbers of images.
        out_dir
            Run folder: each stage has its own folder with checkpoint and log.
        resume
            Go on from the run folder's checkpoints; the result equals an uninterrupted run's.

        Returns
        -------
        The model itself.

        Raises
        ------
        UsageError
            Without rows to train on, without a tokenizer for ``stage="prior"``, or when resuming without a folder.
        KeyboardInterrupt
            When stopped by hand; the message says how to go on.
        """
        adata = self._to_train_on(out_dir, resume=resume)
        options = PairRunOptions(
            seed=self._seed(seed),
            device=resolve_device(device),
            precision=precision,
            folder=None if out_dir is None else Path(out_dir),
            resume=resume,
            max_epochs=None if max_epochs is None else check_number("max_epochs", max_epochs),
            label_weights=label_weights,
        )
        facts = {
            "preset": self.preset,
            "rule": "paper" if self.preset == "paper" else "mini",
            "seed": options.seed,
            "label_key": self.setup.label_key,
            "organ_key": self.setup.organ_key,
            "organs": list(self.setup.organs),
        }
        with training_in(out_dir):
            fitted = train(self.config, self.setup, adata, stage, options, facts, self._fitted)
        if fitted is None:
            raise TrainingStopped(out_dir)
        self._fitted, self.config, self._device = fitted, fitted.config, device
        return self

    # ------------------------------------------------------------------ new rows

    def generate(
        self,
        labels: str | Sequence[str],
        n: int = 1,
        seed: int | None = None,
        *,
        organs: Organs = None,
        rule: str | SampleRule | None = None,
        sampler: str = "paired",
        batch_size: int | None = None,
        key_added: str = "pathar",
    ) -> AnnData:
        """Make `n` pairs of image and mask for each label.

        Parameters
        ----------
        labels
            One label or several.
        n
            Pairs a label.
        seed
            With a row's name it decides the row, whatever the batch and the sampler.
        organs
            One for all labels, or one a label (then a label may come twice, with another organ each time); None for
            unknown. For a model whose setup named organs.
        rule
            ``"mini"``, ``"plain"``, ``"paper"``, ``"model"``, or a `SampleRule`; default ``"paper"`` for the paper
            preset, else ``"mini"``.
        sampler
            ``"paired"`` (half the steps), ``"two_phase"``, ``"interleaved"``; all give the same tokens.
        batch_size
            Rows computed at once; default by device, less for fewer rows.
        key_added
            Result key.

        Returns
        -------
        New AnnData, rows ``<label>-<j>`` (``<label>-<organ>-<j>`` with an organ): ``obsm["<key>"]`` uint8
        (n_obs, H, W, 3), ``obsm["<key>_mask"]`` instances uint16 (n_obs, H, W), ``obsm["structure_tokens"]`` and
        ``obsm["appearance_tokens"]`` int32 (n_obs, N); obs ``label``, ``organ`` where one is known, ``draw``,
        ``n_nuclei``; provenance in ``uns["genviz"]["<key>"]``, marked synthetic.

        Raises
        ------
        UsageError
            For unknown labels or organs, organs for a model without, n below 1, or a seed out of range.
        """
        return self._generate(
            labels, n, seed, organs, rule, sampler, batch_size, key_added, structure_only=False
        )

    def masks(
        self,
        labels: str | Sequence[str],
        n: int = 1,
        seed: int | None = None,
        *,
        organs: Organs = None,
        rule: str | SampleRule | None = None,
        batch_size: int | None = None,
        key_added: str = "pathar",
    ) -> AnnData:
        """Make masks only: the structure half of `generate`, equal to its masks for equal seeds.

        Parameters
        ----------
        labels, n, seed, organs, rule, batch_size, key_added
            As in `generate`.

        Returns
        -------
        As of `generate`, without images and appearance tokens.
        """
        return self._generate(
            labels, n, seed, organs, rule, "two_phase", batch_size, key_added, structure_only=True
        )

    def _generate(
        self,
        labels: str | Sequence[str],
        n: int,
        seed: int | None,
        organs: Organs,
        rule: str | SampleRule | None,
        sampler: str,
        batch_size: int | None,
        key: str,
        *,
        structure_only: bool,
    ) -> AnnData:
        fitted = self._ready()
        return generate(
            fitted,
            conditions_given(fitted, labels, organs),
            n,
            self._seed(seed),
            rule_of(fitted, rule),
            sampler=sampler,
            structure_only=structure_only,
            batch_size=batch_size,
            key=key,
        )

    # ------------------------------------------------------------------ keeping

    def save(self, folder: str | Path, *, card: str | None = None, half: bool = False) -> Path:
        """Write the model: ``config.json``, ``weights.safetensors``, ``split.json``; no pickle.

        Parameters
        ----------
        folder
            Checkpoint folder, written at once or not at all.
        card
            Text of ``card.md``; without it there is no card.
        half
            Store float16: half the bytes.

        Returns
        -------
        The folder.
        """
        save_fitted(self.fitted, folder, card, half=half)
        return Path(folder)

    def _restored(self, folder: Path) -> Fitted:
        fitted = load_fitted(folder)
        facts = fitted.facts
        self.setup = declaration.Setup(
            str(facts.get("label_key", Obs.LABEL)), "", fitted.labels, facts.get("organ_key"), fitted.organs
        )
        self.config, self.preset = fitted.config, str(facts.get("preset", ""))
        return fitted

    @property
    def labels(self) -> tuple[str, ...]:
        """What images can be made from."""
        return self.setup.labels

    @property
    def organs(self) -> tuple[str, ...]:
        """Organs that a label can be given; none of a model trained without."""
        return self.setup.organs
