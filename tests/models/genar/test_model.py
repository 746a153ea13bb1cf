"""T10, T16 and the life cycle: names, keeping, refusing."""

from __future__ import annotations

import json
import subprocess
import sys

import anndata as ad
import numpy as np
import pytest

import genviz as gv
from genviz._errors import CheckpointError, DataError, MissingKeyError, UsageError
from genviz.models import GenAR
from tests.models.genar.cases import EVERY_KIND, GENES, tissue


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(gv.settings, "progress", False)


def _trained(adata, seed=0, epochs=3, **options):
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", **options).train(epochs, seed=seed)


@pytest.fixture(scope="module")
def model():
    gv.settings.progress = False
    return _trained(tissue())


def _weights(model):
    return {name: value.numpy() for name, value in model.fitted.ensemble.tensors().items()}


@pytest.mark.parametrize(("counts", "trunk"), EVERY_KIND)
def test_life_cycle(tmp_path, counts, trunk):
    """Train, save, load without AnnData, predict the same, write and read the result."""
    model = _trained(tissue(), counts=counts, trunk=trunk, n_members=2)
    model.save(tmp_path / "model", card="# A model")
    again = GenAR.load(tmp_path / "model")
    new = tissue(20, seed=1)
    first, second = model.predict(new, n_samples=8), again.predict(new, n_samples=8)
    assert list(first.var_names) == GENES
    assert first.obs_names.equals(new.obs_names)
    for name in ("genar", "genar_log2", "genar_lower", "genar_upper"):
        assert np.array_equal(first.layers[name], second.layers[name]), name
    assert {"genar_scale_1", "genar_scale_1_lower", "genar_scale_1_upper"} <= set(
        first.obsm
    ) or counts == "tokens"
    gv.io.write_h5ad(second, tmp_path / "p.h5ad")
    read = ad.read_h5ad(tmp_path / "p.h5ad")
    assert np.array_equal(read.layers["genar"], second.layers["genar"])
    record = json.loads(read.uns["genviz"]["genar"])
    assert record["checkpoint_sha256"] == again.fitted.sha256 is not None
    assert not list(tmp_path.rglob("*.pkl")) + list(tmp_path.rglob("*.pt"))


def test_counts_are_not_needed_and_not_read(model):
    """Predicting rows without any expression gives what rows with expression give."""
    new = tissue(20, seed=1)
    bare = new[:, []].copy()
    bare.layers.clear()
    assert np.array_equal(model.predict(bare).X, model.predict(new).X)
    assert "counts" not in model.predict(bare).layers


def test_the_users_object_is_not_changed(model):
    """predict writes into a new object."""
    new = tissue(20, seed=1)
    before = new.copy()
    model.predict(new)
    assert (new.X != before.X).nnz == 0
    assert set(new.layers) == set(before.layers) and set(new.obsm) == set(before.obsm)


def test_order_of_genes_does_not_matter():
    """T10: the same genes in another order of columns give the same model, by name."""
    adata = tissue()
    shuffled = adata[:, np.random.default_rng(0).permutation(12)].copy()
    one, two = _trained(adata), None
    GenAR.setup_anndata(shuffled, genes=GENES)
    two = GenAR(shuffled, preset="nano").train(3, seed=0)
    new = tissue(10, seed=1)
    assert np.array_equal(one.predict(new).X, two.predict(new).X)


def test_held_out_rows_touch_nothing():
    """T10: destroying held-out counts and features changes no weight, tree or scaler."""
    adata = tissue()
    adata.obs["split"] = np.where(adata.obs["library_id"] == "S0", "train", "test")
    broken = adata.copy()
    held = (broken.obs["split"] == "test").to_numpy()
    counts = broken.X.toarray()
    counts[held] = 900
    broken.X = type(broken.X)(counts)
    broken.obsm["X_morphology"][held] = 77.0
    one, two = _weights(_trained(adata)), _weights(_trained(broken))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_validation_section_is_only_looked_at():
    """Early stopping reads the section's likelihood; its rows are in no fit."""
    adata = tissue(seed=2)
    GenAR.setup_anndata(adata)
    fitted = GenAR(adata, preset="nano").train(5, seed=0, val="S1").fitted
    assert set(fitted.training_rows) == {"S0"}
    with pytest.raises(UsageError, match="S9"):
        GenAR(adata, preset="nano").train(2, val="S9")


def test_a_row_does_not_depend_on_its_company(model):
    """Any subset, any order: the same bits."""
    new = tissue(300, seed=1)
    whole = model.predict(new)
    index = np.random.default_rng(0).permutation(300)[:37]
    part = model.predict(new[index].copy())
    for name in ("genar", "genar_log2", "genar_lower"):
        assert np.array_equal(whole.layers[name][index], part.layers[name])


def test_on_a_cluster(model, request):
    """With a Dask client active, the same bits come from its workers."""
    new = tissue(300, seed=1)
    here = model.predict(new, n_samples=32)
    likely, pit = model.log_likelihood(new), model.pit(new, n_samples=32)
    tasks_there = request.getfixturevalue("tasks_there")
    there = model.predict(new, n_samples=32)
    assert tasks_there("_summary") == 2
    for name in here.layers:
        if name.startswith("genar"):
            assert np.array_equal(here.layers[name], there.layers[name]), name
    assert np.array_equal(model.log_likelihood(new), likely)
    assert tasks_there("_there") == 2
    for name, values in model.pit(new, n_samples=32).items():
        assert np.array_equal(values, pit[name]), name
    assert tasks_there("_there") == 4


def test_resumed_equals_uninterrupted(tmp_path):
    """T16: three epochs, then on to six from the folder = six epochs at once, bit for bit."""
    whole = _trained(tissue(), epochs=6, n_members=2)
    script = (
        "import sys, genviz as gv; gv.settings.progress = False\n"
        "from genviz.train import callbacks\n"
        "from genviz.models import GenAR\n"
        "from tests.models.genar.cases import tissue\n"
        "import os, signal\n"
        "seen = []\n"
        "done = callbacks.EpochCheckpoint.on_train_epoch_end\n"
        "def die(self, trainer, module):\n"
        "    done(self, trainer, module); seen.append(1)\n"
        "    if len(seen) == 9: os.kill(os.getpid(), signal.SIGKILL)\n"
        "callbacks.EpochCheckpoint.on_train_epoch_end = die\n"
        "a = tissue(); GenAR.setup_anndata(a)\n"
        "GenAR(a, preset='nano', n_members=2).train(6, seed=0, out_dir=sys.argv[1])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run")], capture_output=True, check=False
    )
    assert ended.returncode == -9, ended.stderr.decode()[-800:]
    adata = tissue()
    GenAR.setup_anndata(adata)
    resumed = GenAR(adata, preset="nano", n_members=2).train(6, seed=0, out_dir=tmp_path / "run", resume=True)
    one, two = _weights(whole), _weights(resumed)
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_another_run_is_not_resumed(tmp_path):
    """A folder of other rows or options is refused."""
    adata = tissue()
    GenAR.setup_anndata(adata)
    GenAR(adata, preset="nano").train(2, seed=0, out_dir=tmp_path)
    with pytest.raises(UsageError, match="differ"):
        GenAR(adata, preset="nano", width=64).train(2, seed=0, out_dir=tmp_path, resume=True)
    with pytest.raises(UsageError, match="out_dir"):
        GenAR(adata, preset="nano").train(2, resume=True)


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda a: a.obsm["X_morphology"].__setitem__((3, 2), np.nan), DataError, "finite"),
        (
            lambda a: a.obsm.__setitem__("X_morphology", a.obsm["X_morphology"][:, :4]),
            DataError,
            "6 features",
        ),
        (lambda a: a.obsm.__delitem__("X_morphology"), MissingKeyError, "gv.pp.embed"),
        (lambda a: a.uns["spatial"]["S0"].pop("mpp"), MissingKeyError, "mpp"),
    ],
)
def test_bad_rows(model, spoil, error, words):
    """Each says what was expected and what to do."""
    new = tissue(10, seed=1)
    spoil(new)
    with pytest.raises(error, match=words):
        model.predict(new)


def test_empty_section(model):
    """No rows: said in one line."""
    with pytest.raises(DataError, match="empty"):
        model.predict(tissue(10)[:0].copy())


def test_features_of_another_encoder(model):
    """The recipe is compared, not only the number of columns."""
    adata = tissue()
    adata.uns["genviz"] = {"features": {"morphology": json.dumps({"name": "morphology", "stain": "macenko"})}}
    trained = _trained(adata)
    new = tissue(10, seed=1)
    new.uns["genviz"] = {"features": {"morphology": json.dumps({"name": "morphology", "stain": "none"})}}
    with pytest.raises(DataError, match="stain"):
        trained.predict(new)


@pytest.mark.parametrize("values", [-1.0, 0.5, np.nan])
def test_bad_counts(values):
    """Training refuses counts that are not counts, and names the gene."""
    adata = tissue()
    counts = adata.X.toarray()
    counts[4, 7] = values
    adata.X = type(adata.X)(counts)
    GenAR.setup_anndata(adata)
    with pytest.raises(DataError, match="G7"):
        GenAR(adata, preset="nano").train(1)


def test_depth(model):
    """A section's median depth is met; a large mismatch warns; a row's own total is kept."""
    new = tissue(60, seed=1)
    told = 4 * float(np.median(new.X.toarray().sum(axis=1)))
    with pytest.warns(UserWarning, match="told"):
        result = model.predict(new, depth=told)
    for section in ("S0", "S1"):
        rows = (result.obs["library_id"] == section).to_numpy()
        assert np.median(result.layers["genar"][rows].sum(axis=1)) == pytest.approx(told, rel=0.02)
    totals = np.arange(1, 61)
    new.obs["total"] = totals
    exact = model.predict(new, depth="total")
    assert np.allclose(exact.layers["genar"].sum(axis=1), totals)
    for wrong in (-1.0, [1.0, 2.0], float("nan")):
        with pytest.raises(DataError):
            model.predict(new, depth=wrong)


def test_another_patients_tissue_warns(model):
    """Rows far from all training rows are flagged in the result and in a warning."""
    new = tissue(30, seed=1)
    new.obsm["X_morphology"] = new.obsm["X_morphology"] + 40
    with pytest.warns(UserWarning, match="unlike"):
        result = model.predict(new)
    assert any("unlike" in note for note in json.loads(result.uns["genviz"]["genar"])["warnings"])


def test_clamping_a_gene(model):
    """By name; unknown names are refused."""
    new = tissue(40, seed=1)
    before, after = model.predict(new), model.predict(new, clamp={"G3": 2.0})
    ratio = after.layers["genar"].mean(axis=0) / before.layers["genar"].mean(axis=0)
    assert ratio[3] == pytest.approx(2.0, rel=0.15)
    assert np.delete(ratio, 3) == pytest.approx(1.0, rel=0.15)
    with pytest.raises(UsageError, match="NOPE"):
        model.predict(new, clamp={"NOPE": 2.0})


def test_damaged_checkpoints(model, tmp_path):
    """Cut weights, edited genes, a newer format, another kind: refused with the way out."""
    model.save(tmp_path / "m")

    def broken(change):
        import shutil

        folder = tmp_path / f"b{len(list(tmp_path.iterdir()))}"
        shutil.copytree(tmp_path / "m", folder)
        change(folder)
        with pytest.raises(CheckpointError):
            GenAR.load(folder)

    broken(lambda f: (f / "weights.safetensors").write_bytes((f / "weights.safetensors").read_bytes()[:-50]))
    broken(lambda f: (f / "genes.txt").write_text("X\nY\n"))
    broken(lambda f: (f / "weights.safetensors").unlink())

    def newer(folder):
        config = json.loads((folder / "config.json").read_text())
        config["format"] = 999
        (folder / "config.json").write_text(json.dumps(config))

    broken(newer)
    with pytest.raises(UsageError, match="box"):
        GenAR.load(tmp_path / "nowhere")


def test_untrained_and_loaded_models_say_so(model, tmp_path):
    """Predicting before training, and training after loading."""
    adata = tissue()
    GenAR.setup_anndata(adata)
    with pytest.raises(UsageError, match="train"):
        GenAR(adata, preset="nano").predict(adata)
    with pytest.raises(MissingKeyError, match="setup_anndata"):
        GenAR(tissue(), preset="nano")
    with pytest.raises(UsageError, match="loaded"):
        GenAR.load(model.save(tmp_path / "m")).train()


def test_many_rows_in_bounded_memory(model):
    """Ten times the rows, nearly the same peak: samples are summarised chunk by chunk."""
    import tracemalloc

    peaks = []
    for n in (512, 3072):
        new = tissue(n, seed=1)
        tracemalloc.start()
        model.predict(new, n_samples=32)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]


def test_pit_of_many_rows_is_that_of_each_part(model, monkeypatch):
    """Rows are sampled in bounded chunks, which changes no value."""
    from genviz.models.genar.ensemble import Ensemble

    sizes, sample = [], Ensemble.sample

    def noted(self, rows, *args):
        sizes.append(len(rows))
        return sample(self, rows, *args)

    monkeypatch.setattr(Ensemble, "sample", noted)
    new = tissue(600, seed=1)
    whole = model.pit(new, n_samples=8, seed=3)
    assert sum(sizes) == 600 and max(sizes) <= 256
    part = model.pit(new[200:300].copy(), n_samples=8, seed=3)
    assert {name: len(values) for name, values in whole.items()} == dict.fromkeys(whole, 600)
    for name, values in part.items():
        assert np.array_equal(whole[name][200:300], values)


def test_seeds_and_epochs_that_cannot_be(model):
    with pytest.raises(UsageError, match="seed from 0"):
        model.predict(tissue(4, seed=1), seed=-1)
    with pytest.raises(UsageError, match="max_epochs, a whole number from 1; got 0"):
        _trained(tissue(), epochs=0)
