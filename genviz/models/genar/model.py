"""GenAR as a user meets it: set up, train, predict, save, load.

Shape legend: N rows, G genes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import TrainingStopped
from genviz.core.gene_tree import GeneTree
from genviz.io.files.locks import training_in
from genviz.models.arguments import check_number
from genviz.models.genar import setup as declaration
from genviz.models.genar.checkpoint import Fitted, load_fitted, save_fitted
from genviz.models.genar.ensemble import SampleArgs
from genviz.models.genar.fitting import fit, training_masks
from genviz.models.genar.predicting import predict, resolve_clamp
from genviz.models.genar.presets import preset as preset_config
from genviz.models.genar.regenerating import Regenerating
from genviz.models.genar.rows import feature_recipe
from genviz.models.genar.scoring import log_likelihood, pit
from genviz.models.genar.training import TrainOptions
from genviz.train.device import resolve_device

if TYPE_CHECKING:
    from anndata import AnnData


class GenAR(Regenerating):
    """Predicts raw gene counts from tissue: tile and position in, joint distribution of counts out.

    The panel's total is drawn first, then split down a gene tree, scale by scale, so that counts agree at every
    scale (``counts="tree"``); or counts are tokens, one softmax a group, as published (``counts="tokens"``).

    Parameters
    ----------
    adata
        Rows declared with `setup_anndata`.
    preset
        ``"nano"`` (seconds), ``"mini"`` (a laptop), ``"paper"`` (as published).
    counts, trunk
        Count model and trunk; None takes the preset's own.
    normalise
        ``"train"``: features standardised with training statistics. ``"section"``: each section by itself;
        transductive, recorded in every result.
    **overrides
        Any option of `GenARConfig`, for instance ``n_members=5`` or ``autoregressive=True``.

    Examples
    --------
    >>> GenAR.setup_anndata(adata)
    >>> model = GenAR(adata, preset="mini")
    >>> model.train()
    >>> predicted = model.predict(other)
    """

    def __init__(
        self,
        adata: AnnData,
        *,
        preset: str = "mini",
        counts: str | None = None,
        trunk: str | None = None,
        normalise: str = "train",
        **overrides: Any,
    ) -> None:
        self.setup = declaration.read_setup(adata)
        self.config = preset_config(preset, counts=counts, trunk=trunk, **overrides)
        self.normalise = normalise
        self.preset = preset
        self._adata = adata

    setup_anndata = staticmethod(declaration.setup_anndata)

    # ------------------------------------------------------------------ training

    def train(
        self,
        max_epochs: int | None = None,
        *,
        # rows
        val: str | None = None,
        # how
        seed: int | None = None,
        device: str = "auto",
        precision: str = "32-true",
        patience: int = 15,
        # run folder
        out_dir: str | Path | None = None,
        resume: bool = False,
    ) -> GenAR:
        """Train on the rows marked ``train`` (or all), for a fixed number of epochs or until `val` says stop.

        Parameters
        ----------
        max_epochs
            Epochs; default the preset's.
        val
            Section held out for early stopping. Nothing is fitted on it: no tree, no scaler, no start values.
        seed
            Seed of start weights, order and dropout; default ``gv.settings.seed``.
        device, precision
            Where and how to compute.
        patience
            Epochs without better validation likelihood before stopping.
        out_dir
            Run folder: ``run.json``, and for each member ``last.ckpt`` and the log.
        resume
            Go on from the run folder's checkpoints; the result equals an uninterrupted run's. Without it, what
            an earlier run left in the folder is deleted.

        Returns
        -------
        The model itself.

        Raises
        ------
        UsageError
            Without rows to train on, or when resuming without a folder.
        KeyboardInterrupt
            When stopped by hand; the message says how to go on.
        """
        adata = self._to_train_on(out_dir, resume=resume)
        options = TrainOptions(
            max_epochs=self.config.max_epochs
            if max_epochs is None
            else check_number("max_epochs", max_epochs),
            seed=self._seed(seed),
            device=resolve_device(device),
            precision=precision,
            patience=patience,
            folder=None if out_dir is None else Path(out_dir),
            resume=resume,
            recipe=feature_recipe(adata, self.setup.features),
        )
        masks = training_masks(adata, self.setup, val)
        with training_in(out_dir):
            fitted = fit(adata, self.setup, self.config, self.normalise, masks, options)
        if fitted is None:
            raise TrainingStopped(out_dir)
        fitted.facts |= {"preset": self.preset, "val": val, "best_epochs": fitted.ensemble.best_epochs}
        self._fitted, self._device = fitted, device
        return self

    # ------------------------------------------------------------------ prediction

    def predict(
        self,
        adata: AnnData,
        *,
        # input
        depth: float | str | ArrayLike | None = None,
        clamp: Mapping[Any, float] | None = None,
        # inference
        n_samples: int = 256,
        seed: int | None = None,
        greedy: bool = False,
        # result
        level: float = 0.9,
        readouts: str | Sequence[str] = ("median",),
        key_added: str = "genar",
    ) -> AnnData:
        """Predict counts with intervals for any rows that have the features; measured counts are not needed.

        Parameters
        ----------
        adata
            Rows with the features the model was trained on, positions and mpp.
        depth
            What is known of the sequencing depth: None; a number, the section's median panel count, to which the
            median of the rows' expected totals is matched, not that of drawn totals; a column of ``obs`` or one
            number a row, each row's panel total.
        clamp
            "What if this programme doubled?": gene or (scale index, group) → factor; everything finer follows.
        n_samples
            Joint samples a row. Fewer than 200 cost accuracy.
        seed
            Keys each row's randomness together with its section and name.
        greedy
            Tokens only: the published read-out, the most probable token at each scale.
        level
            Content of the intervals.
        readouts
            Layers besides the means and bounds: ``"median"`` (CRPS is computed from it), ``"mode"``.
        key_added
            Result key.

        Returns
        -------
        New AnnData, var = the panel. Layers ``<key>`` E[X], ``<key>_log2`` E[log2(1 + X)], ``<key>_lower`` and
        ``<key>_upper``; obsm ``<key>_scale_<n>`` (and bounds) with the sums of the groups of each coarser scale;
        ``obs["<key>_entropy"]``; provenance in ``uns["genviz"]["<key>"]``. Values do not depend on batch or order
        of the rows (except where a section's median depth or section-wise standardisation was asked for).

        Raises
        ------
        DataError
            For NaN features, features of another encoder, or impossible depths.
        """
        fitted = self._ready()
        args = SampleArgs(
            n_samples=n_samples,
            seed=self._seed(seed),
            clamp=resolve_clamp(clamp, fitted.ensemble),
            greedy=greedy,
        )
        return predict(fitted, adata, args, depth=depth, level=level, readouts=readouts, key=key_added)

    def log_likelihood(self, adata: AnnData) -> NDArray[np.float64]:
        """Joint log-likelihood of each row's measured counts of the panel: ``log(mean over members of p(counts))``.

        Exact for tree counts: a negative binomial total times the Dirichlet-multinomial split of each group. For
        tokens, the log-probability of the tokens of all scales, which bounds that of the counts from below.

        Parameters
        ----------
        adata
            Rows with raw counts (``layers["counts"]`` or ``X``), and features, positions and mpp as in training.

        Returns
        -------
        float64 (n_obs,), nats.

        Raises
        ------
        UsageError
            Before training.
        MissingKeyError
            Without counts or features.
        DataError
            For genes that are absent, values that are not counts, NaN features, or features of another encoder.
        """
        return log_likelihood(self._ready(), adata)

    def pit(
        self, adata: AnnData, *, n_samples: int = 256, seed: int | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Randomised probability integral transform of the measured counts; uniform when calibrated.

        From S samples, ``u = (#{s < x} + v (#{s = x} + 1)) / (S + 1)`` with v uniform, keyed by the row
        (Czado, Gneiting and Held 2009; `core.calibration.pit_of_samples`).

        Parameters
        ----------
        adata
            Rows as `log_likelihood` takes them; the same errors are raised.
        n_samples
            Joint samples a row, S.
        seed
            Keys each row's samples and v together with its section and name; default ``gv.settings.seed``.

        Returns
        -------
        ``"gene"`` (n_obs, G), ``"group_<n>"`` (n_obs, n) for each coarser scale, ``"total"`` (n_obs,).
        """
        return pit(self._ready(), adata, SampleArgs(n_samples, self._seed(seed)))

    # ------------------------------------------------------------------ keeping

    def save(self, folder: str | Path, *, card: str | None = None) -> Path:
        """Write the model: ``config.json``, ``weights.safetensors``, ``genes.txt``, ``split.json``; no pickle.

        Parameters
        ----------
        folder
            Checkpoint folder, written at once or not at all.
        card
            Text of ``card.md``; without it there is no card.

        Returns
        -------
        The folder.

        Raises
        ------
        UsageError
            Before training, or for a folder that holds something else.
        """
        save_fitted(self.fitted, folder, card)
        return Path(folder)

    def _restored(self, folder: Path) -> Fitted:
        fitted = load_fitted(folder)
        self.config = fitted.ensemble.config
        self.setup = declaration.Setup(fitted.features, fitted.ensemble.tree.genes, "")
        self.normalise = "section" if fitted.ensemble.scaler.by_section else "train"
        self.preset = str(fitted.facts.get("preset", ""))
        return fitted

    @property
    def genes(self) -> tuple[str, ...]:
        """The panel, in model order."""
        return self.setup.genes

    @property
    def tree(self) -> GeneTree:
        """The gene tree that the model predicts along."""
        return self.fitted.ensemble.tree
