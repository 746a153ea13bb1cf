"""The published ablations of GeneVAR by name, and our own, as changes of any configuration.

Two branches of folded tokens ("ImageFolder", rows e1 and e2 of the paper) are not implemented.
"""

from __future__ import annotations

from itertools import combinations

from genviz._errors import UsageError
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.presets import Changes, changed

_PLAIN: Changes = {
    "refine": False,
    "mask": {"strategy": "none"},
    "prior": {"n_inject": 0, "masked_input": "rk"},
}
_MASKED: Changes = {"refine": True, "mask": {"strategy": "gradient"}, "prior": {"n_inject": 1}}
_LAST_SCALE = 10  # of the paper, whose rows count the masked scales from there


def _subsets() -> dict[str, Changes]:
    """Every non-empty set of counterfactuals, named by its letters: ``abl/d_las``."""
    letters = "lacs"
    return {
        f"abl/d_{''.join(chosen)}": {"counterfactuals": {"variants": chosen}}
        for n in range(1, len(letters) + 1)
        for chosen in combinations(letters, n)
    }


ABLATIONS: dict[str, Changes] = {
    "abl/a1_mf": {"flow": {"use_z": False}, "counterfactuals": {"enabled": False}},
    "abl/a2_mf_rna": {"counterfactuals": {"enabled": False}},
    "abl/a3_mf_ci": {"flow": {"use_z": False}},
    "abl/a4_rcm": {},
    "abl/b1_class": {"condition": {"kind": "class"}},
    # The projection is trained with the prior, after the flow, which therefore does without.
    "abl/b2_linear": {"condition": {"kind": "linear"}, "flow": {"use_z": False}},
    "abl/b3_vae": {"condition": {"kind": "vae"}},
    "abl/c1_var": _PLAIN,
    # Two predictions without noise are equal: the mask's target is f_(k-1).
    "abl/c2_vit": {
        "flow": {"predictor": "regress"},
        "mask": {"train_target": "prev", "infer_target": "prev"},
    },
    "abl/c3_fm": {"flow": {"predictor": "flow", "p_neq": 0.0, "steps": 25}},
    "abl/c4_rcm": {},
    **_subsets(),
    "abl/e3_var": _PLAIN,
    "abl/e4_var_rcm": {},
    "abl/f1_none": _PLAIN,
    "abl/f2_random": {"mask": {"strategy": "random"}},
    "abl/f3_edist": {"mask": {"strategy": "edist"}},
    "abl/f4_grad": {},
    **{f"abl/km{k}": {"prior": {"n_inject": _LAST_SCALE + 1 - k}} for k in range(7, 11)},
    **{f"abl/x_input_{kind}": {"prior": {"masked_input": kind}} for kind in ("rk", "fhat", "both")},
    **{f"abl/x_train_{target}": {"mask": {"train_target": target}} for target in ("oracle", "self")},
    "abl/x_eps_shared": {"counterfactuals": {"eps": "shared"}},
    "abl/x_eps_indep": {"counterfactuals": {"eps": "independent"}},
    **{
        f"abl/x_source_{source}": {"counterfactuals": {"source": source}}
        for source in ("other_wsi", "same_tile")
    },
    **{f"abl/x_alpha_{alpha:g}": {"counterfactuals": {"alpha": alpha}} for alpha in (0.0, 0.03, 0.1, 0.3)},
    **{f"abl/x_norm_{norm}": {"mask": {"norm": norm}} for norm in ("none", "zscore_log")},
}
"""Every ablation by name, as changes for `presets.changed`. ``km7`` to ``km10`` mask the last 4 to 1 scales."""


def ablation(name: str, base: GeneVARConfig) -> GeneVARConfig:
    """Give the configuration of an ablation.

    Parameters
    ----------
    name
        Out of `ABLATIONS`.
    base
        Options of all that is not ablated; see `complete`.

    Raises
    ------
    UsageError
        For an unknown name, or one that `base` has too few scales for.
    """
    if name not in ABLATIONS:
        raise UsageError(f"Expected an ablation out of {', '.join(ABLATIONS)}; got {name!r}.")
    return changed(complete(base), ABLATIONS[name])


def complete(base: GeneVARConfig) -> GeneVARConfig:
    """Give the published method at the size of a configuration: a flow that masks what the prior sees.

    Parameters
    ----------
    base
        Kept as it is if its prior is masked; else the finest scale is.
    """
    return base if base.injects else changed(base, _MASKED)
