"""`Velocity` in a browser: pointing, moving along the way, null arrows, colours, and the page without a kernel."""

from __future__ import annotations

import pytest

from genviz.widgets.velocity import Velocity
from tests.controllers.velocity_cases import paths

pytestmark = pytest.mark.browser

CELL = """
import sys; sys.path.insert(0, {root!r})
from tests.controllers.velocity_cases import paths
from genviz.widgets.velocity import Velocity
view = Velocity(paths(px=64))
view
"""


@pytest.fixture
def cell(pytestconfig):
    return CELL.format(root=str(pytestconfig.rootpath))


# Colours of a canvas: how many pixels are near one.
COUNT = """(canvas, rgb) => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let n = 0;
  const off = (i) => rgb.reduce((sum, one, c) => sum + Math.abs(data[i + c] - one), 0);
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && off(i) < 40) n++;
  return n;
}"""
BLUE = [0, 114, 178]
POINTED = ".gv-vel-cards[data-row]:not([data-row='-1'])"  # a page's policy forbids wait_for_function


def middle(canvas):
    """Colour of the middle pixel."""
    return canvas.evaluate(
        "(c) => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data].slice(0, 3)"
    )


def settled(page):
    page.wait_for_timeout(250)


def test_in_the_notebook(notebook, cell):
    book = notebook(cell)
    page = book.page
    canvas = page.locator(".gv-vel-canvas")
    canvas.first.wait_for()
    assert canvas.count() == 2 and canvas.first.evaluate(COUNT, BLUE) > 50
    # A name with HTML in it is text.
    assert page.locator(".gv-vel-key", has_text="<img src=x onerror=alert(1)>").count() == 1

    # Keys go from row to row; Enter pins, which the kernel sees; tiles are those of the row.
    canvas.first.scroll_into_view_if_needed()
    canvas.first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(POINTED)
    page.keyboard.press("Enter")
    row = page.locator(".gv-vel-cards").get_attribute("data-row")
    book.until("view.row", f"r{row}")
    tile = page.locator(".gv-vel-tile")
    settled(page)
    assert middle(tile.nth(0)) == [int(row), 0, 0]
    assert middle(tile.nth(1)) == [0, 160, 40] and middle(tile.nth(2)) == [0, 160, 240]

    # The way: another frame, other pixels, and the kernel knows.
    page.get_by_label("Noise → data").fill("0")
    book.until("view.share", "0.0")
    settled(page)
    assert middle(tile.nth(2)) == [0, 0, 240]

    # Null arrows are other panels beside; Python sets the colour.
    page.get_by_label("Null arrows").select_option("shuffled")
    canvas.nth(3).wait_for()
    book.until("view.control", "shuffled")
    book.kernel("view.colour = 'reads'; view.share = 1.0")
    page.wait_for_selector(".gv-vel-legend .gv-bar")
    settled(page)
    assert canvas.first.evaluate(COUNT, BLUE) < 20
    book.check()


def test_zoom_drag_and_click_move_all_panels_together(notebook, cell):
    book = notebook(cell)
    page = book.page
    canvas = page.locator(".gv-vel-canvas")
    canvas.first.wait_for()
    canvas.first.scroll_into_view_if_needed()
    settled(page)
    before = [canvas.nth(i).screenshot() for i in (0, 1)]
    box = canvas.first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    # The wheel scrolls the page until a picture has the focus.
    page.mouse.move(x, y)
    page.mouse.wheel(0, -1)
    page.wait_for_selector("text=hold Ctrl, to zoom")
    canvas.first.focus()
    page.mouse.wheel(0, -300)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=4)
    page.mouse.up()
    page.mouse.move(2, 2)
    settled(page)
    after = [canvas.nth(i).screenshot() for i in (0, 1)]
    assert before[0] != after[0] and before[1] != after[1]
    page.get_by_role("button", name="Show all").click()
    page.mouse.move(2, 2)
    settled(page)
    # Clicking the legend hides a group: fewer of its pixels.
    blue = canvas.first.evaluate(COUNT, BLUE)
    page.locator(".gv-vel-key").first.click()
    settled(page)
    assert canvas.first.evaluate(COUNT, BLUE) < blue / 5
    # A click on a point pins it, seen from the kernel.
    page.locator(".gv-vel-key").first.click()
    spot = page.evaluate(
        """() => {
          const c = document.querySelector('.gv-vel-canvas');
          const {data, width, height} = c.getContext('2d').getImageData(0, 0, c.width, c.height);
          for (let y = 10; y < height - 10; y++) for (let x = 10; x < width - 10; x++) {
            const i = 4 * (y * width + x);
            const off = [0, 114, 178].reduce((sum, one, k) => sum + Math.abs(data[i + k] - one), 0);
            if (data[i + 3] > 200 && off < 40)
              return [x * c.clientWidth / width, y * c.clientHeight / height];
          }
        }"""
    )
    settled(page)
    box = canvas.first.bounding_box()
    page.mouse.click(box["x"] + spot[0], box["y"] + spot[1] + 1)
    book.until("view.row != ''", "True")
    book.check()


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_works_offline(page_of, tmp_path, dark):
    opened = page_of(Velocity(paths(px=64)).to_html(tmp_path / "v.html"), dark=dark)
    page = opened.page
    canvas = page.locator(".gv-vel-canvas")
    canvas.first.wait_for()
    settled(page)
    assert canvas.first.evaluate(COUNT, BLUE) > 50
    page.get_by_label("Colour").select_option("reads")
    page.wait_for_selector(".gv-vel-legend .gv-bar")
    page.get_by_label("Null arrows").select_option("others")
    canvas.nth(3).wait_for()
    canvas.first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(POINTED)
    settled(page)
    row = int(page.locator(".gv-vel-cards").get_attribute("data-row"))
    assert abs(middle(page.locator(".gv-vel-tile").first)[0] - row) < 8
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(600)
    page.get_by_role("button", name="Stop", exact=True).click()
    assert page.locator(".gv-vel-findings li").count() >= 6
    opened.check()
