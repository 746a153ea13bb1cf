// Spots over the tissue: one map, small or large. Positions are micrometres from the image's top left corner.

const TREE_MARGIN_UM = 200;
const BACKDROP = 0.5;

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
  const logs = arrays.filter(Boolean).flatMap((values) => Array.from(values, (value) => Math.log2(1 + value)));
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

// One map. `paint({section, values, steps, low, high, read, chosen, small})` draws; `onLasso(rows | null)`.
function treeMap(label, { onLasso = null, tell = null } = {}) {
  const canvas = el("canvas", { class: "gv-tree-map", tabindex: onLasso ? "0" : null, "aria-label": label });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const node = el("div", { class: "gv-tree-map-box" }, canvas, tip);
  let now = null;
  let path = null;

  const zoomOf = () => canvas.clientWidth / now.section.window.width;
  const toUm = (event) => [now.section.window.left + event.offsetX / zoomOf(), now.section.window.top + event.offsetY / zoomOf()];

  function draw() {
    if (!now || !canvas.clientWidth) return;
    const { section, values, steps, low, high, read, chosen, small } = now;
    const { window: frame } = section;
    const height = (canvas.clientWidth * frame.height) / frame.width;
    canvas.style.height = `${height}px`;
    const zoom = zoomOf();
    const pen = fitted(canvas, canvas.clientWidth, height);
    pen.clearRect(0, 0, canvas.clientWidth, height);
    if (section.picture && !small) {
      pen.fillStyle = "#fff"; // tissue lies on white, in dark themes too
      pen.fillRect(0, 0, canvas.clientWidth, height);
      pen.globalAlpha = BACKDROP;
      pen.drawImage(section.picture, -frame.left * zoom, -frame.top * zoom, section.extent[0] * zoom, section.extent[1] * zoom);
      pen.globalAlpha = 1;
    }
    const radius = Math.max((section.diameter / 2) * zoom * (small ? 1.35 : 1), 0.8);
    for (let i = 0; i < values.length; i++) {
      const step = stepOf(read(values[i]), low, high);
      if (step < 0) continue;
      pen.globalAlpha = chosen && !chosen.has(i) ? 0.3 : 1;
      pen.fillStyle = css(steps[step]);
      pen.beginPath();
      pen.arc((section.xy[2 * i] - frame.left) * zoom, (section.xy[2 * i + 1] - frame.top) * zoom, radius, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (!small) scaleBar(pen, frame, zoom, height);
    if (path) drawPath(pen, zoom, frame);
  }

  function drawPath(pen, zoom, frame) {
    pen.strokeStyle = "#000";
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 3]);
    pen.beginPath();
    path.forEach(([x, y]) => pen.lineTo((x - frame.left) * zoom, (y - frame.top) * zoom));
    pen.stroke();
    pen.setLineDash([]);
  }

  function spotAt(event) {
    if (!now) return -1;
    const [x, y] = toUm(event);
    let best = -1;
    let near = (0.75 * now.section.diameter) ** 2;
    for (let i = 0; i < now.values.length; i++) {
      const far = (now.section.xy[2 * i] - x) ** 2 + (now.section.xy[2 * i + 1] - y) ** 2;
      if (far < near) [best, near] = [i, far];
    }
    return best;
  }

  function hover(event) {
    const i = path ? -1 : spotAt(event);
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.textContent = tell(i);
    tip.style.left = `${Math.min(event.offsetX + 12, canvas.clientWidth - 150)}px`;
    tip.style.top = `${event.offsetY + 14}px`;
  }

  if (onLasso) {
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      path = [toUm(event)];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (path) {
        path.push(toUm(event));
        draw();
      }
      hover(event);
    });
    canvas.addEventListener("pointerup", () => {
      const drawn = path;
      path = null;
      if (drawn && now) onLasso(drawn.length > 4 ? inside(now.section.xy, drawn) : null);
      draw();
    });
    canvas.addEventListener("pointerleave", () => (tip.hidden = true));
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape") onLasso(null);
    });
  }
  new ResizeObserver(draw).observe(canvas);
  return { node, canvas, paint(next) {
    now = next;
    draw();
  } };
}

// Spots inside a polygon, by crossings.
function inside(xy, polygon) {
  const found = [];
  for (let i = 0; i < xy.length; i += 2) {
    let within = false;
    polygon.forEach(([x, y], a) => {
      const [u, v] = polygon[(a + 1) % polygon.length];
      if (y > xy[i + 1] !== v > xy[i + 1] && xy[i] < ((u - x) * (xy[i + 1] - y)) / (v - y) + x) within = !within;
    });
    if (within) found.push(i / 2);
  }
  return found;
}

function scaleBar(pen, frame, zoom, height) {
  const length = [100, 200, 500, 1000, 2000, 5000].findLast((um) => um * 4 < frame.width) ?? 100;
  pen.fillStyle = "rgba(255,255,255,.8)";
  pen.fillRect(8, height - 27, length * zoom + 8, 22);
  pen.fillStyle = "#111";
  pen.fillRect(12, height - 10, length * zoom, 3);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "alphabetic";
  pen.fillText(length >= 1000 ? `${length / 1000} mm` : `${length} µm`, 12, height - 14);
}
