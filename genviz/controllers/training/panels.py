"""Which curves belong in one picture, in words and units that need no knowledge of the model."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from genviz.controllers.training.record import Stage, plain

_MOST_POINTS = 150

# Family -> title, unit, what it says; in the order in which they are shown. "nll_4" is part 4 of the family nll.
_FAMILIES = {
    "nll": ("Negative log-likelihood", "nats", "How surprised the model is by the data; lower is better."),
    "loss": ("Loss", "", "What training makes small."),
    "psnr": ("Reconstruction", "dB PSNR", "Closeness of reconstructed to true tiles; higher is better."),
    "mask_dice": ("Nuclei, overlap", "Dice", "Overlap of reconstructed and true nuclei; 1 is perfect."),
    "usage": ("Codes in use", "%", "Share of the codebook that occurs in validation tiles; near 0 it has collapsed."),
    "perplexity": ("Perplexity of codes", "codes", "How many equally frequent codes would be as varied."),
    "flow": ("Error of the flow", "", "On validation tiles: useful where it is below that of copying."),
    "energy": ("Left after each scale", "share", "Part of a tile's latents that the scales so far do not explain."),
    "kl": ("Divergence", "nats", "Between target and predicted tokens."),
    "parts": ("Parts of the loss", "", "The terms that the loss is made of, or watched by."),
}  # fmt: skip
_BOTH_SPLITS = {
    "nll",
    "kl",
    "loss",
}  # the others are measured on validation rows; in training the word is a term
_FLOW = {"copy": "copying", "single": "one draw", "mean": "mean of draws"}
_TERMS = {
    "rec": "image",
    "seg": "nuclei",
    "vq_appearance": "appearance codes",
    "vq_structure": "structure codes",
    "hinge": "realism",
    "judge": "discriminator",
}
_STAGES = {
    "autoencoder": "Encoder and decoder learn tiles, still without codes.",
    "tokenizer": "Learns to write a tile as codes, and to paint a tile from codes.",
    "sharpen": "The decoder learns to paint crisp tiles; codes stay as they are.",
    "gene VAE": "Learns a short code of expression profiles.",
    "flow": "Learns which parts of a tile follow from RNA.",
    "prior": "Learns which codes are probable given a profile or a label.",
    "member": "One network of the ensemble learns counts from tissue.",
}
_NAME = re.compile(r"(nll|kl|usage|perplexity|energy|copy|single|mean)_(?:scale_)?(\w+)")


@dataclass(frozen=True)
class Curve:
    """One line.

    Attributes
    ----------
    label
        In the legend.
    values
        One an epoch; None where there was none.
    validation
        Whether it is of held-out rows.
    """

    label: str
    values: list[float | None]
    validation: bool


@dataclass
class Panel:
    """Curves over one axis.

    Attributes
    ----------
    title, unit, help
        What is shown, in what unit, what it says.
    curves
        The lines.
    ordered
        Whether their labels are numbers of scales, which have an order.
    """

    title: str
    unit: str
    help: str
    curves: list[Curve] = field(default_factory=list)

    @property
    def ordered(self) -> bool:
        """Whether the curves are of scales or groups."""
        return len(self.curves) > 2 and sum(one.label.isdigit() for one in self.curves) > 1


def points(stage: Stage) -> list[int]:
    """Which of the finished epochs are drawn: all, or some, evenly, when they are many."""
    n = len(stage.epochs)
    if n <= _MOST_POINTS:
        return list(range(n))
    return [int(i) for i in np.unique(np.linspace(0, n - 1, _MOST_POINTS).round())]


def stage_help(name: str) -> str:
    """What a stage is for, in a sentence; nothing for an unknown one."""
    return next((text for known, text in _STAGES.items() if name.startswith(known)), "")


def panels(stage: Stage) -> list[Panel]:
    """Panels of a stage, the most telling ones first.

    Parameters
    ----------
    stage
        With the metrics so far.
    """
    at, names = points(stage), list(stage.values)  # a training adds to them meanwhile
    found: dict[tuple[int, str], Panel] = {}
    for name in sorted(names):
        family, part, label = _sorted_in(name, names)
        if not family:
            continue
        title, unit, text = _FAMILIES[family]
        if part.isdigit() and family not in ("flow", "energy"):
            title += " by scale"
        elif part and f"{name.partition('_')[0]}_{family}" in names:
            title += ", parts"
        place = 2 * list(_FAMILIES).index(family) + bool(part)
        panel = found.setdefault((place, title), Panel(title, unit, text))
        scale = 100.0 if family == "usage" else 1.0
        values = [plain(stage.values[name][i] * scale) for i in at]
        panel.curves.append(Curve(label, values, name.startswith("val_")))
    for panel in found.values():
        panel.curves.sort(key=lambda one: (int(one.label) if one.label.isdigit() else 0, one.validation))
    return [found[key] for key in sorted(found)]


def _sorted_in(name: str, names: Collection[str]) -> tuple[str, str, str]:
    """Family, part of it, and label of a metric; nothing for one that says what another says."""
    split, _, rest = name.partition("_")
    held = split == "val"
    suffix = ", validation" if held and f"train_{rest}" in names else ""
    if name == "train_loss" and set(names) & {"train_nll", "train_flow"}:
        return "", "", ""  # the same, or the same in other units
    if rest in _FAMILIES and (held or rest in _BOTH_SPLITS) and rest != "flow":
        return rest, "", "validation" if held else "training"
    match = _NAME.fullmatch(rest)
    if match and match[1] in _FLOW and held:
        return "flow", match[2], f"{_FLOW[match[1]]}, scale {match[2]}"
    if match and match[1] in _FAMILIES and (held or match[1] in _BOTH_SPLITS):
        part = match[2].replace("_", " ")
        return match[1], part, part + suffix
    return "parts", "", _TERMS.get(rest, rest.replace("_", " ")) + suffix
