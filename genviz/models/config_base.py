"""What configurations of models share: JSON there and back, and checks of single options."""

from __future__ import annotations

from collections.abc import Mapping
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
        """Insist on numbers above 0.

        Parameters
        ----------
        *names
            Options.

        Raises
        ------
        UsageError
            For one that is not.
        """
        for name in names:
            if not getattr(self, name) > 0:
                raise UsageError(f"Expected {name} > 0; got {getattr(self, name)!r}.")

    def check_fractions(self, *names: str) -> None:
        """Insist on numbers in [0, 1).

        Parameters
        ----------
        *names
            Options.

        Raises
        ------
        UsageError
            For one that is not.
        """
        for name in names:
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"Expected {name} in [0, 1); got {getattr(self, name)!r}.")

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
