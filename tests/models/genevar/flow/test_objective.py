"""The flow's loss: MeanFlow, and the push away from counterfactuals."""

from __future__ import annotations

import pytest
import torch
from torch.linalg import vector_norm

from genviz.models.genevar.flow import objective as flow_objective
from genviz.models.genevar.flow.config import CounterfactualConfig
from genviz.models.genevar.flow.objective import Counterfactuals, counter_velocities, objective
from genviz.nn.meanflow import velocity_and_target
from tests.models.genevar.flow.cases import conditions, flow, latents, noise

OFF = CounterfactualConfig(enabled=False)


def _against(n_rows=3, n=4, found=True):
    f = torch.randn(n_rows, n, 6, 4, 4, generator=torch.Generator().manual_seed(5))
    return Counterfactuals(f, torch.full((n_rows, n), found))


def _loss(net, config=OFF, against=None, seed=0):
    _, f, r = latents(3)
    generator = torch.Generator().manual_seed(seed)
    return objective(net, config, 3, f, r, conditions(), against, generator=generator)


def test_without_derivatives_it_is_flow_matching():
    """Property 9, on the network."""
    net = flow(p_neq=0.0)
    _, f, _ = latents(3)
    seen = {}

    def spy(velocity, x, v, times, *, dual=None):
        u, target = velocity_and_target(velocity, x, v, times, dual=dual)
        seen.update(u=u, v=v, x=x, t=times.t_B, target=target)
        return u, target

    original, flow_objective.velocity_and_target = flow_objective.velocity_and_target, spy
    try:
        loss, parts = _loss(net)
    finally:
        flow_objective.velocity_and_target = original
    f = f / net.scale
    t = seen["t"][:, None, None, None]
    eps = seen["v"] + f
    assert torch.allclose(seen["x"], (1 - t) * f + t * eps, atol=1e-6)
    assert torch.equal(seen["target"], seen["v"])
    assert torch.allclose(loss, (seen["u"] - seen["v"]).square().mean(), rtol=1e-5)
    assert parts["flow"] == parts["flow_positive"] == loss.detach()


def test_the_target_has_no_gradient():
    """Property 11: gradients are those of a constant target."""
    net = flow(p_neq=1.0)
    names, weights = zip(*net.named_parameters(), strict=True)
    found = torch.autograd.grad(_loss(net)[0], weights, allow_unused=True)
    kept = {}

    def spy(velocity, x, v, times, *, dual=None):
        u, target = velocity_and_target(velocity, x, v, times, dual=dual)
        kept.update(x=x, times=times, target=target.detach().clone(), velocity=velocity)
        return u, target

    original, flow_objective.velocity_and_target = flow_objective.velocity_and_target, spy
    try:
        _loss(net)
    finally:
        flow_objective.velocity_and_target = original
    u = kept["velocity"](kept["x"], kept["times"].t_B, kept["times"].r_B, slice(None))
    expected = torch.autograd.grad((u - kept["target"]).square().mean(), weights, allow_unused=True)
    for name, x, y in zip(names, found, expected, strict=True):
        assert (x is None) == (y is None), name
        assert x is None or torch.allclose(x, y, atol=1e-5), name
    assert names[found.index(None)] == "null_Z" if None in found else True


def test_alpha_0_is_no_counterfactual():
    """Property 13."""
    net = flow()
    plain, _ = _loss(net)
    assert torch.equal(_loss(net, CounterfactualConfig(alpha=0.0), _against())[0], plain)
    assert torch.equal(_loss(net, CounterfactualConfig(), _against(found=False))[0], plain)


@pytest.mark.parametrize("norm", ["sample", "position"])
@pytest.mark.parametrize("eps", ["shared", "independent"])
def test_the_push_is_what_it_says(eps, norm):
    net = flow()
    config = CounterfactualConfig(eps=eps, norm=norm, alpha=0.3)
    loss, parts = _loss(net, config, _against())
    assert loss.isfinite()
    assert float(loss.detach()) == pytest.approx(
        float(parts["flow_positive"] - 0.3 * parts["flow_negative"]), rel=1e-5
    )
    assert float(parts["flow_positive"]) == pytest.approx(float(_loss(net)[1]["flow"]), rel=1e-6)


@pytest.mark.parametrize("eps", ["shared", "independent"])
def test_whose_noise_the_counterfactuals_have(eps, monkeypatch):
    """That of the tile, the same for all of them; or each its own, standard normal."""
    seen = {}

    def noted(config, target, f, noise, generator=None):
        seen["noise"] = noise
        return counter_velocities(config, target, f, noise, generator)

    def spy(velocity, x, v, times, *, dual=None):
        seen["v"] = v
        return velocity_and_target(velocity, x, v, times, dual=dual)

    monkeypatch.setattr(flow_objective, "counter_velocities", noted)
    monkeypatch.setattr(flow_objective, "velocity_and_target", spy)
    net = flow()
    _loss(net, CounterfactualConfig(eps=eps), _against())
    own = (seen["v"] + latents(3)[1] / net.scale)[:, None]
    noise = seen["noise"]
    assert torch.allclose(noise, own.expand_as(noise), atol=1e-5) is (eps == "shared")
    apart = (noise[:, 0] - noise[:, 1]).flatten()
    assert float(apart.std()) == pytest.approx(0.0 if eps == "shared" else 2**0.5, abs=0.1)


@pytest.mark.parametrize(("norm", "axes"), [("sample", (2, 3, 4)), ("position", (2,))])
def test_counter_velocities(norm, axes):
    """As long as the target up to a factor in [0.8, 1.2], along noise minus counterfactual; finite where both agree."""
    target, f = noise(seed=7), _against().f_BNDGG.clone()
    eps = noise()[:, None].expand_as(f)
    f[0, 0] = noise()[0]
    found = counter_velocities(CounterfactualConfig(norm=norm), target, f, eps)
    assert found.isfinite().all()
    assert not found[0, 0].any()
    ratio = (vector_norm(found, dim=axes) / vector_norm(target[:, None], dim=axes))[1:]
    assert ratio.min() >= 0.8 - 1e-5
    assert ratio.max() <= 1.2 + 1e-5
    assert (
        ratio.flatten(2).std(dim=-1).max() < 1e-5
        if norm == "position"
        else len(set(ratio.flatten().tolist())) > 4
    )
    along = torch.nn.functional.cosine_similarity(found[1:], (eps - f)[1:], dim=2)
    assert norm == "sample" or torch.allclose(along, torch.ones_like(along), atol=1e-5)


def test_the_minimum_is_the_extrapolation():
    """Property 13, the algebra alone: where the least value lies and what it is; the code is held to it below."""
    a, b, alpha = torch.randn(8, dtype=torch.float64), torch.randn(4, 8, dtype=torch.float64), 0.3
    u = ((a - alpha * b.mean(0)) / (1 - alpha)).requires_grad_()
    loss = (u - a).square().mean() - alpha * (u - b).square().mean(dim=1).mean()
    (slope,) = torch.autograd.grad(loss, u)
    assert float(slope.abs().max()) < 1e-12
    least = -alpha / (1 - alpha) * (a - b.mean(0)).square().mean() - alpha * b.var(dim=0, correction=0).mean()
    assert float(loss.detach()) == pytest.approx(float(least), rel=1e-10)


@pytest.mark.parametrize("norm", ["sample", "position"])
@pytest.mark.parametrize("eps", ["shared", "independent"])
@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.9])
def test_the_objective_is_least_at_the_extrapolation(alpha, eps, norm, monkeypatch):
    """Property 13, of `objective` itself: its slope vanishes at (u* - alpha mean u_j) / (1 - alpha) alone."""
    net = flow()
    config = CounterfactualConfig(alpha=alpha, eps=eps, norm=norm)
    seen = {}

    def frozen(velocity, x, v, times, *, dual=None):
        seen["target"] = v
        return seen.get("u", v).requires_grad_(), v

    def noted(*arguments):
        seen["away"] = counter_velocities(*arguments)
        return seen["away"]

    monkeypatch.setattr(flow_objective, "velocity_and_target", frozen)
    monkeypatch.setattr(flow_objective, "counter_velocities", noted)
    _loss(net, config, _against())
    least = ((seen["target"] - alpha * seen["away"].mean(dim=1)) / (1 - alpha)).detach()
    for shift in (0.0, 0.1):
        seen["u"] = least + shift
        loss, _ = _loss(net, config, _against())
        (slope,) = torch.autograd.grad(loss, seen["u"])
        # Of the mean of squares over tiles and values, whose slope is 2 (1 - alpha) shift over their number.
        expected = torch.full_like(slope, 2 * (1 - alpha) * shift / slope.numel())
        assert torch.allclose(slope, expected, atol=1e-4 / slope.numel())


def test_no_push_is_undefined_at_equal_times():
    """Property 13: all rows at r = t, with counterfactuals; a counterfactual that is the noise itself."""
    net = flow(p_neq=0.0)
    for config in (CounterfactualConfig(), CounterfactualConfig(norm="position", eps="independent")):
        net.zero_grad()
        loss, _ = _loss(net, config, _against())
        loss.backward()
        assert loss.isfinite()
        assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("metric", ["mse", "adaptive"])
def test_a_guard_bounds_the_loss(metric):
    """However far off the velocity: alpha 3 pushes no further than the cap."""
    net = flow(metric=metric, adaptive_p=0.5)
    config = CounterfactualConfig(alpha=3.0, guard="clamp", guard_cap=2.0)
    with torch.no_grad():
        net.out.bias.fill_(1e3)
    loss, parts = _loss(net, config, _against())
    assert loss > 0
    net.zero_grad()
    loss.backward()
    assert net.out.bias.grad.mean() > 0  # back to where the target is
    assert parts["flow_negative"] < parts["flow_positive"]


@pytest.mark.parametrize("options", [{}, {"metric": "adaptive"}, {"p_neq": 1.0}, {"t_sampler": "uniform"},
                                     {"predictor": "flow", "p_neq": 0.0}, {"predictor": "regress"}])  # fmt: skip
def test_training_lowers_the_positive_part(options):
    net = flow(0.0, width=24, z_dropout=0.1, attn_impl="manual", **options).train()
    _, f, r = latents(3, 16)
    z = conditions(16)
    against = _against(16)
    optimiser = torch.optim.AdamW(net.parameter_groups(3e-3, 0.0))
    first = last = 0.0
    torch.manual_seed(0)
    for step in range(40):
        loss, _ = objective(net, CounterfactualConfig(), 3, f, r, z, against)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        mean_error = (net.predict(noise(16), r, z, 3) - f).square().mean().detach()
        first, last = (mean_error, last) if step == 0 else (first, mean_error)
        assert loss.isfinite()
    assert last < 0.8 * first


def test_a_regression_is_trained_as_it_predicts():
    """Its loss is its error: nothing of the target gets in."""
    net = flow(0.3, predictor="regress")
    _, f, r = latents(3)
    loss, _ = _loss(net)
    error = (net.predict(noise(), r, conditions(), 3) - f).square().mean() / net.scale**2
    assert torch.allclose(loss, error, rtol=1e-5)


def test_training_reaches_every_weight():
    net = flow(0.1).train()
    _, f, r = latents(3, 16)
    objective(net, CounterfactualConfig(), 3, f, r, conditions(16), _against(16))[0].backward()
    assert all(p.grad is not None for p in net.parameters())
