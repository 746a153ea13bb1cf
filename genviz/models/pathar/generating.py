"""New rows from labels: image with mask, or mask alone; and how likely tokens are.

Shape legend: R rows, P pairs of label and structure, B rows of a chunk, N cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz._keys import Obs, Obsm
from genviz.core.keyed import row_key
from genviz.models.arguments import check_number
from genviz.models.blocks import in_blocks, parts_of, rows_a_block
from genviz.models.chunks import CHUNK, by_chunks, rows_at_once
from genviz.models.pathar.codec import Tokens, decode_images, decode_masks, indices, no_tokens
from genviz.models.pathar.conditions import Conditions, organ_tensor
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.prior.request import Forced
from genviz.models.pathar.prior.rule import SampleRule, sample_rule
from genviz.models.pathar.prior.sampler import sample
from genviz.models.pathar.rows import new_rows, put_tokens, record_of

if TYPE_CHECKING:
    from anndata import AnnData

_STREAM = "pathar"


def rule_of(fitted: Fitted, rule: str | SampleRule | None) -> SampleRule:
    """The rule named or given, or else the model's own."""
    if isinstance(rule, SampleRule):
        return rule
    return sample_rule(str(fitted.facts.get("rule", "mini")) if rule is None else rule)


def draw_tokens(
    fitted: Fitted,
    names: Sequence[str],
    conditions: Conditions,
    seed: int,
    rule: SampleRule,
    *,
    sampler: str = "paired",
    structure_PN: NDArray[np.int32] | None = None,
    forced: Forced | None = None,
    renderings: int = 1,
    structure_only: bool = False,
    batch_size: int | None = None,
) -> Tokens:
    """Sample tokens; a row's draw is keyed by (seed, name) alone.

    Parameters
    ----------
    fitted
        Model with a prior.
    names
        Of the R rows to draw.
    conditions
        Labels and organs of the P pairs.
    seed, rule, sampler, batch_size
        How.
    structure_PN
        Structure that is given.
    forced
        Tokens that are given, cell by cell.
    renderings
        Rows a pair: R = P times this.
    structure_only
        Draw no appearance.
    """
    prior = fitted.trained_prior()
    if batch_size is not None:
        check_number("batch_size", batch_size)
    label_P, organ_P = conditions.indices(fitted)
    keys = [row_key(seed, "", name, _STREAM) for name in names]
    batch = batch_size or rows_at_once(fitted.device, len(names))
    asked = _Asked(rule, sampler, renderings, structure_only, batch)
    size = len(label_P) if _kept_differ(forced) else _pairs_a_block(fitted, batch, renderings)
    parts = parts_of(len(label_P), size)
    jobs = (
        (
            asked,
            keys[own.start * renderings : own.stop * renderings],
            label_P[own],
            organ_P[own],
            None if structure_PN is None else structure_PN[own],
            _some(forced, own),
        )
        for own in parts
    )
    rows = [(own.stop - own.start) * renderings for own in parts]
    drawn = list(in_blocks(_drawn_block, fitted, jobs, rows, "drawing"))
    s_RN, a_RN = (np.concatenate(stream) for stream in zip(*drawn, strict=True))
    return Tokens(s_RN if fitted.tokenizer.dual else no_tokens(len(names)), a_RN, prior.grid)


@dataclass(frozen=True)
class _Asked:
    """What all blocks of a draw have in common; see `draw_tokens`."""

    rule: SampleRule
    sampler: str
    renderings: int
    structure_only: bool
    batch_size: int


def _drawn_block(
    fitted: Fitted,
    asked: _Asked,
    keys: Sequence[int],
    label_P: NDArray[np.int64],
    organ_P: NDArray[np.int64],
    structure_PN: NDArray[np.int32] | None,
    forced: Forced | None,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tokens of one block, of both streams."""
    sampled = sample(
        fitted.trained_prior(),
        torch.from_numpy(label_P),
        asked.rule,
        keys,
        sampler=asked.sampler,
        given_s_BN=None if structure_PN is None else torch.from_numpy(structure_PN.astype(np.int64)),
        forced=forced,
        renderings=asked.renderings,
        structure_only=asked.structure_only,
        organ_B=organ_tensor(fitted, organ_P),
        batch_size=asked.batch_size,
    )
    return sampled.s_BN.numpy().astype(np.int32), sampled.a_BN.numpy().astype(np.int32)


def _pairs_a_block(fitted: Fitted, batch: int, renderings: int) -> int:
    """Pairs whose rows fill whole batches, so that every batch is the one it is without blocks."""
    least = batch // math.gcd(batch, renderings)
    return least * max(1, rows_a_block(fitted.device, batch) // (least * renderings))


def _kept_differ(forced: Forced | None) -> bool:
    """Whether rows keep different cells: what all of them keep is taken first, and blocks would have more of it."""
    keeps = () if forced is None else (forced.keep_s_PN, forced.keep_a_PN)
    return any(keep is not None and bool((keep != keep[:1]).any()) for keep in keeps)


def _some(forced: Forced | None, own: slice) -> Forced | None:
    """What is kept of some pairs."""
    if forced is None:
        return None
    tensors = (forced.s_PN, forced.keep_s_PN, forced.a_PN, forced.keep_a_PN)
    return Forced(*(None if tensor is None else tensor[own].clone() for tensor in tensors))


def generate(
    fitted: Fitted,
    conditions: Conditions,
    n: int,
    seed: int,
    rule: SampleRule,
    *,
    sampler: str,
    structure_only: bool,
    batch_size: int | None,
    key: str,
) -> AnnData:
    """`n` rows for each label with its organ; see `PathAR.generate` and `PathAR.masks`."""
    check_number("n", n)
    kinds = conditions.names()
    if not kinds or len(set(kinds)) < len(kinds):
        raise UsageError(f"Expected labels, each once; got {', '.join(kinds) or 'none'}.")
    if structure_only:
        check_structure(fitted)
    names = [f"{kind}-{j}" for kind in kinds for j in range(n)]
    each = conditions.repeated(n)
    tokens = draw_tokens(
        fitted, names, each, seed, rule, sampler=sampler, structure_only=structure_only, batch_size=batch_size
    )
    parameters: dict[str, Any] = {
        "labels": conditions.labels, "n": int(n), "rule": asdict(rule), "sampler": sampler
    } | conditions.parameters()  # fmt: skip
    what = "masks" if structure_only else "generate"
    return decoded_rows(
        fitted, names, each.columns() | {Obs.DRAW: [*range(n)] * len(kinds)}, tokens,
        record_of(fitted, what, seed, parameters), key,
    )  # fmt: skip


def check_structure(fitted: Fitted) -> None:
    """Insist on a prior that models structure.

    Raises
    ------
    UsageError
        For a model of one stream, or one whose prior draws appearance only.
    """
    if not fitted.trained_prior().structure_codes:
        raise UsageError(
            "Expected a model whose prior draws structure; this one was trained with "
            f"streams={fitted.config.tokenizer.streams!r}, order={fitted.config.prior.order!r}."
        )


def decoded_rows(
    fitted: Fitted,
    names: Sequence[str],
    obs: dict[str, Any],
    tokens: Tokens,
    record: dict[str, Any],
    key: str,
) -> AnnData:
    """Decode tokens and make their rows; the image is in the colours of each row's label."""
    parts = parts_of(len(tokens), rows_a_block(fitted.device, CHUNK))
    labels = obs[Obs.LABEL]
    jobs = ((tokens.rows(np.arange(len(tokens))[own]), labels[own]) for own in parts)
    rows = [own.stop - own.start for own in parts]
    made = list(in_blocks(_decoded_block, fitted, jobs, rows, "decoding"))
    images, masks = (_joined(kind) for kind in zip(*made, strict=True))
    return new_rows(fitted, names, obs, images=images, masks=masks, tokens=tokens, record=record, key=key)


def _decoded_block(
    fitted: Fitted, tokens: Tokens, labels: Sequence[str]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint16] | None]:
    """Images and instances of one block; None of what is not there."""
    has_image = tokens.appearance_RN.shape[1] > 0
    has_mask = fitted.tokenizer.dual and tokens.structure_RN.shape[1] > 0
    return (
        decode_images(fitted, tokens, labels) if has_image else None,
        decode_masks(fitted, tokens) if has_mask else None,
    )


def _joined(parts: Sequence[Any]) -> Any:
    return None if parts[0] is None else np.concatenate(parts)


def log_prob_of(
    fitted: Fitted, tokens: Tokens, conditions: Conditions, *, at_once: int = CHUNK
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-probability of each token of both streams under the model's own law, nats; (R, 0) of none.

    `at_once` as in `decode_images`.
    """
    parts = parts_of(len(tokens), rows_a_block(fitted.device, at_once))
    label_R, organ_R = conditions.indices(fitted)
    jobs = ((tokens.rows(np.arange(len(tokens))[own]), label_R[own], organ_R[own], at_once) for own in parts)
    rows = [own.stop - own.start for own in parts]
    found = np.concatenate(list(in_blocks(_log_prob_block, fitted, jobs, rows, "log_prob")))
    n_structure = _n_structure(fitted, tokens)
    return found[:, :n_structure], found[:, n_structure:]


def _n_structure(fitted: Fitted, tokens: Tokens) -> int:
    """Structure tokens a row that the prior gives a probability."""
    return tokens.grid[0] * tokens.grid[1] if fitted.trained_prior().structure_codes else 0


def _log_prob_block(
    fitted: Fitted, tokens: Tokens, label_R: NDArray[np.int64], organ_R: NDArray[np.int64], at_once: int
) -> NDArray[np.float32]:
    """One block: structure, then appearance."""
    prior, n_structure = fitted.trained_prior(), _n_structure(fitted, tokens)

    def work(
        a_BN: NDArray[np.int32],
        s_BN: NDArray[np.int32],
        label_B: NDArray[np.int64],
        organ_B: NDArray[np.int64],
    ) -> NDArray[Any]:
        a, label = indices(fitted, a_BN), torch.from_numpy(label_B).to(fitted.device)
        organ = organ_tensor(fitted, organ_B)
        s = indices(fitted, s_BN) if n_structure else torch.zeros_like(a)
        with torch.inference_mode():
            return np.asarray(torch.cat(prior.log_prob_tokens(s, a, label, organ), dim=1).cpu().numpy())

    return by_chunks(work, tokens.appearance_RN, tokens.structure_RN, label_R, organ_R, size=at_once)


def with_log_prob(
    fitted: Fitted, adata: AnnData, tokens: Tokens, conditions: Conditions, key: str
) -> AnnData:
    """A copy of the rows with their tokens and the log-probability of each, nats."""
    structure_RN, appearance_RN = log_prob_of(fitted, tokens, conditions)
    result = adata.copy()
    put_tokens(fitted, result, tokens)
    if structure_RN.shape[1]:
        result.obsm[Obsm.log_prob(key, "structure")] = structure_RN
    result.obsm[Obsm.log_prob(key, "appearance")] = appearance_RN
    return result
