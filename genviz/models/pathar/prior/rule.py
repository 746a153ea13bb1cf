"""How tokens of both streams are drawn, with the presets by name."""

from __future__ import annotations

from dataclasses import dataclass

from genviz._errors import UsageError
from genviz.nn.token_picking import StreamRule

_MODEL = StreamRule()


@dataclass(frozen=True)
class SampleRule:
    """One `StreamRule` a stream.

    Parameters
    ----------
    structure, appearance
        How tokens of each stream are drawn.
    """

    structure: StreamRule = _MODEL
    appearance: StreamRule = _MODEL

    @property
    def guided(self) -> bool:
        """Whether the null label has to be computed beside the label."""
        return self.structure.guidance != 1 or self.appearance.guidance != 1

    def of(self, stream: int) -> StreamRule:
        """Rule of structure (0) or appearance (1).

        Parameters
        ----------
        stream
            0 or 1.
        """
        return self.appearance if stream else self.structure


_PLAIN = StreamRule(guidance=1.5)
_NUCLEUS = StreamRule(guidance=1.5, top_p=0.9)
_PAPER = StreamRule(temperature=0.85, top_k=100, top_p=0.92, guidance=1.5)

SAMPLE_RULES = {
    "mini": SampleRule(_PLAIN, _NUCLEUS),
    "plain": SampleRule(_PLAIN, _PLAIN),
    "paper": SampleRule(_PAPER, _PAPER),
    "model": SampleRule(_MODEL, _MODEL),
}


def sample_rule(name: str) -> SampleRule:
    """Give a preset.

    Parameters
    ----------
    name
        "mini": structure as the model has it, appearance from the nucleus 0.9, guidance 1.5 for both; one code of
        appearance's tail turns all that follows into another modality. "plain": temperature 1, nothing cut off,
        guidance 1.5. "paper": 0.85, the 100 best, nucleus 0.92, guidance 1.5; on small models sharpened structure
        makes empty background feed on itself. "model": the model's own law.

    Raises
    ------
    UsageError
        For another name.
    """
    if name not in SAMPLE_RULES:
        raise UsageError(f"Expected a sample rule out of {', '.join(SAMPLE_RULES)}; got {name!r}.")
    return SAMPLE_RULES[name]
