"""Blocks of rows: the same here and on a cluster, a bar that ends full, few blocks ahead of what is asked for."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
import torch
from torch import nn

from genviz._settings import settings
from genviz.io.cluster import active_client, in_order
from genviz.models import blocks
from genviz.models.blocks import in_blocks, parts_of, rows_a_block


class Scale(nn.Module):
    """Networks of one number, that know where they are."""

    device = torch.device("cpu")

    def __init__(self, factor: float = 3.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))


def times(networks, values):
    return networks.factor.item() * values


def nested(networks, values):
    """A job that would wait for ever if it sent jobs of its own."""
    parts = [slice(0, 1), slice(1, len(values))]
    return np.concatenate(list(in_blocks(times, networks, ((values[p],) for p in parts), [1, 1], "x")))


def fails(networks, values):
    raise ZeroDivisionError(str(values[0]))


def all_of(work, n=10, size=3, bar="rows"):
    parts = parts_of(n, size)
    jobs = ((np.arange(n)[part],) for part in parts)
    return list(in_blocks(work, Scale(), jobs, [part.stop - part.start for part in parts], bar))


def test_parts_cover_every_row_once():
    for n in (1, 2, 3, 7, 9):
        assert [i for part in parts_of(n, 3) for i in range(n)[part]] == list(range(n))


@pytest.mark.parametrize(("batch", "rows"), [(1, 32), (5, 30), (16, 32), (64, 64)])
def test_a_block_is_whole_batches(batch, rows):
    assert rows_a_block(torch.device("cpu"), batch) == rows
    assert rows_a_block(torch.device("cuda"), batch) == 16 * batch


def test_it_is_the_same_on_a_cluster(tasks_there):
    np.testing.assert_array_equal(np.concatenate(all_of(times)), 3.0 * np.arange(10))
    assert tasks_there("_there") == 4


def test_one_block_stays_here(tasks_there):
    all_of(times, n=3)
    assert tasks_there("_there") == 0


def test_a_job_sends_no_jobs(tasks_there):
    np.testing.assert_array_equal(np.concatenate(all_of(nested, n=6)), 3.0 * np.arange(6))
    assert tasks_there("_there") == 2


def test_an_error_of_a_job_is_raised_here(tasks_there):
    with pytest.raises(ZeroDivisionError, match="0"):
        all_of(fails)
    np.testing.assert_array_equal(np.concatenate(all_of(times)), 3.0 * np.arange(10))


def test_the_bar_ends_full(monkeypatch):
    made, own = [], blocks.tqdm

    def noted(*args, **options):
        made.append(own(*args, **options))
        return made[-1]

    monkeypatch.setattr(blocks, "tqdm", noted)
    monkeypatch.setattr(settings, "progress", True)
    all_of(times)
    all_of(times, n=3)
    (bar,) = made  # one block has nothing to show
    assert bar.n == bar.total == 10
    heard = []
    all_of(times, bar=heard.append)
    assert heard == [3, 3, 3, 1] and len(made) == 1


def test_what_nobody_asks_for_is_not_sent():
    from distributed import Client, LocalCluster

    given = []

    def jobs():
        for k in range(50):
            given.append(k)
            yield (np.array([float(k)]),)

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        found = in_blocks(times, Scale(), jobs(), [1] * 50, lambda n: None)
        assert [next(found)[0] for _ in range(3)] == [0.0, 3.0, 6.0]
        assert len(given) <= 3 + 2 * 2
        found.close()
        whole = in_order(times, Scale(), jobs(), client=active_client())
        next(whole)
        assert given.count(49) == 1  # all at once where no bound is asked for
        whole.close()
    assert active_client() is None and threading.current_thread() is threading.main_thread()


def test_networks_of_an_absent_device_travel_to_the_cpu(monkeypatch):
    networks, moved = Scale(2.0), []
    networks.device = torch.device("cuda")
    monkeypatch.setattr(Scale, "to", lambda self, device: moved.append(device.type) or self)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = pickle.loads(pickle.dumps(blocks._Sent(networks))).networks
    assert moved == ["cpu"] and times(found, 1.0) == 2.0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    pickle.loads(pickle.dumps(blocks._Sent(copy.copy(networks))))
    assert moved == ["cpu", "cpu", "cuda"]
