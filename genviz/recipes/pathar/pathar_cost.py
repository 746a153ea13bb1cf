"""What a row of PathAR costs, counted on its networks without data."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch

from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.tokenizer.config import TokenizerConfig
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.recipes.cost import TRAINING, Cost, flops_of, parameters_of
from genviz.recipes.pathar.options import ModelOptions

_GUIDED = 2  # sequences a pair: under its label and under none
_BYTES = 4
_KEPT = 4  # weights, and in the checkpoint to resume from weights and two moments
# Measured on the U-Net of `metrics.train_segmenter` by torch's counter: forward FLOP a pixel at width 16.
_SEGMENTER, _SEGMENTER_WIDTH = 2.33e4, 16


class Forward(NamedTuple):
    """Sizes of both networks.

    Attributes
    ----------
    n_tokenizer
        Parameters.
    encode, decode
        FLOP of a tile, both streams.
    prior
        FLOP of a sequence.
    n_prior
        Parameters.
    """

    n_tokenizer: int
    encode: float
    decode: float
    prior: float
    n_prior: int


def forward_of(config: PathARConfig) -> Forward:
    """Count a forward pass of both networks; training options do not matter.

    Parameters
    ----------
    config
        Of both.
    """
    tokenizer = replace(
        config.tokenizer, max_epochs=1, gan_epochs=0, tiles_per_epoch=1, structure_drop=0.1, perceptual="none"
    )
    return Forward(*_of_tokenizer(tokenizer), _sequence(config), _prior_parameters(config))


@cache
def _of_tokenizer(config: TokenizerConfig) -> tuple[int, float, float]:
    """Parameters, and FLOP of encoding and decoding a tile."""
    with torch.device("meta"):
        tokenizer = DualTokenizer(config).eval()
        side = config.size_px
        x_13HW, m_11HW = torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side)
        z_1DHW = torch.zeros(1, config.code_dim, *config.grid)
    encode = flops_of(lambda: tokenizer.appearance_features(x_13HW))
    decode = flops_of(lambda: tokenizer.paint(z_1DHW if tokenizer.dual else None, z_1DHW))
    if tokenizer.dual:
        encode += flops_of(lambda: tokenizer.structure_features(m_11HW))
        decode += flops_of(lambda: tokenizer.mask_decoder(tokenizer.mask_features(z_1DHW)))
    return parameters_of(tokenizer), encode, decode


def _streams(config: PathARConfig) -> tuple[int, ...]:
    """Codes of each stream that the prior draws."""
    t = config.tokenizer
    alone = config.prior.order == "a_only"
    return (t.appearance_codes,) if alone else (t.structure_codes, t.appearance_codes)


def _prior_parameters(config: PathARConfig) -> int:
    """Matrices of the blocks, and of each stream its table and its head; norms and labels are too few to count."""
    p = config.prior
    return p.n_layers * 12 * p.width**2 + 2 * sum(_streams(config)) * p.width


def _sequence(config: PathARConfig) -> float:
    """FLOP of one sequence: 24 D^2 a row and layer, attention to half of the rows on average, and the heads."""
    p, streams = config.prior, _streams(config)
    cells = config.tokenizer.grid[0] * config.tokenizer.grid[1]
    rows = len(streams) * cells + 1
    blocks = p.n_layers * rows * (24 * p.width**2 + 2 * rows * p.width)
    return float(blocks + 2 * cells * sum(streams) * p.width)


def model_cost(
    options: ModelOptions, *, n: int, prior: bool = True, shared: int = 1, shared_prior: int = 1
) -> Cost:
    """Training and generation of one seed.

    Parameters
    ----------
    options
        Of the row; a model that is given costs no training.
    n
        Generated pairs in all.
    prior
        Whether there is one.
    shared, shared_prior
        Rows that stand on the same tokenizer, and on the same prior: each bears its share.
    """
    config = options.config()
    one = forward_of(config)
    parameters = one.n_tokenizer + (one.n_prior if prior else 0)
    drawing = n * (_GUIDED * one.prior + one.decode) if prior else 0.0
    if options.model:
        return Cost(0, drawing, parameters, 0)
    models = options.n_labels if options.per_label else 1
    t, p = config.tokenizer, config.prior
    own = models / shared
    epochs = t.max_epochs + t.gan_epochs
    steps = own * epochs * -(-t.tiles_per_epoch // t.batch_size)
    flops = steps * t.batch_size * TRAINING * (one.encode + one.decode)
    disk = own * _KEPT * _BYTES * one.n_tokenizer
    if prior:
        priors = models / shared_prior
        prior_steps = priors * p.max_epochs * -(-p.views_per_epoch // p.batch_size)
        flops += prior_steps * p.batch_size * TRAINING * one.prior + priors * p.n_views * one.encode
        steps += prior_steps
        views = p.n_views * 2 * t.grid[0] * t.grid[1]
        disk += priors * _BYTES * (_KEPT * one.n_prior + one.n_tokenizer + views)
    return Cost(round(steps), flops + drawing, models * parameters, round(disk))


def net_cost(n_nets: int, *, steps: int, width: int, size_px: int, batch_size: int = 16) -> Cost:
    """Training of segmentation nets; they are not kept.

    Parameters
    ----------
    n_nets, steps, width, batch_size
        Nets, and of each.
    size_px
        Side of a crop, at most 128.
    """
    side = min(size_px, 128)
    forward = _SEGMENTER * (width / _SEGMENTER_WIDTH) ** 2 * side * side
    return Cost(n_nets * steps, n_nets * steps * batch_size * TRAINING * forward)
