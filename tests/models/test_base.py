"""What every result records about its origin."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np

import genviz
from genviz.models.base import provenance


def test_it_is_plain_json_and_says_when():
    record = provenance(model="genar", seed=np.int64(4), units="counts", parameters={"level": 0.9})
    assert json.loads(json.dumps(record)) == record
    assert (record["model"], record["seed"], record["version"]) == ("genar", 4, genviz.__version__)
    made = datetime.fromisoformat(record["time"])
    assert made.tzinfo is not None and abs(datetime.now(UTC) - made) < timedelta(minutes=1)
