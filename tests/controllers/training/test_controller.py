"""A training in a thread: it ends, is stopped, resumed, fails, and is read from its folder afterwards."""

from __future__ import annotations

import json
import threading
import time

import pytest

from genviz._errors import FileFormatError, TrainingStopped, UsageError
from genviz.controllers.training.controller import FAILED, FINISHED, IDLE, READ, STOPPED, Training
from genviz.models import GenAR, GeneVAR
from genviz.pl.training_figure import training_curves
from tests.models.genevar import model_cases as genevar
from tests.models.pathar import tile_cases as pathar


def discs_model(**tokenizer):
    return pathar.declared(tokenizer={"gan_epochs": 1, **tokenizer})


def genevar_model():
    adata = genevar.rows(20)
    adata.obs["split"] = ["val" if i % 4 == 0 else "train" for i in range(20)]
    GeneVAR.setup_anndata(adata)
    return GeneVAR(adata, preset="nano", condition={"n_genes": 12, "n_latent": 4, "kind": "vae"})


def genar_model(phantom_rows):
    GenAR.setup_anndata(phantom_rows)
    return GenAR(phantom_rows, preset="nano", n_members=2)


def until(test, seconds=60):
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    import warnings

    import genviz as gv

    adata = gv.datasets.phantom(
        "spatial",
        n_sections=1,
        grid=(4, 4),
        n_genes=24,
        mpp=1.0,
        image_folder=tmp_path_factory.mktemp("slides"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gv.pp.tile(adata)
        gv.pp.embed(adata)
    return adata


def test_pathar_every_stage_with_pictures_and_the_use_of_codes(tmp_path):
    told, model = [], discs_model()
    training = Training(model, every=1)
    training.changed = told.append
    assert training.state == IDLE
    training.start(device="cpu", out_dir=tmp_path / "run")
    assert training.wait(120) is model and training.state == FINISHED
    assert [stage.name for stage in training.record.stages] == ["tokenizer", "sharpen", "prior"]
    tokenizer, _, prior = training.record.stages
    assert {"val_usage_structure", "val_perplexity_appearance", "train_loss"} <= set(tokenizer.values)
    assert list(tokenizer.pictures[1]) == ["tile", "reconstruction", "nuclei", "nuclei, reconstructed"]
    assert list(prior.pictures[2]) == ["drawn image", "its nuclei"]
    assert {"state", "begin", "epoch", "pictures"} <= set(told)
    json.dumps(training.told(), allow_nan=False)
    assert len(training_curves(training.told()["stages"]).data) > 8
    read = Training(tmp_path / "run")
    assert read.state == READ and [stage.name for stage in read.record.stages] == ["tokenizer", "prior"]
    logged, seen = read.record.stages[0], tokenizer
    assert logged.epochs == seen.epochs and logged.n_epochs == seen.n_epochs
    assert logged.values["val_psnr"] == pytest.approx(seen.values["val_psnr"])


def test_genevar_every_stage():
    training = Training(genevar_model(), every=1)
    with training.watching():
        training.model.train(device="cpu")
    assert training.state == FINISHED
    stages = {stage.name: stage for stage in training.record.stages}
    assert list(stages) == ["gene VAE", "tokenizer", "sharpen", "flow", "prior"]
    assert {"val_usage_1", "val_perplexity_3"} <= set(stages["tokenizer"].values)
    assert list(stages["prior"].pictures[1]) == ["tile", "from its profile"]
    assert "train_hinge" in stages["sharpen"].values and "val_nll" in stages["prior"].values


def test_genar_every_member(embedded, tmp_path):
    training = Training(genar_model(embedded))
    training.start(max_epochs=3, device="cpu", out_dir=tmp_path)
    training.wait(60)
    assert [stage.name for stage in training.record.stages] == ["member 1 of 2", "member 2 of 2"]
    assert [stage.name for stage in Training(tmp_path).record.stages] == ["member 1 of 2", "member 2 of 2"]


def test_stopped_and_resumed(tmp_path):
    model = discs_model(max_epochs=30)
    training = Training(model, every=0)
    training.stop()  # nothing runs: nothing happens
    training.start(device="cpu", out_dir=tmp_path)
    with pytest.raises(UsageError, match="still runs"):
        training.start()
    until(lambda: training.record.stages and len(training.record.stages[0].epochs) >= 2)
    training.stop()
    with pytest.raises(TrainingStopped, match="resume=True"):
        training.wait(60)
    assert training.state == STOPPED and str(tmp_path) in training.message
    done = list(training.record.stages[0].epochs)
    again = Training(discs_model(max_epochs=30), every=0)
    again.start(device="cpu", out_dir=tmp_path, resume=True)
    until(lambda: again.record.stages and again.record.stages[0].epochs[-1] > done[-1])
    assert again.record.stages[0].epochs[: len(done)] == done  # what was before is there
    again.stop()
    with pytest.raises(TrainingStopped):
        again.wait(60)


def test_ctrl_c_while_waiting_stops_the_training(monkeypatch):
    training = Training(discs_model(max_epochs=1000), every=0)
    training.start(device="cpu")
    join, asked = threading.Thread.join, []

    def interrupted(self, timeout=None):
        if not asked:
            asked.append(1)
            raise KeyboardInterrupt
        join(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(TrainingStopped):
        training.wait()


def test_an_error_is_kept_and_told():
    training = Training(discs_model())
    training.start(stage="soup")
    with pytest.raises(UsageError, match="soup"):
        training.wait(60)
    assert training.state == FAILED and "soup" in training.message
    with pytest.raises(UsageError), training.watching():
        training.model.train(stage="soup")
    assert training.state == FAILED


def test_misuse(tmp_path):
    with pytest.raises(UsageError, match="a method train"):
        Training(3)
    with pytest.raises(UsageError, match="has none"):
        Training().start()
    with pytest.raises(UsageError, match="call start"):
        Training().wait()
    with pytest.raises(UsageError, match="there is none"):
        Training(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="found none"):
        Training(tmp_path)
    (tmp_path / "prior" / "part_fit" / "log").mkdir(parents=True)
    (tmp_path / "prior" / "part_fit" / "log" / "metrics.csv").write_bytes(b"\xff\xfe\x00nonsense")
    with pytest.raises(FileFormatError, match="cannot be read"):
        Training(tmp_path)
