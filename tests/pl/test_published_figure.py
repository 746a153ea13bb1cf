"""pl.published: ours and the published numbers, each where it belongs."""

import pytest

from genviz import pl
from genviz._errors import UsageError


def results(**changes):
    def column(score, published_title=""):
        return {"score": score, "title": score.upper(), "better": "lower", "published_title": published_title}

    def row(name, scores, published, listed=True):
        return {
            "row": name, "title": name.title(), "listed": listed,
            "scores": {s: {"values": found, "value": sum(found) / len(found)} for s, found in scores.items()},
            "published": {score: {"value": value, "sd": None} for score, value in published.items()},
        }  # fmt: skip

    rows = [
        row("theirs", {}, {"mse": 2.0, "fd": 100.0}),
        row("ours", {"mse": [1.0, 3.0], "fd": [5.0]}, {"mse": 1.5}),
        row("other", {"mse": [9.0]}, {}, listed=False),
        row("nothing", {}, {}),
    ]
    told = {"title": "T", "paper": "P", "table": "Table 1", "size": "mini"}
    told["provenance"] = {"data": {"name": "her2st"}}
    return told | {"columns": [column("mse"), column("fd", "FID"), column("absent")], "rows": rows} | changes


def test_one_panel_a_column_with_seeds_means_and_published_numbers():
    figure = pl.published(results())
    drawn = [(trace.name, trace.xaxis, list(trace.x), list(trace.y)) for trace in figure.data]
    assert drawn == [
        ("each seed", "x", [1.0, 3.0], ["Ours", "Ours"]),
        ("genviz, mean", "x", [2.0], ["Ours"]),
        ("published", "x", [1.5, 2.0], ["Ours", "Theirs"]),
        ("each seed", "x2", [5.0], ["Ours"]),
        ("genviz, mean", "x2", [5.0], ["Ours"]),
    ]  # an FID stands on no axis with another distance
    assert "published: FID, not drawn" in figure.layout.xaxis2.title.text
    assert list(figure.layout.yaxis.categoryarray) == ["Ours", "Theirs"]
    assert "T (P, Table 1), size mini" in figure.layout.title.text


def test_a_row_whose_only_number_is_another_score_is_left_to_the_table():
    told = results()
    told["rows"][0]["published"] = {"fd": {"value": 100.0, "sd": None}}
    assert list(pl.published(told).layout.yaxis.categoryarray) == ["Ours"]


def test_long_names_of_published_scores_are_broken():
    told = results()
    told["columns"][1]["published_title"] = "non-neoplastic, % (HoVer-Net)"
    figure = pl.published(told)
    assert figure.layout.xaxis2.title.text.count("<br>") == 2
    assert figure.layout.height > pl.published(results()).layout.height  # room for the second line


def test_on_made_up_data_nothing_published_is_drawn():
    figure = pl.published(results(provenance={"data": {"name": "phantom"}}))
    assert {trace.name for trace in figure.data} == {"each seed", "genviz, mean"}
    assert list(figure.layout.yaxis.categoryarray) == ["Ours"]
    assert "made-up data" in figure.layout.title.text


def test_nothing_measured_is_said():
    with pytest.raises(UsageError, match="there is none"):
        pl.published(
            results(columns=[{"score": "absent", "title": "A", "better": "", "published_title": ""}])
        )
