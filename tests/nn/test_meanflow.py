"""MeanFlow on a Gaussian, where the average velocity is known, and its parts."""

from __future__ import annotations

import math

import pytest
import torch

from genviz._errors import UsageError
from genviz.nn.meanflow import (
    Times,
    behind,
    draw_times,
    integrate,
    sinusoids,
    squared_distance,
    velocity_and_target,
    weigh,
)

MEAN, DEVIATION = 1.5, 0.4


def _moments(t):
    return (1 - t) * MEAN, ((1 - t) ** 2 * DEVIATION**2 + t**2).sqrt()


def _flowed(x, t, r):
    """Where the probability flow of N(MEAN, DEVIATION^2) takes x from time t to time r."""
    (m_t, s_t), (m_r, s_r) = _moments(behind(t, x)), _moments(behind(r, x))
    return m_r + s_r / s_t * (x - m_t)


def _exact(x, t, r, rows):
    gap = behind(t - r, x)
    return (x - _flowed(x, t, r)) / gap


def _marginal(x, t):
    """Mean of eps - f given x_t = x."""
    t = behind(t, x)
    mean, deviation = _moments(t)
    return -MEAN + (t - (1 - t) * DEVIATION**2) / deviation**2 * (x - mean)


def _times(n, generator):
    t = torch.rand(n, generator=generator, dtype=torch.float64) * 0.8 + 0.2
    return Times(t, t * torch.rand(n, generator=generator, dtype=torch.float64) * 0.9, n)


def test_the_exact_average_velocity_is_its_own_target():
    """u = v - (t - r) du/dt along the marginal velocity, to float64's precision."""
    generator = torch.Generator().manual_seed(0)
    times = _times(50, generator)
    x = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    u, target = velocity_and_target(_exact, x, _marginal(x, times.t_B), times)
    assert torch.allclose(u, target, rtol=1e-10, atol=1e-10)
    assert not target.requires_grad


def test_one_step_gives_the_data():
    """Property 12: the moments, and any number of steps ends at the same place."""
    eps = torch.randn(20000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    one = integrate(_exact, eps)
    assert float(one.mean()) == pytest.approx(MEAN, abs=0.01)
    assert float(one.std()) == pytest.approx(DEVIATION, abs=0.01)
    assert torch.allclose(integrate(_exact, eps, 7), one, atol=1e-12)
    euler = integrate(lambda x, t, r, rows: _marginal(x, t), eps, 400, instant=True)
    assert torch.allclose(euler, one, atol=0.03)


def test_a_learned_velocity_gives_the_moments():
    """Property 12, by training; linear in x, as the truth is."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2)
    )  # fmt: skip

    def velocity(x, t, r, rows):
        slope, shift = net(torch.stack([t, r], dim=1)).split(1, dim=1)
        return slope * x + shift

    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 1500)
    for _ in range(1500):
        f, eps = MEAN + DEVIATION * torch.randn(256, 1), torch.randn(256, 1)
        times = draw_times(256, p_neq=0.5, sampler="uniform")
        t = behind(times.t_B, f)
        u, target = velocity_and_target(velocity, (1 - t) * f + t * eps, eps - f, times)
        loss = (u - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        found = integrate(velocity, torch.randn(5000, 1))
    assert float(found.mean()) == pytest.approx(MEAN, abs=0.08)
    assert float(found.std()) == pytest.approx(DEVIATION, abs=0.08)


def _net(x, t, r, rows):
    return torch.sin(x * behind(1 + t, x)) + behind(t - r, x)


def test_equal_times_are_flow_matching():
    """Property 9: the loss is that of flow matching, and skipping the derivative changes nothing."""
    generator = torch.Generator().manual_seed(0)
    t = torch.rand(6, generator=generator)
    x, v = torch.randn(2, 6, 4, generator=generator)
    u, target = velocity_and_target(_net, x, v, Times(t, t, 0))
    assert torch.equal(target, v)
    through = velocity_and_target(_net, x, v, Times(t, t, 6))
    assert torch.equal(through[1], v)
    assert torch.equal(through[0], u)
    loss = weigh(squared_distance(u, target), 4, "mse").mean()
    assert float(loss) == pytest.approx(float((u - v).square().mean()), rel=1e-6)


def test_only_the_first_rows_are_differentiated():
    times = draw_times(10, p_neq=0.3)
    seen = []

    def velocity(x, t, r, rows):
        seen.append((rows.start, rows.stop))
        return _net(x, t, r, rows)

    x, v = torch.randn(2, 10, 4)
    u, target = velocity_and_target(velocity, x, v, times)
    assert seen == [(0, 3), (3, 10)]
    assert torch.equal(target[3:], v[3:])
    assert (target[:3] != v[:3]).any(dim=1).all()
    assert torch.allclose(u, _net(x, times.t_B, times.r_B, slice(None)))


@pytest.mark.parametrize("sampler", ["logit_normal", "uniform"])
def test_times_have_their_law(sampler):
    times = draw_times(40000, p_neq=0.25, sampler=sampler, generator=torch.Generator().manual_seed(0))
    assert times.n_unequal == 10000
    later, earlier = times.t_B[:10000], times.r_B[:10000]
    assert (earlier < later).all()
    assert torch.equal(times.t_B[10000:], times.r_B[10000:])
    assert 0 <= times.r_B.min() <= times.t_B.max() <= 1
    both = torch.cat([later, earlier])
    if sampler == "uniform":
        assert float(both.mean()) == pytest.approx(0.5, abs=0.01)
    else:
        assert float(both.logit().mean()) == pytest.approx(-0.4, abs=0.03)
        assert float(both.logit().std()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("p_neq", "expected"), [(0.0, 0), (0.01, 1), (0.5, 4), (1.0, 8)])
def test_the_number_of_unequal_rows(p_neq, expected):
    assert draw_times(8, p_neq=p_neq).n_unequal == expected


def test_metrics():
    """The adaptive weight is that of the squared norm; at power 1 its gradient is that of a logarithm."""
    x = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    distance = squared_distance(x, torch.zeros_like(x))
    assert torch.allclose(weigh(distance, 7, "mse"), x.square().mean(dim=1))
    (slope,) = torch.autograd.grad(weigh(distance, 7, "adaptive", small=0.1).sum(), x, retain_graph=True)
    (log_slope,) = torch.autograd.grad((distance + 0.1).log().sum(), x)
    assert torch.allclose(slope, log_slope)
    for call in (lambda: weigh(distance, 7, "l1"), lambda: draw_times(2, p_neq=0, sampler="beta")):
        with pytest.raises(UsageError, match="Expected"):
            call()


def test_only_the_last_step_may_keep_its_graph():
    scale = torch.ones((), requires_grad=True)

    def velocity(x, t, r, rows):
        return scale * x

    eps = torch.ones(1, 1)
    (whole,) = torch.autograd.grad(integrate(velocity, eps, 4).sum(), scale)
    (last,) = torch.autograd.grad(integrate(velocity, eps, 4, grad_last=True).sum(), scale)
    assert float(whole) == pytest.approx(-(0.75**3))
    assert float(last) == pytest.approx(-(0.75**3) / 4)


def test_times_are_told_as_they_are():
    """Fastest angle is t itself, so the derivative with respect to t stays of order 1."""
    t = torch.linspace(0, 1, 5, dtype=torch.float64)
    found, slope = torch.func.jvp(lambda t: sinusoids(t, 8), (t,), (torch.ones_like(t),))
    assert found.shape == (5, 8)
    assert torch.allclose(found[:, 0], t.cos())
    assert torch.allclose(found[:, 4], t.sin())
    assert torch.allclose(slope[:, 4], t.cos())
    assert float(slope.abs().max()) <= 1
    assert float(found[4, 7]) == pytest.approx(math.sin(1e4 ** (-3 / 4)))
