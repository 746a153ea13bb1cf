"""The sweep view in JupyterLab and as a page: picked, run, stopped and looked at with a mouse."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

# Made-up counts under the names of the shipped model's genes: nothing to download.
ROWS = """
import anndata as ad, numpy as np, genviz as gv
from scipy import sparse
gv.settings.progress = False
model = gv.models.GeneVAR.load("genevar-her2st-mini")
rng = np.random.default_rng(0)
counts = rng.poisson(rng.gamma(0.3, 2.0, len(model.genes)), (30, len(model.genes))).astype("float32")
for gene in ("ERBB2", "COL1A1"):
    counts[:, list(model.genes).index(gene)] = 3 + np.arange(30) % 5
adata = ad.AnnData(sparse.csr_matrix(counts))
adata.var_names = list(model.genes)
adata.obs_names = [f"{i % 6}x{i // 6}" for i in range(30)]
adata.obsm["spatial"] = np.stack([np.arange(30) % 6, np.arange(30) // 6], axis=1) * 100.0
adata.obs["half"] = np.where(np.arange(30) < 15, "upper", "lower")
adata.obs["half"] = adata.obs["half"].astype("category")
adata.uns["spatial"] = {"S": {"mpp": 1.0}}
"""
VIEW = """
view = gv.widgets.PerturbationSweep(model, adata, genes=["ERBB2"], doses=[0, 1, 4], n=1, controls=1)
view.rows = view.rows[:3]
view
"""

# Colours in the middle of a tile of the strip: row, column.
TILE = """([row, column]) => {
  const strip = document.querySelector(".gv-strip"), dense = window.devicePixelRatio;
  const size = (strip.height / dense - 30) / ROWS - 3, label = strip.width / dense - COLUMNS * (size + 3);
  const at = (x, y) => [...strip.getContext("2d").getImageData(x * dense, y * dense, 12, 12).data];
  const data = at(label + column * (size + 3) + size / 2, 30 + row * (size + 3) + size / 2);
  return new Set(data.filter((_, i) => i % 4 !== 3)).size;
}"""


def tile_colours(page, row: int, column: int, rows: int = 3, columns: int = 3) -> int:
    """How many values the pixels of a tile's middle have; an empty place has one."""
    return page.evaluate(TILE.replace("ROWS", str(rows)).replace("COLUMNS", str(columns)), [row, column])


def click_tile(page, row: int, column: int, rows: int = 3, columns: int = 3) -> None:
    box = page.locator(".gv-strip").bounding_box()
    size = (box["height"] - 30) / rows - 3
    label = box["width"] - columns * (size + 3)
    page.locator(".gv-strip").click(
        position={"x": label + (column + 0.5) * (size + 3), "y": 30 + (row + 0.5) * (size + 3)}
    )


def test_pick_run_look_and_hand_over(notebook, page_of, tmp_path):
    book = notebook(ROWS, VIEW)
    page = book.page
    page.wait_for_selector(".gv-map")
    # A box on the map picks its spots, a category spreads over its own, a gene is found by typing.
    box = page.locator(".gv-map").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 20, steps=4)
    page.mouse.up()
    book.until("view.rows", "['0x0', '1x0']")
    # By keys: a spot is picked with Space, and dropped again.
    page.locator(".gv-map").focus()
    for key in ("ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    book.until("len(view.rows)", "3")
    page.keyboard.press("Space")
    book.until("view.rows", "['0x0', '1x0']")
    page.get_by_label("Pick", exact=True).fill("3")
    page.get_by_label("Which spots").select_option("half\n1")
    book.until("len(view.rows), set(adata[view.rows].obs['half'])", "3 {'upper'}")
    page.get_by_role("combobox", name="Gene").fill("col1a1")
    page.keyboard.press("Enter")
    book.until("view.genes[:1], len(view.genes)", "['ERBB2'] 2")
    page.get_by_label("Doses, with commas between them").fill("0, much")
    page.click(".gv-run")
    page.wait_for_selector(".gv-alert:not([hidden])")
    assert "much" in page.locator(".gv-alert").inner_text()
    page.get_by_label("Doses, with commas between them").fill("0, 4")
    page.click(".gv-run")
    page.wait_for_function(
        "() => document.querySelectorAll('.gv-table tbody tr').length === 4", timeout=60_000
    )
    book.until("view.history.at", "1", timeout_s=60)
    page.wait_for_function("() => document.querySelector('.gv-held').innerText.includes('correlational')")
    assert all(tile_colours(page, row, column) > 20 for row in range(3) for column in range(3))
    # A click on a tile, an arrow key, a line of the table, a column's head.
    click_tile(page, 1, 0)
    book.until("view.row == view.rows[1], view.dose", "True x0")
    page.keyboard.press("ArrowRight")
    book.until("view.dose", "x1")
    page.locator(".gv-table tbody tr").last.click()
    gene = page.locator(".gv-table tr.gv-own td").first.inner_text()
    book.until("view.gene", gene)
    page.get_by_role("button", name="BH-adjusted p").click()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("BH")
    same = "gv.tl.perturb(model, adata[view.rows].copy(), view.genes, fold=(0, 4), n=1, seed=view.seed, controls=1)"
    assert book.kernel(f"print((view.result.obsm['genevar'] == {same}.obsm['genevar']).all())") == "True"
    book.check()
    # The same run as a page, without a kernel.
    path = tmp_path / "sweep.html"
    book.kernel(f"view.to_html({str(path)!r}); ''")
    handed = page_of(path)
    handed.page.wait_for_function("() => document.querySelectorAll('.gv-table tbody tr').length === 4")
    handed.page.wait_for_timeout(500)
    assert tile_colours(handed.page, 2, 2) > 20 and not handed.page.locator(".gv-run").count()
    large = "() => document.querySelectorAll('.gv-large')[1].toDataURL()"
    before = handed.page.evaluate(large)
    handed.page.get_by_label("Dose", exact=True).focus()
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        handed.page.keyboard.press(key)
    handed.page.wait_for_timeout(300)
    assert "0" in handed.page.locator(".gv-pair output").inner_text()
    handed.page.get_by_label("Gene", exact=True).select_option("ERBB2")
    handed.page.wait_for_timeout(500)
    assert handed.page.evaluate(large) != before
    handed.check()


def test_stop_keeps_what_is_there_and_a_name_is_only_a_name(notebook):
    evil = "<img src=x onerror=alert(1)>"
    named = f"adata.obs_names = [{evil!r}, *adata.obs_names[1:]]\n"
    view = VIEW.replace('["ERBB2"]', f'["ERBB2", {evil!r}]').replace("controls=1", "controls=30")
    book = notebook(ROWS + named, view)
    page = book.page
    page.wait_for_selector(".gv-run")
    page.click(".gv-run")
    page.wait_for_selector(".gv-alert:not([hidden])")
    assert evil in page.locator(".gv-alert").inner_text() and evil in page.locator(".gv-chips").inner_text()
    page.get_by_role("button", name=f"Take out {evil}").click()
    book.until("view.genes", "['ERBB2']")
    page.click(".gv-run")
    page.wait_for_function(
        "() => document.querySelectorAll('.gv-table tbody tr').length >= 2", timeout=60_000
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    book.until("view.history.at, view.history.at and view.history.state.stopped", "1 True", timeout_s=30)
    page.wait_for_function("() => document.querySelector('.gv-held').innerText.startsWith('Stopped')")
    assert tile_colours(page, 0, 0) > 20
    click_tile(page, 0, 2)
    page.wait_for_function("() => document.querySelector('.gv-pair h4').innerText.includes('onerror')")
    assert not page.locator(".gv-view img[src=x]").count()
    # Run again, from Python this time: the same front end follows.
    book.kernel("view.controls = 0; view.run(); ''")
    page.wait_for_function(
        "() => document.querySelector('.gv-held').innerText.includes('No controls were made')"
    )
    page.get_by_label("Runs").select_option("1")
    book.until("view.shown, view.history.at", "1 1")
    # An earlier run is looked at while another goes: nothing of that one is written into it.
    book.kernel("view.genes = ['COL1A1']; view.doses = [0, 2, 4, 8, 16]; view.controls = 12; ''")
    page.wait_for_selector("[aria-label='Take out COL1A1']")
    page.click(".gv-run")
    page.wait_for_selector(".gv-table tbody tr:has-text('COL1A1')", timeout=60_000)
    page.get_by_label("Runs").select_option("1")
    page.wait_for_function("() => document.querySelector('.gv-held').innerText.startsWith('Stopped')")
    rows = page.locator(".gv-table tbody").inner_text()
    share = page.locator(".gv-progress progress").evaluate("(bar) => bar.value")
    page.wait_for_function(
        "(least) => document.querySelector('.gv-progress progress').value > least",
        arg=share + 0.3,
        timeout=120_000,
    )
    page.wait_for_timeout(200)
    assert page.locator(".gv-table tbody").inner_text() == rows and "COL1A1" not in rows
    assert book.kernel("print(len(view.history.steps))").strip() == "3"  # it still goes
    page.get_by_role("button", name="Stop", exact=True).click()
    book.until("view.shown, view.history.at", "3 3", timeout_s=30)
    page.wait_for_selector(".gv-table tbody tr:has-text('COL1A1')")
    assert page.get_by_label("Runs").input_value() == "3"
    assert tile_colours(page, 0, 0) > 20
    book.check()
