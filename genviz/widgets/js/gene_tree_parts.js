// The parts of the gene tree view and how they are filled.

function treeParts(f, s, on) {
  const live = !f.link.frozen;
  const strip = el("div", { class: "gv-tree-strip" });
  const holder = el("div", {});
  const maps = ["first", "second"].map((name) => {
    const map = treeMap(`${name} map: drag to draw around spots, Escape to choose all again`, {
      onLasso: live ? on.lasso : null, tell: (i) => hoverText(i),
    });
    const title = el("h4", {});
    const scale = el("div", {});
    return { ...map, title, scale, box: el("figure", { class: "gv-tree-figure" }, title, map.node, scale) };
  });
  const side = el("div", { class: "gv-tree-side" });
  const stripTitle = el("h4", { title: "The same prediction at every scale of the tree, each map on its own colours" });
  const deeds = el("div", { class: "gv-tree-deeds" });
  const left = el("div", { class: "gv-tree-left" }, el("div", { class: "gv-tree-maps" }, maps.map((map) => map.box)), deeds);
  const main = el("div", { class: "gv-tree-main" }, left, side);
  const key = el("div", { class: "gv-tree-key", title: "Widths grow with the square root of counts, so that rare genes stay visible" });
  let finder = null;
  let ice = null;
  let scaleSlider = null;
  let shown = null;
  const thumbs = [];

  // Once a tree: controls, icicle colours.
  function tree(start) {
    const { data } = start;
    if (!ice) {
      ice = treeIcicle(data.colours.expression, on.pick);
      holder.replaceChildren(ice.node);
      f.body.append(holder, el("div", {}, el("div", { class: "gv-tree-head" }, stripTitle, key), strip), main);
    }
    finder = search("Gene", data.genes, (gene) => on.chooseGene(gene), { value: s.gene });
    scaleSlider = slider("Scale", { min: 0, max: data.scales.length - 1, value: s.k, text: (k) => scaleText(data.scales, k), oninput: on.chooseScale });
    scaleSlider.node.title = "From the whole panel to single genes";
    const items = [finder.node, scaleSlider.node];
    if (data.sections.length > 1) items.push(select("Section", data.sections, s.library, on.chooseSection).node);
    items.push(button("Whole tree", () => ice.whole(), { title: "Zoom out; double click on a group zooms in" }));
    if (live) items.push(...historyControls(data.history));
    if (data.synthetic) items.push(el("span", { class: "gv-flag" }, "synthetic tissue"));
    refill(f.controls, items);
    thumbs.splice(0, thumbs.length, ...data.scales.map((_, k) => {
      const map = treeMap(`scale ${data.scales[k]}`);
      const label = el("span", { class: "gv-tree-thumb-label" });
      const box = el("button", { type: "button", class: "gv-tree-thumb", onclick: () => on.chooseScale(k) }, map.node, label);
      return { ...map, label, box };
    }));
    const total = start.arrays.mean.values.reduce((sum, mean) => sum + mean, 0);
    key.replaceChildren(el("span", {}, "tree: "), colourBar(colourSteps(data.colours.expression), 0, total, "counts a spot, log", treeCount));
    strip.replaceChildren(...thumbs.map((thumb) => thumb.box));
  }

  function historyControls({ at, steps, undo, redo }) {
    const go = (op, asked = {}) => on.act(op, asked);
    const list = select("Steps", steps.map((name, i) => [String(i), `${i}: ${name}`]), String(at), (i) => go("go", { step: Number(i) }));
    list.box.classList.add("gv-tree-steps");
    return [
      button("Undo", () => go("undo"), { disabled: !undo }), button("Redo", () => go("redo"), { disabled: !redo }),
      ...(steps.length > 1 ? [list.node] : []),
    ];
  }

  const colours = (name) => colourSteps(s.start.data.colours[name]);

  function show(chain, answers) {
    shown = answers[s.k];
    const { data, arrays } = shown;
    finder.set(s.gene);
    scaleSlider.set(s.k);
    stripTitle.textContent = `The prediction growing finer: ${s.gene}`;
    thumbs.forEach((thumb, k) => showThumb(thumb, k, chain[k], answers[k]));
    const measured = arrays.measured?.values;
    const change = arrays.change?.values;
    const beside = change && s.beside !== "measured" ? "change" : measured ? "measured" : null;
    const [low, high] = countRange(arrays.predicted.values, beside === "measured" ? measured : null);
    const base = { section: s.section, chosen: s.chosen, steps: colours("expression"), low, high, read: readCounts };
    maps[0].paint({ ...base, values: arrays.predicted.values });
    maps[0].title.textContent = `Predicted${change ? " before" : ""}: ${data.label}`;
    maps[0].scale.replaceChildren(colourBar(base.steps, 2 ** low - 1, 2 ** high - 1, "counts a spot, log", treeCount));
    maps[1].box.hidden = !beside;
    if (beside === "change") showChange(base, change, measured);
    else if (beside) {
      maps[1].paint({ ...base, values: measured });
      maps[1].title.replaceChildren("Measured", ...besideSwitch(change, measured));
      maps[1].scale.replaceChildren(colourBar(base.steps, 2 ** low - 1, 2 ** high - 1, "counts a spot, log", treeCount));
    }
    showSide(chain, data);
  }

  function showThumb(thumb, k, g, answer) {
    const box = s.shape.rows[k][g];
    const last = k === s.shape.scales.length - 1;
    thumb.label.textContent = last ? `gene: ${s.gene}` : `${scaleText(s.shape.scales, k)}: ${box.genes} gene${box.genes > 1 ? "s" : ""}`;
    thumb.box.setAttribute("aria-pressed", String(k === s.k));
    thumb.box.disabled = !answer;
    thumb.box.title = answer ? `${box.label}: ${treeCount(box.mean)} counts a spot` : "Not in this page";
    if (!answer) return;
    const values = answer.arrays.predicted.values;
    const logs = Array.from(values, readCounts).sort((a, b) => a - b);
    thumb.paint({ section: s.section, values, steps: colours("expression"), low: logs[Math.floor(logs.length * 0.01)],
      high: logs[Math.ceil(logs.length * 0.99) - 1], read: readCounts, chosen: null, small: true });
  }

  function besideSwitch(change, measured) {
    if (!change || !measured) return [];
    const other = s.beside === "measured" ? "change" : "measured";
    return [" ", button(`show ${other}`, () => on.besideChanged(other), { class: "gv-link" })];
  }

  function showChange(base, change, measured) {
    const [low, high] = changeRange(change);
    const steps = colours("error");
    maps[1].paint({ ...base, values: change, steps, low, high, read: (value) => value });
    maps[1].title.replaceChildren("Change under the what-if", ...besideSwitch(change, measured));
    maps[1].scale.replaceChildren(colourBar(steps, low, high, "counts a spot", (v) => (v > 0 ? "+" : "") + treeCount(v)));
  }

  function showSide(chain, data) {
    const at = {
      k: s.k, g: chain[s.k], chain, gene: s.gene, shape: s.shape, group: data, picked: s.picked, chosen: s.chosen?.size ?? 0,
      editK: Math.max(Math.min(s.k, s.shape.scales.length - 2), Math.min(1, s.shape.scales.length - 2)),
      trainable: s.start.data.trainable, clamped: s.start.data.clamped,
    };
    const heading = el("h3", {}, data.label);
    const facts = `${data.genes.length} ${data.genes.length > 1 ? "genes" : "gene"} · predicted ${treeCount(data.predicted)} counts a spot` +
      (data.measured === null ? "" : ` · measured ${treeCount(data.measured)}`) + (data.r === null ? "" : ` · r ${data.r.toFixed(2)}`);
    const blocks = [heading, el("p", { class: "gv-note", title: "r: correlation of log2(1 + count) over all spots" }, facts)];
    if (s.start.data.clamped && live) blocks.push(movedBlock(s.start.data.clamped, on.chooseGene));
    blocks.push(genesBlock({ ...data, measured: data.measured !== null }, s.gene, on.chooseGene));
    if (data.sets) blocks.push(setsBlock(data.sets));
    if (live) {
      const what = s.start.data.model ? [clampBlock(at, on.act, s.what, f.fail)] : [];
      refill(deeds, [...what, editBlock(at, on.act, { onMerge: () => on.act("merge"), typed: s.typed })]);
    }
    const top = side.querySelector(".gv-tree-scroll")?.scrollTop ?? 0;
    refill(side, blocks);
    const list = side.querySelector(".gv-tree-scroll");
    if (list) list.scrollTop = top;
  }

  function hoverText(i) {
    const { predicted, measured, change } = shown.arrays;
    const lines = [`predicted ${treeCount(predicted.values[i])}`];
    if (measured) lines.push(`measured ${treeCount(measured.values[i])}`);
    if (change) lines.push(`what-if ${treeCount(predicted.values[i] + change.values[i])}`);
    return lines.join("\n");
  }

  // Icicle above map, for a notebook without a kernel.
  function still() {
    const [a, b] = [ice.canvas, maps[0].canvas];
    if (!a.width || !b.width) return null;
    const canvas = new OffscreenCanvas(a.width, a.height + b.height + 8);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(a, 0, 0);
    pen.drawImage(b, 0, a.height + 8);
    if (!maps[1].box.hidden) pen.drawImage(maps[1].canvas, b.width + 16, a.height + 8);
    return canvas;
  }

  return {
    tree, show, still,
    searchSet: (gene) => finder?.set(gene),
    icicle: { setShape: (shape) => ice.setShape(shape), setState: (state) => ice.setState(state) },
  };
}

// New children; the keyboard stays where it was: on the control of the same name.
function refill(node, children) {
  const nameOf = (one) => one.dataset.name ?? one.getAttribute("aria-label") ?? one.textContent;
  const name = node.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  node.replaceChildren(...children);
  if (name !== null) [...node.querySelectorAll("button, input, select")].find((one) => nameOf(one) === name)?.focus();
}

function scaleText(scales, k) {
  if (k === scales.length - 1) return `${scales[k]} genes`;
  return scales[k] === 1 ? "panel" : `${scales[k]} groups`;
}
