"""Train the prior on tokens of random tiles, by maximum likelihood (PathAR, Eq. 15)."""

from __future__ import annotations

import torch

from genviz.core.keyed import row_key
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.models.pathar.fitted import new_prior
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.pathar.training.image_set import ImageSet
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.shown import generated
from genviz.models.pathar.training.tile_batches import TileDraws, TileOptions
from genviz.models.pathar.training.token_views import tokenised_views
from genviz.train.batches import KeyedBatches
from genviz.train.callbacks import EpochMeasures
from genviz.train.fitting import fit_network

TOKENS = "tokens.safetensors"
_VALIDATION_VIEWS = 64


def train_prior(
    config: PriorConfig,
    tokenizer: DualTokenizer,
    images: ImageSet,
    options: PairRunOptions,
    *,
    validation: ImageSet | None = None,
) -> Prior | None:
    """Train on tokens of random tiles of `images`; None when interrupted.

    Parameters
    ----------
    config
        The recipe.
    tokenizer
        Trained; not changed.
    images
        Training images.
    options
        Seed, device, folder.
    validation
        Images whose cross-entropy is logged each epoch; nothing is chosen by it.
    """
    config = options.bounded(config)
    told = {"prior": config.to_dict(), "tokenizer": tensors_digest(tokenizer.state_dict())}
    options.claim(told | {"images": images.digest()})
    size = tokenizer.config.size_px
    draws = TileDraws(images, TileOptions(size, 1, 1, options.seed), options.label_weights)
    file = None if options.folder is None else options.folder / TOKENS
    views = tokenised_views(tokenizer, draws, config.n_views, options.device, file)
    with torch.random.fork_rng():
        torch.manual_seed(row_key(options.seed, "", "prior", "start") % 2**63)
        network = new_prior(config, tokenizer, len(images.label_names), len(images.organ_names))
    batches = KeyedBatches(
        views.tensors(), config.batch_size, seed=options.seed, per_epoch=config.views_per_epoch
    )
    fit = options.fit(config, "prior")
    checks = []
    if validation is not None:
        check_draws = TileDraws(validation, TileOptions(size, 1, 1, 0))
        checks.append(EpochMeasures(_Likelihood(tokenizer, check_draws, options.device)))
    shows = generated(tokenizer, images, options.seed)
    return network.eval() if fit_network(network, batches, fit, callbacks=checks, shows=shows) else None


class _Likelihood:
    """Cross-entropy of fixed views, nats a token."""

    def __init__(self, tokenizer: DualTokenizer, draws: TileDraws, device: torch.device) -> None:
        self.views = tokenised_views(tokenizer, draws, _VALIDATION_VIEWS, device)

    @torch.no_grad()
    def __call__(self, network: torch.nn.Module) -> dict[str, float]:
        device = next(network.parameters()).device
        _, parts = network.loss(*(column.to(device) for column in self.views.tensors()))  # type: ignore[operator]
        return {name: float(value) for name, value in parts.items()}
