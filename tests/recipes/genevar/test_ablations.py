"""Ablations on random networks of nano size: equal runs are shared, finished ones kept, tables made, nothing leaks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genviz._errors import DataError, FileFormatError
from genviz.models import GeneVAR
from genviz.models.genevar.ablations import complete
from genviz.models.genevar.flow.masking import MaskNoise, scores
from genviz.models.genevar.presets import changed, preset
from genviz.recipes.genevar import ablation_flows as flows
from genviz.recipes.genevar import ablation_scores as told
from genviz.recipes.genevar import ablation_tables as tables
from genviz.recipes.genevar import ablations
from tests.models.genevar.model_cases import NANO, fitted, rows

BUDGET = {
    "flow": {"max_epochs": 6, "lr": 0.03},
    "prior": {"max_epochs": 1},
    "views": {"per_epoch": 16, "flow": 1},
}
NAMES = (
    "abl/a4_rcm",
    "abl/f4_grad",
    "abl/c1_var",
    "abl/f1_none",
    "abl/f2_random",
    "abl/x_train_oracle",
    "abl/c2_vit",
)


@pytest.fixture(scope="module")
def known():
    """A model, and rows of two sections."""
    adata = rows(40)
    GeneVAR.setup_anndata(adata)
    mine = (adata.obs["library_id"] == "A").to_numpy()
    training, test = adata[mine].copy(), adata[~mine].copy()
    return fitted(training), training, test


@pytest.fixture(scope="module")
def done(known, tmp_path_factory):
    """A setting whose runs are all there."""
    folder = tmp_path_factory.mktemp("ablations")
    model, training, test = known
    setting = ablations.setting(
        model,
        training,
        test,
        records=folder / "records",
        work=folder / "work",
        budget=BUDGET,
    )
    new = ablations.run(setting, [0], NAMES)
    return setting, new, folder


def test_equal_configurations_are_one_run():
    base = complete(preset("mini"))
    configs = ablations.configurations(base)
    groups = ablations.shared(configs)
    assert set(configs) == set(ablations.NAMES)
    same = {"abl/a4_rcm", "abl/c4_rcm", "abl/f4_grad", "abl/x_input_rk", "abl/x_train_self"}
    assert set(groups["abl/a4_rcm"]) == same
    assert groups["abl/c1_var"] == ("abl/c1_var", "abl/f1_none")
    assert len(groups) == 13
    assert configs["abl/x_train_prev"].mask.infer_target == "prev"
    assert configs["abl/c3_fm"].flow.steps == 5


def test_records_hold_what_the_tables_need(done):
    _, new, folder = done
    assert {path.name for path in new} == {
        "reference-0.json", "a4_rcm-0.json", "c1_var-0.json", "f2_random-0.json", "x_train_oracle-0.json",
        "c2_vit-0.json",
    }  # fmt: skip
    runs = tables.read_runs(folder / "records")
    own, plain, oracle = (runs[name][0] for name in ("f4_grad", "f1_none", "x_train_oracle"))
    assert {"nll", "nll_bound", "nll_null", "nll_1", "nll_3", "fd", "r", "flow_mean", "map_self"} <= set(own)
    assert own["nll"].value >= own["nll_bound"].value - 1e-9
    assert plain["nll"].value == pytest.approx(plain["nll_bound"].value)
    assert "flow_mean" not in plain and "nll_leaky" in oracle and "nll_leaky" not in own
    for name in ("nll", "fd", "r"):  # asked with the masks it was trained with
        assert own[f"{name}@self"].value == own[name].value
    assert own["nll@ones"].value != own["nll"].value
    kept = json.loads((folder / "records" / "f2_random-0.json").read_text())["config"]["mask"]["keep_rate"]
    assert 0.2 < kept < 0.8 and runs["f2_random"][0]["keep_rate"].value == kept
    assert "map_self" not in runs["c2_vit"][0] and "map_prev" in runs["c2_vit"][0]
    assert not list((folder / "work").glob("a4_rcm-*"))  # only flows and tokens are kept
    assert len(list((folder / "work").glob("flow-*-0"))) == 2


def test_what_is_done_is_not_done_again(done, monkeypatch):
    setting, _, folder = done
    monkeypatch.setattr(ablations, "prior_scores", None)
    assert ablations.run(setting, [0], NAMES) == []
    other = ablations.setting(
        setting.fitted, setting.held.adata[:0:-1].copy(), _renamed(setting), records=folder / "records",
        work=folder / "other", budget=BUDGET,
    )  # fmt: skip
    with pytest.raises(DataError, match="of others"):
        ablations.run(other, [0], NAMES)


def _renamed(setting):
    """The same rows as another section."""
    adata = setting.held.adata.copy()
    adata.obs["library_id"] = "C"
    adata.uns["spatial"]["C"] = {"mpp": 0.7}
    return adata


def test_the_test_section_is_no_training_section(known, tmp_path):
    model, training, _ = known
    with pytest.raises(DataError, match="nothing was trained on; A"):
        ablations.setting(model, training, training, records=tmp_path, work=tmp_path, budget=BUDGET)


def test_likelihoods_know_nothing_of_the_scale_they_predict(done):
    """Masks and maps of the last scale do not change with its tokens; the oracle's do."""
    setting = done[0]
    model = setting.fitted
    config = changed(model.config, {"mask": {"train_target": "oracle"}, "prior": {"masked_input": "rk"}})
    held = setting.held
    last = held.s_NL.clone()
    last[:, -16:] = (last[:, -16:] + 7) % 32
    found = []
    for s_NL in (held.s_NL, last):
        now = told.replace(held, s_NL=s_NL)
        one = told.replace(model, config=config)
        maps = told.teacher_maps(model.tokenizer.quantiser, s_NL, model.prior.layout, 8)
        found.append(
            [told._shown(one, now, held.x_NI, maps, held.keys(0, 0), leaky)[0][0] for leaky in (False, True)]
        )
    assert torch.equal(found[0][0], found[1][0])
    assert not torch.equal(found[0][1], found[1][1])


def test_agreement_of_a_map_with_itself_is_perfect(done):
    setting = done[0]
    flow = setting.fitted.flow
    before, f, r = told.latents(setting.fitted, setting.held.s_NL, 3)
    mask = setting.base.mask
    found = flows.map_agreement(
        flow, mask, 3, before, f, r, setting.held.x_NI, generator=torch.Generator().manual_seed(0)
    )
    assert all(-1 <= value <= 1 for value in found.values())
    noise = MaskNoise.drawn(flow, len(r), 3, generator=torch.Generator().manual_seed(0))
    score = scores(flow, mask, 3, r, setting.held.x_NI, noise, target="oracle", f_BDGG=f)
    assert flows.rank_correlation(score, score) == pytest.approx(1)


def test_mean_r_leaves_out_constant_statistics():
    x = np.random.default_rng(0).normal(size=(30, 3))
    y = np.stack([x[:, 0], -x[:, 1], np.ones(30)], axis=1)
    assert told.mean_r(x, y) == pytest.approx(0)
    assert told.mean_r(x, 2 * x + 1) == pytest.approx(1)


def test_tables(done, tmp_path):
    folder = done[2]
    page = tmp_path / "page.md"
    names = ("reference", "flow", "maps", "target", "5a", "5c", "5f", "input")
    page.write_text(
        "".join(f"<!-- table genevar_ablation-{n} -->\n<!-- end -->\n" for n in names)
        + "<!-- table x -->\n<!-- end -->\n"
    )
    tables.write_tables(folder / "records", page)
    text = page.read_text()
    assert "`f2_random`" in text and "real tiles of A" in text and "| `oracle` | `ones` |" in text
    assert text.endswith("<!-- table x -->\n<!-- end -->\n")
    page.write_text("<!-- table genevar_ablation-other -->\n<!-- end -->\n")
    with pytest.raises(FileFormatError, match="genevar_ablation-other"):
        tables.write_tables(folder / "records", page)
    with pytest.raises(DataError, match="found 0"):
        tables.read_runs(tmp_path)
    assert NANO["condition"]["n_latent"] == 4
