"""Replacement and pre-training: nothing of a tested patient leaks, and scores say what was learnt."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.metrics.image_set import ImageSet
from genviz.metrics.protocols.tiles import LONGER, MAJORITY, REAL, TileProtocol, patient_tiles

SIDE = 16
QUICK = TileProtocol(epochs=5, pretrain_epochs=4, batch_size=16, learning_rate=3e-3, n_folds=3)


def tiles(n: int = 48, n_patients: int = 12, seed: int = 0, shift: int = 0, stain: bool = True) -> ImageSet:
    """Pink or blue tiles of patients 0, 1, ...; the corner pixel tells whose. Shifted: labels look like each other."""
    rng = np.random.default_rng(seed)
    patient = np.arange(n) % n_patients
    label = patient % 2
    image = rng.integers(60, 200, (n, SIDE, SIDE, 3))
    if stain:
        image[..., 0] += 50 * ((label + shift) % 2)[:, None, None]
        image[..., 2] += 50 * ((label + shift + 1) % 2)[:, None, None]
    image[:, 0, 0, :] = patient[:, None]
    groups = np.array([f"P{i:02d}" for i in patient], object)
    return ImageSet(image.astype(np.uint8), None, np.array(["GBM", "KIRP"], object)[label], groups)


def run(*args, **options):
    return metrics.tile_classification(*args, **({"protocol": QUICK, "device": "cpu"} | options))


@pytest.fixture(scope="module")
def table():
    return run(tiles(), tiles(seed=1), replace=(0.0, 0.5), pretrain=(1.0,))


def test_settings_and_what_stands_beside(table):
    assert list(table) == [REAL, MAJORITY, "p=0", "p=0.5", "q=1", LONGER]
    assert table["p=0"]["accuracy"].value == table[REAL]["accuracy"].value
    assert table["p=0"]["accuracy_gain"].ci == (0, 0)
    assert table["q=1"]["f1"].baseline == table[REAL]["f1"].value
    assert (
        table[REAL]["accuracy"].baseline == table[MAJORITY]["accuracy"].value == pytest.approx(0.5, abs=0.1)
    )
    assert table[REAL]["accuracy"].n == 48 and "generator's own" in table[REAL]["accuracy"].note
    assert metrics.scores_table(table)[1][0] == "accuracy"


def test_planted_stain_is_learnt(table):
    for name in (REAL, "p=0.5", "q=1", LONGER):
        assert table[name]["accuracy"].value > 0.8, name


def test_real_only_needs_no_synthetic_tiles(table):
    alone = run(tiles(), replace=(0.5,), pretrain=(1.0,))
    assert list(alone) == [REAL, MAJORITY]
    for name in ("accuracy", "f1", "accuracy_fold_sd"):
        assert alone[REAL][name].value == table[REAL][name].value


def test_labels_without_a_picture_are_at_chance():
    plain = run(tiles(96, 48, stain=False), replace=(), pretrain=())[REAL]["accuracy"]
    assert 0.3 < plain.value < 0.65 and plain.ci[0] < 0.5


def test_wrong_synthetic_tiles_teach_the_wrong_thing():
    found = run(tiles(), tiles(192, seed=1, shift=1), replace=(1.0,), pretrain=(), seeds=(1,))
    assert found["p=1"]["accuracy"].value < 0.3 and found["p=1"]["accuracy_gain"].ci[1] < 0


def test_no_tile_of_a_tested_patient_is_trained_on(monkeypatch):
    from genviz.metrics.protocols import tiles as module

    trained: list[tuple[str, set[int], int]] = []
    tested: list[set[int]] = []

    def corner(images):
        return set(images[:, 0, 0, 0].tolist())

    def train(network, images, target, fit, **_):
        trained.append((fit.purpose, corner(images), fit.steps))
        assert len(images) == len(target)

    def judge(network, images, device):
        tested.append(corner(images))
        return np.zeros((len(images), 2))

    monkeypatch.setattr(module, "train_tile_net", train)
    monkeypatch.setattr(module, "logits_of", judge)
    run(tiles(), tiles(96, seed=1), replace=(0.75,), pretrain=(0.5, 1.0), seeds=(0, 1))
    assert len(tested) == 2 * 3 * 5 and set().union(*tested) == set(range(12))
    # Nets in order: each is trained (before and on its tiles), then asked.
    plans = [[False], [False], [True, False], [True, False], [True, False]] * 6
    calls = iter(trained)
    for held, stages in zip(tested, plans, strict=True):
        for before in stages:
            purpose, whose, _ = next(calls)
            assert ("before" in purpose) == before and not whose & held and whose
    assert next(calls, None) is None
    steps = [n for purpose, _, n in trained if purpose == "fold 0 before"][:3]
    assert steps == [
        8,
        16,
        16,
    ]  # 4 passes over half and all of 64 synthetic tiles; real ones for as long as all


def test_only_held_out_patients_are_tested(table):
    names = [f"P{i:02d}" for i in range(6)]
    found = run(tiles(), tiles(seed=1), replace=(), pretrain=(), held_out=names)[REAL]["accuracy"]
    assert found.n == 24 and "generator" not in found.note


def test_patients_of_an_anndata_go_before_scenes():
    import anndata as ad
    import pandas as pd

    real = tiles(12)
    obs = pd.DataFrame(
        {"label": real.labels, "patient": real.groups, "scene": "one"}, index=[str(i) for i in range(12)]
    )
    adata = ad.AnnData(obs=obs, obsm={"genevar": real.tiles})
    found = patient_tiles(adata, "genevar")
    assert found.groups.tolist() == real.groups.tolist() and found.labels.tolist() == real.labels.tolist()
    assert set(patient_tiles(adata, "genevar", "scene").labels) == {"one"}
    with pytest.raises(MissingKeyError, match="label_key="):
        patient_tiles(adata, "genevar", "cohort")


def test_wrong_input():
    with pytest.raises(UsageError, match="0 to 1"):
        run(tiles(), tiles(), replace=(1.5,))
    with pytest.raises(UsageError, match="seeds"):
        run(tiles(), seeds=())
    with pytest.raises(DataError, match="Generate more"):
        run(tiles(), tiles(12), replace=(0.75,), pretrain=())
    odd = tiles()
    with pytest.raises(UsageError, match="Expected synthetic labels of GBM, KIRP; got glioma"):
        run(
            tiles(),
            ImageSet(odd.tiles, None, np.array(["glioma"] * 48, object), odd.groups),
            replace=(),
            pretrain=(1,),
        )
    with pytest.raises(UsageError, match="small, resnet18"):
        run(tiles(), protocol=TileProtocol(size="large"))


def test_the_published_net_is_resnet18():
    from genviz.metrics.judges.tile_net import tile_net

    assert sum(p.numel() for p in tile_net("resnet18", 1000, 0).parameters()) == 11_689_512
    assert sum(p.numel() for p in tile_net("small", 5, 0).parameters()) == 310_101


def test_normalisation_is_settled_on_the_batches_alone():
    import torch

    from genviz.metrics.judges.tile_net import settle, tile_net

    one, again = tile_net("small", 2, 0), tile_net("small", 2, 0)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        again.train()(10 * torch.randn(4, 3, 32, 32, generator=rng))  # what must be forgotten
    x = 3 + torch.randn(8, 3, 32, 32, generator=rng)
    for net in (one, again):
        settle(net, [x, x], torch.device("cpu"))
    assert not one.training and torch.equal(one(x), again(x)) and one.bn1.momentum == 0.1
    with torch.no_grad():
        torch.testing.assert_close(
            one.bn1.running_mean, one.conv1(x).mean(dim=(0, 2, 3)), atol=1e-5, rtol=1e-4
        )
