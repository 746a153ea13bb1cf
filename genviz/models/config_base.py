"""What configurations of models share: JSON there and back, and checks of single options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, ClassVar, Self

from genviz._errors import UsageError

Choices = Mapping[str, tuple[str, ...]]


class Config:
    """JSON and checks. A subclass is a frozen dataclass and names its choices in `choices`."""

    choices: ClassVar[Choices] = {}

    def check_choices(self) -> None:
        """Insist on a known value of every option in `choices`.

        Raises
        ------
        UsageError
            For another one.
        """
        for name, choices in self.choices.items():
            value = getattr(self, name)
            if value not in choices:
                raise UsageError(f"Expected {name} out of {', '.join(map(repr, choices))}; got {value!r}.")

    def check_positive(self, *names: str) -> None:
        """Insist that these options are above 0; another one is a UsageError."""
        self._insist(names, lambda value: value > 0, "> 0")

    def check_from_zero(self, *names: str) -> None:
        """Insist that these options are 0 or more; another one is a UsageError."""
        self._insist(names, lambda value: value >= 0, "from 0")

    def check_fractions(self, *names: str) -> None:
        """Insist that these options are in [0, 1); another one is a UsageError."""
        self._insist(names, lambda value: 0 <= value < 1, "in [0, 1)")

    def check_shares(self, *names: str) -> None:
        """Insist that these options are in [0, 1]; another one is a UsageError."""
        self._insist(names, lambda value: 0 <= value <= 1, "in [0, 1]")

    def _insist(self, names: tuple[str, ...], holds: Callable[[Any], bool], expected: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not holds(value):
                raise UsageError(f"Expected {name} {expected}; got {value!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Give a JSON-able dict, from which `from_dict` rebuilds an equal object."""
        values = asdict(self)  # type: ignore[call-overload]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`; absent names take their defaults.

        Raises
        ------
        UsageError
            For a name that this version does not know.
        """
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(
                f"Expected only options of {cls.__name__}; got {', '.join(unknown)}. "
                f"Known: {', '.join(sorted(known))}."
            )
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
