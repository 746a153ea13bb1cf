"""What the numbers of trajectories say, in plain words and in order of use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

GOOD, CAREFUL, BAD = "good", "careful", "bad"
CAUTION = (
    "Arrows join the two ends of a row in one t-SNE or UMAP, which knows no directions and keeps no lengths: read the "
    "sentences, not the arrows."
)
_SMALL, _NAMED = 60, 6
_ALIKE, _SAME = 0.3, 0.95  # cosines


@dataclass(frozen=True)
class Finding:
    """One sentence with its weight.

    Attributes
    ----------
    level
        "good": the picture may be read so; "careful": only with the words; "bad": do not read it so.
    text
        For people.
    about
        What it is about, in two words.
    """

    level: str
    text: str
    about: str = ""


def findings(record: dict[str, Any], n_rows: int) -> list[Finding]:
    """Sentences about a result, each model in turn.

    Parameters
    ----------
    record
        Of `gv.tl.velocity`.
    n_rows
        Rows in the picture.
    """
    numbers = record["numbers"]
    column = str(record.get("parameters", {}).get("colour_key", "the groups"))
    names = ["model", *record.get("compare", [])]
    found = [replace(_asked(numbers, column), about="groups among real tiles")]
    for name in names:
        found += _of_model(record, name, column, several=len(names) > 1, asked=found[0].level != BAD)
    for other in names[1:] if found[0].level != BAD else ():
        found += _against(record, other, column)
    if n_rows < _SMALL:
        found.append(Finding(CAREFUL, f"Only {n_rows} rows: differences of less than a tenth are noise."))
    if names := [str(name) for name in record.get("sections_of_training", [])]:
        told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        found.append(
            Finding(CAREFUL, f"The model was trained on rows of {told}: what it knows here may be memory.")
        )
    if record.get("phantom"):
        found.append(
            Finding(
                CAREFUL, "Drawn tissue, not a patient's: this tries the method out and says nothing else."
            )
        )
    return found


def headline(found: list[Finding]) -> str:
    """One line: what may be read from the picture, and what may not.

    Parameters
    ----------
    found
        From `findings`.
    """
    levels: dict[str, set[str]] = {}
    for one in found:
        if one.about:
            levels.setdefault(one.about, set()).add(one.level)
    never = [about for about, seen in levels.items() if BAD in seen]
    fine = [about for about, seen in levels.items() if seen == {GOOD}]
    parts = [f"Do not read: {', '.join(never)}."] if never else []
    return " ".join(([f"May be read: {', '.join(fine)}."] if fine else []) + parts)


def _asked(numbers: dict[str, dict[str, float]], column: str) -> Finding:
    """Whether the real tiles know the groups: what they do not, cannot be asked of a flow."""
    real = numbers.get("real")
    if real is None:
        return Finding(CAREFUL, CAUTION)
    if real["knn"] > real["knn_null_95"]:
        return Finding(
            GOOD,
            f"The real tiles show {column}: {_percent(real['knn'])} of rows lie among their own group, "
            f"{_percent(real['knn_null'])} by chance. So it can be asked of the flow.",
        )
    return Finding(
        BAD,
        f"The real tiles do not show {column} ({_percent(real['knn'])} of rows lie among their own group, shuffled "
        f"groups reach {_percent(real['knn_null_95'])}): no flow can, so colours say nothing here. Try another column "
        "or a coarser scale in gv.tl.velocity.",
    )


def _of_model(record: dict[str, Any], name: str, column: str, *, several: bool, asked: bool) -> list[Finding]:
    """What one model's ends and arrows say; of ends only what real tiles know (`asked`)."""
    numbers, who = record["numbers"], f"{name}: " if several else ""
    end, before = numbers.get(f"end:{name}"), numbers.get("before")
    found = []
    if not asked:
        end = None
    if end is not None and end["knn"] <= end["knn_null_95"]:
        found.append(
            Finding(
                BAD,
                f"{who}where arrows end says nothing about {column}: {_percent(end['knn'])} of rows lie among their "
                f"own group, shuffled groups reach {_percent(end['knn_null_95'])}. Do not read clusters.",
                "clusters of ends",
            )
        )
    elif end is not None and before is not None:
        found.append(replace(_gained(record, name, who), about="clusters of ends"))
    known = end is not None and end["knn"] > end["knn_null_95"]
    if known and (told := record.get("gains", {}).get(name, {}).get("others' profiles")):
        found.append(replace(_rna(told, who), about="RNA's part"))
    if arrows := record.get("arrows", {}).get(name):
        found.append(replace(_directions(arrows, who), about="directions of arrows"))
        found += _noise(arrows.get("noise"), who)
    return found if several else [replace(one, text=one.text[:1].upper() + one.text[1:]) for one in found]


def _gained(record: dict[str, Any], name: str, who: str) -> Finding:
    """Whether the flow adds to what it was given."""
    end, before = record["numbers"][f"end:{name}"], record["numbers"]["before"]
    both = (
        f"{_percent(end['knn'])} of rows end among their own group ({_percent(end['knn_null'])} by chance); the "
        f"coarser scales that the flow is given already reach {_percent(before['knn'])}"
    )
    told = record.get("gains", {}).get(name, {}).get("before")
    if told is None:
        return Finding(CAREFUL, f"{who}{both}.")
    if told["low"] > 0:
        return Finding(GOOD, f"{who}{both}. The flow adds {_points(told)}: clusters of ends mean something.")
    if told["high"] < 0:
        return Finding(
            BAD, f"{who}{both}. The flow loses {_points(told)}: clusters are what it was given, blurred."
        )
    return Finding(
        BAD,
        f"{who}{both}. The flow adds nothing that can be told from zero ({_points(told)}): clusters are its input.",
    )


def _rna(told: dict[str, float], who: str) -> Finding:
    """Whether the rows' own profiles matter."""
    if told["low"] > 0:
        return Finding(GOOD, f"{who}own RNA instead of another row's brings {_points(told)}: RNA has a part.")
    text = (
        f"own RNA instead of another row's brings nothing that can be told from zero ({_points(told)}): do not read "
        "the picture as RNA's work."
    )
    return Finding(BAD, who + text)


def _directions(arrows: dict[str, dict[str, float]], who: str) -> Finding:
    latent, picture = arrows["latent"], arrows["picture"]
    numbers = (
        f"mean cosine {latent['agreement']:.2f} in the latent space (shuffled up to {latent['null_95']:.2f}), "
        f"{picture['agreement']:.2f} in the picture (shuffled up to {picture['null_95']:.2f})"
    )
    holds = [one["agreement"] > one["null_95"] for one in (latent, picture)]
    if all(holds):
        return Finding(
            CAREFUL, f"{who}arrows that begin beside each other agree more than shuffled ones: {numbers}. Directions "
            "are not chance; with noise at one end they are no course of events.",
        )  # fmt: skip
    if holds[1]:
        how = f"agree in the picture alone, {numbers}: the embedding made that."
    elif holds[0]:
        how = f"agree in the latent space, but not in the picture, {numbers}."
    else:
        how = f"agree no better than shuffled ones, {numbers}."
    return Finding(BAD, f"{who}arrows that begin beside each other {how} Do not read directions.")


def _noise(told: dict[str, float] | None, who: str) -> list[Finding]:
    """Whether an end is its noise again, which puts it beside its start in the picture."""
    if told is None or told["own"] - told["other"] < _ALIKE:
        return []
    if told["own"] >= _SAME:
        text = f"ends are their noise again (cosine {told['own']:.2f}): the flow has learned next to nothing."
        return [Finding(BAD, f"{who}{text} Train it longer.")]
    text = (
        f"ends resemble the noise that they came from (cosine {told['own']:.2f}, with other rows' "
        f"{told['other']:.2f}): much of what sets one end apart from another is chance."
    )
    return [Finding(CAREFUL, who + text)]


def _against(record: dict[str, Any], other: str, column: str) -> list[Finding]:
    """The first model beside one that was given the same noise."""
    told = record.get("gains", {}).get("model", {}).get(f"end:{other}")
    if told is None:
        return []
    said = f"From the same noise, ends of model and of {other}"
    if told["low"] <= 0 <= told["high"]:
        return [
            Finding(
                CAREFUL, f"{said} know {column} equally well (difference {_points(told)}): neither is better."
            )
        ]
    better = "model" if told["gain"] > 0 else other
    return [Finding(GOOD, f"{said} differ in {column} by {_points(told)}: {better} knows more.")]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"


def _points(told: dict[str, float]) -> str:
    """A difference of shares with its interval."""
    low, high = 100 * told["low"], 100 * told["high"]
    return f"{100 * told['gain']:+.0f} points, 95\u00a0% interval {low:+.0f} to {high:+.0f}"
