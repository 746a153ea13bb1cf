"""The model in the box: what the property tests say of small random networks holds for its weights too."""

from __future__ import annotations

import copy

import anndata as ad
import numpy as np
import pytest
import torch

from genviz.models import GeneVAR
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.masking import MaskNoise, scores
from genviz.models.genevar.prior.protocols import teacher_maps
from genviz.models.genevar.prior.rule import sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.models.pixels import to_images, to_tensor
from tests.models.genevar.tokenizer.cases import stain_tiles

NAME = "genevar-her2st-mini"
KEYS = [7**i * 1_000_003 for i in range(3)]


@pytest.fixture(scope="module")
def shipped():
    return GeneVAR.load(NAME, device="cpu")


@pytest.fixture(scope="module")
def spots(shipped):
    """Counts of its genes; where they come from does not matter here."""
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.3, 1.5, len(shipped.genes)) * rng.lognormal(0, 0.7, (9, 1))
    adata = ad.AnnData(rng.poisson(rate).astype(np.float32))
    adata.var_names, adata.obs_names = list(shipped.genes), [f"s{i}" for i in range(9)]
    return adata


@pytest.fixture(scope="module")
def parts(shipped):
    """Prior, quantiser, tokens and conditions."""
    fitted = shipped.fitted
    quantiser = fitted.tokenizer.quantiser
    s_BL = fitted.tokenizer.encode(stain_tiles(3, side=64))
    z_BZ = torch.randn(3, fitted.prior.cond_dim, generator=torch.Generator().manual_seed(0))
    return fitted.prior.eval(), quantiser, s_BL, z_BZ


def test_a_tile_is_a_function_of_row_and_seed(shipped, spots):
    """Property 19: bit for bit, whatever the batch, its size and its order."""
    whole = shipped.generate(spots, n=2, seed=3)
    n_codes = shipped.config.tokenizer.n_codes
    tokens = whole.obsm["genevar_tokens"]
    assert 0 <= tokens.min() <= tokens.max() < n_codes and len(np.unique(tokens, axis=0)) == 18
    for order, size in (([8, 0, 5], 1), ([4, 2, 7, 1, 0], 3), (range(9), 5)):
        few = shipped.generate(spots[list(order)].copy(), n=2, seed=3, batch_size=size)
        own = [2 * row + j for row in order for j in range(2)]
        for key in ("genevar_tokens", "genevar", "X_rna"):
            np.testing.assert_array_equal(few.obsm[key], whole.obsm[key][own])


def test_tokens_lead_there_and_back(shipped):
    """Properties 1, 4, 5, 22."""
    tokenizer, x = shipped.fitted.tokenizer, to_tensor(to_images(stain_tiles(3, side=64)))
    quantiser, f = tokenizer.quantiser, tokenizer.latents(x).detach()
    live, tokens, _ = quantiser.eval()(f)
    parts = [quantiser.contribution(s, k) for k, s in enumerate(quantiser.split(tokens), start=1)]
    torch.testing.assert_close(sum(parts), live, atol=1e-5, rtol=0)
    stored = torch.from_numpy(tokens.numpy().astype("int16"))
    assert torch.equal(quantiser.embed_sum(stored), live) and torch.equal(tokenizer.encode(x), tokens)
    y = tokenizer.decode_tokens(stored)
    assert torch.equal(y, tokenizer.decode(live)) and y.shape == (3, 3, 64, 64)
    assert -1 <= y.min() <= y.max() <= 1
    rows = ad.AnnData(obs={"n": range(3)})
    rows.obsm["tiles"] = to_images(x)
    np.testing.assert_array_equal(shipped.reconstruct(rows).obsm["genevar"], to_images(y))


def test_teacher_forced_equals_sampled(parts):
    """Properties 5 and 6, guidance and filters on."""
    prior, quantiser, _, z_BZ = parts
    found = sample(
        prior, quantiser, z_BZ, sample_rule("mini"), KEYS, batch_size=3, keep_partial=True, return_log_prob=True
    )  # fmt: skip
    maps = teacher_maps(quantiser, found.s_NL, prior.layout, prior.code_dim)
    for k, map_BEnn in enumerate(maps, start=2):
        assert torch.equal(quantiser.next_input(found.partial_NKEGG[:, k - 2], k), map_BEnn)
        assert torch.equal(quantiser.inputs(found.s_NL)[k - 2], map_BEnn)
    with torch.no_grad():
        expected = prior.log_prob_tokens(found.s_NL, maps, z_BZ)
    assert torch.allclose(found.log_prob_NL, expected, atol=1e-3)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_scales_see_coarser_ones_alone(parts, k):
    """Properties 7 and 8."""
    prior, quantiser, s_BL, z_BZ = parts
    part, lengths = prior.layout.part(k), prior.layout.lengths
    other = s_BL.clone()
    other[:, part] = (other[:, part] + 311) % prior.n_codes
    with torch.no_grad():
        before, after = (prior(quantiser.inputs(s), z_BZ).split(lengths, dim=1) for s in (s_BL, other))
        for scale, (x, y) in enumerate(zip(before, after, strict=True), start=1):
            assert torch.equal(x, y) if scale <= k else not torch.allclose(x, y, atol=1e-3)
        if k == 1:
            return
        maps = [map_BEnn.clone() for map_BEnn in quantiser.inputs(s_BL)]
        maps[k - 2][:, :, -1, 0] += 3
        after = prior(maps, z_BZ).split(lengths, dim=1)
    for scale, (x, y) in enumerate(zip(before, after, strict=True), start=1):
        assert torch.equal(x, y) if scale < k else bool((x != y).any(dim=-1).all())


def test_its_prior_is_plain_and_its_flow_stands_beside(shipped):
    """Properties 14 and 20: nothing is masked, so there is nothing to mask by."""
    fitted = shipped.fitted
    assert fitted.injector() is None and fitted.prior.inputs.replacement_D is None
    assert fitted.prior.first_injected == len(shipped.config.tokenizer.scales) + 1
    assert fitted.flow is not None and 0 < float(fitted.flow.scale) < 100
    assert bool(fitted.flow.out.weight.any())


def test_the_derivative_of_its_flow(shipped, parts):
    """Property 10, on trained weights."""
    flow = copy.deepcopy(shipped.fitted.flow).double()
    _, quantiser, s_BL, z_BZ = parts
    k, generator = 6, torch.Generator().manual_seed(1)
    f, r = (x.double() / flow.scale for x in (quantiser.embed_sum(s_BL), quantiser.inputs(s_BL)[-1]))
    eps = torch.randn(f.shape, generator=generator, dtype=torch.float64)
    t, s = torch.tensor([0.9, 0.6, 1.0]).double(), torch.tensor([0.2, 0.5, 0.0]).double()
    x, v = f + t[:, None, None, None] * (eps - f), eps - f
    one, zero = torch.ones_like(t), torch.zeros_like(t)
    for kernel in ("math", "manual"):

        def call(x, t, s, kernel=kernel):
            return flow(x, r, z_BZ.double(), t, s, k, kernel)

        _, slope = torch.func.jvp(call, (x, t, s), (v, one, zero))
        _, still = torch.func.jvp(call, (x, t, s), (v, zero, zero))
        with torch.no_grad():
            step = 1e-5
            expected = (call(x + step * v, t + step, s) - call(x - step * v, t - step, s)) / (2 * step)
        assert float((slope.detach() - expected).norm() / expected.norm()) < 1e-5
        assert float((slope - still).detach().norm() / slope.detach().norm()) > 1e-3


def test_masks_by_its_flow_know_nothing_of_their_scale(shipped, parts):
    """Properties 15 and 16, where the flow is trained: a tile's own, zero for equal noise, no target, no gradient."""
    flow = copy.deepcopy(shipped.fitted.flow)
    _, quantiser, s_BL, z_BZ = parts
    noises = [MaskNoise.drawn(flow, 3, k, generator=torch.Generator().manual_seed(k)) for k in (5, 6)]
    maps, config = quantiser.inputs(s_BL), MaskConfig()
    call = (maps[-1], z_BZ, noises[1])
    found = scores(flow, config, 6, *call, target="self")
    first = MaskNoise(*(getattr(noises[1], name)[:1] for name in ("eps_BDGG", "other_BDGG", "threshold_Bnn")))
    alone = scores(flow, config, 6, maps[-1][:1], z_BZ[:1], first, target="self")
    assert torch.allclose(alone, found[:1], rtol=1e-3)
    same = MaskNoise(noises[1].eps_BDGG, noises[1].eps_BDGG, noises[1].threshold_Bnn)
    assert not scores(flow, config, 6, maps[-1], z_BZ, same, target="self").any()
    assert all(p.grad is None for p in flow.parameters())
    for target, leaks in (("self", False), ("prev", False), ("oracle", True)):
        injector = FlowInjector(flow, MaskConfig(train_target=target, p_unmasked=0.0))
        for place, k in enumerate((5, 6)):
            other = s_BL.clone()
            other[:, sum(n * n for n in quantiser.scales[: k - 1]) :] += 1
            other %= shipped.config.tokenizer.n_codes
            one, two = (
                injector.training(quantiser, s, z_BZ, (5, 6), noises=noises)[0] for s in (s_BL, other)
            )
            assert torch.equal(one[place], two[place]) is not leaks
