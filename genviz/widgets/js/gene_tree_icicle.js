// The tree as an icicle: a row a scale, a box a group, as wide as the square root of its genes' counts. Boxes of genes
// lie in the tree's order, so that every group is one stretch of it.

const ICICLE_ROW = 30;
const ICICLE_GUTTER = 74;

// What the boxes are: from the answer to "start". Everything is along the display order.
function treeShape(answer) {
  const { genes, scales, labels } = answer.data;
  const groups = answer.arrays.groups.values;
  const mean = answer.arrays.mean.values;
  const n = genes.length;
  const order = Array.from(answer.arrays.order.values);
  const right = [];
  order.reduce((sum, gene, i) => (right[i] = sum + Math.sqrt(mean[gene] + 0.05)), 0);
  const groupOf = (gene, k) => groups[gene * scales.length + k];
  const rows = scales.map((count, k) => {
    const boxes = Array.from({ length: count }, () => ({ first: n, last: -1, mean: 0 }));
    order.forEach((gene, i) => {
      const box = boxes[groupOf(gene, k)];
      box.first = Math.min(box.first, i);
      box.last = Math.max(box.last, i);
      box.mean += mean[gene];
    });
    boxes.forEach((box, g) => {
      box.label = labels[k][g];
      box.left = box.first ? right[box.first - 1] : 0;
      box.right = right[box.last];
      box.genes = box.last - box.first + 1;
    });
    return boxes;
  });
  const at = new Map(genes.map((gene, i) => [gene, i]));
  return {
    genes, scales, order, mean, rows, width: right[n - 1],
    chain: (gene) => scales.map((_, k) => groupOf(at.get(gene), k)),
    members: (k, g) => order.slice(rows[k][g].first, rows[k][g].last + 1).map((i) => genes[i]),
    // The gene of a group with the most counts.
    head: (k, g) => genes[order.slice(rows[k][g].first, rows[k][g].last + 1).reduce((a, b) => (mean[b] > mean[a] ? b : a))],
    has: (gene) => at.has(gene),
  };
}

// An icicle with keys and a pointer; `onPick(k, group)`. While groups are picked to be merged, keys move a mark along the
// scale and Enter picks.
function treeIcicle(f, stops, onPick) {
  const canvas = el("canvas", { class: "gv-tree-icicle", tabindex: "0", role: "application", "aria-label": "Gene tree: arrow " +
    "keys go to groups beside, above and below, Enter zooms in, Escape out. While merging, left and right move a mark, Enter picks." });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const node = el("div", { class: "gv-tree-icicle-box" }, canvas, tip);
  const ice = { canvas, steps: colourSteps(stops), shape: null, view: [0, 1], mark: null,
    state: { k: 0, group: 0, chain: [], picked: null } };
  const draw = () => drawIcicle(ice);
  const look = (view) => {
    ice.view = view;
    draw();
  };
  const zoom = (k, g) => {
    const { left, right } = ice.shape.rows[k][g];
    look(left === ice.view[0] && right === ice.view[1] ? [0, ice.shape.width] : [left, right]);
  };

  canvas.addEventListener("click", (event) => {
    const found = icicleHit(ice, event);
    if (found) onPick(found.k, found.g);
  });
  canvas.addEventListener("dblclick", (event) => {
    const found = icicleHit(ice, event);
    if (found && found.k < ice.shape.rows.length - 1) zoom(found.k, found.g);
  });
  canvas.addEventListener("pointermove", (event) => {
    const found = icicleHit(ice, event);
    tip.hidden = !found;
    if (!found) return;
    tip.textContent = icicleWords(ice.shape.rows[found.k][found.g]).join("\n");
    tip.style.left = `${Math.min(event.offsetX + 12, canvas.clientWidth - 230)}px`;
    tip.style.top = `${event.offsetY + 16}px`;
  });
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("keydown", (event) => {
    if (ice.shape && icicleKey(event, ice, { f, onPick, zoom, look, draw })) event.preventDefault();
  });
  f.onResize(canvas, draw);
  f.onTheme(draw);
  return {
    node, canvas,
    whole: () => look([0, ice.shape.width]),
    setShape(shape) {
      if (!ice.shape || ice.view[0] > shape.width || ice.view[1] > shape.width || ice.view[1] === ice.shape.width) ice.view = [0, shape.width];
      ice.shape = shape;
      draw();
    },
    setState(next) {
      Object.assign(ice.state, next);
      ice.mark = next.picked ? ice.mark ?? next.group : null;
      const box = ice.shape.rows[next.k]?.[next.group];
      if (box && (box.right <= ice.view[0] || box.left >= ice.view[1])) ice.view = [0, ice.shape.width];
      draw();
    },
  };
}

const icicleWords = (box) => [box.label, `${box.genes} ${box.genes > 1 ? "genes" : "gene"}, ${treeCount(box.mean)} counts a spot`];

// Whether the key was ours.
function icicleKey(event, ice, { f, onPick, zoom, look, draw }) {
  const { shape } = ice;
  const { k, group, picked } = ice.state;
  if (picked) return mergeKey(event, ice, { f, onPick, draw });
  const box = shape.rows[k]?.[group];
  if (!box) return false;
  const arrow = ARROWS[event.key];
  if (arrow) {
    const to = k + arrow[1];
    const beside = arrow[1] ? shape.rows[to]?.findIndex((other) => box.first >= other.first && box.first <= other.last) : group + arrow[0];
    if (shape.rows[to]?.[beside]) onPick(to, beside);
  } else if (event.key === "Enter" && k < shape.rows.length - 1) zoom(k, group);
  else if (event.key === "Escape") look([0, shape.width]);
  else return false;
  return true;
}

// The mark goes over all groups of the scale; Enter or Space picks the one under it, or drops it.
function mergeKey(event, ice, { f, onPick, draw }) {
  const { k, group, picked } = ice.state;
  const boxes = ice.shape.rows[k];
  const [dx] = ARROWS[event.key] ?? [0];
  const to = { Home: 0, End: boxes.length - 1 }[event.key] ?? (dx ? ice.mark + dx : null);
  if (to !== null) {
    ice.mark = Math.max(0, Math.min(boxes.length - 1, to));
    const { left, right } = boxes[ice.mark];
    if (left < ice.view[0] || right > ice.view[1]) ice.view = [0, ice.shape.width];
    draw();
  } else if (event.key === "Enter" || event.key === " ") {
    if (ice.mark !== group) onPick(k, ice.mark);
  } else return false;
  const word = ice.mark === group ? "the group itself" : picked.has(ice.mark) ? "to be merged" : "not to be merged";
  f.say([...icicleWords(boxes[ice.mark]), word].join(", "));
  return true;
}

const iciclePlace = ({ view, canvas }, value) =>
  ICICLE_GUTTER + ((value - view[0]) / (view[1] - view[0])) * (canvas.clientWidth - ICICLE_GUTTER);

function icicleHit({ shape, view, canvas }, event) {
  const k = Math.floor(event.offsetY / ICICLE_ROW);
  if (!shape || event.offsetX < ICICLE_GUTTER || k < 0 || k >= shape.rows.length) return null;
  const value = view[0] + ((event.offsetX - ICICLE_GUTTER) / (canvas.clientWidth - ICICLE_GUTTER)) * (view[1] - view[0]);
  const g = shape.rows[k].findIndex((box) => value < box.right);
  return g < 0 ? null : { k, g };
}

function drawIcicle(ice) {
  const { canvas, shape, state, mark } = ice;
  const width = canvas.clientWidth;
  if (!shape || !width) return;
  const height = ICICLE_ROW * shape.rows.length;
  canvas.style.height = `${height}px`;
  const pen = fitted(canvas, width, height);
  pen.clearRect(0, 0, width, height + 1);
  pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  pen.textBaseline = "middle";
  const high = Math.log2(1 + shape.rows[0].reduce((sum, box) => sum + box.mean, 0));
  pen.save();
  pen.beginPath();
  pen.rect(ICICLE_GUTTER, 0, width, height);
  pen.clip();
  shape.rows.forEach((boxes, k) => boxes.forEach((box) => icicleBox(pen, ice, box, k, high)));
  state.chain.forEach((g, k) => {
    icicleOutline(pen, ice, k, g, "#111", 3);
    icicleOutline(pen, ice, k, g, "#fff", 1.5);
  });
  icicleOutline(pen, ice, state.k, state.group, themeColour(canvas, "--gv-accent"), 4);
  for (const g of state.picked ?? []) icicleOutline(pen, ice, state.k, g, themeColour(canvas, "--gv-bad"), 3, [5, 3]);
  if (mark !== null) {
    icicleOutline(pen, ice, state.k, mark, "#fff", 3);
    icicleOutline(pen, ice, state.k, mark, "#111", 3, [2, 3]);
  }
  pen.restore();
  pen.fillStyle = themeColour(canvas, "--gv-soft");
  shape.rows.forEach((_, k) => pen.fillText(scaleText(shape.scales, k), 2, (k + 0.5) * ICICLE_ROW));
}

function icicleBox(pen, ice, box, k, high) {
  const [left, right, end] = [iciclePlace(ice, box.left), iciclePlace(ice, box.right), ice.canvas.clientWidth];
  if (right < ICICLE_GUTTER || left > end) return;
  const x = Math.max(left, ICICLE_GUTTER - 2);
  const w = Math.min(right, end + 2) - x;
  const colour = ice.steps[stepOf(Math.log2(1 + box.mean), 0, high)];
  pen.fillStyle = css(colour);
  pen.fillRect(x, k * ICICLE_ROW + 0.5, Math.max(w - (w > 3 ? 1 : 0), 0.5), ICICLE_ROW - 1);
  if (w < 26) return;
  const light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];
  pen.fillStyle = light > 130 ? "#111" : "#fff";
  const text = fitText(pen, box.label, w - 10);
  if (text) pen.fillText(text, x + 5, (k + 0.5) * ICICLE_ROW);
}

function icicleOutline(pen, ice, k, g, colour, weight, dash = []) {
  const box = ice.shape.rows[k]?.[g];
  if (!box) return;
  const [left, right] = [iciclePlace(ice, box.left), iciclePlace(ice, box.right)];
  pen.strokeStyle = colour;
  pen.lineWidth = weight;
  pen.setLineDash(dash);
  pen.strokeRect(left + 0.5, k * ICICLE_ROW + 1.5, Math.max(right - left - 2, 3), ICICLE_ROW - 3);
  pen.setLineDash([]);
}

// As much of a text as fits, or nothing.
function fitText(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let short = text.slice(0, Math.max(0, Math.floor((text.length * width) / pen.measureText(text).width) - 1));
  while (short && pen.measureText(`${short}…`).width > width) short = short.slice(0, -1);
  return short.length > 1 ? `${short}…` : "";
}

// A count for people: three digits, no exponents.
function treeCount(value) {
  if (value === null || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return signed(size >= 100 ? Math.round(value).toLocaleString("en") : size >= 10 ? value.toFixed(1) : value.toFixed(2));
}
