"""Sizes that are promised."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.flops import transformer_flops
from genviz.models.genar.network import GenARNetwork
from genviz.models.genar.presets import PRESETS, preset

PAPER_SCALES = (1, 4, 8, 40, 100, 200)


@pytest.fixture(scope="module")
def paper_tree():
    """200 genes in the paper's scales, made nested."""
    counts = np.random.default_rng(0).poisson(3.0, (60, 200))
    return fit_gene_tree(counts, [f"G{i}" for i in range(200)], scales=PAPER_SCALES)


def test_the_papers_size(paper_tree):
    """768/8/8/3.0 with tokens 0..2000: the parameters of docs/models/genar.md."""
    config = preset("paper")
    assert (config.counts, config.trunk) == ("tokens", "transformer")
    assert (config.width, config.n_layers, config.n_heads, config.mlp_ratio) == (768, 8, 8, 3.0)
    assert config.vocabulary == 2001
    network = GenARNetwork(config, paper_tree, 1024)
    assert sum(p.numel() for p in network.parameters()) == _paper_parameters() == 85_522_865
    assert sum(network.scales) == 353


def _paper_parameters():
    """The same by hand: D wide, V tokens, P positions, C condition (1024 features and 48 of position)."""
    d, v, p, c, hidden, genes = 768, 2001, 353, 1024 + 48, 2304, 200
    block = 4 * d * d + 4 * d + 2 * d * hidden + hidden + d + 6 * d * d + 6 * d
    condition = 2 * c + c * d + d + d * d + d + 2 * d
    film = d * d // 2 + d // 2 + d // 2 * 2 * d + 2 * d
    tables = v * d + p * d + genes * d
    return 8 * block + condition + film + tables + 5 * (d * d + d) + 2 * d * d + 2 * d + d * v + v


def test_the_papers_floor():
    """36.6 GFLOP a spot: linear layers, attention and head over 353 positions."""
    flops = transformer_flops(preset("paper"), PAPER_SCALES, 1024)
    assert flops["floor"] / 1e9 == pytest.approx(36.6, rel=0.03)
    assert flops["total"] > flops["floor"]


def test_presets_round_trip():
    """Every preset survives JSON, and unknown names are refused."""
    for config in PRESETS.values():
        assert GenARConfig.from_dict(config.to_dict()) == config
    for wrong in ({"name": "huge"}, {"name": "paper", "trunk": "mlp"}, {"name": "mini", "wdith": 3}):
        with pytest.raises(UsageError):
            preset(**wrong)
    with pytest.raises(UsageError, match="wdith"):
        GenARConfig.from_dict({"wdith": 3})


@pytest.mark.parametrize(
    "wrong",
    [{"counts": "bag"}, {"dropout": 1.0}, {"lr": 0.0}, {"width": 10, "n_heads": 4}, {"vocabulary": 1}],
)
def test_bad_options(wrong):
    """Refused by name."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        GenARConfig(**wrong)


def test_vocabulary_follows_the_training_maximum():
    """Head-room above the largest training count; a tree needs none."""
    assert preset("mini", counts="tokens").resolve(100).vocabulary == 151
    assert preset("mini").resolve(100).vocabulary is None
