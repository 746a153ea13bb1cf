"""New rows from labels: image with mask, or mask alone; and how likely tokens are.

Shape legend: R rows, P pairs of label and structure, B rows of a chunk, N cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz._keys import Obs, Obsm
from genviz.core.keyed import row_key
from genviz.models.arguments import check_number
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
    sampled = sample(
        prior,
        torch.from_numpy(label_P),
        rule,
        [row_key(seed, "", name, _STREAM) for name in names],
        sampler=sampler,
        given_s_BN=None if structure_PN is None else torch.from_numpy(structure_PN.astype(np.int64)),
        forced=forced,
        renderings=renderings,
        structure_only=structure_only,
        organ_B=organ_tensor(fitted, organ_P),
        batch_size=batch_size or rows_at_once(fitted.device, len(names)),
    )
    s_RN = sampled.s_BN.numpy().astype(np.int32) if fitted.tokenizer.dual else no_tokens(len(names))
    return Tokens(s_RN, sampled.a_BN.numpy().astype(np.int32), prior.grid)


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
    has_image = tokens.appearance_RN.shape[1] > 0
    has_mask = fitted.tokenizer.dual and tokens.structure_RN.shape[1] > 0
    return new_rows(
        fitted,
        names,
        obs,
        images=decode_images(fitted, tokens, obs[Obs.LABEL]) if has_image else None,
        masks=decode_masks(fitted, tokens) if has_mask else None,
        tokens=tokens,
        record=record,
        key=key,
    )


def log_prob_of(
    fitted: Fitted, tokens: Tokens, conditions: Conditions, *, at_once: int = CHUNK
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-probability of each token of both streams under the model's own law, nats; (R, 0) of none.

    `at_once` as in `decode_images`.
    """
    prior = fitted.trained_prior()
    n_cells = tokens.grid[0] * tokens.grid[1]
    n_structure = n_cells if prior.structure_codes else 0

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

    found = by_chunks(
        work, tokens.appearance_RN, tokens.structure_RN, *conditions.indices(fitted), size=at_once
    )
    return found[:, :n_structure], found[:, n_structure:]


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
