"""Every checkpoint format that was ever released is read, and predicts what it predicted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz.io.weights.parts import FORMAT
from genviz.models import GenAR
from tests.models.genar.fixtures.make_genar_v1 import FOLDER, predicted, rows_of

RELEASED = sorted(FOLDER.parent.glob("genar_v*.json"))


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_a_released_model_predicts_what_it_predicted(file):
    model = GenAR.load(file.with_suffix(""), device="cpu")
    assert f"genar_v{model.fitted.format}" == file.stem
    told = json.loads(file.read_text())
    found = predicted(model, rows_of(told["given"]))
    assert found.keys() == told["predicted"].keys()
    for name, values in told["predicted"].items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, err_msg=name)
    assert np.ptp(told["predicted"]["genar"], axis=0).min() > 0.1  # rows differ: features are read


def test_there_is_one_of_every_format():
    assert [file.stem for file in RELEASED] == [f"genar_v{number}" for number in range(1, FORMAT + 1)]
    assert sum(file.stat().st_size for file in FOLDER.parent.rglob("genar_v*/*")) < 200_000
