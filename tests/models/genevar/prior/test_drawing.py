"""Tokens of a nucleus drawn without sorting every row are those of the sorted rows."""

from __future__ import annotations

import pytest
import torch

from genviz.models.genevar.prior import drawing
from genviz.models.genevar.prior.drawing import draw_scale
from genviz.nn.token_picking import StreamRule


def logits(seed, spread, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [(spread * torch.randn(4, 16, 200, generator=generator)).to(dtype) for _ in range(2)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("spread", [0.1, 1.0, 6.0])
@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.96])
def test_the_nucleus_is_the_same(dtype, spread, top_p, monkeypatch):
    """In bfloat16 many codes are equally probable: rows where that could matter are sorted."""
    given, null = logits(3, spread, dtype)
    key_B = torch.randint(-(2**60), 2**60, (4,), generator=torch.Generator().manual_seed(5))
    rule = StreamRule(temperature=0.8, top_p=top_p, guidance=2.0)
    quick = draw_scale(given, null, rule, key_B)
    monkeypatch.setattr(drawing, "_drawn_unsorted", drawing._drawn)
    assert torch.equal(draw_scale(given, null, rule, key_B), quick)


def test_few_rows_are_sorted(monkeypatch):
    rows = []
    plain = drawing.candidates

    def counted(score, rule):
        rows.append((len(score), rule.top_p))
        return plain(score, rule)

    monkeypatch.setattr(drawing, "candidates", counted)
    draw_scale(*logits(3, 1.0), StreamRule(top_p=0.9), torch.arange(4))
    (n_all, free), (n_sorted, nucleus) = rows
    assert (n_all, free, nucleus) == (64, 1.0, 0.9) and n_sorted < 20
