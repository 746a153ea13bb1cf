"""pl.report: one page that needs nothing else, says what it shows, and runs nobody's code."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from genviz import pl
from genviz._errors import MissingKeyError, UsageError
from genviz.metrics import Score
from genviz.pl import report_figure
from tests.pl.cases import GENES, prediction

EVIL = '<img src=x onerror="window.hurt=1"><!--<script>\'&{{DATA}}'


def data_of(page: str) -> dict:
    """The embedded values."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def written(tmp_path, adata, **options) -> str:
    path = pl.report(adata, tmp_path / "report.html", **options)
    assert path == tmp_path / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_elsewhere(tmp_path):
    page = written(tmp_path, prediction(), scores={"genar": {"mse": Score(1.0)}})
    assert not re.search(r'(?:src|href)\s*=\s*["\']?(?:https?:)?//', page)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\s*\(|<link|<iframe", page)
    assert "{{" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert page.count("<script") == page.count("</script>") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_it_holds_the_prediction_its_scores_and_its_provenance(tmp_path):
    page = written(tmp_path, prediction(), scores={"genar": {"mse": Score(0.123)}}, title="Section C5")
    assert "<title>Section C5</title>" in page and "<h1>Section C5</h1>" in page
    assert data_of(page)["genes"] == GENES and len(data_of(page)["sections"]) == 1
    assert set(data_of(page)["colours"]) == {"expression", "error", "uncertainty"}
    assert "0.123" in page and "Scores against baselines" in page
    assert "Provenance" in page and "<th>seed</th>" in page


def test_the_default_title_says_how_much_there_is(tmp_path):
    assert "12 spots, 2 genes" in written(tmp_path, prediction(), genes=["ACTB", "CD3D"])


def test_synthetic_tissue_is_marked(tmp_path):
    mark = "This tissue is synthetic."
    assert mark not in written(tmp_path, prediction())
    trained = written(
        tmp_path, prediction(synthetic=True)
    )  # real tissue, in the eyes of a model of drawn tissue
    assert mark not in trained
    assert "The model was trained on synthetic tissue." in trained
    adata = prediction()
    adata.uns["genviz"]["synthetic"] = "{}"  # rows drawn by a program, whatever model predicted them
    page = written(tmp_path, adata)
    assert mark in page and data_of(page)["synthetic"]  # pictures are marked, too
    assert not data_of(written(tmp_path, prediction()))["synthetic"]


def test_what_a_reader_must_know_stands_on_top(tmp_path):
    page = written(tmp_path, prediction(measured=False, warnings=["40% look unlike <training>"]))
    notes = re.findall(r'<p class="note">(.*?)</p>', page)
    assert notes == [
        "No measured counts in this file: only predictions are shown.",
        "40% look unlike &lt;training&gt;",
    ]


def evil_prediction():
    """Names that are markup, in every place a name can stand."""
    adata = prediction(sections=(EVIL, "C5"), note=EVIL, level=0.8)
    adata.var_names = [EVIL, *GENES[1:]]
    return adata


def test_names_are_text_and_not_markup(tmp_path):
    page = written(tmp_path, evil_prediction(), title=EVIL, scores={EVIL: {"mse": Score(1.0)}})
    assert "<img" not in page and "<!--" not in page
    assert page.count("<script") == page.count("</script>") == 2
    data = data_of(page)
    assert data["genes"][0] == EVIL == data["sections"][0]["library"]
    assert "{{DATA}}</title>" in page  # not filled in a second time


def test_refusals(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    with pytest.raises(UsageError, match=r"unknown NOPE. See adata.var_names"):
        pl.report(prediction(), target, genes=["ACTB", "NOPE"])
    with pytest.raises(MissingKeyError, match="Expected a prediction"):
        bare = prediction()
        bare.layers.clear()
        pl.report(bare, target)
    monkeypatch.setattr(report_figure, "_MAX_VALUES", 60)
    with pytest.raises(
        UsageError, match=r"at most 60 values .*12 x 6. Pass genes=\[...\] with at most 5 genes"
    ):
        pl.report(prediction(), target)
    assert not target.exists()


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, without a network."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


def test_in_a_browser_it_draws_offline_and_runs_no_names(tmp_path, browser):
    pl.report(evil_prediction(), tmp_path / "report.html", title=EVIL)
    page = browser.new_page(offline=True)
    problems, asked = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("#panels canvas.map").count() == 4
    assert page.locator(".panel h3").last.inner_text().strip() == "Uncertainty (width of the 80 % interval)"
    assert (
        page.locator(".bar span:last-child").all_inner_texts() == ["log2(1+count)"] * 2 + ["log2 units"] * 2
    )
    assert page.locator("#gene-list option").count() == len(GENES)
    assert page.locator("#section option").first.text_content() == EVIL
    page.locator("#order").select_option("name")
    page.locator("#gene").fill("actb")
    page.keyboard.press("Enter")
    page.locator("#section").select_option("1")
    box = page.locator("#panels canvas.map").first.bounding_box()
    for step in range(12):  # across the spots, so that the tip shows
        page.mouse.move(box["x"] + box["width"] * step / 12, box["y"] + box["height"] / 2)
    page.locator("#gene").fill("nothing")
    page.keyboard.press("Enter")
    assert "No gene named" in page.locator("#message").text_content()
    assert page.evaluate("window.hurt") is None
    assert not problems
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
