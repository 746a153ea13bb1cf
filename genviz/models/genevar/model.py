"""GeneVAR as a user meets it: set up, train, generate, look up, save, load.

Shape legend: N rows, K scales.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import TrainingStopped
from genviz.io.files.locks import training_in
from genviz.models.arguments import check_number
from genviz.models.genevar import setup as declaration
from genviz.models.genevar.checkpoint import load_fitted, save_fitted
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.generating import (
    RULE,
    Request,
    Retrieval,
    generate,
    generate_from_code,
    log_prob,
    reconstruct,
    retrieve,
    rule_of,
)
from genviz.models.genevar.presets import preset as preset_config
from genviz.models.genevar.prior.rule import SampleRule
from genviz.models.genevar.training_run import train_rows
from genviz.models.life_cycle import LifeCycle
from genviz.train.device import resolve_device
from genviz.train.run_options import RunOptions

if TYPE_CHECKING:
    from anndata import AnnData


class GeneVAR(LifeCycle[Fitted]):
    """Makes tissue tiles from gene expression profiles, scale by scale.

    A profile becomes a short code; a transformer draws the tokens of a multi-scale tokenizer, each scale given all
    coarser ones and the code; from some scale on, its inputs are masked where a causal MeanFlow finds them to be about
    something else than RNA (GeneVAR, CVPR 2026).

    Parameters
    ----------
    adata
        Rows declared with `setup_anndata`: profiles, and tiles or places on slides.
    preset
        ``"nano"`` (seconds), ``"mini"`` (a laptop), ``"paper"`` (as published).
    **changes
        Options to change, a dict for each part: ``condition``, ``tokenizer``, ``flow``, ``counterfactuals``, ``mask``,
        ``prior``, ``views``; and ``refine`` (False: a plain next-scale prior without flow).

    Examples
    --------
    >>> GeneVAR.setup_anndata(adata)
    >>> model = GeneVAR(adata, preset="mini").train(out_dir="runs/genevar")
    >>> tiles = model.generate(adata, n=2, seed=0)
    """

    def __init__(self, adata: AnnData, *, preset: str = "mini", **changes: Any) -> None:
        self.setup = declaration.read_setup(adata)
        self.config = preset_config(preset, changes)
        self.preset = preset
        self._adata = adata

    setup_anndata = staticmethod(declaration.setup_anndata)

    # ------------------------------------------------------------------ training

    def train(
        self,
        max_epochs: int | None = None,
        *,
        stage: str = "all",
        # rows
        unpaired: AnnData | None = None,
        # how
        seed: int | None = None,
        device: str = "auto",
        precision: str = "bf16-mixed",
        # run folder
        out_dir: str | Path | None = None,
        resume: bool = False,
    ) -> GeneVAR:
        """Train on the rows marked ``train`` (or all).

        Parameters
        ----------
        max_epochs
            Upper bound on the epochs of each part of each stage, for a quick look; None: as many as the configuration
            says, which is never exceeded. Schedules end with it, and a run is resumed under its own.
        stage
            ``"vae"`` (the condition, of whatever kind), ``"tokenizer"``, ``"meanflow"``, ``"prior"``, or ``"all"``. A
            single stage continues from those trained before, here or in `out_dir`.
        unpaired
            Rows of which only tiles are read: they train the tokenizer, and the prior without a profile. Give tiles of
            training slides only; their sections and patients are kept as seen.
        seed
            Seed of start weights, tiles, order and dropout; default ``gv.settings.seed``.
        device, precision
            Where and how to compute; mixed bfloat16 halves the time on processors that know it.
        out_dir
            Run folder: each stage has its own folder with checkpoint and log.
        resume
            Go on from the run folder's checkpoints; the result equals an uninterrupted run's.

        Returns
        -------
        The model itself. With rows marked ``val`` the prior of the best epoch is kept, by their cross-entropy under
        their profiles; nothing is fitted on them.

        Raises
        ------
        UsageError
            For an unknown stage, one without those before it or with later ones in the folder, or no folder to resume.
        KeyboardInterrupt
            When stopped by hand; the message says how to go on.
        """
        adata = self._to_train_on(out_dir, resume=resume)
        options = RunOptions(
            seed=self._seed(seed),
            device=resolve_device(device),
            precision=precision,
            folder=None if out_dir is None else Path(out_dir),
            resume=resume,
            max_epochs=None if max_epochs is None else check_number("max_epochs", max_epochs),
        )
        facts = self.setup.told() | {
            "preset": self.preset,
            RULE: "paper" if self.preset == "paper" else "mini",
            "seed": options.seed,
        }
        with training_in(out_dir):
            fitted = train_rows(
                self.config, self.setup, adata, stage, options,
                facts=facts, fitted=self._fitted, unpaired=unpaired,
            )  # fmt: skip
        if fitted is None:
            raise TrainingStopped(out_dir)
        self._fitted, self.config, self._device = fitted, fitted.config, device
        return self

    # ------------------------------------------------------------------ new rows

    def generate(
        self,
        adata: AnnData,
        n: int = 1,
        seed: int | None = None,
        *,
        # input
        depth: ArrayLike | str | None = None,
        impute_missing: bool = False,
        # inference
        rule: str | SampleRule | None = None,
        batch_size: int | None = None,
        # result
        keep_scales: bool = False,
        key_added: str = "genevar",
    ) -> AnnData:
        """Make `n` tiles for each row's profile. Tiles and slides of the rows are not looked at.

        Parameters
        ----------
        adata
            Rows with the profiles that the model was trained on (counts or TPM); with a model of classes, labels.
        n
            Tiles a row.
        seed
            With a row's section, name and number of draw it decides the tile, whatever rows are drawn with it, and
            however many; default ``gv.settings.seed``.
        depth
            All reads of each row: a number, one a row, or a column of ``obs``; default the sum over all genes of
            `adata`. Give it where counts were edited, so that an edit of a gene is no edit of the depth.
        impute_missing
            Set genes that the condition uses and `adata` lacks to their training mean; on record in the result.
        rule
            ``"mini"``, ``"paper"``, ``"model"``, or a `SampleRule`; default ``"paper"`` for the paper preset, else
            ``"mini"``.
        batch_size
            Rows computed at once; default by device.
        keep_scales
            Also keep the tiles of the coarser scales alone.
        key_added
            Result key.

        Returns
        -------
        New AnnData, n rows for each row, in order: names ``<row>`` for ``n=1``, else ``<row>#<j>``; ``obs`` as it was,
        and ``source``, ``draw``; places carried over; ``obsm["<key>"]`` uint8 (n_obs, H, W, 3);
        ``obsm["<key>_tokens"]`` int32 (n_obs, L), scale after scale, offsets in ``uns["genviz"]["<key>_tokens"]``;
        ``obsm["X_rna"]`` float32, the condition; with `keep_scales` ``obsm["<key>_up_to_<side>"]``. Provenance in
        ``uns["genviz"]["<key>"]``, marked synthetic.

        Raises
        ------
        UsageError
            Without a trained prior, for n below 1, or a seed out of range.
        DataError
            For genes that are absent (named), values of the other unit, or rows without reads.
        """
        fitted = self._ready()
        asked = Request(
            n=n,
            seed=self._seed(seed),
            rule=rule_of(fitted, rule),
            batch_size=batch_size,
            keep_scales=keep_scales,
            depth=depth,
            impute_missing=impute_missing,
        )
        return generate(fitted, adata, asked, key_added)

    def generate_from_code(
        self,
        adata: AnnData,
        code: ArrayLike,
        n: int = 1,
        seed: int | None = None,
        *,
        rule: str | SampleRule | None = None,
        batch_size: int | None = None,
        key_added: str = "genevar",
    ) -> AnnData:
        """Make `n` tiles for each row of a code given in place of its profile, as ``obsm["X_rna"]`` holds them.

        Rows are those of `generate`, and so is their randomness: tiles of two codes differ by the codes alone.

        Parameters
        ----------
        adata
            Rows, of which sections and names are read; profiles are not looked at.
        code
            Conditions, (n_obs, Z).
        n, seed, rule, batch_size, key_added
            See `generate`.

        Raises
        ------
        DataError
            For codes of another shape, or not finite.
        """
        fitted = self._ready()
        asked = Request(n=n, seed=self._seed(seed), rule=rule_of(fitted, rule), batch_size=batch_size)
        return generate_from_code(fitted, adata, code, asked, key_added)

    def reconstruct(self, adata: AnnData, *, key_added: str = "genevar") -> AnnData:
        """Put the rows' own tiles through the tokenizer: what the model can show at best.

        Parameters
        ----------
        adata
            Rows with tiles (``obsm["tiles"]``) or places on slides; profiles are not looked at.
        key_added
            Result key.

        Returns
        -------
        New AnnData as of `generate` with ``n=1``, without the condition.

        Raises
        ------
        UsageError
            Without a trained tokenizer.
        DataError
            For tiles that are smaller or of another resolution than the model's.
        """
        return reconstruct(self._ready(), adata, key_added)

    # ------------------------------------------------------------------ likelihood

    def log_prob(self, adata: AnnData, *, with_profile: bool = True) -> NDArray[np.float32]:
        """Log-probability of each row's own tile, as tokens, under its own profile; all inputs shown.

        Parameters
        ----------
        adata
            Rows with profiles, and tiles or places on slides.
        with_profile
            False: without a profile. Where it is not lower than with one, profiles say nothing.

        Returns
        -------
        float32 (n_obs, K), nats, scale by scale; their sum is the tile's.

        Raises
        ------
        UsageError
            Without a trained prior, or for one that is shown refined maps.
        """
        return log_prob(self._ready(), adata, given=with_profile)

    def retrieve(self, adata: AnnData) -> Retrieval:
        """Ask which of the rows' profiles each of their tiles goes with; time grows with the square of the rows.

        Parameters
        ----------
        adata
            At least two rows with profiles, and tiles or places on slides.

        Returns
        -------
        Log-probabilities (n_obs, n_obs) and the rank of each tile's own profile: 0 is best, 0.5 is chance.

        Raises
        ------
        UsageError
            As `log_prob`, or for a single row.
        """
        return retrieve(self._ready(), adata)

    # ------------------------------------------------------------------ keeping

    def save(self, folder: str | Path, *, card: str | None = None, half: bool = False) -> Path:
        """Write ``config.json``, ``weights.safetensors``, ``genes.txt``, ``split.json``, ``range.json``; no pickle.

        Parameters
        ----------
        folder
            Checkpoint folder, written at once or not at all.
        card
            Text of ``card.md``; without it there is no card.
        half
            Store networks as float16: half the bytes.

        Returns
        -------
        The folder.

        Raises
        ------
        UsageError
            Before training, or for a folder that holds something else.
        """
        save_fitted(self.fitted, folder, card, half=half)
        return Path(folder)

    def _restored(self, folder: Path) -> Fitted:
        fitted = load_fitted(folder)
        self.setup = declaration.of_facts(fitted.genes, fitted.facts)
        self.config, self.preset = fitted.config, str(fitted.facts.get("preset", ""))
        return fitted

    @property
    def genes(self) -> tuple[str, ...]:
        """Genes of a profile, in model order."""
        return self.setup.genes
