"""Training as a whole: who is trained on, where it stops, and what an interruption leaves."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.models import GenAR
from genviz.train import callbacks
from tests.io.files.held import training_elsewhere
from tests.models.genar.cases import tissue


def model(adata, **options) -> GenAR:
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", **options)


def weights(fitted) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in fitted.fitted.ensemble.tensors().items()}


def same(one, two) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


@pytest.fixture
def epochs(monkeypatch) -> list[int]:
    """Epochs that were begun."""
    begun: list[int] = []
    start = callbacks.KeyedRandomness.on_train_epoch_start

    def note(self, trainer, module):
        begun.append(trainer.current_epoch)
        start(self, trainer, module)

    monkeypatch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", note)
    return begun


def test_early_stopping_looks_at_the_named_section_alone(epochs):
    """A section where everything is turned round is left behind; another one goes on improving."""
    adata = tissue(120, n_sections=3)
    adata.obsm["X_morphology"][(adata.obs["library_id"] == "S2").to_numpy()] *= -1
    adata.obs["split"] = np.where(adata.obs["library_id"] == "S0", "train", "other")
    recipe = {"lr": 0.01, "dropout": 0.0}
    stopped = model(adata, **recipe).train(12, seed=0, val="S2", patience=2)
    n_stopped = len(epochs)
    epochs.clear()
    model(adata, **recipe).train(12, seed=0, val="S1", patience=2)
    assert n_stopped < len(epochs) == 12
    assert set(stopped.fitted.training_rows) == {"S0"}


def test_counts_of_the_validation_section_decide_the_stop_only():
    """With patience enough, its rows could be anything: the weights of the last epoch are the same."""
    adata, other = tissue(60), tissue(60)
    held = (other.obs["library_id"] == "S1").to_numpy()
    other.obsm["X_morphology"][held] += 100
    one, two = (model(a).train(1, seed=0, val="S1") for a in (adata, other))
    assert same(weights(one), weights(two))


def test_rows_are_those_marked_for_training():
    adata = tissue(60)
    adata.obs["split"] = ["train", "val", "test"] * 20
    rows = model(adata).train(1, seed=0).fitted.training_rows
    assert sorted(name for names in rows.values() for name in names) == sorted(adata.obs_names[::3])
    adata.obs["split"] = "test"
    with pytest.raises(DataError, match=r"rows with obs\['split'\] == 'train'; got none"):
        model(adata).train(1)
    adata.obs["split"] = ["train"] + ["test"] * 59
    with pytest.raises(DataError, match="at least 2 training rows, got 1 of 60"):
        model(adata).train(1)
    with pytest.raises(UsageError, match="val as one of the sections S0, S1; got 'S9'"):
        model(adata).train(1, val="S9")


def test_facts_of_the_training_are_kept():
    adata = tissue(60)
    adata.obs["patient"] = "p1"
    facts = model(adata).train(2, seed=3).fitted.facts
    assert (facts["n_rows"], facts["max_epochs"], facts["seed"], facts["patients"]) == (60, 2, 3, ["p1"])
    assert facts["median_panel_count"] == np.median(adata.X.toarray().sum(axis=1))
    assert facts["synthetic"] is False
    adata.uns["genviz"]["synthetic"] = "{}"
    assert model(adata).train(1, seed=0).fitted.facts["synthetic"] is True


def interrupt_in(monkeypatch, epoch: int) -> None:
    start = callbacks.KeyedRandomness.on_train_epoch_start

    def interrupt(self, trainer, module):
        if trainer.current_epoch == epoch:
            signal.raise_signal(signal.SIGINT)
        start(self, trainer, module)

    monkeypatch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", interrupt)


def test_an_interruption_says_how_to_go_on_and_going_on_gives_the_same(tmp_path, monkeypatch):
    whole = weights(model(tissue(60), n_members=2).train(4, seed=0))
    made = model(tissue(60), n_members=2)
    with monkeypatch.context() as patch:
        interrupt_in(patch, 2)
        with pytest.raises(KeyboardInterrupt, match=r"Finished epochs are in .*run: go on with resume=True"):
            made.train(4, seed=0, out_dir=tmp_path / "run")
        with pytest.raises(KeyboardInterrupt, match="Nothing was kept: pass out_dir="):
            made.train(4, seed=0)
    with pytest.raises(UsageError, match="train"):
        made.predict(tissue(8))  # a clean state: nothing half fitted
    assert same(weights(made.train(4, seed=0, out_dir=tmp_path / "run", resume=True)), whole)


def test_the_run_folder_says_what_it_is(tmp_path):
    model(tissue(60)).train(1, seed=5, out_dir=tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["seed"], run["max_epochs"], len(run["rows"])) == (5, 1, 60)
    assert (tmp_path / "member_0" / "last.ckpt").is_file()


def test_members_differ():
    tensors = weights(model(tissue(60), n_members=2).train(1, seed=0))
    pairs = [(name, name.replace("0.", "1.", 1)) for name in tensors if "0." in name]
    assert any(
        second in tensors and not np.array_equal(tensors[first], tensors[second]) for first, second in pairs
    )


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path):
    with (
        training_elsewhere(tmp_path),
        pytest.raises(UsageError, match="a training is running in"),
    ):
        model(tissue()).train(1, seed=0, out_dir=tmp_path)
