"""recipes.runner, records and results: nothing is lost, nothing is run twice, nothing foreign is mixed in."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from genviz._errors import DataError, FileFormatError, UsageError
from genviz.metrics import Score
from genviz.recipes import runner
from genviz.recipes.data_files import data_files, hold_to_data
from genviz.recipes.experiment import Setting
from genviz.recipes.leakage import check_leakage
from genviz.recipes.leaks import Scored, Seen
from genviz.recipes.recipe import read_recipe
from genviz.recipes.runner import run_recipe
from tests.recipes.recipes_for_tests import Toy, toy_file, use_toy


@pytest.fixture
def toy(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    return read_recipe(toy_file(tmp_path))


def results_of(path):
    document = json.loads(path.read_text())
    return document, {row["row"]: row for row in document["rows"]}


def test_a_run_ends_in_results_a_table_and_a_figure(toy, tmp_path):
    path = run_recipe(toy, "nano", tmp_path / "run")
    assert path == tmp_path / "run" / "results.json"
    document, rows = results_of(path)
    assert document["schema"] == "genviz.results/1" and document["table"] == "Table 0"
    assert list(rows) == ["theirs", "ours", "dear", "extra", "again"]
    assert rows["again"]["scores"] == rows["ours"]["scores"] and "fd" in rows["again"]["published"]
    fd = rows["ours"]["scores"]["fd"]
    assert fd["values"] == [2.0, 3.0] and fd["value"] == 2.5 and fd["sd"] == pytest.approx(0.5**0.5)
    assert fd["ci"] == [1.0, 3.0] and fd["baseline"] == 9.0
    assert rows["ours"]["scores"]["acc"]["value"] is None  # NaN is null
    assert rows["extra"]["scores"]["fd"]["values"] == [20.0, 30.0]
    assert rows["theirs"]["published"]["acc"] == {"value": 0.9, "sd": 0.01}
    assert set(document["metrics"]["ours|fd"]) == {"value", "ci", "n", "baseline", "note"}
    told = document["provenance"]
    assert told["seeds"] == [0, 1] and told["data_files"]["phantom"].startswith("made by genviz")
    assert {job["variant"] for job in told["jobs"]} == {"ours"}
    assert {"genviz", "packages", "processor", "threads"} <= set(told["jobs"][0]["machine"])


def test_a_job_is_stamped_with_what_the_gate_found(tmp_path, monkeypatch):
    """Real recipe: the phantom's sections are patients of their own; a planted panel leak stops the run."""
    from genviz.recipes.catalogue import recipe

    one = recipe("genar-scales")
    document, _ = results_of(run_recipe(one, "nano", tmp_path / "run", rows=["one"]))
    (job,) = document["provenance"]["jobs"]
    assert job["leakage"]["overridden"] is False and job["leakage"]["same_patient"] is False


def test_patients_that_were_trained_on_are_told(toy, tmp_path, monkeypatch):
    measure = Toy.measure

    def gated(self, setting, row, seed):
        check_leakage(Scored(["x"], ["C5"], patients=["C"]), {"training": Seen(patients=frozenset({"C"}))})
        return measure(self, setting, row, seed)

    monkeypatch.setattr(Toy, "measure", gated)
    run_recipe(toy, "nano", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "records" / "ours-0.json").read_text())
    assert record["leakage"]["same_patient"] is True and record["leakage"]["patients"] == ["C"]
    assert "patients that were trained on (C)" in (tmp_path / "run" / "table.md").read_text()


def test_the_table_has_ours_beside_the_published(toy, tmp_path):
    run_recipe(toy, "nano", tmp_path / "run")
    table = (tmp_path / "run" / "table.md").read_text()
    assert "| Ours <b> | 2.50 ± 0.71 *50.0* | *0.950* |" in table
    assert "| Somebody's | *100.0* | *0.900 ± 0.010* |" in table
    assert "FD here, FID there" in table and "Made-up data" in table
    figure = (tmp_path / "run" / "figure.html").read_text()
    assert "Plotly.newPlot" in figure and '<script src="http' not in figure


def test_a_stopped_run_goes_on(toy, tmp_path, monkeypatch):
    measure = Toy.measure

    def stopped(self, setting, row, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return measure(self, setting, row, seed)

    monkeypatch.setattr(Toy, "measure", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"1 record is in .* goes on from there"):
        run_recipe(toy, "nano", tmp_path / "run")
    assert results_of(tmp_path / "run" / "results.json")[1]["ours"]["seeds"] == [0]
    monkeypatch.setattr(Toy, "measure", measure)
    Toy.asked.clear()
    run_recipe(toy, "nano", tmp_path / "run")
    assert Toy.asked == [("shared", "part", 1), ("measure", "ours", 1)]
    Toy.asked.clear()
    run_recipe(toy, "nano", tmp_path / "run")
    assert Toy.asked == []


def test_what_a_worker_writes_until_it_is_ended_is_counted(toy, tmp_path, monkeypatch):
    measure = Toy.measure

    def stopped(self, setting, row, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return measure(self, setting, row, seed)

    def one_more():  # as a worker does that is at its end when Ctrl-C comes
        monkeypatch.setattr(Toy, "measure", measure)
        runner._measure(Setting(toy, toy.size("nano"), out / "models"), out, toy.rows[1], 1)

    out = tmp_path / "run"
    monkeypatch.setattr(Toy, "measure", stopped)
    monkeypatch.setattr(runner, "end_workers", one_more)
    with pytest.raises(KeyboardInterrupt, match=r"2 records are in"):
        run_recipe(toy, "nano", out)
    assert results_of(out / "results.json")[1]["ours"]["seeds"] == [0, 1]


def test_one_seed_and_row_may_be_asked_for_and_the_table_keeps_all(toy, tmp_path):
    run_recipe(toy, "nano", tmp_path / "run", seeds=[1])
    run_recipe(toy, "nano", tmp_path / "run", rows=["dear"], seeds=[5])
    _, rows = results_of(tmp_path / "run" / "results.json")
    assert rows["ours"]["seeds"] == [1] and rows["dear"]["seeds"] == [5]
    assert rows["extra"]["seeds"] == [1, 5]


def test_records_of_other_options_are_refused_and_left_alone(toy, tmp_path):
    run_recipe(toy, "nano", tmp_path / "run")
    before = sorted((tmp_path / "run").rglob("*"))
    with pytest.raises(DataError, match=r"a run of toy at mini; .* holds 'results.json of toy at nano'"):
        run_recipe(toy, "mini", tmp_path / "run")
    changed = read_recipe(toy_file(tmp_path, ("base = 1.0", "base = 1.5")))
    with pytest.raises(DataError, match="other data or options"):
        run_recipe(changed, "nano", tmp_path / "run")
    assert sorted((tmp_path / "run").rglob("*")) == before


def test_the_run_of_another_recipe_is_not_written_over(toy, tmp_path):
    run_recipe(toy, "nano", tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    other = tmp_path / "tie.toml"
    changes = (
        ('name = "toy"', 'name = "tie"'),
        ('name = "ours"', 'name = "mine"'),
        ('same_as = "ours"', 'same_as = "mine"'),
    )
    toy_file(tmp_path, *changes, ('rows = ["ours"]', 'rows = ["mine"]')).rename(other)
    with pytest.raises(DataError, match=r"holds 'ours-0\.json', 'ours-1\.json'"):
        run_recipe(read_recipe(other), "nano", tmp_path / "run")


def test_seeds_that_define_no_score_are_counted(toy, tmp_path, monkeypatch):
    measure = Toy.measure

    def sometimes(self, setting, row, seed):
        found = measure(self, setting, row, seed)
        return found if seed else found | {row.name: found[row.name] | {"fd": Score(float("nan"))}}

    monkeypatch.setattr(Toy, "measure", sometimes)
    run_recipe(toy, "nano", tmp_path / "run")
    assert "| Ours <b> | 3.00 [2.00, 4.00] (1 of 2 seeds)" in (tmp_path / "run" / "table.md").read_text()


def test_a_damaged_record_is_named(toy, tmp_path):
    run_recipe(toy, "nano", tmp_path / "run")
    (tmp_path / "run" / "records" / "ours-1.json").write_text("{")
    with pytest.raises(FileFormatError, match=r"ours-1\.json.*Delete it"):
        run_recipe(toy, "nano", tmp_path / "run")


def test_a_file_in_the_place_of_the_folder(toy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        run_recipe(toy, "nano", tmp_path / "file")


def test_models_may_be_shared(toy, tmp_path):
    run_recipe(toy, "nano", tmp_path / "run", models=tmp_path / "models")
    found = sorted(path.name for path in (tmp_path / "models").iterdir() if path.name[0] != ".")
    assert found == ["data_files.json", "part-0", "part-1"]


def test_a_typo_in_the_last_row_is_found_before_the_first_is_run(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    typo = read_recipe(toy_file(tmp_path, ("add = 2.0", "ad = 2.0")))
    with pytest.raises(UsageError, match="add in the row dear; got ad"):
        run_recipe(typo, "nano", tmp_path / "run", rows=["ours", "dear"])
    assert Toy.asked == []


def test_records_and_models_of_other_bytes_are_refused(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    data = tmp_path / "rows.h5ad"
    data.write_bytes(b"first")
    toy = read_recipe(toy_file(tmp_path, ('name = "phantom"', f'name = "{data}"')))
    first = run_recipe(toy, "nano", tmp_path / "run", models=tmp_path / "models")
    assert list(results_of(first)[0]["provenance"]["data_files"]) == [str(data)]
    data.unlink()
    run_recipe(toy, "nano", tmp_path / "run", models=tmp_path / "models")  # the table can still be written
    assert list(results_of(first)[0]["provenance"]["data_files"]) == [str(data)]
    data.write_bytes(b"second")
    Toy.asked.clear()
    for folder, models in (("run", "new models"), ("new run", "models")):
        with pytest.raises(DataError, match=r"rows\.h5ad' has other bytes now"):
            run_recipe(toy, "nano", tmp_path / folder, models=tmp_path / models, seeds=[7])
    assert Toy.asked == []
    run_recipe(toy, "nano", tmp_path / "third", models=tmp_path / "third models")


def test_the_last_process_to_write_has_seen_all_records(toy, tmp_path):
    out = tmp_path / "run"
    run_recipe(toy, "nano", out, seeds=[0])
    run_recipe(toy, "nano", tmp_path / "other", seeds=[1])
    with ThreadPoolExecutor(1) as beside:
        with FileLock(out / "records" / ".results.lock"):
            waiting = beside.submit(run_recipe, toy, "nano", out, seeds=[0])
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
            shutil.copy(tmp_path / "other" / "records" / "ours-1.json", out / "records")
        found = results_of(waiting.result())[1]
    assert found["ours"]["seeds"] == [0, 1]


def test_data_that_change_under_a_run_are_told(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    data = tmp_path / "rows.h5ad"
    data.write_bytes(b"first")
    toy = read_recipe(toy_file(tmp_path, ('name = "phantom"', f'name = "{data}"')))
    measure = Toy.measure

    def changing(self, setting, row, seed):
        data.write_bytes(b"second")
        return measure(self, setting, row, seed)

    monkeypatch.setattr(Toy, "measure", changing)
    with pytest.raises(DataError, match="other bytes"):
        run_recipe(toy, "nano", tmp_path / "run")


def test_data_that_changed_before_the_first_record_are_told(tmp_path, monkeypatch):
    """Another run took the folder, where nothing was made yet, for the new bytes."""
    use_toy(monkeypatch)
    data = tmp_path / "rows.h5ad"
    data.write_bytes(b"first")
    toy = read_recipe(toy_file(tmp_path, ('name = "phantom"', f'name = "{data}"')))
    begun = Toy.make_shared

    def changing(self, setting, part, seed):
        data.write_bytes(b"second")
        for folder in (tmp_path / "run", setting.models):
            hold_to_data(folder, data_files(setting.data))
        return begun(self, setting, part, seed)

    monkeypatch.setattr(Toy, "make_shared", changing)
    with pytest.raises(DataError, match="other bytes"):
        run_recipe(toy, "nano", tmp_path / "run", models=tmp_path / "models", seeds=[0])


def test_files_of_one_name_do_not_stand_in_each_other_s_way(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (data := tmp_path / folder / "rows.h5ad").write_bytes(folder.encode())
        own = read_recipe(toy_file(tmp_path / folder, ('name = "phantom"', f'name = "{data}"')))
        run_recipe(own, "nano", tmp_path / folder / "run", models=tmp_path / "models")


def test_jobs_run_on_a_cluster(tmp_path):
    """Real recipe, real processes: what travels can travel, and the numbers are those of one process."""
    from genviz.recipes.catalogue import recipe
    from genviz.recipes.workers import workers_of

    one = recipe("genar-scales")
    alone = run_recipe(one, "nano", tmp_path / "alone", rows=["one", "three"])
    with workers_of(2):
        run_recipe(one, "nano", tmp_path / "beside", rows=["one", "three"])
    first, second = (results_of(path / "results.json")[0] for path in (alone.parent, tmp_path / "beside"))
    assert first["metrics"] == second["metrics"]
