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

// An icicle with keys and a pointer; `onPick(k, group, event)`.
function treeIcicle(stops, onPick) {
  const canvas = el("canvas", { class: "gv-tree-icicle", tabindex: "0", role: "application",
    "aria-label": "Gene tree: arrow keys move, Enter zooms in, Escape out" });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const node = el("div", { class: "gv-tree-icicle-box" }, canvas, tip);
  const steps = colourSteps(stops);
  let shape = null;
  let state = { k: 0, group: 0, chain: [], picked: new Set() };
  let view = [0, 1];

  const place = (value) => ICICLE_GUTTER + ((value - view[0]) / (view[1] - view[0])) * (canvas.clientWidth - ICICLE_GUTTER);

  function draw() {
    if (!shape || !canvas.clientWidth) return;
    canvas.style.height = `${ICICLE_ROW * shape.rows.length}px`;
    const width = canvas.clientWidth;
    const pen = fitted(canvas, width, ICICLE_ROW * shape.rows.length);
    pen.clearRect(0, 0, width, canvas.clientHeight + 1);
    pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
    pen.textBaseline = "middle";
    const high = Math.log2(1 + shape.rows[0].reduce((sum, box) => sum + box.mean, 0));
    pen.save();
    pen.beginPath();
    pen.rect(ICICLE_GUTTER, 0, width, 1e4);
    pen.clip();
    shape.rows.forEach((boxes, k) => boxes.forEach((box, g) => drawBox(pen, box, k, g, high)));
    state.chain.forEach((g, k) => {
      outline(pen, k, g, "#111", 3);
      outline(pen, k, g, "#fff", 1.5);
    });
    outline(pen, state.k, state.group, themeColour(canvas, "--gv-accent"), 4);
    for (const g of state.picked) outline(pen, state.k, g, themeColour(canvas, "--gv-bad"), 3, [5, 3]);
    pen.restore();
    pen.fillStyle = themeColour(canvas, "--gv-soft");
    shape.rows.forEach((boxes, k) => {
      pen.fillText(scaleText(shape.scales, k), 2, (k + 0.5) * ICICLE_ROW);
    });
  }

  function drawBox(pen, box, k, g, high) {
    const [left, right] = [place(box.left), place(box.right)];
    if (right < ICICLE_GUTTER || left > canvas.clientWidth) return;
    const [x, w] = [Math.max(left, ICICLE_GUTTER - 2), Math.min(right, canvas.clientWidth + 2) - Math.max(left, ICICLE_GUTTER - 2)];
    const colour = steps[stepOf(Math.log2(1 + box.mean), 0, high)];
    pen.fillStyle = css(colour);
    pen.fillRect(x, k * ICICLE_ROW + 0.5, Math.max(w - (w > 3 ? 1 : 0), 0.5), ICICLE_ROW - 1);
    if (w < 26) return;
    const light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];
    pen.fillStyle = light > 130 ? "#111" : "#fff";
    const text = fitText(pen, box.label, w - 10);
    if (text) pen.fillText(text, x + 5, (k + 0.5) * ICICLE_ROW);
  }

  function outline(pen, k, g, colour, weight, dash = []) {
    const box = shape.rows[k]?.[g];
    if (!box) return;
    pen.strokeStyle = colour;
    pen.lineWidth = weight;
    pen.setLineDash(dash);
    pen.strokeRect(place(box.left) + 0.5, k * ICICLE_ROW + 1.5, Math.max(place(box.right) - place(box.left) - 2, 3), ICICLE_ROW - 3);
    pen.setLineDash([]);
  }

  function hit(event) {
    const k = Math.floor(event.offsetY / ICICLE_ROW);
    if (!shape || event.offsetX < ICICLE_GUTTER || k < 0 || k >= shape.rows.length) return null;
    const value = view[0] + ((event.offsetX - ICICLE_GUTTER) / (canvas.clientWidth - ICICLE_GUTTER)) * (view[1] - view[0]);
    const g = shape.rows[k].findIndex((box) => value < box.right);
    return g < 0 ? null : { k, g, box: shape.rows[k][g] };
  }

  function zoom(k, g) {
    const box = shape.rows[k][g];
    view = box.left === view[0] && box.right === view[1] ? [0, shape.width] : [box.left, box.right];
    draw();
  }

  canvas.addEventListener("click", (event) => {
    const found = hit(event);
    if (found) onPick(found.k, found.g, event);
  });
  canvas.addEventListener("dblclick", (event) => {
    const found = hit(event);
    if (found && found.k < shape.rows.length - 1) zoom(found.k, found.g);
  });
  canvas.addEventListener("pointermove", (event) => {
    const found = hit(event);
    tip.hidden = !found;
    if (!found) return;
    const { box } = found;
    tip.textContent = `${box.label}\n${box.genes} ${box.genes > 1 ? "genes" : "gene"}, ${treeCount(box.mean)} counts a spot`;
    tip.style.left = `${Math.min(event.offsetX + 12, canvas.clientWidth - 230)}px`;
    tip.style.top = `${event.offsetY + 16}px`;
  });
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("keydown", (event) => {
    const { k, group } = state;
    const box = shape?.rows[k][group];
    if (!box) return;
    const goes = { ArrowLeft: [k, group - 1], ArrowRight: [k, group + 1], ArrowUp: [k - 1], ArrowDown: [k + 1] }[event.key];
    if (goes) {
      const [to, g = shape.rows[to]?.findIndex((other) => box.first >= other.first && box.first <= other.last)] = goes;
      if (shape.rows[to]?.[g]) onPick(to, g, { key: true });
    } else if (event.key === "Enter" && k < shape.rows.length - 1) zoom(k, group);
    else if (event.key === "Escape") {
      view = [0, shape.width];
      draw();
    } else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(canvas);
  return {
    node, canvas, draw,
    whole() {
      view = [0, shape.width];
      draw();
    },
    setShape(next) {
      if (!shape || view[0] > next.width || view[1] > next.width || view[1] === shape.width) view = [0, next.width];
      shape = next;
      draw();
    },
    setState(next) {
      state = { ...state, ...next };
      const box = shape.rows[state.k]?.[state.group];
      if (box && (box.right <= view[0] || box.left >= view[1])) view = [0, shape.width];
      draw();
    },
  };
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
  return size >= 100 ? Math.round(value).toLocaleString("en") : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
