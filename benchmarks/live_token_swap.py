"""How fast the swap view answers: the parts of a decode, a swap in the kernel, and a click in the browser.

    python benchmarks/live_token_swap.py [--no-browser] [--out FILE]

Medians of 20, one CPU thread, the shipped mini; the load is written beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import genviz as gv
from genviz.models.pathar.codec import decode_foreground, decode_images

N = 20
CELLS = [row * 16 + column for row in range(4, 12) for column in range(4, 12)]
MAKE = """
import torch, genviz as gv
torch.set_num_threads(1)
model = gv.models.PathAR.load("pathar-dsb-mini", device="cpu")
tiles = model.generate(["fluorescence", "histology"], n=1, seed=0)
view = gv.widgets.TokenSwap(model, tiles)
"""
CLICK = """async (round) => {
  const canvas = document.querySelectorAll(".gv-swap-panel canvas")[2];
  const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "Appearance");
  const say = document.querySelector(".gv-status");
  const before = say.textContent;
  const begun = performance.now();
  button.click();
  while (say.textContent === before) await new Promise((done) => setTimeout(done, 2));
  const current = () => document.querySelector(".gv-swap-step[aria-current]")?.dataset.step;
  while (!say.textContent.startsWith(`Step ${current()}:`)) await new Promise((done) => setTimeout(done, 2));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - begun;
}"""


def median_ms(work) -> float:
    work()
    times = []
    for _ in range(N):
        begun = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begun))
    return round(statistics.median(times), 2)


def in_the_kernel() -> dict[str, float]:
    from genviz.core.instances import split_instances

    torch.set_num_threads(1)
    model = gv.models.PathAR.load("pathar-dsb-mini", device="cpu")
    tiles = model.generate(["fluorescence", "histology"], n=1, seed=0)
    view = gv.widgets.TokenSwap(model, tiles)
    view.send = lambda *words, **more: None
    edits, rng = view.edits, np.random.default_rng(0)
    tokens = edits.card(view.tile).tokens(edits.grid)
    fitted = edits.fitted
    mask = decode_foreground(fitted, tokens, at_once=1)[0]

    def swap() -> None:
        # Other cells each time: nothing is taken from what was decoded before.
        cells = sorted(rng.choice(256, 64, replace=False).tolist())
        edit = {"do": "swap", "tile": view.tile, "other": view.other, "what": "both", "cells": cells}
        view.ask("do", {"edit": edit}).packed()

    card = edits.card(view.tile)
    picture = view.ask("frame", {"tile": 0, "step": 0})
    return {
        "image_decoder_ms": median_ms(lambda: decode_images(fitted, tokens, [""], at_once=1)),
        "mask_decoder_ms": median_ms(lambda: decode_foreground(fitted, tokens, at_once=1)),
        "nuclei_parted_ms": median_ms(lambda: split_instances(mask)),
        "packing_ms": median_ms(picture.packed),
        "swap_in_kernel_ms": median_ms(swap),
        "surprise_ms": median_ms(lambda: (edits._pictures._surprises.clear(), edits.surprise(card))),
    }


def in_the_browser() -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    from tests.widgets.lab import QUIET, Lab, Notebook, chromium

    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
            page = browser.new_context(viewport={"width": 1280, "height": 1100}).new_page()
            lab.write("bench.ipynb", [MAKE, "view"])
            opened = Notebook(page)
            page.goto(f"{lab.url}/lab/tree/bench.ipynb?reset")
            page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
            opened.run_all()
            page.wait_for_selector(".gv-swap-step")
            times = []
            for k in range(N + 1):
                opened.kernel(f"view.edits.go(0); view.cells = list(range({k}, {k + 64}))")
                page.wait_for_selector(".gv-swap-step[data-step='0'][aria-current]")
                page.wait_for_timeout(150)
                times.append(page.evaluate(CLICK, k))
            browser.close()
    finally:
        lab.close()
    return {
        "click_to_picture_ms": round(statistics.median(times[1:]), 1),
        "slowest_ms": round(max(times[1:]), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = {"load": [round(os.getloadavg()[0], 1)], "threads": 1} | in_the_kernel()
    if not options.no_browser:
        found |= in_the_browser()
    found["load"].append(round(os.getloadavg()[0], 1))
    text = json.dumps(found, indent=2)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
