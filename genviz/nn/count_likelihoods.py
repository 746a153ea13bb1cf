"""Log-likelihoods of counts in closed form: negative binomial, and Dirichlet-multinomial over ragged groups.

Both keep every term, the coefficients included, so that they are log-probabilities of the counts
themselves and comparable between models. Shape legend: M children (columns), Q parents (segments);
leading axes are free.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from genviz.nn.segments import segment_sum


def negative_binomial_log_prob(counts: Tensor, log_mean: Tensor, log_dispersion: Tensor) -> Tensor:
    """Log-probability of NB(x; mean m, dispersion t), variance m + m²/t; elementwise with broadcasting.

    ``lgamma(x+t) - lgamma(t) - lgamma(x+1) - t log(1 + m/t) - x log(1 + t/m)``: the last two are
    softplus of ±(log m - log t), which is exact at both ends.

    Parameters
    ----------
    counts
        Counts x, whole numbers from 0 in a floating type.
    log_mean
        log m.
    log_dispersion
        log t: large t is a Poisson distribution, small t is over-dispersed.

    Returns
    -------
    Nats, the shape the three broadcast to.
    """
    t = log_dispersion.exp()
    ratio = log_mean - log_dispersion
    coefficient = torch.lgamma(counts + t) - torch.lgamma(t) - torch.lgamma(counts + 1)
    return coefficient - t * softplus(ratio) - counts * softplus(-ratio)


def dirichlet_multinomial_log_prob(
    counts_M: Tensor, log_share_M: Tensor, log_concentration_Q: Tensor, parent_M: Tensor, n_parents: int
) -> Tensor:
    """Log-probability of how each parent's count splits among its children: (..., M) → (..., Q).

    ``lgamma(A) - lgamma(n+A) + lgamma(n+1) + sum_c [lgamma(x_c+a_c) - lgamma(a_c) - lgamma(x_c+1)]`` with
    ``n = sum_c x_c`` and ``a_c = A share_c``. A parent with one child or no counts gives 0.

    Parameters
    ----------
    counts_M
        Children's counts.
    log_share_M
        Log of the expected shares; shares sum to one within each parent.
    log_concentration_Q
        Log of A: large A is a multinomial, small A is over-dispersed.
    parent_M
        int64 (M,): parent of each child.
    n_parents
        Q.
    """
    a_M = (log_share_M + log_concentration_Q.index_select(-1, parent_M)).exp()
    child_M = torch.lgamma(counts_M + a_M) - torch.lgamma(a_M) - torch.lgamma(counts_M + 1)
    total_Q = segment_sum(counts_M, parent_M, n_parents)
    # The sum of the a_c and not exp(log A): their difference would leak into single-child parents.
    strength_Q = segment_sum(a_M, parent_M, n_parents)
    parent_Q = torch.lgamma(strength_Q) - torch.lgamma(total_Q + strength_Q) + torch.lgamma(total_Q + 1)
    return parent_Q + segment_sum(child_M, parent_M, n_parents)
