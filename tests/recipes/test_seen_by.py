"""What the models in the box have seen: they are from before patients, scenes, panels and trees were recorded."""

from __future__ import annotations

import numpy as np
import pytest

import genviz as gv
from genviz._errors import UsageError
from genviz.models import GenAR, GeneVAR, PathAR
from genviz.models.genar.rows import Rows
from genviz.models.genar.seen import SEEN, seen_record
from genviz.recipes.leaks import GIVEN, NOT_RECORDED, TRAINING, Scored
from genviz.recipes.seen_by import (
    gate,
    scored_rows,
    seen_by_genar,
    seen_by_genevar,
    seen_by_pathar,
    with_patients,
)

pytestmark = pytest.mark.filterwarnings("ignore:The model does not say")


@pytest.fixture(scope="module")
def section(her2st_dir):
    """C5 alone, where names of rows carry no section."""
    return gv.datasets.her2st("C5", images=False)


def renamed(adata, name):
    """The rows as those of another section."""
    found = adata.copy()
    found.obs["library_id"], found.obs["patient"] = name, name[0]
    found.uns["spatial"] = {name: found.uns["spatial"]["C5"]}
    return found


def test_genar_in_the_box(section):
    model = GenAR.load("genar-her2st-mini")

    def seen(adata):
        names = np.asarray(adata.obs_names, object)
        libraries = adata.obs["library_id"].astype(str).to_numpy(object)
        empty = np.zeros((adata.n_obs, 1), np.float32)
        record = seen_record(model.fitted, Rows(empty, empty, libraries, names))
        return seen_by_genar({SEEN: record}, model.genes)

    with pytest.raises(UsageError, match=r"were trained on \('C5'\)"):
        gate(section, seen(section))
    sibling = gate(renamed(section, "C6"), seen(renamed(section, "C6")))
    assert sibling.same_patient is True and sibling.unknown == {"panel": GIVEN, "tree": NOT_RECORDED}
    assert gate(renamed(section, "A1"), seen(renamed(section, "A1"))).same_patient is False
    bare = renamed(section, "C6")
    del bare.obs["patient"]
    assert gate(bare, seen(bare)).patients == ["C"]  # by the manifest


def test_genevar_in_the_box(section):
    fitted = GeneVAR.load("genevar-her2st-mini").fitted
    with pytest.raises(UsageError, match=r"were trained on \('C5'\)"):
        gate(section, seen_by_genevar(fitted, section))
    for name, same in (("C6", True), ("A1", False)):
        rows = renamed(section, name)
        report = gate(rows, seen_by_genevar(fitted, rows))
        assert (report.kinds, report.same_patient) == ({}, same)


def test_pathar_in_the_box():
    fitted = PathAR.load("pathar-dsb-mini").fitted
    rows = gv.datasets.phantom("nuclei", n_images=2)
    rows.obs_names = [*fitted.training_rows[:1], *rows.obs_names[1:]]
    assert gate(rows, seen_by_pathar(fitted, rows), allow_seen=True).kinds == {"row": 1}
    assert gate(rows[1:].copy(), seen_by_pathar(fitted, rows[1:].copy())).unknown["scene"] == NOT_RECORDED


def test_missing_patients_are_nobody():
    rows = gv.datasets.phantom("nuclei", n_images=2)
    rows.obs["patient"] = ["p", *[None] * (rows.n_obs - 1)]
    scored = scored_rows(rows)
    assert scored.patients is not None and set(scored.patients) == {"p", ""}
    assert isinstance(with_patients(scored, seen_by_genar({}, []))[0], Scored)
    assert TRAINING in with_patients(scored, seen_by_genar({}, []))[1]
