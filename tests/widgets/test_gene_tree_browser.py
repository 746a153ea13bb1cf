"""`GeneTree` in a browser: groups, maps, edits, what-ifs on chosen spots, many moves, and the page without a kernel."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """
import sys; sys.path.insert(0, {root!r})
import genviz as gv
from tests.models.genar.cases import GENES, tissue
gv.settings.progress = False
adata, rows = tissue(), tissue(80, seed=1)
for one in (adata, rows):
    one.var_names = [*GENES[:-1], "<img src=x onerror=alert(1)>"]
gv.models.GenAR.setup_anndata(adata)
model = gv.models.GenAR(adata, preset="nano").train(3, seed=0)
view = gv.widgets.GeneTree(rows, model, gene_sets={{"first": GENES[:4]}}, gene="G2", scale=4)
"""

# Sum of a canvas' pixels: tells whether it was drawn anew.
SUM = """(c) => {
  const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] * (1 + (i % 97));
  return sum;
}"""
# Pixels that are clearly orange: counts that grew.
ORANGE = """(c) => {
  const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] > 150 && data[i + 1] < 150 && data[i + 2] < 90 && data[i + 3] > 200) n++;
  }
  return n;
}"""

INKED = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value) => value)"


@pytest.fixture
def setup(pytestconfig):
    return SETUP.format(root=str(pytestconfig.rootpath))


def ready(page):
    page.wait_for_selector(".gv-tree-side h3", timeout=30_000)
    return page.locator(".gv-tree-icicle"), page.locator(".gv-tree-figure .gv-tree-map")


def box_at(icicle, row, share):
    """A place in a row of the icicle, as a share of its boxes' width."""
    size = icicle.bounding_box()
    return {"x": 74 + share * (size["width"] - 74), "y": 30 * row + 15}


def test_groups_edits_and_undo(setup, notebook):
    """Clicks in the icicle move maps and traits; split, rename and undo arrive in the kernel."""
    book = notebook(setup, "view")
    page = book.page
    icicle, maps = ready(page)
    before = maps.nth(0).evaluate(SUM)
    icicle.click(position=box_at(icicle, 1, 0.97))
    book.until("view.scale, view.controller.chain(view.gene)[1]", "4 3")
    page.wait_for_function(
        "([c, old]) => (" + SUM + ")(c) !== old", arg=[maps.nth(0).element_handle(), before]
    )
    page.get_by_role("button", name="Split").click()
    book.until("view.controller.tree.scales, view.scale", "(1, 5, 8, 12) 5")
    n = book.kernel("c = view.controller; print(len(c.tree.members(1, c.chain(view.gene)[1])))")
    page.wait_for_selector(f"h4 >> text=Genes in this group: {n}")
    page.get_by_label("Name of this group").fill("<b>mine</b>")
    page.get_by_role("button", name="Rename").click()
    page.wait_for_selector("h3 >> text=<b>mine</b>")
    assert page.locator("h3 b").count() == 0
    page.locator(".gv-view").get_by_role("button", name="Undo").click()
    book.until("view.controller.history.at", "1")
    icicle.focus()
    page.keyboard.press("ArrowUp")
    book.until("view.scale", "1")
    page.get_by_role("button", name="Write into the data").click()
    book.until("'gene_tree' in rows.varm and gv.pp.tree.tree_of(rows).scales", "(1, 5, 8, 12)")
    book.check()


def test_what_if_on_chosen_spots(setup, notebook):
    """Draw around spots, double the group there: kernel values, an orange map, and the table of moved genes."""
    book = notebook(setup, "view")
    page = book.page
    _, maps = ready(page)
    first = maps.nth(0)
    first.scroll_into_view_if_needed()
    place = first.bounding_box()
    x, y, w, h = (place[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + 2, y + 2)
    page.mouse.down()
    for u, v in ((0.5, 0.01), (0.5, 0.5), (0.5, 0.98), (0.2, 0.98), (0.01, 0.98), (0.01, 0.5)):
        page.mouse.move(x + u * w, y + v * h, steps=3)
    page.mouse.up()
    page.wait_for_selector("text=spots chosen")
    chosen = int(book.kernel("print(len(view.selection))"))
    assert 5 < chosen < 40
    page.get_by_label("How much").fill("3")
    page.get_by_role("button", name="Re-generate").click()
    page.wait_for_selector("h4 >> text=Moved genes")
    book.until("len(view.controller.clamps[0]['rows'])", str(chosen))
    moved = book.kernel(
        "p, _, c = view.controller.values(1, view.controller.chain('G2')[1]);"
        "print(((c / p) > 2.9).sum(), ((c / p) > 1.1).sum())"
    )
    assert moved == f"{chosen} {chosen}"
    page.wait_for_function("(c) => (" + ORANGE + ")(c) > 100", arg=maps.nth(1).element_handle())
    page.get_by_role("button", name="Keep rows").click()
    book.until("view.result is not None", "True", timeout_s=30)
    page.get_by_role("button", name="Release").click()
    page.wait_for_selector("h4 >> text=Measured")
    book.check()


def test_spots_by_keys_and_a_line_that_draws_no_spot_again(setup, notebook):
    """Arrows and Space choose spots; a line in the making leaves the map's own canvas alone."""
    book = notebook(setup, "view")
    page = book.page
    _, maps = ready(page)
    first = maps.nth(0)
    first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".gv-tree-figure .gv-tip:not([hidden]) >> text=predicted")
    page.keyboard.press("Space")
    book.until("len(view.selection)", "1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    book.until("len(view.selection)", "2")
    page.keyboard.press("Escape")
    book.until("view.selection", "[]")
    first.scroll_into_view_if_needed()
    place = first.bounding_box()
    x, y = place["x"] + 20, place["y"] + 20
    page.mouse.move(x, y)
    page.mouse.down()
    calls = """c => {
      const pen = c.getContext('2d'), own = pen.fill;
      c.drawn = 0;
      pen.fill = function (...asked) { c.drawn++; own.apply(this, asked); };
    }"""
    first.evaluate(calls)
    for step in range(1, 9):
        page.mouse.move(x + 10 * step, y + 6 * step**1.3)
    assert first.evaluate("c => c.drawn") == 0
    over = page.locator(".gv-tree-over").first
    assert over.evaluate(INKED)
    page.mouse.up()
    assert not over.evaluate(INKED)
    book.check()


def test_many_moves_and_python_traits(setup, notebook):
    """Fifty moves of the scale end at the last; traits set in Python move the view; errors are shown."""
    book = notebook(setup, "view")
    page = book.page
    ready(page)
    page.evaluate(
        """() => {
          const range = document.querySelector('.gv-range');
          for (let i = 0; i < 50; i++) { range.value = i % 4; range.dispatchEvent(new Event('input')); }
        }"""
    )
    book.until("view.scale", "4")
    page.wait_for_function("() => document.querySelectorAll('.gv-tree-thumb')[1].ariaPressed === 'true'")
    book.kernel("view.gene = 'G9'; view.scale = 12")
    page.wait_for_selector("h3 >> text=G9")
    book.kernel("view.clamp(12, 0, value=7)")
    page.wait_for_selector("text=Moved genes")
    assert page.evaluate("() => document.querySelector('.gv-alert').hidden")
    page.get_by_label("How much").fill("-1")
    page.get_by_role("button", name="Re-generate").click()
    page.wait_for_selector(".gv-alert >> text=Expected a finite")
    held = book.kernel("print(view.controller.clamps)")
    page.get_by_label("How much").fill("")
    page.get_by_role("button", name="Re-generate").click()
    page.wait_for_selector(".gv-alert >> text=none is given")
    assert book.kernel("print(view.controller.clamps)") == held
    book.check()


def test_escape_ends_merging(setup, notebook):
    """By keyboard alone: press Merge, pick a group far away, Escape; nothing was merged."""
    book = notebook(setup, "view")
    page = book.page
    icicle, _ = ready(page)
    merge = page.locator("[data-name=merge]")
    merge.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=click groups of this scale")
    page.keyboard.press("Escape")  # the keyboard is still on the button
    page.wait_for_selector("text=click groups of this scale", state="detached")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-name=merge][aria-pressed=true]")
    icicle.focus()
    mine = int(book.kernel("print(view.controller.chain('G2')[1])"))
    page.keyboard.press("Home" if mine > 1 else "End")  # not a neighbour
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-name=merge] >> text=Merge 2")
    assert "to be merged" in page.locator(".gv-status").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-name=merge][aria-pressed=false]")
    assert book.kernel("print(view.controller.tree.scales, view.scale)") == "(1, 4, 8, 12) 4"
    book.check()


def test_the_page_without_a_kernel(setup, page_of, tmp_path):
    """Groups, genes and the search work offline; what needs the model is not there; names are text."""
    space = {}
    exec(setup, space)  # the cell, here
    path = space["view"].to_html(tmp_path / "tree.html", title="A tree")
    opened = page_of(path, dark=True)
    page = opened.page
    icicle, maps = ready(page)
    assert page.get_by_text("What if").count() == 0 and page.get_by_role("button", name="Split").count() == 0
    before = maps.nth(0).evaluate(SUM)
    icicle.click(position=box_at(icicle, 1, 0.97))
    page.wait_for_function(
        "([c, old]) => (" + SUM + ")(c) !== old", arg=[maps.nth(0).element_handle(), before]
    )
    page.get_by_label("Gene", exact=True).fill("<img")
    page.keyboard.press("Enter")
    page.locator(".gv-tree-thumb").nth(3).click()
    page.wait_for_selector("h3 >> text=<img src=x")
    page.locator(".gv-tree-thumb").nth(0).click()
    page.wait_for_selector("h3 >> text=all 12 genes")
    assert page.locator("img[src=x]").count() == 0
    opened.check()
