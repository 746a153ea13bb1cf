"""What the profiles of rows span for a model; that of its training rows is kept with it."""

from __future__ import annotations

from typing import Any

from genviz.models.genevar.condition.profile_range import ProfileRange
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.conditions import conditions
from genviz.models.genevar.fitted import Fitted


def range_of(fitted: Fitted, of: str, profiles: Profiles) -> ProfileRange:
    """Measure rows.

    Parameters
    ----------
    fitted
        A model that is told genes.
    of
        Whose range it is.
    profiles
        Theirs.
    """
    conditioner: Any = fitted.fitted_conditioner()
    logs_NU = conditioner.scaler.logs(profiles, conditioner.config)
    return ProfileRange.of_rows(of, logs_NU, conditions(fitted, profiles))


def training_range(fitted: Fitted, profiles: Profiles) -> ProfileRange | None:
    """The range of a model's training rows; None without a condition, or for one that is told no genes.

    Parameters
    ----------
    fitted
        The model.
    profiles
        Its training rows.
    """
    if getattr(fitted.conditioner, "scaler", None) is None:
        return None
    return range_of(fitted, f"the model's {len(profiles)} training rows", profiles)
