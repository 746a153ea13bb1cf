// Brushing cells of the token grid, by pointer and by keyboard; one selection for all panels.

function tokenSelectionOf(grid, onchange) {
  const on = new Uint8Array(grid[0] * grid[1]);
  const inside = (r, c) => r >= 0 && c >= 0 && r < grid[0] && c < grid[1];
  const put = (r, c, value) => inside(r, c) && (on[r * grid[1] + c] = value);
  return {
    has: (r, c) => inside(r, c) && on[r * grid[1] + c] === 1,
    put,
    box(from, to, value) {
      for (let r = Math.min(from.row, to.row); r <= Math.max(from.row, to.row); r++)
        for (let c = Math.min(from.column, to.column); c <= Math.max(from.column, to.column); c++) put(r, c, value);
    },
    count: () => on.reduce((sum, value) => sum + value, 0),
    cells: () => Array.from(on.keys()).filter((cell) => on[cell]),
    copy: () => on.slice(),
    paste: (other) => on.set(other),
    read(cells) {
      on.fill(0);
      cells.forEach((cell) => (on[cell] = 1));
    },
    fill(value) {
      on.fill(value);
      onchange();
    },
    invert() {
      on.forEach((value, cell) => (on[cell] = 1 - value));
      onchange();
    },
    done: onchange,
  };
}

const TOKEN_KEYS = { page: "Arrow keys go from cell to cell.",
  live: "Drag to brush cells, Shift draws a rectangle. Arrow keys go from cell to cell, Space brushes, Escape takes all away." };

// A canvas to brush on. brush() -> {size, erase}; onhover({row, column} | null); redraw() while brushing.
function tokenGrid(name, grid, selection, { brush, onhover, redraw, frozen }) {
  const canvas = el("canvas", { class: "gv-swap-canvas", tabindex: "0", role: "application",
    "aria-label": `${name}. ${TOKEN_KEYS[frozen ? "page" : "live"]}` });
  const at = { row: 0, column: 0 };
  let stroke = null;
  let shown = false;
  const cellOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = (value, size, n) => Math.max(0, Math.min(n - 1, Math.floor((value / size) * n)));
    return { row: place(event.clientY - box.top, box.height, grid[0]), column: place(event.clientX - box.left, box.width, grid[1]) };
  };
  const dab = (cell, value) => {
    const [size, half] = [brush().size, Math.floor((brush().size - 1) / 2)];
    const first = { row: cell.row - half, column: cell.column - half };
    selection.box(first, { row: first.row + size - 1, column: first.column + size - 1 }, value);
  };
  const line = (from, to, value) => {
    const n = Math.max(Math.abs(to.row - from.row), Math.abs(to.column - from.column), 1);
    for (let k = 0; k <= n; k++) {
      const mix = (a, b) => Math.round(a + ((b - a) * k) / n);
      dab({ row: mix(from.row, to.row), column: mix(from.column, to.column) }, value);
    }
  };
  const follow = (cell) => {
    Object.assign(at, cell);
    onhover(at);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || frozen) return;
    canvas.setPointerCapture(event.pointerId);
    const cell = cellOf(event);
    const value = brush().erase || event.altKey ? 0 : 1;
    stroke = { last: cell, first: cell, value, before: event.shiftKey ? selection.copy() : null };
    if (stroke.before) selection.box(cell, cell, value);
    else dab(cell, value);
    follow(cell);
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    const cell = cellOf(event);
    shown = true;
    const moved = cell.row !== at.row || cell.column !== at.column;
    follow(cell);
    if (stroke?.before) {
      selection.paste(stroke.before);
      selection.box(stroke.first, cell, stroke.value);
    } else if (stroke) line(stroke.last, cell, stroke.value);
    if (stroke) stroke.last = cell;
    if (stroke || moved) redraw();
  });
  const end = () => {
    if (!stroke) return;
    stroke = null;
    selection.done();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    shown = false;
    onhover(null);
    redraw();
  });
  canvas.addEventListener("focus", () => {
    shown = canvas.matches(":focus-visible");
    redraw();
  });
  canvas.addEventListener("blur", () => {
    shown = false;
    redraw();
  });
  canvas.addEventListener("keydown", (event) => tokenKeys(event, { at, grid, selection, dab, follow, frozen, show: () => (shown = true), redraw }));
  // The square that the brush would cover.
  const cursor = () => {
    if (!shown) return null;
    const [size, half] = frozen ? [1, 0] : [brush().size, Math.floor((brush().size - 1) / 2)];
    return { row: at.row - half, column: at.column - half, rows: size, columns: size };
  };
  return { canvas, cursor };
}

function tokenKeys(event, { at, grid, selection, dab, follow, frozen, show, redraw }) {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (event.ctrlKey || event.metaKey) return;
  if (move) {
    follow({
      row: Math.max(0, Math.min(grid[0] - 1, at.row + move[0])),
      column: Math.max(0, Math.min(grid[1] - 1, at.column + move[1])),
    });
  } else if ((event.key === " " || event.key === "Enter") && !frozen) {
    dab(at, selection.has(at.row, at.column) ? 0 : 1);
    selection.done();
  } else if (event.key === "Escape" && !frozen) selection.fill(0);
  else return;
  event.preventDefault();
  event.stopPropagation();
  show();
  redraw();
}
