"""What every view lives through in a browser: shown twice, a kernel that restarts, a notebook without a kernel."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

VIEW = """
import numpy as np
from genviz.widgets.messages import Answer
from genviz.widgets.view import View

class Squares(View):
    scripts = ()
    def handlers(self):
        return {"square": lambda asked: Answer({"is": asked["n"] ** 2})}

Squares._esm += '''
async function render({ model, el: host }) {
  const f = frame(model, host, "Squares");
  const canvas = el("canvas", { width: 60, height: 40, class: "square" });
  const shown = el("output", { class: "shown" }, "");
  f.body.append(canvas, shown);
  let n = 1;
  const next = async () => {
    const answer = await f.ask("square", { n: ++n }, { lane: "square" });
    if (!answer) return;
    shown.textContent = String(answer.data.is);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "rgb(200, 30, 30)";
    pen.fillRect(0, 0, 60, 40);
    f.keepStill(() => canvas);
  };
  f.controls.append(button("Next", next));
  next();
  return () => f.close();
}
export default { render };
'''
view = Squares()
view
"""


def nexts(book):
    return book.page.get_by_role("button", name="Next", exact=True)


def test_a_view_shown_twice_answers_each_by_itself(notebook):
    book = notebook(VIEW, "view")
    shown = book.page.locator(".shown")
    book.page.wait_for_function(
        "() => [...document.querySelectorAll('.shown')].every((s) => s.textContent === '4')"
    )
    nexts(book).nth(1).click()
    nexts(book).nth(1).click()
    book.page.wait_for_function("() => document.querySelectorAll('.shown')[1].textContent === '16'")
    assert shown.first.inner_text() == "4"
    book.check()


def test_a_kernel_that_restarts_is_told(notebook):
    book = notebook(VIEW)
    book.page.wait_for_selector(".shown:has-text('4')")
    book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    book.page.wait_for_timeout(1500)
    if nexts(book).count():  # JupyterLab may have taken the dead view away
        nexts(book).first.click()
        book.page.wait_for_selector(".gv-alert:has-text('Run the cell again')", timeout=15_000)
    book.run_all()
    book.page.wait_for_selector(".shown:has-text('4')")


def test_a_notebook_without_a_kernel_shows_the_last_picture(notebook, lab):
    lab.save_widget_state()
    book = notebook(VIEW)
    book.page.wait_for_selector(".shown:has-text('4')")
    book.until("len(view._still) > 0", "True")
    book.page.evaluate(
        """async () => {
          const { commands, shell } = window.jupyterapp;
          const widget = shell.currentWidget;
          await commands.execute('docmanager:save');
          const path = widget.context.path;
          await widget.sessionContext.shutdown();
          await commands.execute('application:close');
          await commands.execute('docmanager:open', {
            path, factory: 'Notebook', kernel: { shouldStart: false, canStart: false, autoStartDefault: false },
          });
        }"""
    )
    picture = book.page.locator(".gv-still:not([hidden])")
    picture.wait_for(timeout=20_000)
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 60
    assert "does not answer" in book.page.locator(".gv-status").inner_text()
