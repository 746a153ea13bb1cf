"""How quick `TokenSwap` is: the parts of a decode, a swap in the kernel, and from a click to the picture.

    python benchmarks/live_token_swap.py --out benchmarks/results/live/token_swap.json
    python benchmarks/live_token_swap.py --no-browser

Medians of 20, one thread, headless Chromium without a GPU, the model in the box.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from shared.live import REPEATS, live_notebook, report

import genviz as gv
from genviz.core.instances import split_instances
from genviz.models.pathar.codec import decode_foreground, decode_images

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


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median of some runs after a first one."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begun))
    return round(statistics.median(times), 2)


def in_the_kernel(repeats: int) -> dict[str, float]:
    """Milliseconds of what a swap is made of, without a browser."""
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
    parts: dict[str, Callable[[], object]] = {
        "image_decoder_ms": lambda: decode_images(fitted, tokens, [""], at_once=1),
        "mask_decoder_ms": lambda: decode_foreground(fitted, tokens, at_once=1),
        "nuclei_parted_ms": lambda: split_instances(mask),
        "packing_ms": picture.packed,
        "swap_in_kernel_ms": swap,
        "surprise_ms": lambda: (edits._pictures._surprises.clear(), edits.surprise(card)),
    }
    return {name: median_ms(work, repeats) for name, work in parts.items()}


def in_the_browser(repeats: int) -> dict[str, float]:
    """Milliseconds from a click to the picture; other cells are swapped each time."""
    times = []
    with live_notebook(MAKE, "view", ready=".gv-swap-step") as book:
        for k in range(repeats + 1):
            book.kernel(f"view.edits.go(0); view.cells = list(range({k}, {k + 64}))")
            book.page.wait_for_selector(".gv-swap-step[data-step='0'][aria-current]")
            book.page.wait_for_timeout(150)
            times.append(book.page.evaluate(CLICK, k))
    return {
        "click_to_picture_ms": round(statistics.median(times[1:]), 1),
        "slowest_ms": round(max(times[1:]), 1),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--no-browser", action="store_true", help="what the kernel does alone")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    args = parser.parse_args()
    parts = (in_the_kernel,) if args.no_browser else (in_the_kernel, in_the_browser)

    def measured() -> dict[str, float]:
        found: dict[str, float] = {"repeats": args.repeats, "threads": 1}
        for part in parts:
            found |= part(args.repeats)
        return found

    report(measured, args.out)


if __name__ == "__main__":
    main()
