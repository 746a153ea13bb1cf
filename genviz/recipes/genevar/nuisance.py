"""What can be read linearly from tiles and latents that a sampler should, or should not, show: depth, section, stain.

Shape legend: N rows, B rows of a batch, E length of a code, G x G latent grid, F features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz.core.keyed import row_key
from genviz.metrics.conditions.ridge_bound import probe_r2
from genviz.metrics.score import Score
from genviz.metrics.tiles.tissue import TISSUE
from genviz.models.genevar.flow.masking import MaskNoise
from genviz.nn.keyed_noise import noise_keys
from genviz.recipes.genevar.draws import draw

if TYPE_CHECKING:
    from genviz.recipes.genevar.rows import Evaluated, Part


def nuisance_scores(case: Evaluated, seed: int) -> dict[str, Score]:
    """R2 with which depth, section and stain are read from tiles: real ones, generated ones, the flow's latents.

    ``probe_<target>_<source>``: a ridge on rows left out. Targets: ``depth`` (logarithm), ``section`` where there are
    several, ``brightness`` and ``haematoxylin`` of the real tile (of latents only). Sources: ``real`` and ``generated``
    statistics; with a flow also means and deviations of latents: ``latent`` (all scales), ``before`` (without the
    last), ``flow`` (its prediction of the last). Counterfactuals should lower what ``flow`` shows of stain and section,
    not of depth.
    """
    parts, targets = _parts(case), _targets(case)
    real = np.concatenate([case.standard.measure(part.tiles) for part in parts])
    made = np.concatenate([draw(part, case.standard, 1, seed).statistics[0] for part in parts])
    sources = {"real": real, "generated": made}
    scores = {
        f"probe_{target}_{source}": Score(probe_r2(features, values, seed=seed), None, len(values))
        for target, values in targets.items()
        for source, features in sources.items()
    }
    return scores if case.held_out.model.fitted.flow is None else scores | latent_scores(case, seed)


def latent_scores(case: Evaluated, seed: int) -> dict[str, Score]:
    """The part of `nuisance_scores` that is read from latents; for a model with a flow, a prior is not needed."""
    parts = _parts(case)
    real = np.concatenate([case.standard.measure(part.tiles) for part in parts])
    stain = {
        "brightness": real[:, [TISSUE.index(name) for name in ("red", "green", "blue")]].mean(axis=1),
        "haematoxylin": real[:, TISSUE.index("haematoxylin")],
    }
    latents = [latent_features(part, seed) for part in parts]
    return {
        f"probe_{target}_{source}": Score(
            probe_r2(np.concatenate([one[source] for one in latents]), values, seed=seed), None, len(values)
        )
        for source in latents[0]
        for target, values in (_targets(case) | stain).items()
    }


def _parts(case: Evaluated) -> list[Part]:
    return [case.held_out] if case.training is None else [case.training, case.held_out]


def _targets(case: Evaluated) -> dict[str, NDArray[Any]]:
    """What should, or should not, be read: depth, and the section where there are several."""
    parts = _parts(case)
    targets: dict[str, NDArray[Any]] = {"depth": np.concatenate([part.log_depth for part in parts])}
    sections = np.concatenate([part.sections for part in parts])
    return targets | ({"section": sections} if len(set(sections.tolist())) > 1 else {})


@torch.no_grad()
def latent_features(part: Part, seed: int, batch: int = 64) -> dict[str, NDArray[np.float64]]:
    """Mean and deviation over the grid of each channel of f_K, f_{K-1} and the flow's f_K: (N, F) of each source."""
    fitted = part.model.fitted
    flow, quantiser = fitted.trained_flow().eval(), fitted.trained_tokenizer().quantiser
    k = len(part.model.config.tokenizer.scales)
    keys = [
        row_key(seed, str(section), str(name), "probe")
        for section, name in zip(part.sections, part.adata.obs_names, strict=True)
    ]
    found: dict[str, list[NDArray[np.float64]]] = {"latent": [], "before": [], "flow": []}
    for start in range(0, len(part), batch):
        own = slice(start, start + batch)
        s_BL = torch.from_numpy(part.tokens[own].astype(np.int64)).to(fitted.device)
        z_BZ = torch.from_numpy(part.code[own]).to(fitted.device)
        f_BEGG, before_BEGG = quantiser.embed_sum(s_BL), quantiser.embed_sum(s_BL, k - 1)
        eps_BEGG = MaskNoise.keyed(flow, noise_keys(keys[own]), k).eps_BDGG.to(f_BEGG)
        made_BEGG = flow.predict(eps_BEGG, quantiser.next_input(before_BEGG, k), z_BZ, k)
        for name, map_BEGG in (("latent", f_BEGG), ("before", before_BEGG), ("flow", made_BEGG)):
            moments = torch.cat([map_BEGG.mean(dim=(2, 3)), map_BEGG.std(dim=(2, 3))], dim=1)
            found[name].append(moments.double().cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}
