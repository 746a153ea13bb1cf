"""What a display leaves behind, and what it looks like after another theme was chosen."""

from __future__ import annotations

import pytest

from genviz.widgets.scripts import source_of
from tests.widgets import test_gene_tree_browser as gene_tree
from tests.widgets import test_perturbation_sweep_browser as sweep
from tests.widgets import test_token_swap_browser as token_swap
from tests.widgets import test_velocity_browser as velocity

pytestmark = pytest.mark.browser

# Counts what the code of views (it comes from a blob) has open.
COUNTED = """(() => {
  const ours = () => new Error().stack.includes("blob:");
  const open = (window.gvOpen = { ResizeObserver: 0, MutationObserver: 0, bitmaps: 0, made: 0, media: 0 });
  for (const name of ["ResizeObserver", "MutationObserver"]) {
    const own = window[name];
    window[name] = class extends own {
      constructor(call) { super(call); this.ours = ours(); }
      observe(...asked) { if (this.ours && !this.on) { this.on = true; open[name]++; } super.observe(...asked); }
      disconnect() { if (this.on) { this.on = false; open[name]--; } super.disconnect(); }
    };
  }
  const create = window.createImageBitmap;
  window.createImageBitmap = async (...asked) => {
    const counted = ours();
    const bitmap = await create(...asked);
    if (!counted) return bitmap;
    open.bitmaps++;
    open.made++;
    const close = bitmap.close.bind(bitmap);
    bitmap.close = () => { open.bitmaps--; close(); };
    return bitmap;
  };
  for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]]) {
    const own = MediaQueryList.prototype[name];
    MediaQueryList.prototype[name] = function (...asked) {
      if (ours()) open.media += by;
      return own.apply(this, asked);
    };
  }
})()"""
SUM = gene_tree.SUM
SLIDE = """import sys; sys.path.insert(0, {root!r})
from tests.controllers.slide_cases import section
import genviz as gv
gv.widgets.SlideView(section(8), 'left', image=False)"""
BRUSHED = "view.cells = [0, 1]\nview"
VIEWS = {
    "slide": ([SLIDE], ".gv-slide-canvas", None),
    "tree": ([gene_tree.SETUP, "view"], ".gv-tree-icicle", None),
    "velocity": ([velocity.CELL], ".gv-vel-canvas", "ArrowRight"),
    "sweep": ([sweep.ROWS, sweep.VIEW], ".gv-map", None),
    "swap": ([token_swap.MAKE, token_swap.SHOW, BRUSHED], ".gv-swap-canvas", None),
}
NOTHING = "() => !gvOpen.ResizeObserver && !gvOpen.MutationObserver && !gvOpen.media && !gvOpen.bitmaps"


@pytest.mark.parametrize("name", VIEWS)
def test_a_display_follows_the_theme_and_leaves_nothing_behind(notebook, pytestconfig, name):
    cells, selector, key = VIEWS[name]
    cells = [cell.format(root=str(pytestconfig.rootpath)) if "{root!r}" in cell else cell for cell in cells]
    book = notebook(*cells, script=COUNTED)
    page = book.page
    book.theme("Light")  # the server remembers what another test chose
    canvas = page.locator(selector).last
    canvas.wait_for(timeout=30_000)
    page.wait_for_timeout(1200)
    if key:
        canvas.focus()
        canvas.press(key)
        page.wait_for_function("() => gvOpen.made > 0")
        canvas.press("Escape")
        page.wait_for_timeout(300)
    before = canvas.evaluate(SUM)
    book.theme("Dark")
    page.wait_for_function("([c, old]) => (" + SUM + ")(c) !== old", arg=[canvas.element_handle(), before])
    seen = page.evaluate("() => gvOpen")
    assert seen["ResizeObserver"] > 0 and seen["MutationObserver"] == seen["media"] > 0, seen
    book.theme("Light")
    page.evaluate("() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.wait_for_selector(".gv-view", state="detached")
    page.wait_for_function(NOTHING)
    book.check()


def test_what_is_kept_is_bounded_by_its_bytes(browser):
    page = browser.new_page()
    page.set_content("<p></p>")
    found = page.evaluate(
        "() => {"
        + source_of("js", "pictures")
        + """
          const dropped = [];
          const kept = keepNewest(10, { bytesOf: ([n]) => n, drop: ([, name]) => dropped.push(name) });
          kept.set("a", [4, "a"]);
          kept.set("b", [4, "b"]);
          kept.get("a");
          kept.set("c", [4, "c"]); // b was used longest ago
          kept.set("a", [1, "a2"]); // in place of the first
          kept.set("d", [20, "d"]); // larger than all that is allowed: it alone stays
          return [dropped, kept.get("a"), kept.get("d")];
        }"""
    )
    page.close()
    assert found == [["b", "a", "c", "a2"], None, [20, "d"]]
