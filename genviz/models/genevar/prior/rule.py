"""How tokens of the scales are drawn, with the presets by name."""

from __future__ import annotations

from dataclasses import dataclass

from genviz._errors import UsageError
from genviz.models.genevar.prior.layout import ScaleLayout
from genviz.nn.token_picking import StreamRule


@dataclass(frozen=True)
class SampleRule:
    """Guidance that rises from scale to scale, temperature, then the k best, then the nucleus of those.

    Parameters
    ----------
    cfg
        Guidance w of the finest scale: ``logits = (1 + w_k) given - w_k null`` with ``w_k = cfg (k - 1) / (K - 1)``;
        0 is no guidance and leaves the null branch out.
    temperature
        Divides the logits; 0 takes the most probable code.
    top_k
        Codes that may be drawn; 0 is all.
    top_p
        Share of probability that may be drawn, of the `top_k`; 1 is all.
    last_temperature
        Of the finest scale, instead of `temperature`; None: the same. Its cells are drawn without looking at one
        another, and their noise breaks up what the coarser scales began.

    Raises
    ------
    UsageError
        For a number outside its range.
    """

    cfg: float = 0.0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    last_temperature: float | None = None

    def __post_init__(self) -> None:
        if not self.cfg >= 0:
            raise UsageError(f"Expected cfg from 0; got {self.cfg}.")
        for temperature in {self.temperature, self._last}:
            StreamRule(temperature, self.top_k, self.top_p)

    @property
    def _last(self) -> float:
        return self.temperature if self.last_temperature is None else self.last_temperature

    def at(self, k: int, layout: ScaleLayout) -> StreamRule:
        """Rule of one scale.

        Parameters
        ----------
        k
            Scale, from 1.
        layout
            Scales.
        """
        temperature = self._last if k == len(layout.lengths) else self.temperature
        return StreamRule(temperature, self.top_k, self.top_p, 1 + self.cfg * layout.ramp(k))


SAMPLE_RULES = {
    "mini": SampleRule(cfg=1.5, top_p=0.96),
    "paper": SampleRule(cfg=1.5, top_k=900, top_p=0.96),
    "calm": SampleRule(cfg=1.5, top_p=0.96, last_temperature=0.4),
    "model": SampleRule(),
}


def sample_rule(name: str) -> SampleRule:
    """Give a preset.

    Parameters
    ----------
    name
        "mini": guidance 1.5, nucleus 0.96; a smaller nucleus makes small models' tiles alike. "paper": the same of
        the 900 best codes, as is usual for the architecture; the paper names no rule. "calm": mini with less noise in
        the last scale; more of the tissue's direction, at the price that docs/results.md tells. "model": the model's
        own law.

    Raises
    ------
    UsageError
        For another name.
    """
    if name not in SAMPLE_RULES:
        raise UsageError(f"Expected a sample rule out of {', '.join(SAMPLE_RULES)}; got {name!r}.")
    return SAMPLE_RULES[name]
