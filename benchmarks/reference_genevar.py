"""GeneVAR's sampler beside one that samples the published way, in one run: the same weights, noise and tokens.

    OMP_NUM_THREADS=1 python benchmarks/reference_genevar.py --out benchmarks/results/genevar_bench.json

The reference is written anew from the description of the method: adaptive layer norm is computed from the condition
at every scale, keys and values are joined to those before, guidance doubles the batch, codes are sorted in full, and
the running sum of every scale is decoded, the finest last. Both samplers take turns; the least of the repeats counts.
Random weights, single precision, no masks.

Shape legend: B tiles, R = 2 B sequences, N cells of a scale, D features, H heads, C channels of a head, V codes,
E length of a code, G x G latent grid.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as f

from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_write_json
from genviz.metrics import Score, scores_to_json
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.rule import SampleRule, sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.nn.keyed_noise import gumbel, noise_keys, position_keys
from genviz.recipes.genevar.networks import networks
from genviz.recipes.timing import Seconds, least, timed

CASES = ("paper:1", "mini:1", "mini:16")


class Reference:
    """The published sampler over the weights of a prior and a tokenizer.

    Parameters
    ----------
    prior, tokenizer
        Whose weights are read; of the tokenizer also its decoder.
    """

    def __init__(self, prior: ScalePrior, tokenizer: Tokenizer) -> None:
        self.w = dict(prior.state_dict())
        self.q = dict(tokenizer.quantiser.state_dict())
        self.phi_of, self.phi_weight = tokenizer.quantiser.phi_of, tokenizer.quantiser.phi_weight
        self.decode = tokenizer.decode
        self.scales, self.n_heads, self.depth = prior.layout.scales, prior.config.n_heads, prior.config.depth
        self.norm_condition = prior.config.condition_norm

    @torch.no_grad()
    def sample(self, z_BZ: Tensor, rule: SampleRule, key_B: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Tokens (B, L) and running sums f_1 ... f_K.

        Parameters
        ----------
        z_BZ
            Conditions.
        rule
            Guidance, k best, nucleus; the temperature is 1.
        key_B
            Noise keys of the tiles.
        """
        n_tiles, n_scales, start = len(z_BZ), len(self.scales), 0
        c_RD = self.conditions(z_BZ)
        joined: list[tuple[Tensor, Tensor] | None] = [None] * self.depth
        tokens, sums = [], []
        f_BEGG = z_BZ.new_zeros(n_tiles, self.q["codes_VD"].shape[1], self.scales[-1], self.scales[-1])
        for k, side in enumerate(self.scales):
            n = side * side
            if k == 0:
                h_RND = c_RD[:, None] + self.w["inputs.start_ND"]
            else:
                map_BEnn = f.interpolate(f_BEGG, size=(side, side), mode="area")
                h_RND = self.linear("inputs.map_in", map_BEnn.flatten(2).transpose(1, 2)).repeat(2, 1, 1)
            h_RND = h_RND + self.w["inputs.position_LD"][start : start + n] + self.w["inputs.level_KD"][k]
            for layer in range(self.depth):
                h_RND, joined[layer] = self.block(f"blocks.{layer}", h_RND, c_RD, joined[layer])
            logits_BNV = self.guided(h_RND, c_RD, rule.cfg * k / max(1, n_scales - 1))
            s_BN = draw(logits_BNV, rule, position_keys(key_B, 0, k + 1))
            f_BEGG = f_BEGG + self.spread(s_BN, k, side)
            tokens.append(s_BN)
            sums.append(f_BEGG)
            start += n
        return torch.cat(tokens, dim=1), sums

    @torch.no_grad()
    def decoded(self, sums: list[Tensor]) -> list[Tensor]:
        """Tiles of all running sums."""
        return [self.decode(f_BEGG) for f_BEGG in sums]

    def conditions(self, z_BZ: Tensor) -> Tensor:
        """Vectors of the conditions, then as many null vectors."""
        if self.norm_condition:
            z_BZ = f.layer_norm(
                z_BZ, z_BZ.shape[-1:], self.w["condition_in.norm.weight"], self.w["condition_in.norm.bias"]
            )
        c_BD = self.linear("condition_in.linear", z_BZ)
        return torch.cat([c_BD, self.w["condition_in.null_D"].expand_as(c_BD)])

    def block(
        self, name: str, h_RND: Tensor, c_RD: Tensor, before: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One block; its keys and values so far."""
        w = self.w
        vectors_R16D = self.linear(f"{name}.modulation.linear", f.silu(c_RD)).unflatten(1, (1, 6, -1))
        gate, gate_mlp, scale, scale_mlp, shift, shift_mlp = vectors_R16D.unbind(2)
        bias = torch.cat([w[f"{name}.query_bias_D"], torch.zeros_like(w[f"{name}.query_bias_D"]),
                          w[f"{name}.value_bias_D"]])  # fmt: skip
        qkv = f.linear(_modulated(h_RND, scale, shift), w[f"{name}.qkv.weight"], bias)
        query, key, value = qkv.unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        warmth = w[f"{name}.log_scale_H"].clamp(max=torch.tensor(100.0).log()).exp()
        query = f.normalize(query, dim=-1) * warmth[:, None, None]
        key = f.normalize(key, dim=-1)
        if before is not None:
            key, value = torch.cat([before[0], key], dim=2), torch.cat([before[1], value], dim=2)
        mixed_RHNC = f.scaled_dot_product_attention(query, key, value, scale=1.0)
        h_RND = h_RND + gate * self.linear(f"{name}.out", mixed_RHNC.transpose(1, 2).flatten(2))
        hidden = f.gelu(
            self.linear(f"{name}.up", _modulated(h_RND, scale_mlp, shift_mlp)), approximate="tanh"
        )
        return h_RND + gate_mlp * self.linear(f"{name}.down", hidden), (key, value)

    def guided(self, h_RND: Tensor, c_RD: Tensor, strength: float) -> Tensor:
        """Logits (B, N, V): ``(1 + w) given - w null``."""
        vectors_R12D = self.linear("head_modulation.linear", f.silu(c_RD)).unflatten(1, (1, 2, -1))
        given_BNV, null_BNV = self.linear("head", _modulated(h_RND, *vectors_R12D.unbind(2))).chunk(2)
        return (1 + strength) * given_BNV - strength * null_BNV

    def spread(self, s_BN: Tensor, k: int, side: int) -> Tensor:
        """What tokens of a scale add to the running sum."""
        h_BEGG = f.embedding(s_BN, self.q["codes_VD"]).unflatten(1, (side, side)).permute(0, 3, 1, 2)
        if side != self.scales[-1]:
            h_BEGG = f.interpolate(h_BEGG.contiguous(), size=(self.scales[-1],) * 2, mode="bicubic")
        name = f"phi.{self.phi_of[k]}"
        mixed_BEGG = f.conv2d(h_BEGG, self.q[f"{name}.weight"], self.q[f"{name}.bias"], padding=1)
        return (1 - self.phi_weight) * h_BEGG + self.phi_weight * mixed_BEGG

    def linear(self, name: str, x: Tensor) -> Tensor:
        """The linear layer of that name."""
        return f.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])


def draw(logits_BNV: Tensor, rule: SampleRule, key_B: Tensor) -> Tensor:
    """Tokens (B, N): the k best, of these the nucleus, then Gumbel-argmax with the sampler's numbers."""
    n_tiles, n_cells, n_codes = logits_BNV.shape
    if rule.top_k:
        least_BN1 = logits_BNV.topk(min(rule.top_k, n_codes), dim=-1).values[..., -1:]
        logits_BNV = logits_BNV.masked_fill(logits_BNV < least_BN1, -torch.inf)
    if rule.top_p < 1:
        rising_BNV, code_BNV = logits_BNV.sort(dim=-1)
        dropped_BNV = rising_BNV.softmax(dim=-1).cumsum(dim=-1) <= 1 - rule.top_p
        dropped_BNV[..., -1] = False
        dropped_BNV = torch.zeros_like(dropped_BNV).scatter(-1, code_BNV, dropped_BNV)
        logits_BNV = logits_BNV.masked_fill(dropped_BNV, -torch.inf)
    number_NV = torch.arange(n_cells * n_codes, device=key_B.device)
    noise_BNV = gumbel(key_B, number_NV).view(n_tiles, n_cells, n_codes)
    return (logits_BNV + noise_BNV).argmax(dim=-1)


def _modulated(h_RND: Tensor, scale_R1D: Tensor, shift_R1D: Tensor) -> Tensor:
    return f.layer_norm(h_RND, h_RND.shape[-1:], eps=1e-6) * (1 + scale_R1D) + shift_R1D


def compare(preset: str, size: int, repeats: int, device: torch.device) -> dict[str, Score]:
    """Time both samplers of one preset in turns and insist on equal tokens.

    Parameters
    ----------
    preset, size
        What is drawn, and how many tiles at once.
    repeats
        Counted turns, after one that is not.
    device
        Where.

    Returns
    -------
    ``<preset>_b<size>_``: ``ours_tokens``, ``ours_decode``, ``reference_tokens``, ``reference_decode`` (of the finest
    sum) and ``reference_partial`` (of all others), each ``_cpu_seconds`` and ``_seconds`` a tile; ``ratio`` of a whole
    tile, ``ratio_without_partial`` and ``ratio_tokens``, in seconds of the processor (on a GPU by the clock).
    """
    made = networks(preset, device)
    prior, tokenizer = made.prior, made.tokenizer
    reference, rule = Reference(prior, tokenizer), sample_rule("paper" if preset == "paper" else "mini")
    z_BZ = torch.randn(size, prior.cond_dim, generator=torch.Generator().manual_seed(0)).to(device)
    keys = [row_key(0, "", str(row), "reference") for row in range(size)]
    key_B = noise_keys(keys).to(device)

    def ours() -> tuple[Tensor, dict[str, Seconds]]:
        drawn, tokens = timed(
            lambda: sample(prior, tokenizer.quantiser, z_BZ, rule, keys, batch_size=size), device
        )
        _, decode = timed(lambda: tokenizer.decode(drawn.f_NEGG.to(device)), device)
        return drawn.s_NL, {"ours_tokens": tokens, "ours_decode": decode}

    def published() -> tuple[Tensor, dict[str, Seconds]]:
        (s_BL, sums), tokens = timed(lambda: reference.sample(z_BZ, rule, key_B), device)
        _, partial = timed(lambda: reference.decoded(sums[:-1]), device)
        _, decode = timed(lambda: reference.decoded(sums[-1:]), device)
        times = {"reference_tokens": tokens, "reference_partial": partial, "reference_decode": decode}
        return s_BL.cpu(), times

    runs: dict[str, list[Seconds]] = {}
    for turn in range(repeats + 1):
        # The order alternates, so that the first of a turn is not always the same.
        found = [sampler() for sampler in (ours, published)[:: -1 if turn % 2 else 1]]
        if not torch.equal(found[0][0], found[1][0]):
            raise SystemExit(
                f"Expected equal tokens of both samplers of {preset}, batch {size}; they differ."
            )
        times = found[0][1] | found[1][1]
        for name, seconds in times.items():
            runs.setdefault(name, []).append(seconds)
        told = ", ".join(f"{name} {seconds.cpu:.3g}" for name, seconds in times.items())
        print(f"{preset}, {size} at once, turn {turn}, seconds of the processor: {told}", flush=True)
    return _scores(f"{preset}_b{size}", size, {name: least(some[1:]) for name, some in runs.items()}, device)


def _scores(case: str, size: int, times: dict[str, Seconds], device: torch.device) -> dict[str, Score]:
    scores = {}
    for name, seconds in times.items():
        scores[f"{case}_{name}_cpu_seconds"] = Score(seconds.cpu / size, n=size, note="a tile")
        scores[f"{case}_{name}_seconds"] = Score(seconds.wall / size, n=size, note="a tile")
    took = {name: seconds.on(device) for name, seconds in times.items()}
    own, other = (
        took["ours_tokens"] + took["ours_decode"],
        took["reference_tokens"] + took["reference_decode"],
    )
    note = "times faster than the reference, equal tokens"
    for name, value in (
        ("ratio", (other + took["reference_partial"]) / own),
        ("ratio_without_partial", other / own),
        ("ratio_tokens", took["reference_tokens"] / took["ours_tokens"]),
    ):
        scores[f"{case}_{name}"] = Score(value, n=size, note=note)
    return scores


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--cases", default=",".join(CASES), help="preset:batch, comma-separated")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    scores = {}
    for case in args.cases.split(","):
        preset, size = case.split(":")
        found = compare(preset, int(size), args.repeats, device)
        print("\n".join(f"{name:<52} {score.value:>10.4g}  {score.note}" for name, score in found.items()))
        scores |= found
    machine = {"threads": torch.get_num_threads(), "torch": torch.__version__, "device": device.type}
    atomic_write_json(args.out, scores_to_json(scores) | {"machine": machine})


if __name__ == "__main__":
    main()
