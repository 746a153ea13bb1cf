"""The flow network: size, beginning, what it depends on, and its derivative."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.flow.config import FlowConfig
from genviz.models.genevar.flow.network import Flow
from tests.models.genevar.flow.cases import (
    CONDITION,
    DIM,
    SCALES,
    conditions,
    flow,
    latents,
    noise,
)

EVERY_ABLATION = {
    "default": {},
    "without_z": {"use_z": False},
    "without_rk_mod": {"rk_mod": False},
    "without_cross": {"cross_attn": False},
    "nearest": {"mod_upsample": "nearest"},
    "literal": {"eq8": "literal"},
    "t_and_r": {"time_cond": "t_and_r"},
    "without_level": {"level_embed": False},
    "steps": {"steps": 3},
    "flow": {"predictor": "flow", "p_neq": 0.0, "steps": 5},
    "regress": {"predictor": "regress"},
}


def test_paper_size():
    """80.84 M weights, 12.99 M a block."""
    scales = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)
    with torch.device("meta"):
        net = Flow(FlowConfig(width=768, n_layers=6, n_heads=12), 200, 32, scales)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(80.84, abs=0.005)
    assert sum(p.numel() for p in net.blocks[0].parameters()) / 1e6 == pytest.approx(12.99, abs=0.005)


@pytest.mark.parametrize("ablation", EVERY_ABLATION)
def test_a_new_flow_gives_its_noise(ablation):
    """Property 12: u = 0 and f_k = scale eps, to the bit; a regression gives 0."""
    net = flow(0.0, **EVERY_ABLATION[ablation])
    _, _, r = latents(3)
    with torch.no_grad():
        assert not net(noise(), r, conditions(), torch.ones(3), torch.zeros(3), 3).any()
        found = net.predict(noise(), r, conditions(), 3)
    assert torch.equal(found, torch.zeros_like(found) if ablation == "regress" else net.scale * noise())


@pytest.mark.parametrize("ablation", EVERY_ABLATION)
def test_what_a_prediction_depends_on(ablation):
    """Noise, r_k, RNA and scale, each unless an ablation takes it away; tiles not on each other."""
    net = flow(0.3, **EVERY_ABLATION[ablation])
    _, _, r = latents(3)
    z, eps = conditions(), noise()
    with torch.no_grad():
        found = net.predict(eps, r, z, 3)
        assert found.shape == eps.shape
        assert torch.allclose(net.predict(eps[1:2], r[1:2], z[1:2], 3), found[1:2], atol=1e-5)
        changed = {
            "noise": net.predict(noise(seed=9), r, z, 3),
            "r": net.predict(eps, r + 1, z, 3),
            "z": net.predict(eps, r, z + 1, 3),
            "null": net.predict(eps, r, None, 3),
        }
    differs = {name: not torch.allclose(x, found, atol=1e-4) for name, x in changed.items()}
    without_z = ablation == "without_z"
    assert differs == {"noise": ablation != "regress", "r": True, "z": not without_z, "null": not without_z}


@pytest.mark.parametrize("mod_upsample", ["bicubic", "nearest"])
@pytest.mark.parametrize(("rk_mod", "cross_attn"), [(True, True), (True, False), (False, True)])
def test_by_which_way_r_comes_in(rk_mod, cross_attn, mod_upsample, monkeypatch):
    """The conditions of positions hold r_k brought to the grid, or not; blocks attend to r_k, or not."""
    net = flow(0.3, rk_mod=rk_mod, cross_attn=cross_attn, mod_upsample=mod_upsample)
    r = torch.randn(
        3, DIM, 2, 2, generator=torch.Generator().manual_seed(6)
    )  # that of `latents` is flat at scale 2
    seen = []

    def spy(h, tile, position, other, *, kernel):
        seen.append((position, other))
        return type(net.blocks[0]).forward(net.blocks[0], h, tile, position, other, kernel=kernel)

    monkeypatch.setattr(net.blocks[0], "forward", spy)
    with torch.no_grad():
        for map_BDnn in (r, r + 1, torch.zeros_like(r)):
            net(noise(), map_BDnn, conditions(), torch.ones(3), torch.zeros(3), 2)
        (one, keys), (two, other_keys), (zero, _) = seen
        assert torch.equal(one, two) is not rk_mod
        if rk_mod:
            up = torch.nn.functional.interpolate(r, size=(4, 4), mode=mod_upsample).flatten(2).transpose(1, 2)
            assert torch.allclose(one - zero, up @ net.before_in.weight.T, atol=1e-5)
    assert keys.shape == (3, 4, 16) and not torch.equal(keys, other_keys)
    assert all((block.cross is not None) is cross_attn for block in net.blocks)


@pytest.mark.parametrize("time_cond", ["t_and_gap", "t_and_r"])
def test_which_times_are_told(time_cond):
    net = flow(0.3, time_cond=time_cond)
    t, s = torch.tensor([0.9, 0.5]), torch.tensor([0.2, 0.5])
    second = t - s if time_cond == "t_and_gap" else s
    expected = net.time_t(t) + net.time_2(second) + net.level.weight[2]
    assert torch.equal(net._times(t, s, 3), expected)


def test_the_scale_is_told():
    """At equal r_k, two scales of equal grids differ by their level alone."""
    told, untold = (
        Flow(FlowConfig(width=16, n_heads=2, level_embed=e), 5, 6, (2, 2, 4)) for e in (True, False)
    )
    with torch.no_grad():
        for net, expected in ((told, False), (untold, True)):
            for parameter in net.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
            args = torch.randn(2, 6, 2, 2), conditions(2), torch.ones(2), torch.zeros(2)
            one, two = (net(noise(2), *args, k) for k in (1, 2))
            assert torch.equal(one, two) is expected


@pytest.mark.parametrize("kernel", ["math", "manual"])
@pytest.mark.parametrize("time_cond", ["t_and_gap", "t_and_r"])
def test_the_derivative_is_that_of_finite_differences(kernel, time_cond):
    """Property 10: along (v, 1, 0), in float64; the time's part of it is not nothing."""
    net = flow(0.2, time_cond=time_cond).double()
    _, _, r = (x.double() for x in latents(3))
    z, x, v = conditions().double(), noise().double(), noise(seed=4).double()
    t, s = torch.tensor([0.9, 0.5, 0.7]).double(), torch.tensor([0.1, 0.5, 0.3]).double()

    def call(x, t, s):
        return net(x, r, z, t, s, 3, kernel)

    one, zero = torch.ones_like(t), torch.zeros_like(t)
    value, slope = torch.func.jvp(call, (x, t, s), (v, one, zero))
    slope = slope.detach()
    step = 1e-5
    with torch.no_grad():
        expected = (call(x + step * v, t + step, s) - call(x - step * v, t - step, s)) / (2 * step)
    assert float((slope - expected).norm() / expected.norm()) < 1e-5
    assert torch.allclose(value, net(x, r, z, t, s, 3), atol=1e-10)
    _, still = torch.func.jvp(call, (x, t, s), (v, zero, zero))
    assert float((slope - still.detach()).norm() / slope.norm()) > 1e-3


def test_a_literal_block_learns_everywhere():
    """Its gates begin at 1; the residual one's gates all have gradients."""
    for eq8 in ("literal", "residual"):
        net = flow(0.0, eq8=eq8)
        with torch.no_grad():
            net.out.weight.normal_()
        _, _, r = latents(3)
        net(noise(), r, conditions(), torch.ones(3), torch.zeros(3), 3).square().sum().backward()
        for block in net.blocks:
            assert block.by_position.linear.weight.grad.abs().sum() > 0
            assert float(block.by_tile.linear.bias.detach()[0]) == (1.0 if eq8 == "literal" else 0.0)


def test_steps_and_velocity_scale():
    net = flow(0.2)
    _, _, r = latents(2)
    z, eps = conditions(), noise()
    with torch.no_grad():
        u = net(eps, r / net.scale, z, torch.ones(3), torch.zeros(3), 2)
        assert torch.equal(net.one_step(eps, r, z, 2), net.scale * (eps - u))
        net.velocity_scale = 0.9
        assert torch.allclose(net.one_step(eps, r, z, 2), net.scale * (eps - 0.9 * u))
        assert not torch.allclose(net.n_step(eps, r, z, 2, 2), net.one_step(eps, r, z, 2))


def test_the_state_holds_the_scale_and_no_matrices_of_geometry():
    net = flow()
    net.start(3 * noise(200))
    assert float(net.scale) == pytest.approx(3, rel=0.02)
    state = net.state_dict()
    assert "scale" in state
    assert not [name for name in state if name.startswith(("up_", "down_"))]


def test_groups_hold_every_parameter_once():
    net = flow()
    groups = net.parameter_groups(1e-3, 0.05)
    held = [id(p) for group in groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in net.parameters())
    assert net.null_Z is not None
    assert id(net.null_Z) in {id(p) for p in groups[1]["params"]}


def test_conditions_are_dropped_in_training_only():
    net = flow(z_dropout=0.5)
    z = conditions(200)
    assert net.drop_condition(z) is z
    dropped = (net.train().drop_condition(z) == net.null_Z).all(dim=1)
    assert 60 < int(dropped.sum()) < 140


def test_it_says_what_does_not_fit():
    with pytest.raises(UsageError, match="4 cells"):
        flow()(noise(), torch.zeros(3, DIM, 2, 2), conditions(), torch.ones(3), torch.zeros(3), 3)
    with pytest.raises(UsageError, match="up to 3"):
        Flow(FlowConfig(train_scales=(2, 4)), CONDITION, DIM, SCALES)
