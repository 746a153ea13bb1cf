"""Trainings of GeneVAR's ablations, on tokens that are made once for each seed and flows that priors share."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from filelock import FileLock

from genviz._errors import GenvizError
from genviz.io.weights.parts import config_digest
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.flow.masking import MaskNoise, keep_probability, scores
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.flow import first_scale, train_flow
from genviz.models.genevar.training.prior import TOKENS, train_prior
from genviz.models.genevar.training.token_views import code_views, token_views
from genviz.recipes.timing import timed
from genviz.train.run_options import RunOptions

PRECISION = "bf16-mixed"
_KEPT_TILES = 256


@dataclass
class Runs:
    """Trainings on the same rows.

    Attributes
    ----------
    fitted
        Condition and tokenizer.
    data
        Rows.
    folder
        Where unfinished trainings and tokens are. Other processes may work there too.
    device
        Where to train.
    seconds
        Time an epoch of each prior trained here from its start, by name and seed: see `timing.Seconds.on`.
    """

    fitted: Fitted
    data: TrainingData
    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    seconds: dict[tuple[str, int], float] = field(default_factory=dict)
    _flows: dict[tuple[str, int], Flow] = field(default_factory=dict)

    def flow(self, config: GeneVARConfig, seed: int) -> Flow:
        """The flow of a configuration, trained once for all priors that differ in nothing that it is made of.

        Parameters
        ----------
        config
            Of all parts.
        seed
            Of the run.

        Raises
        ------
        GenvizError
            When the training was interrupted; finished epochs are kept.
        """
        told = {
            "flow": config.flow.to_dict(),
            "against": config.counterfactuals.to_dict() if config.counterfactuals.enabled else None,
            "first_scale": first_scale(config),
            "views": config.views.to_dict(),
        }
        key = (config_digest(told)[:12], seed)
        if key not in self._flows:
            options = self._options("flow-{}-{}".format(*key), seed)
            kind = f"flow-{config_digest(config.counterfactuals.to_dict())[:12]}"
            cached = self._tokens(seed, config.views.flow, config, kind, against=True)
            conditioner, tokenizer = self.fitted.fitted_conditioner(), self.fitted.trained_tokenizer()
            with self._alone(options):
                self._copy(cached, options, TOKENS)
                found = train_flow(config, conditioner, tokenizer, self.data, options)
            if found is None:
                raise _stopped()
            self._flows[key] = found
        return self._flows[key]

    def prior(self, name: str, config: GeneVARConfig, flow: Flow | None, seed: int) -> Fitted:
        """A whole model with the prior of a configuration.

        Parameters
        ----------
        name
            Of the run's folder.
        config
            Of all parts.
        flow
            From `flow`; not used by a plain prior.
        seed
            Of the run.

        Raises
        ------
        GenvizError
            When the training was interrupted; finished epochs are kept.
        """
        options = self._options(f"{name}-{seed}", seed)
        tokens = self._tokens(seed, config.views.paired, config, "paired")
        conditioner, tokenizer = self.fitted.fitted_conditioner(), self.fitted.trained_tokenizer()
        used = flow if config.injects else None
        with self._alone(options):
            fresh = not (options.folder or self.folder).exists()
            self._copy(tokens, options, TOKENS)
            found, took = timed(
                lambda: train_prior(config, conditioner, tokenizer, used, self.data, options), self.device
            )
        if found is None:
            raise _stopped()
        if fresh:
            self.seconds[name, seed] = took.on(self.device) / config.prior.max_epochs
        prior, head = found
        return replace(self.fitted, config=config, flow=used, prior=prior, head=head, sha256=None)

    def kept_share(self, flow: Flow, config: GeneVARConfig, seed: int) -> float:
        """Share of positions that masks of sampling keep on training views, over all masked scales.

        Parameters
        ----------
        flow
            Trained.
        config
            With masks that are scored.
        seed
            Of the run.
        """
        file = self._tokens(seed, config.views.paired, config, "paired")
        tokenizer, conditioner = self.fitted.trained_tokenizer(), self.fitted.fitted_conditioner()
        s_ML = token_views(
            tokenizer,
            self.data.windows,
            config.views.paired,
            seed=seed,
            device=self.device,
            file=file,
        )["tokens"]
        z_MZ = code_views(conditioner, self.data.profiles, config.views.paired, seed)
        step = max(1, len(s_ML) // _KEPT_TILES)
        s_BL, z_BZ = s_ML[::step].long(), z_MZ[::step]
        generator = torch.Generator().manual_seed(seed)
        kept = []
        for k in range(first_scale(config), len(config.tokenizer.scales) + 1):
            with torch.no_grad():
                before_BDGG = tokenizer.quantiser.embed_sum(s_BL, k - 1)
                r_BDnn = tokenizer.quantiser.next_input(before_BDGG, k)
            noise = MaskNoise.drawn(flow, len(s_BL), k, generator=generator)
            target = config.mask.infer_target  # which never knows what is to be predicted
            score_Bnn = scores(flow, config.mask, k, r_BDnn, z_BZ, noise, target=target, f_BDGG=before_BDGG)
            kept.append(keep_probability(config.mask, score_Bnn).flatten())
        return float(torch.cat(kept).mean())

    def forget(self, name: str, seed: int) -> None:
        """Delete the checkpoints of a prior whose record is written.

        Parameters
        ----------
        name, seed
            Of the run.
        """
        options = self._options(f"{name}-{seed}", seed)
        assert options.folder is not None
        with self._alone(options):  # another process may be training the same prior
            shutil.rmtree(options.folder, ignore_errors=True)

    def _options(self, name: str, seed: int) -> RunOptions:
        return RunOptions(
            seed=seed, device=self.device, precision=PRECISION, folder=self.folder / name, resume=True
        )

    def _alone(self, options: RunOptions) -> FileLock:
        """Held while a run is trained, against another process that needs the same one."""
        assert options.folder is not None
        locks = self.folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        return FileLock(locks / f"{options.folder.name}.lock")

    def _tokens(
        self, seed: int, n_views: int, config: GeneVARConfig, kind: str, *, against: bool = False
    ) -> Path:
        """File of the views of a seed, made if it is not there."""
        file = self.folder / "tokens" / f"{kind}-{seed}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            token_views(
                self.fitted.trained_tokenizer(),
                self.data.windows,
                n_views,
                seed=seed,
                device=self.device,
                file=file,
                against=config.counterfactuals if against else None,
            )
        return file

    @staticmethod
    def _copy(file: Path, options: RunOptions, name: str) -> None:
        """Where the training looks for its tokens; those of other views it would make anew."""
        assert options.folder is not None
        options.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, options.folder / name)


def _stopped() -> GenvizError:
    return GenvizError("Training was stopped; finished epochs are kept. Run the same command again to go on.")
