"""A small network with strong dropout, trained on squared error in log2(1 + count).

Shape legend: N rows to fit on, M rows to predict, F features, G targets, B batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import mse_loss

from genviz.core.keyed import row_key
from genviz.models.baselines.back_transform import expected_counts
from genviz.models.baselines.choice import choose
from genviz.models.baselines.estimate import Estimate
from genviz.models.baselines.problem import Problem
from genviz.nn.dropout_mlp import DropoutMLP

Floats = NDArray[np.float64]

WIDTH, DROPOUT = 256, 0.5
EPOCHS, BATCH, LR, FINAL_LR, DECAY = 50, 64, 1e-3, 0.02, 0.05
N_MEMBERS = 3


def mlp(problem: Problem) -> Estimate:
    """Average of three networks: dropout - linear - GELU - dropout - linear."""

    def path(fit_NF: Floats, y_NG: Floats, predict_MF: Floats, members: Sequence[int]) -> Iterator[Floats]:
        for n in members:
            seeds = [row_key(problem.seed, "", str(i), "mlp") % 2**31 for i in range(n)]
            yield np.mean([train_mlp(fit_NF, y_NG, predict_MF, seed) for seed in seeds], axis=0)

    choice = choose(problem, problem.log2_NG, path, [N_MEMBERS])
    direct = choose(problem, problem.normalised_NG, path, [N_MEMBERS], rows=problem.deep_N)
    mean_MG = expected_counts(choice.predicted_MG, choice.out_of_fold_NG, problem.counts_NG)
    return Estimate(
        choice.predicted_MG, mean_MG, direct.predicted_MG, chosen={"mse": choice.mse, "epochs": EPOCHS}
    )


def train_mlp(fit_NF: Floats, y_NG: Floats, predict_MF: Floats, seed: int) -> Floats:
    """Train one network and predict with it."""
    mean_G = y_NG.mean(axis=0)
    x_NF = torch.from_numpy(fit_NF.astype(np.float32))
    y_t = torch.from_numpy((y_NG - mean_G).astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DropoutMLP(x_NF.shape[1], WIDTH, y_t.shape[1], DROPOUT)
        optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=DECAY)
        steps = EPOCHS * math.ceil(len(x_NF) / BATCH)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x_NF)).split(BATCH):
                optimiser.zero_grad()
                mse_loss(network(x_NF[rows]), y_t[rows]).backward()
                optimiser.step()
                schedule.step()
    network.eval()
    with torch.inference_mode():
        out = network(torch.from_numpy(predict_MF.astype(np.float32)))
    return np.asarray(out.numpy().astype(np.float64) + mean_G)
