"""What numbers are said to mean: never more than they carry."""

from __future__ import annotations

from genviz.controllers.velocity.words import BAD, CAREFUL, GOOD, findings, headline
from tests.controllers.velocity_cases import arrows, gained, numbers, record


def said(told, n=200):
    found = findings(told, n)
    return found, " | ".join(one.text for one in found)


def test_nothing_is_read_where_nothing_exceeds_its_control():
    found, text = said(record())
    assert "no better than shuffled ones" in text and "Do not read directions" in text
    assert "adds nothing that can be told from zero" in text and "equally well" in text
    assert (
        headline(found)
        == "May be read: groups among real tiles. Do not read: clusters of ends, RNA's part, directions of arrows."
    )


def test_what_real_tiles_do_not_know_is_not_asked_of_a_flow():
    told = record()
    told["numbers"]["real"] = numbers(0.36)
    found, text = said(told)
    assert found[0].level == BAD and "do not show organ" in text and "adds" not in text and "RNA" not in text


def test_a_flow_that_adds_and_uses_rna_is_praised_with_its_interval():
    told = record(compare=())
    told["gains"]["model"] = {"before": gained(0.2), "others' profiles": gained(0.1)}
    told["arrows"]["model"] = arrows(0.5, 0.5)
    found, text = said(told)
    assert [one.level for one in found] == [GOOD, GOOD, GOOD, CAREFUL]
    assert "+20 points, 95\u00a0% interval +15 to +25" in text and "RNA has a part" in text
    assert headline(found) == "May be read: groups among real tiles, clusters of ends, RNA's part."


def test_agreement_that_only_the_picture_has_is_the_pictures():
    told = record(compare=())
    told["arrows"]["model"] = arrows(0.05, 0.6)
    _, text = said(told)
    assert (
        "in the picture alone" in text
        and "the embedding made that" in text
        and "Do not read directions" in text
    )
    told["arrows"]["model"] = arrows(0.6, 0.05)
    assert "but not in the picture" in said(told)[1]


def test_ends_at_chance_are_no_clusters():
    told = record(compare=())
    told["numbers"]["end:model"] = numbers(0.35)
    _, text = said(told)
    assert "Do not read clusters" in text and "own RNA" not in text


def test_a_better_model_is_named():
    told = record()
    told["gains"]["model"]["end:vanilla"] = gained(-0.2)
    assert "vanilla knows more" in said(told)[1]
    told["gains"]["model"]["end:vanilla"] = gained(0.01)
    assert "neither is better" in said(told)[1]


def test_cautions_are_added():
    told = record() | {"sections_of_training": [f"C{i}" for i in range(9)], "phantom": True}
    told["arrows"]["model"]["noise"] = {"own": 0.6, "other": 0.0}
    _, text = said(told, 20)
    for word in (
        "Only 20 rows",
        "C5 and 3 more: what it knows here may be memory",
        "Drawn tissue",
        "resemble the noise",
    ):
        assert word in text
    told["arrows"]["model"]["noise"]["own"] = 0.99
    assert "learned next to nothing" in said(told)[1]
