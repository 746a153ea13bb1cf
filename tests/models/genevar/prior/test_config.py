"""Options that make no sense are refused; positions of scales."""

from __future__ import annotations

import pytest

from genviz._errors import UsageError
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.layout import ScaleLayout


@pytest.mark.parametrize("wrong", [
    {"masked_input": "f"}, {"n_inject": 5}, {"n_inject": -1}, {"n_inject": 0, "masked_input": "fhat"},
    {"condition_dropout": 1.0}, {"label_smooth": -0.1}, {"width": 30, "n_heads": 4}, {"depth": 0},
    {"condition_noise": -1.0}, {"unpaired": 1.0}, {"drop_path": 1.0},
])  # fmt: skip
def test_refused(wrong):
    """By name: the first of the options is what is wrong."""
    with pytest.raises(UsageError, match=f"^Expected {next(iter(wrong))} "):
        PriorConfig(**wrong)


def test_there_and_back():
    config = PriorConfig(masked_input="both", n_inject=4, condition_norm=False)
    assert PriorConfig.from_dict(config.to_dict()) == config


def test_positions():
    layout = ScaleLayout((1, 2, 4, 8))
    assert layout.n_positions == 85 and layout.grid == 8
    assert [layout.part(k) for k in (1, 2, 3, 4)] == [slice(0, 1), slice(1, 5), slice(5, 21), slice(21, 85)]
    assert [layout.ramp(k) for k in (1, 4)] == [0, 1] and ScaleLayout((3,)).ramp(1) == 0
    assert [layout.scales_in(n) for n in (0, 1, 5, 21, 85)] == [0, 1, 2, 3, 4]
    with pytest.raises(UsageError):
        layout.scales_in(2)
    with pytest.raises(UsageError):
        ScaleLayout((2, 2))
