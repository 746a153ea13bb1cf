"""`fit_network`: learns, repeats itself, resumes to the same bits, stops at the right epoch."""

from __future__ import annotations

import csv
import signal

import pytest
import torch

from genviz._errors import CheckpointError
from genviz._settings import settings
from genviz.train import callbacks
from genviz.train.batches import KeyedBatches
from genviz.train.fitting import LAST, fit_network
from tests.train.cases import fitted, line, options, rows, weights


def held_out(slope: float = 1.0) -> KeyedBatches:
    return KeyedBatches(rows(20, seed=1, slope=slope), 8, shuffle=False)


@pytest.fixture
def epochs(monkeypatch) -> dict[int, list[float]]:
    """Epochs that were begun, in order, and the weights they began with."""
    begun: dict[int, list[float]] = {}
    start = callbacks.KeyedRandomness.on_train_epoch_start

    def note(self, trainer, module):
        begun[trainer.current_epoch] = weights(module.network)
        start(self, trainer, module)

    monkeypatch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", note)
    return begun


def interrupted_in(epoch: int, folder, monkeypatch, **others) -> None:
    """Ctrl-C in this epoch of a run kept in `folder`."""
    start, validation = callbacks.KeyedRandomness.on_train_epoch_start, others.pop("validation", None)

    def interrupt(self, trainer, module):
        if trainer.current_epoch == epoch:
            signal.raise_signal(signal.SIGINT)
        start(self, trainer, module)

    batches = KeyedBatches(rows(), 16)
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", interrupt)
        made = options(folder=folder, **others)
        assert fit_network(line(), batches, made, validation=validation) is False


def test_it_learns():
    network = fitted(60, network=line(dropout=0.0))
    assert network.layers[1].weight[0].tolist() == pytest.approx([2.0, 0.0, 0.0], abs=0.1)
    assert network.layers[1].bias.item() == pytest.approx(1.0, abs=0.1)


def test_the_same_seed_gives_the_same_bits_and_another_gives_others():
    torch.manual_seed(1)
    one = weights(fitted(seed=5))
    torch.manual_seed(2)  # the caller's own randomness has no part in it
    assert weights(fitted(seed=5)) == one
    assert weights(fitted(seed=6)) != one


def test_the_callers_randomness_is_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fitted(1)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("done", [1, 4])
def test_resumed_equals_uninterrupted(tmp_path, monkeypatch, done):
    """Stopped in the epoch after `done`, then resumed: bit for bit what six epochs at once give."""
    whole = weights(fitted())
    interrupted_in(done, tmp_path, monkeypatch)
    assert weights(fitted(folder=tmp_path, resume=True)) == whole


def test_after_an_interruption_the_process_goes_on_and_can_be_interrupted_again(tmp_path, monkeypatch):
    handler = signal.getsignal(signal.SIGINT)
    interrupted_in(1, tmp_path, monkeypatch)
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_without_resume_a_folder_is_begun_anew(tmp_path, epochs):
    fitted(2, folder=tmp_path)
    epochs.clear()
    fitted(2, folder=tmp_path)
    assert list(epochs) == [0, 1]
    epochs.clear()
    fitted(2, folder=tmp_path / "empty", resume=True)  # nothing to resume: from the start
    assert list(epochs) == [0, 1]


def test_a_finished_run_is_not_trained_again(tmp_path, epochs):
    first = weights(fitted(3, folder=tmp_path))
    epochs.clear()
    assert weights(fitted(3, folder=tmp_path, resume=True)) == first
    assert not epochs


def test_the_run_folder_holds_a_checkpoint_without_code_and_a_log(tmp_path):
    network = fitted(3, folder=tmp_path)
    state = torch.load(tmp_path / LAST, weights_only=True)
    assert state["epoch"] == 2
    torch.testing.assert_close(state["state_dict"]["network.layers.1.weight"], network.layers[1].weight)
    with next(tmp_path.rglob("metrics.csv")).open() as file:
        losses = [float(row["train_nll"]) for row in csv.DictReader(file) if row["train_nll"]]
    assert len(losses) == 3 and losses[-1] < losses[0]
    assert not [path.name for path in tmp_path.iterdir() if path.name not in {LAST, "log"}]


def test_a_resumed_run_keeps_the_log_of_the_epochs_before(tmp_path, monkeypatch):
    interrupted_in(2, tmp_path, monkeypatch)
    before = (tmp_path / "log" / "metrics.csv").read_text()
    fitted(folder=tmp_path, resume=True)
    assert (tmp_path / "log" / "metrics.csv").read_text() == before
    with (tmp_path / "log" / "resumed_1" / "metrics.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [2, 3, 4, 5]
    fitted(folder=tmp_path, resume=True)  # finished: nothing to log, and nothing lost
    assert (tmp_path / "log" / "metrics.csv").read_text() == before


def test_early_stopping_keeps_the_best_epoch(epochs):
    """Validation rows that follow another line are left behind at once."""
    network = fitted(40, validation=held_out(slope=-1.0), patience=3)
    assert list(epochs) == [0, 1, 2, 3]
    assert weights(network) == epochs[1] != epochs[3]


def test_while_validation_improves_training_goes_on(epochs):
    network = fitted(12, network=line(dropout=0.0), validation=held_out(), patience=1)
    assert list(epochs) == list(range(12))
    assert {mode for mode, _ in network.seen} == {"train", "val"}
    assert sum(n for mode, n in network.seen if mode == "val") == 12 * 20


def test_validation_rows_change_nothing_but_the_stop():
    with_validation = fitted(5, network=line(dropout=0.2), validation=held_out(), patience=99)
    assert weights(with_validation) == weights(fitted(5))


def test_the_best_epoch_survives_a_resume(tmp_path, monkeypatch):
    """The best epoch came before the stop: resuming must not forget its weights."""
    whole = weights(fitted(8, validation=held_out(slope=-1.0), patience=5))
    interrupted_in(3, tmp_path, monkeypatch, max_epochs=8, patience=5, validation=held_out(slope=-1.0))
    resumed = fitted(8, tmp_path, resume=True, validation=held_out(slope=-1.0), patience=5)
    assert weights(resumed) == whole


@pytest.mark.parametrize("kind", ["cut", "empty", "not a checkpoint", "another network"])
def test_a_checkpoint_that_cannot_be_used_says_the_way_out(tmp_path, kind):
    fitted(2, folder=tmp_path)
    file = tmp_path / LAST
    if kind == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "not a checkpoint":
        torch.save({"a": 1}, file)
    network = line(n_in=5) if kind == "another network" else line()
    x, y = rows()
    tensors = (torch.cat([x, x[:, :2]], 1), y) if kind == "another network" else (x, y)
    with pytest.raises(CheckpointError, match=r"last\.ckpt.*Train without resume into a new folder"):
        fit_network(network, KeyedBatches(tensors, 16), options(4, tmp_path, resume=True))


def test_a_pickle_is_not_opened(tmp_path):
    """A run folder from elsewhere cannot make this machine run code."""
    fitted(1, folder=tmp_path)
    ran = tmp_path / "ran"
    state = torch.load(tmp_path / LAST, weights_only=True)
    torch.save(state | {"hook": _Touch(str(ran))}, tmp_path / LAST)
    with pytest.raises(CheckpointError, match="damaged or of another kind") as caught:
        fitted(2, folder=tmp_path, resume=True)
    assert "\n" not in str(caught.value)
    assert not ran.exists()


class _Touch:
    """Makes a file when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_an_error_of_the_network_is_not_dressed_up(tmp_path):
    network = line()
    fitted(1, folder=tmp_path)
    network.loss = raise_runtime_error
    for resume in (True, False):
        with pytest.raises(RuntimeError, match="out of memory"):
            fit_network(network, KeyedBatches(rows(), 16), options(folder=tmp_path, resume=resume))


def raise_runtime_error(*batch):
    raise RuntimeError("out of memory")


def test_the_progress_bar_counts_epochs(monkeypatch, capsys):
    monkeypatch.setattr(settings, "progress", True)
    fitted(3, description="member 1 of 2")
    shown = capsys.readouterr().err
    assert "member 1 of 2" in shown and "3/3" in shown and "train_nll=" in shown
