"""What every result records about its origin."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np

import genviz
from genviz.models.base import image_provenance, provenance


def test_it_is_plain_json_and_says_when():
    record = provenance(model="genar", seed=np.int64(4), units="counts", parameters={"level": 0.9})
    assert json.loads(json.dumps(record)) == record
    assert (record["model"], record["seed"], record["version"]) == ("genar", 4, genviz.__version__)
    made = datetime.fromisoformat(record["time"])
    assert made.tzinfo is not None and abs(datetime.now(UTC) - made) < timedelta(minutes=1)


def test_images_say_that_no_microscope_saw_them():
    record = image_provenance(
        model="PathAR",
        operation="generate",
        seed=1,
        parameters={},
        checkpoint=None,
        checkpoint_format=None,
        split="ab",
    )
    assert record["synthetic"] is True and record["units"] == "sRGB, 0 to 255"
    assert (record["checkpoint_sha256"], record["format"], record["split_sha256"]) == ("", 0, "ab")
