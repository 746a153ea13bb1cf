"""Reusable parts of networks, torch only: attention, modulation, count likelihoods, soft targets."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "AdaLNBlock": "genviz.nn.blocks",
    "BlockCausalAttention": "genviz.nn.attention",
    "FiLM": "genviz.nn.film",
    "FourierPosition": "genviz.nn.fourier",
    "RingAttention": "genviz.nn.ring",
    "dirichlet_multinomial_log_prob": "genviz.nn.count_likelihoods",
    "negative_binomial_log_prob": "genviz.nn.count_likelihoods",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
