"""Every command, once, as it is meant."""

from __future__ import annotations

import json

import anndata as ad
import pytest
from typer.testing import CliRunner

import genviz as gv
from genviz._settings import settings
from genviz.cli import app
from tests.cli.test_download import manifest_of

COMMANDS = (
    "doctor", "data list", "data fetch", "data verify", "train genar", "predict genar", "evaluate genar", "report",
    "demo", "bench genar", "train pathar", "generate pathar", "evaluate pathar", "bench pathar",
    "train genevar", "generate genevar", "evaluate genevar", "bench genevar", "perturb",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_comes_with_an_example(command):
    said = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert said.exit_code == 0
    assert f"Example: genviz {command}" in said.output


def test_no_words_show_the_commands(run):
    said = run()
    assert said.code in (0, 2)
    assert all(command.split()[0] in said.out + said.err for command in COMMANDS)


def test_version(run):
    assert run("--version").out.strip() == gv.__version__


def test_doctor_says_what_to_do(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    said = run("doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(said.out)["findings"]}
    assert findings["python"]["level"] == "PASS"
    assert said.code == int(any(f["level"] == "FAIL" for f in findings.values()))
    assert all(f["fix"] for f in findings.values() if f["level"] != "PASS")
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "gone"))
    said = run("doctor")
    assert said.code == 1
    assert "Correct or unset GENVIZ_DATA" in said.out


def test_data_list_names_what_is_here(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    said = run("data", "list", "--json")
    assert said.code == 0
    (her2st,) = [entry for entry in json.loads(said.out)["data_sets"] if entry["name"] == "her2st"]
    assert her2st["n_here"] == 0
    assert len(her2st["sections"]) == 36
    assert "complete sections: none" in run("data", "list").out


def test_data_verify_fails_for_wrong_bytes(run, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "toy").mkdir(parents=True)
    toy = manifest_of(tmp_path, "http://127.0.0.1:1/plain/a.bin", b"right")
    assert "1 absent" in run("data", "verify", toy).out
    (tmp_path / "data" / "toy" / "a.bin").write_bytes(b"right")
    assert run("data", "verify", toy).code == 0
    (tmp_path / "data" / "toy" / "a.bin").write_bytes(b"wrong")
    said = run("data", "verify", toy, "--json")
    assert (said.code, json.loads(said.out)["wrong"]) == (1, 1)


def test_train_predict_evaluate_report(run, train, predict, tissue, tmp_path):
    """The main job, from files to a page."""
    said = train("--json", epochs=2)
    assert said.code == 0, said.err
    assert json.loads(said.out)["model"] == str(tmp_path / "run" / "model")
    said = predict(model=tmp_path / "run", adata=tissue.rows)
    assert said.code == 0, said.err
    assert f"24 genes at {tissue.read().n_obs} spots" in said.out
    out = tmp_path / "out" / "p.h5ad"
    scores = tmp_path / "scores.json"
    words = ("evaluate", "genar", "--pred", out, "--counts", tissue.counts, "--json", scores)
    said = run(*words)
    n = tissue.read().n_obs
    assert said.code == 2 and f"{n} were trained on ('P1')" in said.error and not scores.exists()
    said = run(*words, "--allow-seen")
    assert said.code == 0, said.err
    stamp = json.loads(scores.read_text())["leakage"]
    assert (stamp["overridden"], stamp["kinds"]) == (True, {"row": n})
    entry = json.loads(scores.read_text())["metrics"]["mse"]
    assert set(entry) >= {"value", "ci", "n", "baseline"}
    assert said.out.splitlines()[0].split() == ["genar"]
    page = tmp_path / "page.html"
    assert run("report", out, "--counts", tissue.counts, "--out", page).code == 0
    first, same, other = (
        run("report", out, "--counts", tissue.counts, "--out", page, "--seed", seed).code or page.read_text()
        for seed in (0, 0, 1)
    )
    assert first == same != other  # intervals are drawn
    said = run("report", out, "--genes", ", ", "--out", page)
    assert said.code == 2 and "Expected --genes as names" in said.error
    text = page.read_text()
    assert "<html" in text
    assert "https://cdn" not in text


def test_predict_from_a_slide_and_a_spot_table(predict, tissue, tmp_path):
    """No counts are needed; rows are named XxY, and a known depth scales the result."""
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(tissue.spots.read_text().splitlines()[:9]) + "\n")
    said = predict(spots=few, section="mine", mpp=1.0)
    assert said.code == 0, said.err
    plain = ad.read_h5ad(tmp_path / "out" / "p.h5ad")
    assert list(plain.obs["library_id"].unique()) == ["mine"]
    assert set(plain.obs_names) <= set(tissue.read().obs_names)
    record = json.loads(plain.uns["genviz"]["genar"])
    assert record["depth_told"] != "" or "depth_told" in record
    total = float(plain.layers["genar"].sum(axis=1).mean())
    assert predict(spots=few, section="mine", mpp=1.0, depth=total / 10).code == 0
    told = ad.read_h5ad(tmp_path / "out" / "p.h5ad")
    assert told.layers["genar"].sum() < 0.5 * plain.layers["genar"].sum()


def test_demo_smoke_is_offered_with_its_options():
    said = CliRunner().invoke(app, ["demo", "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert "--smoke" in said.output


def test_real_section(run, predict, her2st_dir, tmp_path):
    """A real slide, its first spots, and a model of other tissue: predicted, with a warning."""
    spots = (her2st_dir / "ST-spotfiles" / "C5_selection.tsv").read_text().splitlines()
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(spots[:5]) + "\n")
    (image,) = (her2st_dir / "ST-imgs" / "C" / "C5").glob("*.jpg")
    said = predict(image=image, spots=few, section="C5", mpp=0.687)
    assert said.code == 0, said.err
    assert "4 spots" in said.out
    assert (
        run("data", "verify", "her2st", "--sections", "C5")
        .out.rstrip()
        .endswith("0 wrong, 0 unchecked, 0 absent")
    )
