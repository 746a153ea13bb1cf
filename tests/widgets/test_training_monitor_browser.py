"""`TrainingMonitor` in JupyterLab: curves grow, Stop ends the training, the page works alone."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

MODEL = """
import sys, warnings
sys.path.insert(0, {root!r})
warnings.filterwarnings("ignore")
import genviz as gv
from tests.models.pathar import tile_cases as cases
model = cases.declared(tokenizer={{"max_epochs": {epochs}, "gan_epochs": 1}})
"""
START = "monitor = gv.widgets.TrainingMonitor(model, every=1)\nmonitor.start(device='cpu', out_dir='{out}')"
BLOCK = """
with gv.widgets.TrainingMonitor(every=1) as monitor:
    model.train(device="cpu", out_dir="{out}")
"""
INK = """(image) => {
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(Array.from({length: data.length / 4}, (_, i) => data[4 * i] >> 4)).size;
}"""


@pytest.fixture
def code(pytestconfig):
    """A cell with a model that trains so many epochs."""
    return lambda epochs: MODEL.format(root=str(pytestconfig.rootpath), epochs=epochs)


def length_of_curve(page) -> float:
    return page.locator(".gv-tm-panels .gv-chart:not([hidden]) path.gv-chart-line").first.evaluate(
        "path => path.getTotalLength()"
    )


def test_curves_grow_and_stop_ends_the_training(notebook, code, tmp_path):
    lab = notebook(code(2000), START.format(out=tmp_path / "run"))
    page = lab.page
    page.wait_for_selector("path.gv-chart-line")
    page.wait_for_function(
        "() => Number(document.querySelector('.gv-tm-stages button').textContent.match(/(\\d+)\\//)[1]) > 2"
    )
    before = int(lab.kernel("print(len(monitor.training.record.stages[0].epochs))"))  # the kernel is free
    assert before > 2 and length_of_curve(page) > 0
    page.wait_for_selector(".gv-tm-sheet-image")
    page.wait_for_function("() => document.querySelector('.gv-tm-sheet-image').naturalWidth > 100")
    assert page.locator(".gv-tm-sheet-image").evaluate(INK) > 4
    assert "synthetic" in page.locator(".gv-tm-sheet-names").inner_text()
    page.locator(".gv-chart-picture").first.hover(position={"x": 60, "y": 60})
    assert "epoch" in page.locator(".gv-chart .gv-tip").first.inner_text()
    page.locator("text=Log scale").click()
    lab.until("monitor.log_scale", "True")
    page.locator(".gv-tm-stop-training").click()
    lab.until("monitor.training.state", "stopped", 30)
    page.wait_for_selector(".gv-tm-state[data-state=stopped]")
    assert page.locator(".gv-tm-stop-training").is_hidden()
    assert (tmp_path / "run" / "tokenizer" / "part_fit" / "last.ckpt").is_file()
    lab.check()


def test_a_block_is_drawn_while_the_kernel_is_busy_and_stopped_by_its_interrupt(notebook, code, tmp_path):
    lab = notebook(code(2000), BLOCK.format(out=tmp_path / "run"), run=False)
    page = lab.page
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context")
    page.evaluate(
        """async () => {
          const widget = window.jupyterapp.shell.currentWidget;
          await widget.context.ready; await widget.sessionContext.ready; await widget.revealed;
          window.jupyterapp.commands.execute('notebook:run-all-cells');
        }"""
    )
    page.wait_for_selector("path.gv-chart-line", timeout=60_000)
    page.wait_for_selector(".gv-tm-sheet-image")
    assert page.locator(".gv-tm-stop-training").is_hidden()  # a busy kernel would not hear it
    assert "interrupt the kernel" in page.locator(".gv-tm-progress-line").inner_text()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    page.wait_for_selector(".gv-tm-state[data-state=stopped]", timeout=30_000)
    page.wait_for_selector("text=TrainingStopped")
    assert (tmp_path / "run" / "tokenizer" / "part_fit" / "last.ckpt").is_file()


def test_the_page_works_alone(page_of, tmp_path):
    from genviz.widgets import TrainingMonitor
    from tests.models.pathar import tile_cases as cases

    monitor = TrainingMonitor(cases.declared(tokenizer={"gan_epochs": 1}), every=1)
    monitor.start(device="cpu")
    monitor.wait(120)
    page = page_of(monitor.to_html(tmp_path / "training.html")).page
    page.wait_for_selector("path.gv-chart-line")
    assert page.locator(".gv-tm-stages button").all_inner_texts() == [
        "tokenizer 2/2",
        "sharpen 1/1",
        "prior 2/2",
    ]
    page.locator(".gv-tm-stages button").first.click()
    page.wait_for_selector("text=Codes in use")
    page.wait_for_function("() => document.querySelector('.gv-tm-sheet-image').naturalWidth > 100")
    newest = page.locator(".gv-tm-sheet-image").get_attribute("src")
    page.locator(".gv-tm-sheet .gv-range").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("(old) => document.querySelector('.gv-tm-sheet-image').src !== old", arg=newest)
    assert page.locator(".gv-tm-stop-training").is_hidden()
    for chart in page.locator(".gv-chart:not([hidden]) .gv-chart-picture").all():
        ticks = chart.locator("text[text-anchor=end]").all_text_contents()
        assert len(ticks) > 1 and len(set(ticks)) == len(ticks)
    page.locator(".gv-chart-picture").first.focus()
    page.keyboard.press("ArrowRight")
    assert "epoch 1" in page.locator(".gv-chart .gv-tip").first.inner_text()
