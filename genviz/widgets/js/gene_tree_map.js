// Spots over the tissue: one map, small or large. Positions are micrometres from the image's top left corner.

const TREE_MARGIN_UM = 200;
const BACKDROP = 0.5;
const ROUND_PX = 1.2; // discs smaller than this are drawn as squares

// The part of the section that maps show: left, top, width, height in micrometres.
function sectionWindow(xy, diameter) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < xy.length; i += 2) {
    box[0] = Math.min(box[0], xy[i]);
    box[1] = Math.min(box[1], xy[i + 1]);
    box[2] = Math.max(box[2], xy[i]);
    box[3] = Math.max(box[3], xy[i + 1]);
  }
  const pad = diameter / 2 + TREE_MARGIN_UM;
  return { left: box[0] - pad, top: box[1] - pad, width: box[2] - box[0] + 2 * pad, height: box[3] - box[1] + 2 * pad };
}

// Range of values on the log2(1 + count) scale that parts the spots: 2nd to 99.5th percentile.
function countRange(...arrays) {
  const logs = arrays.filter(Boolean).flatMap((values) => Array.from(values, readCounts));
  const all = logs.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (!all.length) return [0, 1];
  const at = (share) => all[Math.min(all.length - 1, Math.floor(all.length * share))];
  return [at(0.02), Math.max(at(0.995), at(0.02) + 0.05)];
}

function changeRange(values) {
  const sizes = Array.from(values, Math.abs).sort((a, b) => a - b);
  const high = Math.max(sizes[Math.floor((sizes.length - 1) * 0.99)] ?? 0, 1e-6);
  return [-high, high];
}

// One map. `paint({section, values, steps, low, high, read, chosen, small})` draws; `onLasso(rows | null)`; `tell(i)` the
// text of a spot. What follows the hand lies on a canvas of its own, so that spots are drawn only when they change.
function treeMap(f, label, { onLasso = null, tell = null } = {}) {
  const canvas = el("canvas", { class: "gv-tree-map", tabindex: tell ? "0" : null, role: tell ? "application" : null,
    "aria-label": label || null, "aria-hidden": label ? null : "true" });
  const over = el("canvas", { class: "gv-tree-over" });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const map = {
    canvas, over, tip, now: null, path: null, spot: -1,
    node: el("div", { class: "gv-tree-map-box" }, canvas, tell ? over : null, tip),
    zoom: () => canvas.clientWidth / map.now.section.window.width,
    toPx: ([x, y]) => [(x - map.now.section.window.left) * map.zoom(), (y - map.now.section.window.top) * map.zoom()],
    toUm: (x, y) => [map.now.section.window.left + x / map.zoom(), map.now.section.window.top + y / map.zoom()],
    paint(next) {
      map.now = next;
      drawTreeMap(map);
    },
  };
  f.onResize(canvas, () => drawTreeMap(map));
  if (tell) treeMapPointer(map, { onLasso, tell });
  if (tell) canvas.addEventListener("keydown", (event) => treeMapKey(event, map, { f, onLasso, tell }));
  return map;
}

function drawTreeMap(map) {
  const { canvas, now } = map;
  const width = canvas.clientWidth;
  if (!now || !width) return;
  const { section, small } = now;
  const { window: frame } = section;
  const height = (width * frame.height) / frame.width;
  canvas.style.height = `${height}px`;
  const zoom = map.zoom();
  const pen = fitted(canvas, width, height);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = "#fff"; // tissue lies on white, and low counts are dark: in dark themes too
  pen.fillRect(0, 0, width, height);
  if (section.picture && !small) {
    pen.globalAlpha = BACKDROP;
    pen.drawImage(section.picture, -frame.left * zoom, -frame.top * zoom, section.extent[0] * zoom, section.extent[1] * zoom);
    pen.globalAlpha = 1;
  }
  drawTreeSpots(pen, now, zoom);
  if (!small) drawScaleBar(pen, zoom, width, height);
  drawTreeHand(map);
}

function drawTreeSpots(pen, { section, values, steps, low, high, read, chosen, small }, zoom) {
  const { window: frame, xy } = section;
  const r = Math.max((section.diameter / 2) * zoom * (small ? 1.35 : 1), 0.8);
  const colours = steps.map(css);
  for (let i = 0; i < values.length; i++) {
    const step = stepOf(read(values[i]), low, high);
    if (step < 0) continue;
    pen.globalAlpha = chosen && !chosen.has(i) ? 0.3 : 1;
    pen.fillStyle = colours[step];
    const [x, y] = [(xy[2 * i] - frame.left) * zoom, (xy[2 * i + 1] - frame.top) * zoom];
    if (r < ROUND_PX) {
      pen.fillRect(x - r, y - r, 2 * r, 2 * r);
      continue;
    }
    pen.beginPath();
    pen.arc(x, y, r, 0, 7);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

// The line that is being drawn, and a ring around the spot that the keys are on.
function drawTreeHand({ canvas, over, now, path, spot, toPx, zoom }) {
  if (!over.isConnected || !now) return;
  const pen = fitted(over, canvas.clientWidth, canvas.clientHeight);
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  if (path) drawLasso(pen, path.map(toPx));
  const { xy, diameter } = now.section;
  if (spot >= 0 && 2 * spot < xy.length)
    drawRing(pen, ...toPx([xy[2 * spot], xy[2 * spot + 1]]), Math.max(3, (diameter / 2) * zoom()) + 1.5);
}

function showTreeTip({ tip, canvas }, text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  tip.style.left = `${Math.min(x + 12, canvas.clientWidth - 150)}px`;
  tip.style.top = `${y + 14}px`;
}

function treeMapPointer(map, { onLasso, tell }) {
  const { canvas, tip } = map;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !onLasso || !map.now) return;
    leaveTreeSpot(map);
    map.path = [map.toUm(event.offsetX, event.offsetY)];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!map.now) return;
    const at = map.toUm(event.offsetX, event.offsetY);
    if (map.path) {
      map.path.push(at);
      drawTreeHand(map);
    }
    const { xy, diameter } = map.now.section;
    const i = map.path ? -1 : spotAt(xy, 0.75 * diameter, ...at);
    tip.hidden = i < 0;
    if (i >= 0) showTreeTip(map, tell(i), event.offsetX, event.offsetY);
  });
  const end = (keep) => {
    const drawn = map.path;
    map.path = null;
    if (keep && drawn) onLasso(drawn.length > 4 ? spotsInside(map.now.section.xy, drawn) : null);
    drawTreeHand(map);
  };
  canvas.addEventListener("pointerup", () => end(true));
  canvas.addEventListener("pointercancel", () => end(false));
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("blur", () => leaveTreeSpot(map));
}

function leaveTreeSpot(map) {
  map.spot = -1;
  map.tip.hidden = true;
  drawTreeHand(map);
}

// Arrow keys go from spot to spot, Space chooses one or drops it.
function treeMapKey(event, map, { f, onLasso, tell }) {
  const { now } = map;
  if (!now || event.ctrlKey || event.metaKey) return;
  const { xy, window: frame } = now.section;
  const arrow = ARROWS[event.key];
  if (arrow) {
    map.spot = spotBeside(xy, map.spot, arrow, [frame.left + frame.width / 2, frame.top + frame.height / 2]);
    const text = tell(map.spot);
    showTreeTip(map, text, ...map.toPx([xy[2 * map.spot], xy[2 * map.spot + 1]]));
    f.say(text.replaceAll("\n", ", "));
    drawTreeHand(map);
  } else if (event.key === " " && onLasso && map.spot >= 0) {
    const chosen = new Set(now.chosen);
    if (!chosen.delete(map.spot)) chosen.add(map.spot);
    onLasso([...chosen]);
  } else if (event.key === "Escape") {
    leaveTreeSpot(map);
    onLasso?.(null);
  } else return;
  event.preventDefault();
}
