"""recipes.pathar.trained: rows share tokenizers, and a model is trained once."""

import pytest

from genviz._errors import UsageError
from genviz.models import PathAR
from genviz.recipes.pathar.image_rows import images_of
from genviz.recipes.pathar.options import ModelOptions, options_of
from genviz.recipes.pathar.trained import Models, refuse_seen, size_of
from tests.recipes.pathar.recipe_cases import DATA, setting

ROWS = {"full": {}, "blocks": {"prior": {"order": "s_then_a", "visibility": "causal"}}}


@pytest.fixture(scope="module")
def images():
    return images_of(DATA)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def models(store, images, own, seed=0):
    told = setting(store, {"row": own})
    return Models(store, options_of(ModelOptions, told, told.recipe.rows[0]), images[0], seed, "cpu")


def kinds(store):
    names = [path.name for path in store.iterdir() if path.is_dir()]
    return sum(name.startswith("pathar-tokenizer") for name in names), len(names)


def test_rows_that_differ_in_the_prior_stand_on_one_tokenizer(store, images):
    full, blocks = (models(store, images, own).trained() for own in ROWS.values())
    assert kinds(store) == (1, 3)
    one, other = full["histology"].fitted, blocks["histology"].fitted
    assert one.facts["tokenizer"] == other.facts["tokenizer"]
    assert one.config.prior.order == "interleaved" and other.config.prior.order == "s_then_a"
    assert full["fluorescence"] is full["histology"]
    again = models(store, images, {}).trained()["histology"]
    assert again.fitted.sha256 == one.sha256 and kinds(store) == (1, 3)


def test_what_decides_the_weights_decides_the_folder(store, images):
    base = models(store, images, {})
    rows = images[0]
    told = base.told(rows, prior=True)
    assert told == models(store, images, {"n": 3, "rule": "plain"}).told(rows, prior=True)
    for own, seed in (({"prior": {"width": 64}}, 0), ({"label_weights": {"histology": 1.0}}, 0), ({}, 1)):
        assert told != models(store, images, own, seed).told(rows, prior=True)
    assert told != base.told(rows[:-1], prior=True)
    assert base.told(rows, prior=False) == models(store, images, {"prior": {"width": 64}}).told(
        rows, prior=False
    )


def test_one_model_a_label(store, images):
    found = models(store, images, {"per_label": True}).trained()
    assert {label: model.labels for label, model in found.items()} == {
        "fluorescence": ("fluorescence",), "histology": ("histology",)
    }  # fmt: skip
    made = models(store, images, {"per_label": True}).generate(2)
    assert made.label_names == ["fluorescence", "histology"] and len(made) == 4


def test_a_model_may_be_given(store, images, tmp_path):
    models(store, images, {}).trained()["histology"].save(tmp_path / "seed-3")
    own = {"model": str(tmp_path / "seed-{seed}")}
    given = models(store, images, own, seed=3)
    assert size_of(given.options, 3) == 32
    assert given.generate(1, ("histology",)).label_names == ["histology"]
    with pytest.raises(UsageError, match="got smear"):
        given.generate(1, ("smear",))


def test_images_that_were_trained_on_are_refused(store, images):
    model = models(store, images, {}).trained()["histology"]
    train, held = images
    refuse_seen([model], train, held)
    with pytest.raises(UsageError, match="12 were trained on"):
        refuse_seen([model], train, train)
    assert isinstance(model, PathAR)
