"""Property 17: KL, negative binomial, beta = 0; reductions, warm-up, free bits, training."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from genviz._errors import UsageError
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.gene_vae import GeneVAE, gaussian_kl
from genviz.models.genevar.condition.vae import VaeConditioner
from tests.models.genevar.condition.cases import programme_counts, some_profiles

NANO = ConditionConfig(
    kind="vae", n_latent=3, n_genes=0, hidden=(16, 8), dropout=0.0, batch_size=20, max_epochs=40, patience=40
)


def nano(**changes) -> ConditionConfig:
    return ConditionConfig(**{**NANO.to_dict(), **changes})


def network(config: ConditionConfig, n_genes: int = 12) -> GeneVAE:
    torch.manual_seed(0)
    return GeneVAE(config, n_genes)


def batch(n_genes: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    counts = torch.poisson(torch.full((6, n_genes), 4.0), generator=rng)
    return torch.randn(6, n_genes, generator=rng), counts


def test_kl_is_zero_at_the_prior_only():
    draw = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 1000, 4, generator=draw, dtype=torch.float64)
    kl = gaussian_kl(mean, log_variance)
    assert (kl > 0).all() and (gaussian_kl(torch.zeros(2, 4), torch.zeros(2, 4)) == 0).all()
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(kl, expected)


def test_nb_is_that_of_scipy():
    net = network(nano(likelihood="nb")).double()
    net.log_dispersion_G.data = torch.linspace(-2, 2, 12, dtype=torch.float64)
    x, counts = (part.double() for part in batch())
    out = net.decode(torch.randn(6, 3, dtype=torch.float64))
    mean = counts.sum(1, keepdim=True) * out.softmax(-1)
    theta = net.log_dispersion_G.exp()
    by_scipy = stats.nbinom.logpmf(counts, theta.detach(), (theta / (theta + mean)).detach()).sum(1)
    np.testing.assert_allclose(-net.nll(out, x, counts).detach(), by_scipy, rtol=1e-9)


def test_gaussians_and_reductions():
    x, _ = batch()
    out = torch.zeros_like(x)
    halves = 0.5 * x.square()
    torch.testing.assert_close(network(nano()).nll(out, x), halves.sum(1))
    torch.testing.assert_close(network(nano(recon_reduction="mean")).nll(out, x), halves.mean(1))
    net = network(nano(likelihood="gaussian_gene"))
    net.log_sigma_G.data[:] = torch.linspace(-4, 1, 12)
    sigma = net.log_sigma_G.detach().clamp_min(-3).exp()
    normal = torch.distributions.Normal(out, sigma)
    torch.testing.assert_close(net.nll(out, x), -(normal.log_prob(x) + 0.5 * math.log(2 * math.pi)).sum(1))


def test_beta_zero_is_an_autoencoder():
    net = network(nano(beta=0.0))
    x, _ = batch()
    loss, parts = net.loss(x)
    assert loss.item() == parts["nll"].item() and parts["kl"] > 0
    # No pull to the prior: only the reconstruction moves the encoder, and noise can be learned away.
    assert torch.equal(net.log_prob(x), -net.nll(net.decode(net.encode(x)[0]), x))
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(400):
        optimiser.zero_grad()
        net.loss(x)[0].backward()
        optimiser.step()
    assert net.nll(net.decode(net.encode(x)[0]), x).mean() < 0.05 * x.square().sum(1).mean() / 2
    assert net.encode(x)[1].mean() < -2


def test_beta_rises_over_the_first_share_of_the_steps():
    net = network(nano(beta=2.0, kl_warmup_frac=0.5))
    x, _ = batch()
    assert net.loss(x)[1]["beta"] == 2.0  # no length of training was told
    net.start(8)
    betas = [net.loss(x)[1]["beta"].item() for _ in range(6)]
    assert betas == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert net.eval().loss(x)[1]["beta"] == 2.0
    assert torch.equal(net.state_dict()["progress"], torch.tensor([6.0, 8.0], dtype=torch.float64))


def test_free_bits_give_no_gradient():
    x, _ = batch()
    for free, moved in ((100.0, False), (0.0, True)):
        net = network(nano(free_bits=free))
        for p in net.decoder.parameters():
            p.data.zero_()
        net.loss(x)[0].backward()
        assert any(p.grad.abs().sum() > 0 for p in net.encoder.parameters()) == moved
    net = network(nano(free_bits=100.0, beta=1.0))
    loss, parts = net.loss(x)
    assert loss.item() == pytest.approx(parts["nll"].item() + 300.0)


def test_published_size():
    config = ConditionConfig(kind="vae", n_latent=200, units="tpm", n_genes=0, depth=False)
    with torch.device("meta"):
        net = GeneVAE(config, 17655)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(36.9e6, rel=0.005)


@pytest.mark.parametrize("likelihood", ["gaussian_fixed", "gaussian_gene", "nb"])
def test_training_finds_the_programme(likelihood):
    profiles, groups = some_profiles(120), [f"p{i // 6}" for i in range(120)]
    fitted = VaeConditioner.fit(nano(likelihood=likelihood, beta=0.2), profiles, groups=groups)
    z = fitted.transform(profiles)
    assert z.shape == (120, 4) and z.dtype == np.float32 and fitted.cond_dim == 4
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-3)
    assert fitted.facts["likelihood"] == likelihood and fitted.facts["recon_reduction"] == "sum"
    assert 6 <= fitted.facts["held_out_rows"] <= 18 and fitted.facts["best"]["epoch"] >= 0
    factors = programme_counts(120)[1]
    rest = np.linalg.lstsq(np.c_[z, np.ones(120)], factors, rcond=None)[1]
    assert (rest / ((factors - factors.mean(0)) ** 2).sum(0)).max() < 0.5


def test_the_same_seed_is_the_same_code_and_a_row_stands_alone():
    profiles = some_profiles(30)
    config = nano(max_epochs=2)
    first, second = (VaeConditioner.fit(config, profiles, seed=3) for _ in range(2))
    z = first.transform(profiles)
    np.testing.assert_array_equal(z, second.transform(profiles))
    np.testing.assert_array_equal(z[[7]], first.transform(profiles.take(np.array([7]))))


def test_posterior_draws_are_keyed():
    profiles = some_profiles(30)
    fitted = VaeConditioner.fit(nano(max_epochs=2, z_mode="sample", code_noise=0.0, thin_from=1.0), profiles)
    view = fitted.view(profiles, seed=0, view=0)
    assert np.abs(view - fitted.transform(profiles)).max() > 0.1
    np.testing.assert_array_equal(view[[4]], fitted.view(profiles.take(np.array([4])), seed=0, view=0))


def test_a_likelihood_of_counts_is_not_for_tpm():
    with pytest.raises(UsageError, match="units='counts'"):
        ConditionConfig(kind="vae", likelihood="nb", units="tpm")
