"""A small network with strong dropout, trained on squared error in log2(1 + count).

Shape legend: N rows to fit on, M rows to predict, S members, B batch, F features, H hidden, G targets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu

from genviz.core.keyed import row_key
from genviz.models.baselines.back_transform import expected_counts
from genviz.models.baselines.choice import choose
from genviz.models.baselines.estimate import Estimate
from genviz.models.baselines.problem import Problem

Floats = NDArray[np.float64]

WIDTH, DROPOUT = 256, 0.5
EPOCHS, BATCH, LR, FINAL_LR, DECAY = 50, 64, 1e-3, 0.02, 0.05
N_MEMBERS = 3


def mlp(problem: Problem) -> Estimate:
    """Mean of three networks from features to log2(1 + count), and of three to normalised composition."""
    seeds = [problem.seed]
    choice = choose(problem, problem.log2_NG, mlp_path, seeds)
    mean_MG = expected_counts(choice.predicted_MG, choice.out_of_fold_NG, problem.counts_NG)
    chosen = {"members": N_MEMBERS, "mse": choice.mse}
    if not problem.has_depth:
        return Estimate(choice.predicted_MG, mean_MG, chosen=chosen)
    deep = problem.whole.among(problem.deep_N)
    direct_MG = next(mlp_path(deep.fit_NF, problem.normalised_NG[deep.fit_rows], deep.predict_MF, seeds))
    return Estimate(choice.predicted_MG, mean_MG, direct_MG, chosen)


def mlp_path(fit_NF: Floats, y_NG: Floats, predict_MF: Floats, seeds: Sequence[int]) -> Iterator[Floats]:
    """Predictions of the averaged networks, for each seed."""
    for seed in seeds:
        yield train_members(fit_NF, y_NG, predict_MF, N_MEMBERS, seed)


class Members(nn.Module):
    """Networks of one shape side by side: dropout - linear - GELU - dropout - linear.

    The last layer starts at zero, so that training starts from the mean of the targets.
    """

    def __init__(self, n_members: int, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(n_in)
        self.w_SFH = nn.Parameter(torch.empty(n_members, n_in, n_hidden).uniform_(-bound, bound))
        self.b_S1H = nn.Parameter(torch.empty(n_members, 1, n_hidden).uniform_(-bound, bound))
        self.w_SHG = nn.Parameter(torch.zeros(n_members, n_hidden, n_out))
        self.b_S1G = nn.Parameter(torch.zeros(n_members, 1, n_out))

    def forward(self, x_SBF: Tensor) -> Tensor:
        """(S, B, F) → (S, B, G), or (1, M, F) expanded over members."""
        x = dropout(x_SBF, DROPOUT, self.training)
        h_SBH = torch.baddbmm(self.b_S1H, x, self.w_SFH)
        h_SBH = dropout(gelu(h_SBH), DROPOUT, self.training)
        return torch.baddbmm(self.b_S1G, h_SBH, self.w_SHG)


def train_members(fit_NF: Floats, y_NG: Floats, predict_MF: Floats, n_members: int, seed: int) -> Floats:
    """Train networks and average their predictions; equal arguments give equal numbers.

    The process's own random state is left as it was.
    """
    mean_G = y_NG.mean(axis=0)
    x_NF = torch.from_numpy(fit_NF.astype(np.float32))
    t_NG = torch.from_numpy((y_NG - mean_G).astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(row_key(seed, "", "", "mlp") % 2**63)
        network = Members(n_members, x_NF.shape[1], WIDTH, t_NG.shape[1])
        optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=DECAY, fused=True)
        steps = EPOCHS * math.ceil(len(x_NF) / BATCH)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        for _ in range(EPOCHS):
            order_SN = torch.stack([torch.randperm(len(x_NF)) for _ in range(n_members)])
            for rows_SB in order_SN.split(BATCH, dim=1):
                optimiser.zero_grad()
                loss = (network(x_NF[rows_SB]) - t_NG[rows_SB]).square().mean(dim=(1, 2)).sum()
                loss.backward()
                optimiser.step()
                schedule.step()
    network.eval()
    with torch.inference_mode():
        x_MF = torch.from_numpy(predict_MF.astype(np.float32))
        out_MG = network(x_MF.expand(n_members, -1, -1)).mean(dim=0)
    return np.asarray(out_MG.numpy().astype(np.float64) + mean_G)
