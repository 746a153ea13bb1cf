"""Tiles from profiles, and how probable measured tiles are under profiles.

Shape legend: N rows, B rows of a block, K scales, L tokens, Z width of the condition, H x W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obsm
from genviz.core.arguments import check_adata
from genviz.core.keyed import row_key
from genviz.io.library import library_of_rows
from genviz.models.arguments import check_number
from genviz.models.blocks import in_blocks, parts_of, rows_a_block
from genviz.models.chunks import CHUNK, rows_at_once
from genviz.models.genevar.codec import decoded, decoded_block, tile_tokens
from genviz.models.genevar.conditions import Told, conditions, told_by
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.prior.likelihood import log_prob_matrix
from genviz.models.genevar.prior.protocols import teacher_maps
from genviz.models.genevar.prior.rule import SampleRule, sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.models.genevar.rows import drawn_rows, put_tiles, record_of
from genviz.models.genevar.tile_bar import tile_bar

if TYPE_CHECKING:
    from anndata import AnnData

RULE = "rule"  # the fact that names the model's own sampling rule
_BATCHES_A_BLOCK = 16  # of profiles whose conditions are made at once
_PAIRS = 64
_PAIRS_A_BLOCK = 1024


@dataclass(frozen=True)
class Request:
    """What is drawn, and how.

    Attributes
    ----------
    n, seed, rule
        Tiles a row; seed; how tokens are drawn.
    batch_size
        Rows computed at once; None: by device.
    keep_scales
        Whether tiles of the first scales are kept too.
    depth, impute_missing
        See `conditions.told_by`.
    """

    n: int
    seed: int
    rule: SampleRule
    batch_size: int | None = None
    keep_scales: bool = False
    depth: ArrayLike | str | None = None
    impute_missing: bool = False


def rule_of(fitted: Fitted, rule: str | SampleRule | None) -> SampleRule:
    """The rule named or given, or else the model's own."""
    if isinstance(rule, SampleRule):
        return rule
    return sample_rule(str(fitted.facts.get(RULE, "mini")) if rule is None else rule)


def generate(fitted: Fitted, adata: AnnData, asked: Request, key: str) -> AnnData:
    """`n` tiles for each row; see `GeneVAR.generate`."""
    n = check_number("n", asked.n)
    if asked.batch_size is not None:
        check_number("batch_size", asked.batch_size)
    fitted.trained_prior(), fitted.trained_tokenizer()
    told = told_by(fitted, adata, depth=asked.depth, impute_missing=asked.impute_missing)
    z_RZ = _codes(fitted, told, asked.batch_size)
    parameters: dict[str, Any] = {
        "n": n,
        "rule": asdict(asked.rule),
        "imputed": list(told.imputed),
        "depth": "counts" if asked.depth is None else str(asked.depth)[:200],
    }
    record = record_of(fitted, adata, "generate", asked.seed, parameters)
    return _rows_of_codes(fitted, adata, z_RZ, told.profiles.libraries, asked, record, key)


def generate_from_code(
    fitted: Fitted, adata: AnnData, code_NZ: ArrayLike, asked: Request, key: str
) -> AnnData:
    """`n` tiles for each row's code, given in place of its profile; see `GeneVAR.generate_from_code`."""
    check_adata(adata)
    n = check_number("n", asked.n)
    if asked.batch_size is not None:
        check_number("batch_size", asked.batch_size)
    fitted.trained_prior(), fitted.trained_tokenizer()
    z_NZ: NDArray[np.float32] = np.asarray(code_NZ, dtype=np.float32)
    expected = (adata.n_obs, fitted.fitted_conditioner().cond_dim)
    if z_NZ.shape != expected or not adata.n_obs:
        raise DataError(f"Expected a code of each row, {expected} with at least one row; got {z_NZ.shape}.")
    if not np.isfinite(z_NZ).all():
        raise DataError("Expected finite codes; some are not. Look at how they were made.")
    parameters = {"n": n, "rule": asdict(asked.rule)}
    record = record_of(fitted, adata, "generate_from_code", asked.seed, parameters)
    return _rows_of_codes(fitted, adata, z_NZ, _sections(adata), asked, record, key)


def _rows_of_codes(
    fitted: Fitted,
    adata: AnnData,
    z_RZ: NDArray[np.float32],
    sections: Sequence[str],
    asked: Request,
    record: dict[str, Any],
    key: str,
) -> AnnData:
    """Rows with tiles, tokens and codes of all draws of R rows."""
    made = drawn_rows(adata, asked.n)
    z_NZ = np.repeat(z_RZ, asked.n, axis=0)
    keys = [
        row_key(asked.seed, section, str(name), f"genevar {draw}")
        for name, section in zip(adata.obs_names, sections, strict=True)
        for draw in range(asked.n)
    ]
    s_NL, (images_NHW3, *coarser) = _drawn(fitted, z_NZ, keys, asked)
    put_tiles(fitted, made, images_NHW3, s_NL, record, key)
    made.obsm[Obsm.RNA] = z_NZ
    for side, partial_NHW3 in zip(fitted.config.tokenizer.scales, coarser, strict=False):
        made.obsm[Obsm.partial_image(key, side)] = partial_NHW3
    return made


def _sections(adata: AnnData) -> list[str]:
    """Section of each row, "" for rows that lie on none."""
    try:
        return [str(name) for name in library_of_rows(adata)]
    except MissingKeyError:
        return [""] * adata.n_obs


def _codes(fitted: Fitted, told: Told, batch_size: int | None) -> NDArray[np.float32]:
    """Conditions of all rows, block after block: their genes take more room than they do."""
    n = len(told.profiles)
    parts = parts_of(n, (batch_size or CHUNK) * _BATCHES_A_BLOCK)
    return np.concatenate([conditions(fitted, told.profiles.take(np.arange(n)[part])) for part in parts])


def _drawn(
    fitted: Fitted, z_NZ: NDArray[np.float32], keys: Sequence[int], asked: Request
) -> tuple[NDArray[np.int32], list[NDArray[np.uint8]]]:
    """Tokens and tiles of conditions, block after block: those of all scales, then of the first ones where kept."""
    config, total = fitted.config.tokenizer, len(z_NZ)
    batch = asked.batch_size or rows_at_once(fitted.device, total)
    upto = (None, *(range(1, len(config.scales)) if asked.keep_scales else ()))
    s_NL = np.empty((total, config.n_tokens), np.int32)
    images_NHW3 = [np.empty((total, config.size_px, config.size_px, 3), np.uint8) for _ in upto]
    parts = parts_of(total, rows_a_block(fitted.device, batch))
    jobs = ((z_NZ[own], keys[own], asked.rule, batch, upto) for own in parts)
    rows = [own.stop - own.start for own in parts]
    with tile_bar(total) as advance:
        drawn = in_blocks(_drawn_block, fitted, jobs, rows, advance)
        for own, (s_BL, images_BHW3) in zip(parts, drawn, strict=True):
            s_NL[own] = s_BL
            for whole, block in zip(images_NHW3, images_BHW3, strict=True):
                whole[own] = block
    return s_NL, images_NHW3


def _drawn_block(
    fitted: Fitted,
    z_BZ: NDArray[np.float32],
    keys: Sequence[int],
    rule: SampleRule,
    batch: int,
    upto: tuple[int | None, ...],
) -> tuple[NDArray[np.int32], list[NDArray[np.uint8]]]:
    """One block: tokens, and tiles up to each of some scales."""
    sampled = sample(
        fitted.trained_prior(),
        fitted.trained_tokenizer().quantiser,
        torch.from_numpy(z_BZ),
        rule,
        keys,
        inject=fitted.injector(),
        batch_size=batch,
    )
    s_BL = sampled.s_NL.numpy().astype(np.int32)
    return s_BL, [decoded_block(fitted, s_BL, k) for k in upto]


def reconstruct(fitted: Fitted, adata: AnnData, key: str) -> AnnData:
    """The rows' tiles through the tokenizer; see `GeneVAR.reconstruct`."""
    s_NL = tile_tokens(fitted, adata)
    made = drawn_rows(adata, 1)
    record = record_of(fitted, adata, "reconstruct", 0, {})
    put_tiles(fitted, made, decoded(fitted, s_NL), s_NL, record, key)
    return made


def log_prob(fitted: Fitted, adata: AnnData, *, given: bool) -> NDArray[np.float32]:
    """Log-probability of the rows' own tiles, (N, K); see `GeneVAR.log_prob`."""
    _shown(fitted)
    z_NZ = conditions(fitted, told_by(fitted, adata).profiles)
    s_NL = tile_tokens(fitted, adata)
    parts = parts_of(len(s_NL), _PAIRS)
    jobs = ((s_NL[own], z_NZ[own], given) for own in parts)
    rows = [own.stop - own.start for own in parts]
    return np.concatenate(list(in_blocks(_log_prob_block, fitted, jobs, rows, "log_prob")))


def _log_prob_block(
    fitted: Fitted, s_BL: NDArray[np.int32], z_BZ: NDArray[np.float32], given: bool
) -> NDArray[np.float32]:
    """One block, (B, K)."""
    prior, quantiser = _shown(fitted), fitted.trained_tokenizer().quantiser
    s = torch.from_numpy(s_BL.astype(np.int64)).to(fitted.device)
    z = torch.from_numpy(z_BZ).to(fitted.device)
    given_B = torch.full((len(s),), given, device=fitted.device)
    with torch.no_grad():
        maps = teacher_maps(quantiser, s, prior.layout, prior.code_dim)
        found: NDArray[np.float32] = prior.log_prob_scales(s, maps, z, given_B=given_B).cpu().numpy()
    return found


@dataclass(frozen=True)
class Retrieval:
    """Which profile each tile goes with.

    Attributes
    ----------
    log_prob_NN
        Log-probability of each tile (rows) under each profile (columns), nats, float32.
    rank_N
        Share of the other profiles that fit a tile better than its own does, after taking off the mean of each column;
        0 is best, 0.5 is chance.
    """

    log_prob_NN: NDArray[np.float32]
    rank_N: NDArray[np.float64]


def retrieve(fitted: Fitted, adata: AnnData) -> Retrieval:
    """Every tile under every profile; see `GeneVAR.retrieve`."""
    _shown(fitted)
    n = adata.n_obs
    if n < 2:
        raise UsageError(f"Expected at least two rows to choose among; got {n}.")
    z_NZ = conditions(fitted, told_by(fitted, adata).profiles)
    s_NL = tile_tokens(fitted, adata)
    # Blocks of tiles whose pairs fill whole batches, so that every batch is the one it is without blocks.
    least = _PAIRS // math.gcd(_PAIRS, n)
    parts = parts_of(n, least * math.ceil(_PAIRS_A_BLOCK / (least * n)))
    jobs = ((s_NL[own],) for own in parts)
    rows = [(own.stop - own.start) * n for own in parts]
    asked = _WithProfiles(fitted, z_NZ)
    log_prob_NN = np.concatenate(list(in_blocks(_matrix_block, asked, jobs, rows, "retrieving", unit="pair")))
    # Some profiles make every tile more probable: that says nothing about which belong together.
    score_NN = log_prob_NN - log_prob_NN.mean(axis=0)
    own_N1 = np.diag(score_NN)[:, None]
    better_N, ties_N = (score_NN > own_N1).sum(axis=1), (score_NN == own_N1).sum(axis=1) - 1
    return Retrieval(log_prob_NN, (better_N + ties_N / 2) / (len(score_NN) - 1))


@dataclass(frozen=True)
class _WithProfiles:
    """A model and the profiles that all blocks need: they travel once."""

    fitted: Fitted
    z_NZ: NDArray[np.float32]

    @property
    def device(self) -> torch.device:
        return self.fitted.device

    def to(self, device: torch.device) -> _WithProfiles:
        self.fitted.to(device)
        return self


def _matrix_block(asked: _WithProfiles, s_BL: NDArray[np.int32]) -> NDArray[np.float32]:
    """Some tiles under every profile, (B, N)."""
    by_scale_BNK = log_prob_matrix(
        _shown(asked.fitted),
        asked.fitted.trained_tokenizer().quantiser,
        torch.from_numpy(s_BL.astype(np.int64)),
        torch.from_numpy(asked.z_NZ),
        batch_size=_PAIRS,
    )
    found: NDArray[np.float32] = by_scale_BNK.sum(dim=2).numpy()
    return found


def _shown(fitted: Fitted) -> Any:
    """The prior, if it can be asked without refined maps."""
    prior = fitted.trained_prior()
    if prior.config.masked_input != "rk":
        raise UsageError(
            f"Expected a prior with masked_input='rk' for likelihoods; got {prior.config.masked_input!r}, which sees "
            "random predictions of the flow."
        )
    return prior.eval()
