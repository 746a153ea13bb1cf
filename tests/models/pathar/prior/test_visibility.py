"""Who sees whom in the prior: no appearance in structure, the reach of every token, controls that must fail."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.rope import rotate
from genviz.nn.visibility import row_layout
from tests.models.pathar.prior.cases import (
    APPEARANCE_CODES,
    DELAYED,
    N_CELLS,
    STRUCTURE_CODES,
    changed,
    prior,
    tokens,
)


def _structure_states(net, s_BN, a_BN, label_B):
    """Hidden features of the structure rows after each block, and the structure logits."""
    states = []
    rows = (net.holds_L <= net.n_cells).nonzero().flatten()
    handles = [
        block.register_forward_hook(lambda _m, _i, out: states.append(out[:, rows])) for block in net.blocks
    ]
    with torch.no_grad():
        states.append(net(s_BN, a_BN, label_B)[0])
    for handle in handles:
        handle.remove()
    return states


def _moved(net, first, second):
    """Which logits differ at all, by cell: structure, appearance."""
    with torch.no_grad():
        before, after = net(*first), net(*second)
    return [(x != y).any(dim=2).any(dim=0).tolist() for x, y in zip(before, after, strict=True)]


@pytest.mark.parametrize("layout", DELAYED)
@pytest.mark.parametrize("null", [False, True])
def test_no_appearance_reaches_structure_in_any_layer(layout, null):
    """Property 1, for both halves of guidance: bit-identical after every block."""
    net = prior(layout)
    s, a, label = tokens()
    label = torch.full_like(label, net.null_label) if null else label
    one = _structure_states(net, s, a, label)
    two = _structure_states(net, s, changed(a, slice(None), APPEARANCE_CODES), label)
    assert len(one) == len(net.blocks) + 1
    assert all(torch.equal(x, y) for x, y in zip(one, two, strict=True))


@pytest.mark.parametrize("layout", DELAYED)
def test_no_gradient_of_structure_reaches_appearance(layout):
    """Property 2."""
    net = prior(layout)
    s, a, label = tokens()
    net(s, a, label)[0].sum().backward()
    assert torch.equal(net.appearance_in.weight.grad, torch.zeros_like(net.appearance_in.weight))
    assert torch.equal(net.begin_in.weight.grad, torch.zeros_like(net.begin_in.weight))
    head = net.appearance_out.weight.grad
    assert head is None or not head.any()
    assert net.structure_in.weight.grad.any()


@pytest.mark.parametrize("layout", DELAYED)
@pytest.mark.parametrize("cell", [0, 5, N_CELLS - 2])
def test_structure_is_causal(layout, cell):
    """Property 3: tokens up to the changed one are predicted as before, the next one is not."""
    net = prior(layout)
    s, a, label = tokens()
    structure, _ = _moved(net, (s, a, label), (changed(s, cell, STRUCTURE_CODES), a, label))
    assert not any(structure[: cell + 1])
    assert structure[cell + 1]


@pytest.mark.parametrize("layout", DELAYED)
@pytest.mark.parametrize("cell", [0, 5, N_CELLS - 2])
def test_appearance_is_causal_and_reaches_its_own_structure(layout, cell):
    """Property 4: appearance sees its past and structure up to its own cell (all of it with "full")."""
    net = prior(layout)
    s, a, label = tokens()
    _, by_a = _moved(net, (s, a, label), (s, changed(a, cell, APPEARANCE_CODES), label))
    assert not any(by_a[: cell + 1])
    assert by_a[cell + 1]
    _, by_s = _moved(net, (s, a, label), (changed(s, cell, STRUCTURE_CODES), a, label))
    assert all(by_s[:cell]) if layout == "full" else not any(by_s[:cell])
    assert by_s[cell]


def test_the_label_reaches_the_first_tokens():
    """Property 5."""
    net = prior(n_organs=2)
    s, a, label = tokens()
    structure, appearance = _moved(net, (s, a, label), (s, a, (label + 1) % 3))
    assert structure[0]
    assert appearance[0]
    by_organ = _moved(net, (s, a, label, label % 2), (s, a, label, (label + 1) % 2))
    assert by_organ[0][0]
    assert by_organ[1][0]


def test_the_null_label_hides_the_label():
    """Property 5: with label dropout certain, the loss does not depend on labels."""
    net = prior(label_dropout=0.99).train()
    s, a, label = tokens()
    losses = []
    for shift in (0, 1):
        torch.manual_seed(1)
        losses.append(float(net.loss(s, a, (label + shift) % 3)[0].detach()))
    torch.manual_seed(1)
    assert (torch.rand(len(label)) < 0.99).all()
    assert losses[0] == losses[1]


def test_organs_are_dropped_with_their_label_and_by_themselves():
    net = prior(n_organs=2, label_dropout=0.25).train()
    s, a, label = tokens(2000)
    taken = []
    net.forward = lambda s, a, label, organ: taken.append((label, organ)) or prior_logits(net, s, a)
    net.loss(s, a, label, label % 2)
    ((found, organ),) = taken
    no_label, no_organ = found == net.null_label, organ == net.n_organs
    assert no_organ[no_label].all()
    assert 0.2 < no_label.float().mean() < 0.3
    assert 0.2 < no_organ[~no_label].float().mean() < 0.3
    assert torch.equal(organ[~no_organ], (label % 2)[~no_organ])


def prior_logits(net, s, a):
    """Uniform logits of the right shapes."""
    return tuple(torch.zeros(*x.shape, n) for x, n in ((s, net.structure_codes), (a, net.appearance_codes)))


def test_the_label_row_is_not_erased_by_its_rotation():
    """Property 5: the key of the label row keeps its length."""
    net = prior()
    row = int(net.label_row)
    key = torch.randn(16)
    cosine, sine = net.rotation_2L2C[:, row, 1]
    assert torch.equal(rotate(key, cosine, sine), key)


def _leaks(layout):
    """Whether a structure prediction depends on appearance: of its own past cells, or at once."""
    net = prior(layout)
    s, a, label = tokens()
    structure, _ = _moved(net, (s, a, label), (s, changed(a, 4, APPEARANCE_CODES), label))
    return any(structure)


def test_leaky_controls_fail_the_probe():
    """Property 6: the probes do find a leak where there is one."""
    assert _leaks("leaky_literal")
    assert _leaks("causal")
    assert _leaks("a_then_s")
    assert not any(_leaks(layout) for layout in (*DELAYED, "s_then_a"))


def test_the_literal_mask_leaks_by_the_residual_stream_and_by_keys():
    """Property 6: both channels of the impossibility proof, next token and later ones."""
    net = prior("leaky_literal")
    s, a, label = tokens()
    structure, _ = _moved(net, (s, a, label), (s, changed(a, 4, APPEARANCE_CODES), label))
    assert structure[5]
    assert any(structure[6:])


@pytest.mark.parametrize("sees", ["prefix", "full"])
def test_arrangements_agree(sees):
    """Property 9: the order of the rows changes nothing."""
    net = prior("full" if sees == "full" else "default")
    inputs = tokens()
    logits = []
    for arrangement in ("concatenated", "back_to_back", "paired", "paper"):
        net.use_layout(row_layout(N_CELLS, appearance_sees=sees, arrangement=arrangement))
        with torch.no_grad():
            logits.append(net(*inputs))
    for other in logits[1:]:
        for x, y in zip(logits[0], other, strict=True):
            assert torch.allclose(x, y, atol=1e-5)
