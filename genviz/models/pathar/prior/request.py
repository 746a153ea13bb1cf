"""What is asked of the samplers, checked, and what they give.

Shape legend: P pairs asked for, B = P times `renderings` rows drawn, N cells; the first axis of ``(2, N, P)`` is
structure, appearance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.pathar.prior.network import Prior
from genviz.nn.keyed_noise import noise_keys


@dataclass(frozen=True)
class Forced:
    """Tokens to keep while others are drawn, for in-painting.

    Drawing in raster order conditions on kept tokens before a cell, not on those after it. To repair that, draw
    several and weigh each by the probability of its later kept tokens (`Prior.log_prob_tokens`).

    Attributes
    ----------
    s_PN, a_PN
        Tokens; those that are not kept are not looked at. None: nothing is kept of the stream.
    keep_s_PN, keep_a_PN
        bool, which are kept; None: all of them.
    """

    s_PN: Tensor | None = None
    keep_s_PN: Tensor | None = None
    a_PN: Tensor | None = None
    keep_a_PN: Tensor | None = None


@dataclass(frozen=True)
class Sampled:
    """Drawn tokens.

    Attributes
    ----------
    s_BN, a_BN
        int64 tokens, raster order, on the CPU; (B, 0) of a stream that was not drawn.
    log_prob_s_BN, log_prob_a_BN
        Log-probability of each under the prior, without guidance and filters, nats; None unless asked for.
    """

    s_BN: Tensor
    a_BN: Tensor
    log_prob_s_BN: Tensor | None = None
    log_prob_a_BN: Tensor | None = None


@dataclass(frozen=True)
class Request:
    """A checked request, on the CPU.

    Attributes
    ----------
    label_P, organ_P
        Of the pairs.
    key_B
        Noise keys of the rows.
    token_2NP, known_2NP
        Tokens that are given or kept, and which these are.
    renderings
        Rows a pair.
    """

    label_P: Tensor
    organ_P: Tensor | None
    key_B: Tensor
    token_2NP: Tensor
    known_2NP: Tensor
    renderings: int


def make_request(
    prior: Prior,
    label_P: Tensor,
    keys: Tensor | Sequence[int],
    given_s_PN: Tensor | None,
    forced: Forced | None,
    renderings: int,
    organ_P: Tensor | None,
) -> Request:
    """Check shapes and ranges, and lay given and kept tokens side by side.

    Parameters
    ----------
    prior, label_P, keys, given_s_PN, forced, renderings, organ_P
        As `genviz.models.pathar.prior.sampler.sample`.

    Raises
    ------
    UsageError
        For what does not fit.
    """
    key_B = keys.cpu() if isinstance(keys, Tensor) else noise_keys(keys)
    n_pairs = len(label_P)
    if renderings < 1 or not n_pairs or len(key_B) != n_pairs * renderings:
        raise UsageError(
            f"Expected one key for each of {n_pairs} labels times {renderings} renderings, and at least one; got "
            f"{len(key_B)}."
        )
    _check_range("labels", label_P, prior.n_labels + 1)
    if organ_P is not None:
        if prior.organ_in is None:
            raise UsageError("Expected no organs: the prior was made without; got some. Leave organ_B out.")
        _check_range("organs", organ_P, prior.n_organs + 1)
    kept = forced or Forced()
    token_2NP = torch.zeros(2, prior.n_cells, n_pairs, dtype=torch.int64)
    known_2NP = torch.zeros(2, prior.n_cells, n_pairs, dtype=torch.bool)
    shape, n_codes = (n_pairs, prior.n_cells), (prior.structure_codes, prior.appearance_codes)
    parts = [(0, kept.s_PN, kept.keep_s_PN), (1, kept.a_PN, kept.keep_a_PN), (0, given_s_PN, None)]
    for stream, token_PN, keep_PN in parts:
        if token_PN is None:
            continue
        if keep_PN is None:
            keep_PN = torch.ones(token_PN.shape, dtype=torch.bool)
        if token_PN.shape != shape or keep_PN.shape != shape:
            raise UsageError(f"Expected tokens to keep as {shape}; got {tuple(token_PN.shape)}.")
        token_PN, keep_PN = token_PN.cpu().long(), keep_PN.cpu()
        _check_range("tokens to keep", token_PN[keep_PN], n_codes[stream])
        token_2NP[stream] = torch.where(keep_PN.T, token_PN.T, token_2NP[stream])
        known_2NP[stream] |= keep_PN.T
    return Request(
        label_P.cpu(), organ_P if organ_P is None else organ_P.cpu(), key_B, token_2NP, known_2NP, renderings
    )


def _check_range(what: str, values: Tensor, n: int) -> None:
    if values.numel() and not (int(values.min()) >= 0 and int(values.max()) < n):
        raise UsageError(f"Expected {what} in [0, {n}); got {int(values.min())} to {int(values.max())}.")
