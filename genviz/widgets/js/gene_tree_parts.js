// The parts of the gene tree view and how they are filled.

const readCounts = (value) => Math.log2(1 + value);

// Everything that stays; what a tree brings comes by `fillTree`, what is looked at by `showTree`.
function treeParts(f, s, on) {
  const parts = { f, s, on, live: !f.link.frozen, shown: null, ice: null, finder: null, scale: null, thumbs: [] };
  parts.maps = ["First", "Second"].map((name) => {
    const keys = "Arrow keys go from spot to spot and tell of it";
    const map = treeMap(f, parts.live ? `${name} map: drag to draw around spots. ${keys}; Space chooses it or drops it; Escape ` +
      `chooses all again.` : `${name} map. ${keys}.`, { onLasso: parts.live ? on.lasso : null, tell: (i) => spotText(parts, i) });
    const title = el("h4", {});
    const scale = el("div", {});
    return Object.assign(map, { title, scale, box: el("figure", { class: "gv-tree-figure" }, title, map.node, scale) });
  });
  parts.strip = el("div", { class: "gv-tree-strip" });
  parts.side = el("div", { class: "gv-tree-side" });
  parts.deeds = el("div", { class: "gv-tree-deeds" });
  parts.stripTitle = el("h4", { title: "The same prediction at every scale of the tree, each map on its own colours" });
  parts.key = el("div", { class: "gv-tree-key", title: "Widths grow with the square root of counts, so that rare genes stay visible" });
  return parts;
}

// Once a tree: controls, icicle colours.
function fillTree(parts, start) {
  const { f, s, on } = parts;
  const { data } = start;
  if (!parts.ice) layTree(parts, data.colours.expression);
  parts.ice.setShape(s.shape);
  const { finder, scale } = Object.assign(parts, {
    finder: search("Gene", data.genes, on.chooseGene, { value: s.gene }),
    scale: slider("Scale", { min: 0, max: data.scales.length - 1, value: s.k, text: (k) => scaleText(data.scales, k), oninput: on.chooseScale }),
  });
  scale.node.title = "From the whole panel to single genes";
  const items = [finder.node, scale.node];
  if (data.sections.length > 1) items.push(select("Section", data.sections, s.library, on.chooseSection).node);
  items.push(button("Whole tree", () => parts.ice.whole(), { title: "Zoom out; double click on a group zooms in" }));
  if (parts.live) items.push(...treeHistory(data.history, on.act));
  if (data.synthetic) items.push(el("span", { class: "gv-flag" }, "synthetic tissue"));
  refill(f.controls, items);
  const total = start.arrays.mean.values.reduce((sum, mean) => sum + mean, 0);
  parts.key.replaceChildren(el("span", {}, "tree: "), colourBar(colourSteps(data.colours.expression), 0, total, "counts a spot, log", treeCount));
  while (parts.thumbs.length < data.scales.length) parts.thumbs.push(newThumb(f, parts.thumbs.length, on.chooseScale));
  parts.strip.replaceChildren(...parts.thumbs.slice(0, data.scales.length).map((thumb) => thumb.box));
}

function layTree(parts, stops) {
  const { f, on } = parts;
  parts.ice = treeIcicle(f, stops, on.pick);
  const left = el("div", { class: "gv-tree-left" }, el("div", { class: "gv-tree-maps" }, parts.maps.map((map) => map.box)), parts.deeds);
  f.body.append(parts.ice.node, el("div", {}, el("div", { class: "gv-tree-head" }, parts.stripTitle, parts.key), parts.strip),
    el("div", { class: "gv-tree-main" }, left, parts.side));
}

function newThumb(f, k, chooseScale) {
  const map = treeMap(f, "");
  const label = el("span", { class: "gv-tree-thumb-label" });
  const box = el("button", { type: "button", class: "gv-tree-thumb", onclick: () => chooseScale(k) }, map.node, label);
  return Object.assign(map, { label, box });
}

function treeHistory({ at, steps, undo, redo }, act) {
  const list = select("Steps", steps.map((name, i) => [String(i), `${i}: ${name}`]), String(at), (i) => act("go", { step: Number(i) }));
  list.box.classList.add("gv-tree-steps");
  return [
    button("Undo", () => act("undo", {}), { disabled: !undo }), button("Redo", () => act("redo", {}), { disabled: !redo }),
    ...(steps.length > 1 ? [list.node] : []),
  ];
}

const treeColours = (s, name) => colourSteps(s.start.data.colours[name]);

function showTree(parts, chain, answers) {
  const { s, maps } = parts;
  const answer = (parts.shown = answers[s.k]);
  const { predicted, measured, change } = answer.arrays;
  parts.finder.set(s.gene);
  parts.scale.set(s.k);
  parts.stripTitle.textContent = `The prediction growing finer: ${s.gene}`;
  s.shape.scales.forEach((_, k) => showThumb(parts, k, chain[k], answers[k]));
  const beside = change && s.beside !== "measured" ? "change" : measured ? "measured" : null;
  const [low, high] = countRange(predicted.values, beside === "measured" ? measured.values : null);
  const base = { section: s.section, chosen: s.chosen, steps: treeColours(s, "expression"), low, high, read: readCounts };
  const bar = () => colourBar(base.steps, 2 ** low - 1, 2 ** high - 1, "counts a spot, log", treeCount);
  maps[0].paint({ ...base, values: predicted.values });
  maps[0].title.textContent = `Predicted${change ? " before" : ""}: ${answer.data.label}`;
  maps[0].scale.replaceChildren(bar());
  maps[1].box.hidden = !beside;
  if (beside === "change") showChange(parts, base);
  else if (beside) {
    maps[1].paint({ ...base, values: measured.values });
    maps[1].title.replaceChildren("Measured", ...besideSwitch(parts));
    maps[1].scale.replaceChildren(bar());
  }
  showSide(parts, chain);
}

function showThumb({ s, thumbs }, k, g, answer) {
  const thumb = thumbs[k];
  const box = s.shape.rows[k][g];
  const last = k === s.shape.scales.length - 1;
  thumb.label.textContent = last ? `gene: ${s.gene}` : `${scaleText(s.shape.scales, k)}: ${box.genes} gene${box.genes > 1 ? "s" : ""}`;
  thumb.box.setAttribute("aria-pressed", String(k === s.k));
  thumb.box.disabled = !answer;
  thumb.box.title = answer ? `${box.label}: ${treeCount(box.mean)} counts a spot` : "Not in this page";
  if (!answer) return;
  const values = answer.arrays.predicted.values;
  const logs = Array.from(values, readCounts).sort((a, b) => a - b);
  thumb.paint({ section: s.section, values, steps: treeColours(s, "expression"), low: logs[Math.floor(logs.length * 0.01)],
    high: logs[Math.ceil(logs.length * 0.99) - 1], read: readCounts, chosen: null, small: true });
}

function besideSwitch({ s, on, shown }) {
  if (!shown.arrays.change || !shown.arrays.measured) return [];
  const other = s.beside === "measured" ? "change" : "measured";
  return [" ", button(`show ${other}`, () => on.besideChanged(other), { class: "gv-link" })];
}

function showChange(parts, base) {
  const { values } = parts.shown.arrays.change;
  const [low, high] = changeRange(values);
  const steps = treeColours(parts.s, "error");
  const [, map] = parts.maps;
  map.paint({ ...base, values, steps, low, high, read: (value) => value });
  map.title.replaceChildren("Change under the what-if", ...besideSwitch(parts));
  map.scale.replaceChildren(colourBar(steps, low, high, "counts a spot", (v) => (v > 0 ? "+" : "") + treeCount(v)));
}

function showSide(parts, chain) {
  const { f, s, on, side } = parts;
  const { data } = parts.shown;
  const start = s.start.data;
  const coarse = s.shape.scales.length - 2;
  const at = {
    k: s.k, g: chain[s.k], chain, gene: s.gene, shape: s.shape, group: data, picked: s.picked, chosen: s.chosen?.size ?? 0,
    editK: Math.max(Math.min(s.k, coarse), Math.min(1, coarse)), trainable: start.trainable, clamped: start.clamped,
  };
  const facts = `${data.genes.length} ${data.genes.length > 1 ? "genes" : "gene"} · predicted ${treeCount(data.predicted)} counts a spot` +
    (data.measured === null ? "" : ` · measured ${treeCount(data.measured)}`) + (data.r === null ? "" : ` · r\u00a0${signed(data.r.toFixed(2))}`);
  const blocks = [el("h3", {}, data.label), el("p", { class: "gv-note", title: "r: correlation of log2(1 + count) over all spots" }, facts)];
  if (start.clamped && parts.live) blocks.push(movedBlock(start.clamped, on.chooseGene));
  blocks.push(genesBlock({ ...data, measured: data.measured !== null }, s.gene, on.chooseGene));
  if (data.sets) blocks.push(setsBlock(data.sets));
  if (parts.live) {
    const what = start.model ? [clampBlock(at, on.act, s.what, f.fail)] : [];
    refill(parts.deeds, [...what, editBlock(at, on.act, { onMerge: () => on.act("merge"), typed: s.typed })]);
  }
  const top = side.querySelector(".gv-tree-scroll")?.scrollTop ?? 0;
  refill(side, blocks);
  const list = side.querySelector(".gv-tree-scroll");
  if (list) list.scrollTop = top;
}

function spotText({ shown }, i) {
  const { predicted, measured, change } = shown.arrays;
  const lines = [`predicted ${treeCount(predicted.values[i])}`];
  if (measured) lines.push(`measured ${treeCount(measured.values[i])}`);
  if (change) lines.push(`what-if ${treeCount(predicted.values[i] + change.values[i])}`);
  return lines.join("\n");
}

// Icicle above maps, for a notebook without a kernel.
function stillTree({ ice, maps }) {
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
