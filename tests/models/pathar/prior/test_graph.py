"""On a GPU: captured steps draw what plain steps draw. Skipped without one."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from genviz.models.pathar.prior.batch_sampler import BatchSampler
from genviz.models.pathar.prior.graph import GraphedParts
from genviz.models.pathar.prior.sampler import sample
from tests.models.pathar.prior.cases import SHARP, prior

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@cuda
def test_replayed_batches_equal_eager_ones(monkeypatch):
    """Three batches: the first is the warm-up, the second captures, the third only replays."""
    net, label, keys = prior().cuda(), torch.arange(12) % 3, torch.arange(12)
    graphed = sample(net, label, SHARP, keys, batch_size=4, return_log_prob=True)
    monkeypatch.setattr(GraphedParts, "__call__", lambda self: [part() for part in self.parts])
    eager = sample(net, label, SHARP, keys, batch_size=4, return_log_prob=True)
    assert torch.equal(graphed.s_BN, eager.s_BN)
    assert torch.equal(graphed.a_BN, eager.a_BN)
    assert torch.allclose(graphed.log_prob_a_BN, eager.log_prob_a_BN, atol=1e-5)


@cuda
def test_the_gpu_draws_the_tokens_of_the_cpu():
    label, keys = torch.arange(8) % 3, torch.arange(8)
    on_cpu = sample(prior(), label, SHARP, keys, batch_size=4)
    on_gpu = sample(prior().cuda(), label, SHARP, keys, batch_size=4)
    assert torch.equal(on_cpu.s_BN, on_gpu.s_BN)
    assert torch.equal(on_cpu.a_BN, on_gpu.a_BN)


@cuda
def test_given_structure_on_the_gpu():
    net, label, keys = prior().cuda(), torch.arange(3), torch.arange(12)
    drawn = sample(net, label, SHARP, keys[:3])
    again = sample(net, label, SHARP, keys[:3], given_s_BN=drawn.s_BN)
    assert torch.equal(again.a_BN, drawn.a_BN)
    sample(net, label, SHARP, keys, given_s_BN=drawn.s_BN, renderings=4, batch_size=4)


@pytest.fixture
def recorded(monkeypatch):
    """Stands in for CUDA: "graphs" that call their part again, and streams that do nothing."""

    class Graph:
        def replay(self):
            self.part()

    class Capture:
        def __init__(self, graph, pool):
            self.graph = graph

        def __enter__(self):
            pending.append(self.graph)

        def __exit__(self, *error):
            self.graph.part = calls[-1]

    class Stream:
        def wait_stream(self, other):
            pass

        def __enter__(self):
            pass

        def __exit__(self, *error):
            pass

    pending, calls = [], []
    for name, value in {"CUDAGraph": Graph, "graph": Capture, "Stream": Stream, "stream": lambda s: s,
                        "current_stream": Stream, "graph_pool_handle": lambda: None}.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    return calls


def test_first_plain_then_captured_then_replayed(recorded):
    """The order of the three stages, with a stand-in for the device; capturing runs nothing on a real one."""
    order = []

    def part(name):
        def run():
            recorded.append(run)
            order.append(name)

        return run

    parts = GraphedParts([part("a"), part("b")])
    parts()
    assert (order, parts.graphs) == (["a", "b"], [])
    parts()
    assert len(parts.graphs) == 2
    order.clear()
    parts()
    assert order == ["a", "b"]


def test_drawing_again_on_the_same_contents_changes_nothing():
    """What a warm-up before capturing relies on."""
    label, found = torch.arange(4) % 3, []
    run = BatchSampler.run

    def twice(self, *arguments):
        run(self, *arguments)
        first = self.drawing.token_2NB.clone()
        self.draw()
        found.append(torch.equal(first, self.drawing.token_2NB))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchSampler, "run", twice)
        sample(prior(), label, SHARP, torch.arange(4), batch_size=4)
    assert found == [True]


def test_the_last_sampler_is_kept_for_calls_of_its_kind(monkeypatch):
    monkeypatch.setattr("genviz.models.pathar.prior.sampler._keeps", lambda prior: True)
    net, label = prior(), torch.arange(4) % 3
    first = sample(net, label, SHARP, torch.arange(4), batch_size=4)
    kept = net.kept_sampler.value
    again = sample(net, label, SHARP, torch.arange(4), batch_size=4)
    assert net.kept_sampler.value is kept
    assert torch.equal(first.a_BN, again.a_BN)
    assert copy.deepcopy(net).kept_sampler.value is None
    sample(net, label, SHARP, torch.arange(4), batch_size=2)
    assert net.kept_sampler.value is not kept


def test_threads_that_share_a_kept_sampler_draw_as_one_alone(monkeypatch):
    monkeypatch.setattr("genviz.models.pathar.prior.sampler._keeps", lambda prior: True)
    net, keys = prior(), torch.arange(8)

    def draw(label):
        return sample(net, torch.full((8,), label), SHARP, keys, batch_size=4)

    alone = [draw(label) for label in range(3)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(draw, [0, 1, 2] * 4))
    for i, drawn in enumerate(together):
        assert torch.equal(drawn.s_BN, alone[i % 3].s_BN) and torch.equal(drawn.a_BN, alone[i % 3].a_BN)


def test_threads_that_draw_in_different_ways_do_not_disturb_each_other(monkeypatch):
    """Each forgets what the other kept."""
    monkeypatch.setattr("genviz.models.pathar.prior.sampler._keeps", lambda prior: True)
    net, label, keys = prior(), torch.arange(4) % 3, torch.arange(4)
    ways = ("paired", "interleaved")
    alone = [sample(net, label, SHARP, keys, sampler=way, batch_size=2) for way in ways]
    with ThreadPoolExecutor(2) as threads:
        together = list(
            threads.map(lambda way: sample(net, label, SHARP, keys, sampler=way, batch_size=2), ways * 3)
        )
    assert all(torch.equal(drawn.a_BN, alone[i % 2].a_BN) for i, drawn in enumerate(together))
