"""What a row of GeneVAR's recipes costs, counted on its networks without data."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch

from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.flow.config import FlowConfig
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.recipes.cost import TRAINING, Cost, flops_of, parameters_of
from genviz.recipes.genevar.options import ModelOptions

_BYTES = 4
_KEPT = 4  # weights, and in the checkpoint to resume from weights and two moments
_JVP = 2  # a derivative along the path beside the pass itself
_GUIDED = 2  # with and without the profile
_LIKELIHOODS = 8  # four masks, each with and without the profile


class Forward(NamedTuple):
    """Parameters, and FLOP of one tile forwards.

    Attributes
    ----------
    n_tokenizer, n_flow, n_prior
        Parameters.
    encode, decode, flow, prior
        FLOP.
    """

    n_tokenizer: int
    n_flow: int
    n_prior: int
    encode: float
    decode: float
    flow: float
    prior: float


def forward_of(config: GeneVARConfig) -> Forward:
    """Count the networks of a configuration; how they are trained does not matter.

    Parameters
    ----------
    config
        Of all parts.
    """
    tokenizer = replace(
        config.tokenizer, max_epochs=1, gan_epochs=0, tiles_per_epoch=1, perceptual="laplacian"
    )
    width = config.condition.n_latent + config.condition.depth
    n_tokenizer, encode, decode = _tokenizer(tokenizer)
    n_flow, flow = _flow(replace(config.flow, max_epochs=1), width, tokenizer.code_dim, tokenizer.scales)
    n_prior, prior = _prior(replace(config.prior, max_epochs=1), width, tokenizer)
    return Forward(n_tokenizer, n_flow, n_prior, encode, decode, flow, prior)


@cache
def _tokenizer(config: TokenizerConfig) -> tuple[int, float, float]:
    """Parameters, and FLOP of encoding and decoding a tile."""
    side, grid = config.size_px, config.scales[-1]
    with torch.device("meta"):
        coder = Tokenizer(config).eval()
        x_13HW, f_1DGG = torch.zeros(1, 3, side, side), torch.zeros(1, config.code_dim, grid, grid)
    encode, decode = flops_of(lambda: coder.encoder(x_13HW)), flops_of(lambda: coder.decoder(f_1DGG))
    return parameters_of(coder), encode, decode


@cache
def _flow(config: FlowConfig, width: int, code_dim: int, scales: tuple[int, ...]) -> tuple[int, float]:
    """Matrices once a position, and attention of every position to all: 4 width positions² a layer."""
    with torch.device("meta"):
        n = parameters_of(Flow(config, width, code_dim, scales))
    cells = scales[-1] ** 2
    return n, 2.0 * n * cells + config.n_layers * (1 + config.cross_attn) * 4.0 * config.width * cells**2


@cache
def _prior(config: PriorConfig, width: int, tokenizer: TokenizerConfig) -> tuple[int, float]:
    with torch.device("meta"):
        n = parameters_of(ScalePrior(config, width, tokenizer.code_dim, tokenizer.n_codes, tokenizer.scales))
    tokens = sum(side * side for side in tokenizer.scales)
    return n, 2.0 * n * tokens + config.depth * 4.0 * config.width * tokens**2


def model_cost(
    options: ModelOptions, *, n: int, sharing: int = 1, flow_sharing: int = 1, prior: bool = True
) -> Cost:
    """Training, generation and likelihoods of one seed.

    Parameters
    ----------
    options
        Of the row.
    n
        Generated tiles.
    sharing, flow_sharing
        Rows (and seeds) that stand on the same tokenizer, and on the same flow: each bears its share.
    prior
        Whether there is one.
    """
    config = options.config()
    one, t, f, p = forward_of(config), config.tokenizer, config.flow, config.prior
    coder_steps = (t.max_epochs + t.gan_epochs) * -(-t.tiles_per_epoch // t.batch_size) / sharing
    cost = Cost(
        round(coder_steps),
        coder_steps * t.batch_size * TRAINING * (one.encode + one.decode),
        one.n_tokenizer,
        round(_KEPT * _BYTES * one.n_tokenizer / sharing),
    )
    per_epoch = config.views.per_epoch
    if config.refine:
        steps = f.max_epochs * -(-per_epoch // f.batch_size) / flow_sharing
        variants = 1 + (len(config.counterfactuals.variants) if config.counterfactuals.enabled else 0)
        made = options.n_rows * config.views.flow * variants * one.encode / flow_sharing
        flops = steps * f.batch_size * TRAINING * (1 + _JVP * f.p_neq) * one.flow + made
        cost += Cost(round(steps), flops, one.n_flow, round(_KEPT * _BYTES * one.n_flow / flow_sharing))
    if prior:
        steps = p.max_epochs * -(-per_epoch // p.batch_size)
        injected = p.n_inject * f.steps * TRAINING * one.flow if config.injects else 0.0
        flops = steps * p.batch_size * (TRAINING * one.prior + injected)
        flops += options.n_rows * config.views.paired * one.encode / sharing
        flops += n * (_GUIDED * one.prior + one.decode + injected) + options.n_held * _LIKELIHOODS * one.prior
        cost += Cost(round(steps), flops, one.n_prior, _KEPT * _BYTES * one.n_prior)
    return cost
