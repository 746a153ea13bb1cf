"""Callbacks that tell a network where its training is."""

from __future__ import annotations

import torch
from torch import nn

from genviz.train.batches import KeyedBatches
from genviz.train.callbacks import EpochProgress
from genviz.train.fitting import FitOptions, fit_network


class Told(nn.Module):
    """Notes what it is told."""

    def __init__(self):
        super().__init__()
        self.w, self.told = nn.Parameter(torch.zeros(1)), []

    def set_progress(self, along):
        self.told.append(along)

    def loss(self, x_B):
        loss = (self.w - x_B).square().mean()
        return loss, {"loss": loss.detach()}

    def parameter_groups(self, lr, weight_decay):
        return [{"params": [self.w], "lr": lr}]


def test_a_network_is_told_how_far_its_training_is(tmp_path):
    def fit(resume):
        network = Told()
        options = FitOptions(4, 0.1, 0.0, 0.5, 1.0, folder=tmp_path, resume=resume)
        assert fit_network(network, KeyedBatches([torch.ones(4)], 2), options, callbacks=[EpochProgress()])
        return network.told

    assert fit(False) == [0.0, 0.25, 0.5, 0.75]
    assert fit(True) == []
