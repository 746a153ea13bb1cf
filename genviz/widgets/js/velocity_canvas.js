// Panels of arrows that move, zoom and point together.

const PATH_REACH_PX = 14;
const PATH_HEAD_PX = 6;

// One panel: a canvas under a title. `looks()` gives what is shown; `on` is told of pointing and of keys.
function pathPanel(rows, model, control, looks, on) {
  const canvas = el("canvas", { class: "gv-vel-canvas", tabindex: 0, role: "application" });
  const title = el("div", { class: "gv-vel-title" });
  const node = el("figure", { class: "gv-vel-panel" }, title, canvas);
  const size = { w: 300, h: 300 };

  const screen = (x, y) => {
    const { zoom, middle, perPx } = looks().camera;
    const k = zoom / perPx;
    return [size.w / 2 + (x - middle[0]) * k, size.h / 2 - (y - middle[1]) * k];
  };
  const ends = (row) => {
    const [places, at] = rows.endOf(model, row, control);
    return [screen(rows.start[2 * row], rows.start[2 * row + 1]), screen(places[2 * at], places[2 * at + 1])];
  };
  const between = ([[x0, y0], [x1, y1]], share) => [x0 + (x1 - x0) * share, y0 + (y1 - y0) * share];

  function draw() {
    const look = looks();
    const pen = fitted(canvas, size.w, size.h);
    const theme = (name) => themeColour(node, name);
    pen.clearRect(0, 0, size.w, size.h);
    pen.lineCap = "round";
    const parts = new Map(); // colour -> rows, the muted ones first
    for (const row of rows.drawn) {
      const key = look.muted(row) ? "muted" : look.colour(row);
      if (!parts.has(key)) parts.set(key, []);
      parts.get(key).push([row, ends(row)]);
    }
    const order = [...parts].sort(([a], [b]) => (b === "muted") - (a === "muted"));
    const tint = (key) => (key === "muted" ? theme("--gv-line") : key === "#000000" ? theme("--gv-ink") : key);
    if (look.arrows) for (const [key, all] of order) pathLines(pen, all, tint(key), look.share, rows.drawn.length);
    pathRings(pen, order, theme("--gv-soft"));
    for (const [key, all] of order) pathPoints(pen, all, tint(key), look, between, key === "muted");
    if (look.row >= 0) pathMark(pen, ends(look.row), between(ends(look.row), look.share), theme("--gv-ink"));
    const where = control === "none" ? "arrows of rows" : "null arrows";
    canvas.setAttribute("aria-label",
      `${rows.models[model]}: ${rows.drawn.length} ${where}, ${Math.round(look.share * 100)} % of the way from noise. ` +
      "Arrow keys go from row to row, Enter pins, plus and minus zoom, 0 shows all.");
  }

  // The row at a place of the canvas: nearest of its point, start and end.
  function at(x, y) {
    let best = -1;
    let reach = PATH_REACH_PX ** 2;
    for (const row of rows.drawn) {
      if (looks().muted(row)) continue;
      const both = ends(row);
      for (const [px, py] of [between(both, looks().share), both[0], both[1]]) {
        const distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < reach) [best, reach] = [row, distance];
      }
    }
    return best;
  }

  // The nearest row in a direction, for arrow keys.
  function beside(row, arrow) {
    const open = rows.drawn.filter((other) => other === row || !looks().muted(other));
    const places = open.flatMap((other) => between(ends(other), looks().share));
    return open[spotBeside(places, open.indexOf(row), arrow)];
  }

  pathPointer(canvas, size, { at, beside, looks, on });
  return {
    node, canvas, title, draw,
    fit(w, h) {
      [size.w, size.h] = [w, h];
      canvas.style.width = `${w}px`;
      canvas.style.height = `${h}px`;
    },
  };
}

// Segments, faint ahead of the point, and heads at the ends.
function pathLines(pen, all, colour, share, n) {
  const weight = Math.max(0.16, Math.min(0.5, 70 / n));
  const line = (from, to, alpha) => {
    pen.globalAlpha = alpha;
    pen.beginPath();
    for (const [, both] of all) {
      const [[x0, y0], [x1, y1]] = both;
      pen.moveTo(x0 + (x1 - x0) * from, y0 + (y1 - y0) * from);
      pen.lineTo(x0 + (x1 - x0) * to, y0 + (y1 - y0) * to);
    }
    pen.stroke();
  };
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 1;
  if (share > 0) line(0, share, weight);
  if (share < 1) line(share, 1, weight * 0.35);
  pen.globalAlpha = share < 1 ? 0.3 : 0.75;
  pen.beginPath();
  for (const [, [[x0, y0], [x1, y1]]] of all) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 2 * PATH_HEAD_PX) continue;
    const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
    const [bx, by] = [x1 - ux * (PATH_HEAD_PX + 4), y1 - uy * (PATH_HEAD_PX + 4)];
    pen.moveTo(x1 - ux * 3, y1 - uy * 3);
    pen.lineTo(bx - uy * 3.2, by + ux * 3.2);
    pen.lineTo(bx + uy * 3.2, by - ux * 3.2);
    pen.closePath();
  }
  pen.fill();
  pen.globalAlpha = 1;
}

// Starts: noise, which has no group, so it has no colour.
function pathRings(pen, order, colour) {
  pen.globalAlpha = 0.45;
  pen.strokeStyle = colour;
  pen.lineWidth = 0.8;
  pen.beginPath();
  for (const [, all] of order) {
    for (const [, [[x, y]]] of all) {
      pen.moveTo(x + 2.2, y);
      pen.arc(x, y, 2.2, 0, 2 * Math.PI);
    }
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

function pathPoints(pen, all, colour, look, between, muted) {
  pen.fillStyle = colour;
  pen.globalAlpha = muted ? 0.5 : 0.9;
  pen.beginPath();
  for (const [, both] of all) {
    const [x, y] = between(both, look.share);
    pen.moveTo(x + 3.2, y);
    pen.arc(x, y, 3.2, 0, 2 * Math.PI);
  }
  pen.fill();
  pen.globalAlpha = 1;
}

// The row that is pointed at, over all others.
function pathMark(pen, [[x0, y0], [x1, y1]], [x, y], colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.8;
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(x, y, 6.5, 0, 2 * Math.PI);
  pen.moveTo(x0 + 4, y0);
  pen.arc(x0, y0, 4, 0, 2 * Math.PI);
  pen.stroke();
}

// Mouse, wheel and keys of one canvas.
function pathPointer(canvas, size, { at, beside, looks, on }) {
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    drag = { last: placeOn(canvas, event), far: 0 };
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = placeOn(canvas, event);
    if (!drag) return on.point(at(x, y));
    const [dx, dy] = [x - drag.last[0], y - drag.last[1]];
    drag.last = [x, y];
    drag.far += Math.abs(dx) + Math.abs(dy);
    if (drag.far > 3) on.move(dx, dy);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && drag.far <= 3) on.pin(at(...placeOn(canvas, event)));
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("pointerleave", () => !drag && on.point(-1));
  canvas.addEventListener("dblclick", () => on.home());
  wheelZoom(canvas, on.hint, (factor, x, y) => on.zoom(factor, x - size.w / 2, y - size.h / 2));
  canvas.addEventListener("keydown", (event) => {
    const { row, first } = looks();
    if (event.key in ARROWS) on.point(row < 0 ? first : beside(row, ARROWS[event.key]));
    else if (event.key === "Enter") on.pin(row);
    else if (event.key === "Escape") on.pin(-1);
    else if (event.key === "+" || event.key === "=") on.zoom(1.4, 0, 0);
    else if (event.key === "-") on.zoom(1 / 1.4, 0, 0);
    else if (event.key === "0") on.home();
    else return;
    event.preventDefault();
  });
}
