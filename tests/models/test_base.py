"""What every result records about its origin."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

import genviz
from genviz.models.base import image_provenance, model_provenance, provenance


def test_it_is_plain_json_and_says_when():
    record = provenance(model="genar", seed=np.int64(4), units="counts", parameters={"level": 0.9})
    assert json.loads(json.dumps(record)) == record
    assert (record["model"], record["seed"], record["version"]) == ("genar", 4, genviz.__version__)
    made = datetime.fromisoformat(record["time"])
    assert made.tzinfo is not None and abs(datetime.now(UTC) - made) < timedelta(minutes=1)


@dataclass
class Fitted:
    """What is read of a fitted model."""

    sha256: str | None = None
    format: int | None = None
    split_sha256: str = "ab"


def test_a_trained_model_says_which_checkpoint_it_is():
    told = {"model": "GenAR", "seed": 1, "units": "counts", "parameters": {}}
    record = model_provenance(**told, fitted=Fitted("cd", 1), transductive=["normalise=section"])
    assert (record["checkpoint_sha256"], record["checkpoint_format"], record["split_sha256"]) == (
        "cd",
        1,
        "ab",
    )
    assert record["transductive"] == ["normalise=section"]
    unsaved = model_provenance(**told, fitted=Fitted())
    assert (
        unsaved["checkpoint_sha256"] is unsaved["checkpoint_format"] is None and unsaved["transductive"] == []
    )


def test_images_say_that_no_microscope_saw_them():
    record = image_provenance(model="PathAR", operation="generate", fitted=Fitted(), seed=1, parameters={})
    assert record["synthetic"] is True and record["units"] == "sRGB, 0 to 255"
    assert record["checkpoint_sha256"] is record["checkpoint_format"] is None and record["transductive"] == []
