// Tiles of one gene: a line a spot, a column a dose; beside it two of them large.

const STRIP = { head: 30, gap: 3, least: 44, most: 128, high: 620 };

// All tiles that are here, by gene, dose, row and draw: places in sheets of pixels.
function sweepTiles() {
  let cells = new Map();
  const bitmaps = new Set();
  const key = (gene, dose, row) => `${gene}\n${dose}\n${row}`;
  return {
    clear() {
      cells = new Map();
      for (const bitmap of bitmaps) bitmap.close();
      bitmaps.clear();
    },
    // uint8 (k, n, h, w, 3) of rows from `start`.
    addRaw(gene, dose, start, { values, shape }) {
      const [k, n, h, w] = shape;
      const sheet = new OffscreenCanvas(n * w, k * h);
      const pen = sheet.getContext("2d");
      for (let i = 0; i < k * n; i++) pen.putImageData(imageData(values, i, h, w), (i % n) * w, Math.floor(i / n) * h);
      for (let i = 0; i < k; i++) cells.set(key(gene, dose, start + i), { sheet, x: 0, y: i * h, side: w, n });
    },
    // One picture: rows down; doses across, and in each its draws.
    addSheet(gene, doses, sheet, rows, n) {
      const side = sheet.height / rows;
      bitmaps.add(sheet);
      doses.forEach((dose, d) => {
        for (let row = 0; row < rows; row++) cells.set(key(gene, dose, row), { sheet, x: d * n * side, y: row * side, side, n });
      });
    },
    get: (gene, dose, row) => cells.get(key(gene, dose, row)),
  };
}

function drawTile(pen, cell, draw, x, y, size) {
  pen.imageSmoothingQuality = "high";
  pen.drawImage(cell.sheet, cell.x + Math.min(draw, cell.n - 1) * cell.side, cell.y, cell.side, cell.side, x, y, size, size);
}

// Why a tile is flagged, in words; "" if it is not.
function flagOf(look, gene, dose, row) {
  const outside = look.entry(gene, dose)?.outside;
  if (!outside) return "";
  const said = [];
  if (outside.genes.includes(row)) said.push("the gene's value lies outside of what the reference rows have");
  if (outside.codes.includes(row)) said.push("the profile as a whole lies further out than 99 % of the reference rows");
  return said.length ? `Outside the range: ${said.join("; ")}. The model has not seen such profiles; what it draws there is a guess.` : "";
}

// "x0.5" -> "0.5 ×", "=12" -> "12 counts"
function doseText(label) {
  if (label.startsWith("x")) return `× ${label.slice(1)}`;
  return label.startsWith("=") ? `= ${label.slice(1)}` : label;
}

function flagCorner(pen, x, y, size, colour) {
  pen.fillStyle = colour("--gv-warn");
  pen.strokeStyle = colour("--gv-ground");
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x + size - 17, y);
  pen.lineTo(x + size, y);
  pen.lineTo(x + size, y + 17);
  pen.closePath();
  pen.fill();
  pen.stroke();
  pen.fillStyle = colour("--gv-ground");
  pen.font = "bold 10px sans-serif";
  pen.textAlign = "center";
  pen.fillText("!", x + size - 4.5, y + 9.5);
}

function stripCell(pen, look, colour, { x, y, size, row, dose }) {
  const gene = look.gene();
  const found = look.tile(gene, dose, row);
  if (!found) {
    pen.strokeStyle = colour("--gv-line");
    pen.setLineDash([3, 3]);
    pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    pen.setLineDash([]);
    return;
  }
  drawTile(pen, found, look.draw(), x, y, size);
  if (flagOf(look, gene, dose, row)) flagCorner(pen, x, y, size, colour);
  if (row !== look.row() || dose !== look.dose()) return;
  pen.strokeStyle = colour("--gv-accent");
  pen.lineWidth = 3;
  pen.strokeRect(x + 1.5, y + 1.5, size - 3, size - 3);
  pen.lineWidth = 1;
}

function stripTold(look, { row, dose }) {
  const said = [`${look.gene()} ${dose === look.reference() ? "as measured" : doseText(dose)}, spot ${look.rows()[row]}`];
  if (!look.tile(look.gene(), dose, row)) said.push("not made yet");
  return [...said, flagOf(look, look.gene(), dose, row)].filter(Boolean);
}

function sweepStrip(f, look, onpick) {
  const canvas = el("canvas", { class: "gv-strip", tabindex: 0, role: "application" });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const node = el("div", { class: "gv-strip-place" }, canvas, tip);
  let [size, room, label] = [STRIP.most, 600, 60];
  const colour = (name) => themeColour(f.root, name);
  const xOf = (column) => label + column * (size + STRIP.gap);
  const yOf = (row) => STRIP.head + row * (size + STRIP.gap);

  const place = (event) => {
    const edge = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - edge.left - label) / (size + STRIP.gap));
    const row = Math.floor((event.clientY - edge.top - STRIP.head) / (size + STRIP.gap));
    const inside = column >= 0 && row >= 0 && column < look.doses().length && row < look.rows().length;
    return inside ? { row, dose: look.doses()[column] } : null;
  };

  function draw() {
    const [doses, rows] = [look.doses(), look.rows()];
    const font = getComputedStyle(f.root).fontFamily;
    label = 14 + 6.6 * Math.max(3, ...rows.map((name) => Math.min(13, name.length)));
    const [wide, high] = [(room - label) / Math.max(1, doses.length), (STRIP.high - STRIP.head) / Math.max(1, rows.length)];
    size = Math.max(STRIP.least, Math.min(STRIP.most, Math.floor(Math.min(wide, high)) - STRIP.gap));
    const [w, h] = [xOf(doses.length), yOf(rows.length)];
    const pen = fitted(canvas, w, h);
    canvas.style.width = `${w}px`;
    canvas.style.height = `${h}px`;
    canvas.setAttribute("aria-label",
      `Synthetic tiles of ${look.gene()}: ${rows.length} spots down, doses ${doses.join(", ")} across. Arrow keys move.`);
    pen.fillStyle = colour("--gv-ground");
    pen.fillRect(0, 0, w, h);
    doses.forEach((dose, column) => {
      const measured = dose === look.reference();
      pen.font = `${measured ? "600 " : ""}12px ${font}`;
      pen.textAlign = "center";
      pen.fillStyle = colour(measured ? "--gv-ink" : "--gv-soft");
      pen.fillText(measured ? "measured" : doseText(dose), xOf(column) + size / 2, 17);
      if (measured) pen.fillRect(xOf(column), STRIP.head - 6, size, 2.5);
    });
    rows.forEach((name, row) => {
      pen.font = `12px ${font}`;
      pen.textAlign = "right";
      pen.fillStyle = colour(row === look.row() ? "--gv-ink" : "--gv-soft");
      pen.fillText(shortened(name, 13), label - 8, yOf(row) + size / 2 + 4);
      doses.forEach((dose, column) => stripCell(pen, look, colour, { x: xOf(column), y: yOf(row), size, row, dose }));
    });
  }

  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    tip.hidden = !at;
    if (!at) return;
    tip.replaceChildren(...stripTold(look, at).map((line) => el("div", {}, line)));
    const edge = node.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX - edge.left + 12, Math.max(0, edge.width - 330))}px`;
    tip.style.top = `${event.clientY - edge.top + node.scrollTop + 16}px`;
  });
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("click", (event) => {
    const at = place(event);
    if (at) onpick(at.row, at.dose);
  });
  canvas.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    const [dx, dy] = ARROWS[event.key];
    const column = Math.max(0, Math.min(look.doses().length - 1, look.doses().indexOf(look.dose()) + dx));
    onpick(Math.max(0, Math.min(look.rows().length - 1, look.row() + dy)), look.doses()[column]);
  });
  return { node, canvas, draw, room: (width) => (room = width) };
}

const shortened = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

// The chosen dose beside the measured one, large; a slider over the doses, and a button that lays one over the other.
function sweepPair(f, look, side_um, onpick) {
  const large = () => el("canvas", { class: "gv-large", role: "img" });
  const [before, after] = [large(), large()];
  const [beforeName, afterName] = [el("figcaption", {}), el("figcaption", {})];
  const flag = el("div", { class: "gv-flag" });
  let flipped = false;
  const flip = button("Flip", () => {
    flipped = !flipped;
    draw();
  }, { "aria-pressed": "false", title: "Lay the measured dose over the chosen one, and back: what moves is the edit" });
  const dose = slider("Dose", { min: 0, max: 1, value: 0, text: (k) => doseText(look.doses()[k] ?? ""),
    oninput: (k) => onpick(look.row(), look.doses()[k]) });
  const title = el("h4", {});
  const node = el("div", { class: "gv-pair" }, title,
    el("div", { class: "gv-two" }, el("figure", {}, beforeName, before), el("figure", {}, afterName, after)),
    el("div", { class: "gv-controls" }, dose.node, flip), flag,
    el("div", { class: "gv-note" }, side_um ? `A tile is ${side_um} µm wide. Synthetic: drawn by the model.` : "Synthetic: drawn by the model."));

  function paint(canvas, cell, size) {
    const pen = fitted(canvas, size, size);
    pen.clearRect(0, 0, size, size);
    if (cell) drawTile(pen, cell, look.draw(), 0, 0, size);
    canvas.classList.toggle("gv-missing", !cell);
  }

  function draw() {
    const [gene, row, chosen, reference] = [look.gene(), look.row(), look.dose(), look.reference()];
    dose.range.max = Math.max(0, look.doses().length - 1);
    dose.set(Math.max(0, look.doses().indexOf(chosen)));
    flip.setAttribute("aria-pressed", String(flipped));
    title.textContent = `${gene}, spot ${look.rows()[row] ?? ""}`;
    // Of the measured counts: the tile itself is drawn.
    const measured = "measured counts";
    beforeName.textContent = measured;
    afterName.textContent = flipped ? `${measured} (flipped)` : chosen === reference ? measured : doseText(chosen);
    const size = 168;
    paint(before, look.tile(gene, reference, row), size);
    paint(after, look.tile(gene, flipped ? reference : chosen, row), size);
    before.setAttribute("aria-label", `Tile at the measured dose of ${gene}`);
    after.setAttribute("aria-label", `Tile of ${gene} at ${afterName.textContent}`);
    flag.textContent = flagOf(look, gene, chosen, row);
  }
  return { node, draw };
}
