"""The swap view in JupyterLab and as a page: brushes, swaps, undo, drawing, rows."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

MAKE = """
import genviz as gv
model = gv.models.PathAR.load("pathar-dsb-mini", device="cpu")
tiles = model.generate(["fluorescence", "histology"], n=1, seed=0)
"""
SHOW = "view = gv.widgets.TokenSwap(model, tiles)\nview"
MEAN = """canvas => { const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const sum = [0, 0, 0]; for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
  return sum.map((value) => value / (data.length / 4)); }"""


def canvas_of(page, panel):
    return page.locator(".gv-swap-panel canvas").nth(panel)


def drag(page, canvas, start, end, *, key=None):
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    if key:
        page.keyboard.down(key)
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=6)
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def changed(page, canvas, before):
    page.wait_for_function(
        f"([canvas, before]) => {{ const now = ({MEAN})(canvas);"
        " return now.some((value, i) => Math.abs(value - before[i]) > 1.5); }",
        arg=[canvas.element_handle(), before],
    )
    return canvas.evaluate(MEAN)


def test_brush_swap_undo_branch_and_keep(notebook):
    opened = notebook(MAKE, SHOW)
    page = opened.page
    edited = canvas_of(page, 2)
    edited.wait_for()
    page.wait_for_function("() => document.querySelectorAll('.gv-swap-step').length === 1")
    page.get_by_label("Nuclei").uncheck()
    drag(page, edited, (0.03, 0.03), (0.97, 0.47), key="Shift")
    opened.until("len(view.cells)", "128")
    dark = edited.evaluate(MEAN)
    assert max(dark) > 3
    page.get_by_role("button", name="Appearance", exact=True).click()
    opened.until("view.step", "1")
    stained = changed(page, edited, dark)
    assert max(stained) - min(stained) > max(dark) - min(dark) + 2  # colour came in
    assert "synthetic" in page.locator(".gv-swap-caption").nth(2).inner_text()
    opened.until(
        "(view.edits.card(view.tile).appearance_N != view.edits.card(view.tile, 0).appearance_N)[128:].any()",
        "False",
    )
    edited.focus()
    page.keyboard.press("Control+z")
    opened.until("view.step", "0")
    page.get_by_role("button", name="None", exact=True).click()
    opened.until("view.cells", "[]")
    page.get_by_role("button", name="Structure", exact=True).click()
    opened.until("(view.step, view.edits.history.steps[2].parent)", "(2, 0)")
    page.locator(".gv-swap-step[data-step='1']").click()
    opened.until("view.step", "1")
    page.get_by_role("button", name="Add to rows").click()
    opened.until("len(view.edits.kept)", "1")
    assert opened.kernel("print(view.rows.obs_names[0])") == "fluorescence-0~1"
    opened.kernel("view.edits.restore('fluorescence-0'); view.cells = [0]")
    page.wait_for_selector(".gv-swap-step[data-step='3'][aria-current]")
    opened.check()


def test_drawing_stops_and_draws(notebook):
    opened = notebook(MAKE, SHOW)
    page = opened.page
    edited = canvas_of(page, 2)
    edited.wait_for()
    page.get_by_label("as", exact=True).select_option("histology")
    page.get_by_role("button", name="Render the tile").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_selector(".gv-progress", state="hidden", timeout=20_000)
    assert opened.kernel("print(len(view.edits.history.steps))") == "1"
    before = edited.evaluate(MEAN)
    drag(page, edited, (0.5, 0.55), (0.7, 0.6))
    page.get_by_label("Draw", exact=True).select_option("both")
    page.get_by_label("Seed").fill("3")
    page.get_by_label("Seed").press("Tab")
    opened.until("view.seed", "3")
    page.get_by_role("button", name="Redraw", exact=False).click()
    opened.until("view.step", "1", timeout_s=30)
    assert opened.kernel("print(view.edits.edits[1]['seed'], view.edits.edits[1]['what'])") == "3 both"
    page.get_by_label("Heat").select_option("appearance")
    page.wait_for_selector(".gv-swap-legend .gv-scale", timeout=20_000)
    changed(page, edited, before)
    opened.kernel("view.edits.fitted.prior = None; view.edits._pictures._surprises.clear()")
    page.get_by_role("button", name="Redraw", exact=False).click()
    page.wait_for_selector(".gv-alert:not([hidden])")
    assert "prior" in page.locator(".gv-alert").inner_text()
    opened.check()


SLOW = """import time
apply = view.edits.apply
def slow(edit, *heard):
    for _ in range(300 if heard else 0):
        time.sleep(0.1)
        heard[0](0, 1)
    return apply(edit, *heard)
view.edits.apply = slow"""


def test_a_change_that_comes_while_a_draw_runs_is_shown(notebook):
    opened = notebook(MAKE, SHOW)
    page = opened.page
    canvas_of(page, 2).wait_for()
    opened.kernel(SLOW)
    page.get_by_role("button", name="Render the tile").click()
    page.wait_for_selector(".gv-progress:not([hidden])")
    before = canvas_of(page, 2).evaluate(MEAN)
    opened.kernel("view.edits.swap('fluorescence-0', 'histology-0', 'appearance')")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_selector(".gv-swap-step[data-step='1'][aria-current]", timeout=10_000)
    changed(page, canvas_of(page, 2), before)
    opened.check()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    from genviz.models import PathAR
    from genviz.widgets import TokenSwap

    model = PathAR.load("pathar-dsb-mini", device="cpu")
    rows = model.generate(["fluorescence", "histology"], n=1, seed=0)
    rows.obs_names = ["<img src=x onerror=alert(1)>", "stained"]
    view = TokenSwap(model, rows)
    view.edits.swap("stained", rows.obs_names[0], "appearance", cells=range(100))
    return view.to_html(tmp_path_factory.mktemp("page") / "swap.html", title="Swap")


def test_the_page_swaps_offline(page_of, written):
    opened = page_of(written)
    page = opened.page
    edited = canvas_of(page, 2)
    edited.wait_for()
    page.wait_for_function("() => document.querySelectorAll('.gv-swap-step').length === 2")
    dark = edited.evaluate(MEAN)
    page.get_by_role("button", name="Appearance", exact=True).click()
    swapped = changed(page, edited, dark)
    page.get_by_label("as", exact=True).select_option("histology")
    page.get_by_role("button", name="Render the tile").click()
    changed(page, edited, swapped)
    page.get_by_label("Heat").select_option("structure")
    page.wait_for_selector(".gv-swap-legend .gv-scale")
    page.locator(".gv-swap-step[data-step='1']").click()
    page.get_by_role("button", name="Edit stained").click()
    assert "<img sr" in page.locator(".gv-swap-card").first.inner_text()
    assert page.get_by_role("button", name="Add to rows").count() == 0
    opened.check()
