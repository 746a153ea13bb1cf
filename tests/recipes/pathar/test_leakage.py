"""Leaks planted in PathAR: images, their crops, their scenes, their patients."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from genviz import io, pp
from genviz._errors import UsageError
from genviz.pp.fitted_rows import FITTED_ON, fitted_on
from genviz.recipes.pathar.evaluation import evaluate_pathar
from genviz.recipes.seen_by import gate, seen_by_pathar
from tests.models.pathar.tile_cases import SIDE, discs, loaded_as, trained

pytestmark = pytest.mark.filterwarnings("ignore")


def split(rows, name):
    return rows[(rows.obs["split"] == name).to_numpy()].copy()


def model(**facts):
    """The trained model as an older version would have saved it, and with other facts."""
    fitted = trained().fitted
    old = {name: value for name, value in fitted.facts.items() if name != FITTED_ON}
    return replace(fitted, facts=old | facts)


def report(fitted, rows, chosen=None, *, allow_seen=True):
    return gate(rows if chosen is None else chosen, seen_by_pathar(fitted, rows), allow_seen=allow_seen)


def test_held_out_images_of_other_scenes_are_scored():
    rows = discs(6, 48)
    found = report(model(), rows, split(rows, "val"), allow_seen=False)
    assert found.kinds == {} and found.same_patient is None and "scene" not in found.unknown


def test_images_trained_on_and_crops_of_them(tmp_path):
    rows = discs(6, 70)
    with pytest.raises(UsageError, match=r"8 were trained on.*--allow-seen"):
        report(model(), rows, split(rows, "train"), allow_seen=False)
    crops = pp.crops(split(rows, "train"), SIDE)
    assert report(model(), crops).kinds == {"row": crops.n_obs}
    of_crops = replace(model(), training_rows=crops.obs_names[:1].tolist())
    assert report(of_crops, crops).kinds["row"] == (crops.obs["source"] == crops.obs["source"].iloc[0]).sum()


def test_scenes_trained_on(tmp_path):
    rows = discs(6, 70)
    rows.obs["scene"] = rows.obs["scene"].astype(str)
    rows.obs.loc["dark2", "scene"] = "scene0"  # one image of a scene slipped to the other side
    io.write_h5ad(rows, tmp_path / "rows.h5ad")
    loaded_as(trained().fitted).save(tmp_path / "model")
    words = (str(tmp_path / "model"), str(tmp_path / "rows.h5ad"), tmp_path / "s.json")
    with pytest.raises(UsageError, match=r"of 4 rows 1 show scenes trained on \('scene0'\)"):
        evaluate_pathar(*words, device="cpu")
    assert not (tmp_path / "s.json").exists()
    evaluate_pathar(*words, device="cpu", allow_seen=True)
    stamp = json.loads((tmp_path / "s.json").read_text())["leakage"]
    assert (stamp["overridden"], stamp["kinds"]) == (True, {"scene": 1})
    told = model(fitted_on={"scenes": ["scene5"]})
    assert report(told, split(rows, "val")).kinds == {"scene": 2}


def test_a_model_knows_its_scenes_without_the_training_images():
    told = trained().fitted
    assert len(told.facts[FITTED_ON]["scenes"]) == 4
    alone = split(discs(6, 48), "val")
    assert report(told, alone).kinds == {}
    alone.obs["scene"] = told.facts[FITTED_ON]["scenes"][0]
    assert report(told, alone).kinds == {"scene": alone.n_obs}


def test_without_the_training_images_scenes_are_unknown():
    alone = split(discs(6, 48), "val")
    with pytest.warns(UserWarning, match="leaks by scene could not be looked for"):
        found = report(model(), alone)
    assert found.unknown["scene"] == "not recorded"


def test_patients():
    rows = discs(6, 48)
    rows.obs["patient"] = "p"
    assert report(model(), rows, split(rows, "val"), allow_seen=False).same_patient is True
    del rows.obs["split"]
    rows.obs["patient"] = ["p" if k % 6 < 2 else f"p{k % 6}" for k in range(12)]
    pp.split(rows, group_key="patient", val=["p2", "p5"])
    told = model(fitted_on=fitted_on(rows, (rows.obs["split"] == "train").to_numpy()))
    assert told.facts["fitted_on"]["split_by"] == "patient"
    assert report(told, rows, split(rows, "val")).same_patient is False
    rows.obs["patient"] = "p3"
    with pytest.raises(UsageError, match=r"4 are of patients trained on.*\('p3'\)"):
        report(told, rows, split(rows, "val"), allow_seen=False)
