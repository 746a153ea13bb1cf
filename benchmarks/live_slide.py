"""How quick `SlideView` is in JupyterLab: recolouring, hover, moving, and a section of 100,000 spots.

    python benchmarks/live_slide.py --out benchmarks/results/live/slide.json

Medians of 20, in headless Chromium without a GPU. From the choice of a gene to the frame that shows it, over the
kernel; from the pointer to the frame with the hover; frames a second while the picture moves or zooms.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from shared.live import REPEATS, live_notebook, report

DATA = """import numpy as np, pandas as pd, anndata, genviz as gv
n, genes = {n}, 200
side = int(np.ceil(n ** 0.5)); at = np.arange(n)
rng = np.random.default_rng(0)
counts = rng.poisson(3 + 3 * np.sin(at[:, None] / side / 9 + np.arange(genes)), (n, genes)).astype(np.float32)
rows, names = ([f"{{word}}{{i}}" for i in range(m)] for word, m in (("s", n), ("G", genes)))
adata = anndata.AnnData(obs=pd.DataFrame(index=rows), var=pd.DataFrame(index=names))
import scipy.sparse as sp
adata.layers["counts"] = sp.csr_matrix(counts)
adata.layers["genar_log2"] = np.log2(1 + counts + rng.random(counts.shape, np.float32))
adata.layers["genar_lower"], adata.layers["genar_upper"] = counts * 0.5, counts * 2 + 1
adata.obsm["spatial"] = np.column_stack([at % side, at // side]) * {pitch} + 200.0
size = int(side * {pitch}) + 400
picture = rng.integers(120, 240, (512, 512, 3), np.uint8).repeat(4, 0).repeat(4, 1)
adata.uns["spatial"] = {{"S": {{"images": {{"hires": picture}}, "metadata": {{}}, "mpp": 0.5,
    "scalefactors": {{"spot_diameter_fullres": {pitch} * 0.6, "tissue_hires_scalef": 2048 / size}}}}}}"""

VIEW = "const v = [...document.querySelectorAll('*')].find((node) => node.gvSlide).gvSlide;"
FRAME = "const frame = () => new Promise(requestAnimationFrame);"

RECOLOUR = f"""async (gene) => {{ {VIEW} {FRAME}
  const begun = performance.now();
  v.model.set('gene', gene); v.model.save_changes();
  while (v.painted !== gene) await frame();
  return v.drawn - begun;
}}"""
HOVER = f"""async (i) => {{ {VIEW} {FRAME}
  const {{canvas}} = v.panels.get('measured'), s = v.scene, box = canvas.getBoundingClientRect();
  const x = (s.xy[2 * i] - s.camera.x) * s.camera.scale + s.width / 2;
  const y = (s.xy[2 * i + 1] - s.camera.y) * s.camera.scale + s.height / 2;
  const begun = performance.now();
  canvas.dispatchEvent(new PointerEvent('pointermove', {{clientX: box.left + x, clientY: box.top + y, bubbles: true}}));
  while (v.drawn < begun) await frame();
  if (v.tip.node.hidden) throw new Error('no hover');
  return v.drawn - begun;
}}"""
MOVE = f"""async (zoom) => {{ {VIEW} {FRAME}
  const start = v.scene.camera, work = [];
  await frame();
  const begun = performance.now();
  let frames = 0;
  while (performance.now() - begun < 2000) {{
    const t = frames / 10, scale = start.scale * (zoom ? 1.5 + Math.sin(t) : 1.5);
    v.look({{...start, scale, x: start.x + Math.cos(t) * 60 / scale, y: start.y + Math.sin(t) * 60 / scale}});
    await frame();
    frames++;
    work.push(v.work);
  }}
  const seconds = (performance.now() - begun) / 1000;
  v.look(start);
  work.sort((a, b) => a - b);
  return {{fps: frames / seconds, work: work[work.length >> 1]}};
}}"""


# What a saved notebook keeps: pictures in base64, no code.
STATE = """import json
kept = {k: x for k, x in v.get_state().items() if k not in ('_esm', '_css', '_still')}
print(len(json.dumps(kept, default=str)) + len(v._still) * 4 // 3)"""


def measured(n: int, repeats: int) -> dict[str, float]:
    """The figures of a section of n spots with four panels."""
    cells = DATA.format(n=n, pitch=200), "v = gv.widgets.SlideView(adata, 'G0'); v"
    with live_notebook(*cells, ready=".gv-slide-canvas") as book:
        page = book.page
        page.wait_for_timeout(2000)
        page.evaluate(RECOLOUR, "G1")  # the first makes a copy of the counts ordered by gene
        recolour = [page.evaluate(RECOLOUR, f"G{i % 198 + 2}") for i in range(repeats)]
        hover = [page.evaluate(HOVER, (i + 3) * (n // 50)) for i in range(repeats)]
        pan, zoom = page.evaluate(MOVE, False), page.evaluate(MOVE, True)
        page.wait_for_timeout(2500)  # for the still picture
        size = int(book.kernel(STATE))
    found = {
        "spots": n,
        "recolour_ms": statistics.median(recolour),
        "hover_ms": statistics.median(hover),
        "pan_fps": pan["fps"],
        "pan_work_ms": pan["work"],
        "zoom_fps": zoom["fps"],
        "zoom_work_ms": zoom["work"],
        "state_bytes": size,
    }
    print(json.dumps(found), flush=True)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument(
        "--spots", type=lambda text: [int(n) for n in text.split(",")], default=[5000, 100_000]
    )
    parser.add_argument("--repeats", type=int, default=REPEATS)
    args = parser.parse_args()
    report(
        lambda: {"repeats": args.repeats, "sections": [measured(n, args.repeats) for n in args.spots]},
        args.out,
    )


if __name__ == "__main__":
    main()
