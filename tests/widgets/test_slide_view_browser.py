"""SlideView in JupyterLab and as a page: real clicks and drags, the kernel's state, and pixels."""

from __future__ import annotations

import math
import time

import anndata
import pytest

from genviz import widgets
from tests.controllers.slide_cases import NASTY, section

pytestmark = pytest.mark.browser

DATA = """import sys; sys.path.insert(0, {root!r})
from tests.controllers.slide_cases import section
import genviz as gv
adata = section({side}); adata.obs['kind'] = (['a', 'b'] * adata.n_obs)[:adata.n_obs]"""
REFUSED = """from genviz._errors import UsageError
def refused(*a, **k): raise UsageError('Not now.')
type(v.controller).select = refused"""
ROOT = __file__.rsplit("/tests/", 1)[0]

# Colour in the middle of a spot of a panel; where a spot is on the screen.
PIXEL = """([name, spot]) => {
  const {scene, panels} = [...document.querySelectorAll('*')].find((node) => node.gvSlide).gvSlide;
  const {canvas} = panels.get(name);
  const dense = canvas.width / scene.width;
  const x = (scene.xy[2 * spot] - scene.camera.x) * scene.camera.scale + scene.width / 2;
  const y = (scene.xy[2 * spot + 1] - scene.camera.y) * scene.camera.scale + scene.height / 2;
  const box = canvas.getBoundingClientRect();
  return {rgb: [...canvas.getContext('2d').getImageData(x * dense, y * dense, 1, 1).data].slice(0, 3),
    x: box.left + x, y: box.top + y, scale: scene.camera.scale};
}"""


def spot(page, panel, i):
    return page.evaluate(PIXEL, [panel, i])


def ready(opened):
    """Wait until the panels are drawn."""
    opened.page.wait_for_selector(".gv-slide-canvas", timeout=30_000)
    opened.page.wait_for_function(
        "() => [...document.querySelectorAll('*')].find((node) => node.gvSlide)?.gvSlide.drawn"
    )
    opened.page.locator(".gv-slide").scroll_into_view_if_needed()
    opened.page.wait_for_timeout(500)
    return opened.page


def circle(page, x, y, r, modifier=None):
    """Draw around a place with the mouse."""
    if modifier:
        page.keyboard.down(modifier)
    page.mouse.move(x + r, y)
    page.mouse.down()
    for k in range(1, 25):
        page.mouse.move(x + r * math.cos(k * math.pi / 12), y + r * math.sin(k * math.pi / 12))
    page.mouse.up()
    if modifier:
        page.keyboard.up(modifier)


def test_gene_hover_and_zoom(notebook):
    opened = notebook(
        DATA.format(root=ROOT, side=8), "v = gv.widgets.SlideView(adata, 'left', opacity=1.0); v"
    )
    page = ready(opened)
    bright, dark = spot(page, "measured", 0)["rgb"], spot(page, "measured", 7)["rgb"]
    assert bright[1] > 200, bright  # the bright end of viridis
    assert bright[2] < 80, bright
    assert dark[2] > dark[1] > dark[0], dark  # blue

    legend = page.locator("[data-panel=error] .gv-slide-legend").inner_text()
    assert "−" in legend and "-" not in legend  # a minus sign
    field = page.locator(".gv-search").first
    field.fill("fla")
    field.press("Enter")
    opened.until("v.gene", "flat")
    page.wait_for_timeout(600)
    assert spot(page, "measured", 0)["rgb"] == spot(page, "measured", 7)["rgb"]

    at = spot(page, "predicted", 9)
    page.mouse.move(at["x"], at["y"])
    page.wait_for_selector(".gv-slide-tip:not([hidden])")
    text = page.locator(".gv-slide-tip").inner_text()
    assert "1x1" in text
    assert "3 counts" in text
    assert "interval" in text

    page.mouse.click(at["x"], at["y"])
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(700)
    near = spot(page, "error", 9)
    assert near["scale"] > 1.5 * at["scale"]
    moved = spot(page, "predicted", 9)
    assert abs(moved["x"] - at["x"]) < 2  # what was under the pointer stays there
    page.mouse.dblclick(at["x"], at["y"])
    page.wait_for_timeout(300)
    assert spot(page, "error", 9)["scale"] == pytest.approx(at["scale"])

    opened.kernel("v.gene = 'left'; v.column = 'kind'; v.shown = ['measured']")
    page.wait_for_selector("[data-panel=column]")
    assert page.locator(".gv-slide-canvas").count() == 2
    page.wait_for_timeout(500)
    assert spot(page, "column", 0)["rgb"] != spot(page, "column", 1)["rgb"]
    assert spot(page, "measured", 0)["rgb"] == bright
    opened.check()


def test_lasso_writes_obs_and_undoes(notebook):
    opened = notebook(DATA.format(root=ROOT, side=8), "v = gv.widgets.SlideView(adata, 'left'); v")
    page = ready(opened)
    at, step = spot(page, "measured", 9), spot(page, "measured", 10)
    pitch = step["x"] - at["x"]
    page.get_by_role("button", name="Lasso", exact=True).click()
    page.locator(".gv-slide-name").fill(NASTY)
    circle(page, at["x"], at["y"], 0.6 * pitch)
    opened.until("adata.obs['region'].notna().sum() if 'region' in adata.obs else 0", "1")
    opened.until("adata.obs['region'].dropna().iloc[0]", NASTY)
    at = spot(page, "error", 12)
    circle(page, at["x"], at["y"], 1.2 * pitch, "Shift")
    opened.until("adata.obs['region'].notna().sum()", "6")
    at = spot(page, "error", 12)
    circle(page, at["x"], at["y"], 0.6 * pitch, "Alt")
    opened.until("adata.obs['region'].notna().sum()", "5")
    assert page.locator(".gv-slide-region").inner_text().startswith(NASTY)
    page.get_by_role("button", name="Undo", exact=True).click()
    opened.until("adata.obs['region'].notna().sum()", "6")
    page.locator(".gv-slide-canvas").first.press("Control+z")
    opened.until("adata.obs['region'].notna().sum()", "1")
    page.get_by_role("button", name="Redo", exact=True).click()
    opened.until("adata.obs['region'].notna().sum()", "6")
    page.get_by_label(f"Rename {NASTY}").click()
    page.get_by_label(f"New name of {NASTY}").fill("tumour")
    page.keyboard.press("Enter")
    opened.until("list(adata.obs['region'].cat.categories)", "['tumour']")
    opened.kernel("v.controller.select([0], 'edge')")
    page.wait_for_selector("text=edge")
    page.get_by_label("Delete tumour").click()
    opened.until("adata.obs['region'].notna().sum()", "1")
    opened.check()
    # What was refused is not told as done.
    opened.kernel(REFUSED)
    at = spot(page, "error", 20)
    circle(page, at["x"], at["y"], 0.6 * pitch)
    page.wait_for_selector(".gv-alert:not([hidden])")
    page.wait_for_timeout(300)
    assert "is now" not in page.locator(".gv-status").inner_text()
    opened.until("adata.obs['region'].notna().sum()", "1")


def test_regions_and_values_by_keys_alone(notebook):
    opened = notebook(DATA.format(root=ROOT, side=8), "v = gv.widgets.SlideView(adata, 'left'); v")
    page = ready(opened)
    press = page.get_by_role("button", name="Spot by spot", exact=True)
    press.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.classList.contains('gv-slide-canvas')")
    status = page.locator(".gv-status")
    page.keyboard.press("ArrowRight")
    first = status.inner_text().split(",")[0]
    assert "measured" in status.inner_text()
    page.keyboard.press("Space")
    opened.until(
        "list(adata.obs_names[adata.obs['region'].notna()]) if 'region' in adata.obs else 0", f"[{first!r}]"
    )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".gv-slide-tip:not([hidden])")
    second = page.locator(".gv-slide-tip b").inner_text()
    at = [[int(n) for n in name.split("x")] for name in (first, second)]
    assert abs(at[0][0] - at[1][0]) + abs(at[0][1] - at[1][1]) == 1  # the next one
    page.keyboard.press("Space")
    opened.until("adata.obs['region'].notna().sum()", "2")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f".gv-slide-tip b >> text={first}")  # the card goes along
    page.keyboard.press("Space")
    opened.until("list(adata.obs_names[adata.obs['region'].notna()])", f"[{second!r}]")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    assert spot(page, "measured", 9)["scale"]  # at the edge it stays
    page.keyboard.press("Escape")
    assert press.get_attribute("aria-pressed") == "false"
    opened.check()


def drawn_until(page, seen, timeout_s=15):
    """Wait for what is to be seen; a busy machine draws late."""
    end = time.monotonic() + timeout_s
    while not seen():
        assert time.monotonic() < end, "what was expected is not drawn"
        page.wait_for_timeout(100)


def test_many_spots_and_fifty_genes_in_a_row(notebook):
    opened = notebook(
        DATA.format(root=ROOT, side=150), "v = gv.widgets.SlideView(adata, 'left', opacity=1.0); v"
    )
    page = ready(opened)
    opened.kernel("for i in range(50): v.gene = ['left', 'flat'][i % 2]")
    drawn_until(page, lambda: spot(page, "measured", 0)["rgb"] == spot(page, "measured", 149)["rgb"])
    assert page.locator(".gv-search").first.input_value() == "flat"
    canvas = page.locator(".gv-slide-canvas").first
    for key in ("ArrowLeft", "ArrowUp", "+", "+", "-", "0"):
        canvas.press(key)
    page.wait_for_timeout(500)
    opened.kernel("v.gene = 'left'")
    drawn_until(page, lambda: spot(page, "measured", 0)["rgb"] != spot(page, "measured", 149)["rgb"])
    opened.check()


def test_the_page_works_offline(page_of, tmp_path):
    both = {"uns_merge": "unique", "index_unique": "_"}
    adata = anndata.concat([section(), section(4, library="S2")], **both)
    view = widgets.SlideView(adata, "left", opacity=1.0)
    opened = page_of(view.to_html(tmp_path / "page.html", genes=["flat", NASTY]), dark=True)
    page = ready(opened)
    before = spot(page, "measured", 7)["rgb"]
    field = page.locator(".gv-search").first
    field.fill("<img")
    field.press("Enter")
    page.wait_for_timeout(400)
    assert field.input_value() == NASTY
    assert page.locator("img[src=x]").count() == 0
    assert spot(page, "measured", 63)["rgb"] != before
    at = spot(page, "measured", 9)
    page.mouse.move(at["x"], at["y"])
    page.wait_for_selector(".gv-slide-tip:not([hidden])")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Lasso", exact=True).click()
    circle(page, at["x"], at["y"], 0.6 * (spot(page, "measured", 10)["x"] - at["x"]))
    page.wait_for_selector(".gv-slide-region")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines == ['"spot","library_id","region"', '"1x1_0","S1","region 1"']
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_selector(".gv-slide-region", state="detached")
    page.get_by_label("Section").select_option("S2")
    page.wait_for_timeout(500)
    assert (
        page.evaluate(
            "() => [...document.querySelectorAll('*')].find((n) => n.gvSlide).gvSlide.scene.xy.length"
        )
        == 32
    )
    # A step made before this section was looked at knows it too; the table has both sections.
    page.get_by_role("button", name="Redo", exact=True).click()
    page.wait_for_selector(".gv-slide-region")
    at = spot(page, "measured", 5)
    circle(page, at["x"], at["y"], 0.6 * (spot(page, "measured", 6)["x"] - at["x"]))
    page.wait_for_selector(".gv-slide-region >> text=2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[1:] == ['"1x1_0","S1","region 1"', '"1x1_1","S2","region 1"']
    opened.check()
