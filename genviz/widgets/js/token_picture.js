// A tile on a canvas: pixels, brightened where they are grey, outlines of the nuclei, heat by cell.

const TOKEN_OUTLINE = "rgb(255,196,0)";
const TOKEN_HEAT_ALPHA = 0.72;

// Pixels of a frame as a canvas; grey cells times a factor.
function tokenBitmap(frame, grid, factor) {
  const name = `bitmap${factor}`;
  if (frame[name]) return frame[name];
  const { values, shape: [h, w] } = frame.arrays.image;
  const picture = imageData(values, 0, h, w);
  if (factor > 1) {
    const [ch, cw] = [h / grid[0], w / grid[1]];
    for (let y = 0, p = 0; y < h; y++) {
      for (let x = 0; x < w; x++, p += 4) {
        if (!frame.arrays.grey.values[Math.floor(y / ch) * grid[1] + Math.floor(x / cw)]) continue;
        for (let c = 0; c < 3; c++) picture.data[p + c] = Math.min(255, Math.round(picture.data[p + c] * factor));
      }
    }
  }
  frame[name] = tokenCanvas(picture);
  return frame[name];
}

function tokenCanvas(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

// Outlines of the nuclei as one path in pixels of the tile: edges between two instances, or one and background.
function tokenOutlines(frame) {
  if (frame.outlines) return frame.outlines;
  const path = new Path2D();
  const { values, shape: [h, w] } = frame.arrays.mask;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const here = values[y * w + x];
      if (x + 1 < w && values[y * w + x + 1] !== here) {
        path.moveTo(x + 1, y);
        path.lineTo(x + 1, y + 1);
      }
      if (y + 1 < h && values[(y + 1) * w + x] !== here) {
        path.moveTo(x, y + 1);
        path.lineTo(x + 1, y + 1);
      }
    }
  }
  frame.outlines = path;
  return path;
}

// Mean absolute difference of the channels of two frames: {canvas, top}, in grey levels.
function tokenDifference(before, after, steps) {
  const [a, b] = [before.arrays.image, after.arrays.image];
  const [h, w] = a.shape;
  const apart = new Float32Array(h * w);
  for (let p = 0; p < h * w; p++) {
    for (let c = 0; c < 3; c++) apart[p] += Math.abs(a.values[p * 3 + c] - b.values[p * 3 + c]) / 3;
  }
  const top = Math.max(8, tokenQuantile(apart, 0.995));
  const picture = new ImageData(w, h);
  apart.forEach((value, p) => picture.data.set([...steps[stepOf(value, 0, top)], 255], p * 4));
  return { canvas: tokenCanvas(picture), top };
}

function tokenQuantile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted.length ? sorted[Math.floor(share * (sorted.length - 1))] : 0;
}

// Draw one panel. look: {side, grid, bright, outlines, lines, heat: {values, top, steps} | null, selection, cursor}.
function tokenPaint(canvas, picture, frame, look) {
  const pen = fitted(canvas, look.side, look.side);
  pen.imageSmoothingQuality = "high";
  pen.clearRect(0, 0, look.side, look.side);
  pen.drawImage(picture, 0, 0, look.side, look.side);
  if (look.heat) tokenHeat(pen, look);
  if (look.outlines && frame) {
    const scale = look.side / frame.arrays.image.shape[0];
    pen.save();
    pen.scale(scale, scale);
    pen.strokeStyle = TOKEN_OUTLINE;
    pen.lineWidth = 1.5 / scale;
    pen.stroke(tokenOutlines(frame));
    pen.restore();
  }
  if (look.lines) tokenLines(pen, look);
  if (look.selection) tokenSelection(pen, look);
  if (look.cursor) tokenCursor(pen, look);
}

function tokenHeat(pen, { heat, grid, side }) {
  const [ch, cw] = [side / grid[0], side / grid[1]];
  pen.globalCompositeOperation = "saturation"; // the tile in grey, so that colour means heat alone
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, side, side);
  pen.globalCompositeOperation = "source-over";
  pen.globalAlpha = TOKEN_HEAT_ALPHA;
  heat.values.forEach((value, cell) => {
    pen.fillStyle = css(heat.steps[Math.max(0, stepOf(value, 0, heat.top))]);
    pen.fillRect((cell % grid[1]) * cw, Math.floor(cell / grid[1]) * ch, cw + 0.5, ch + 0.5);
  });
  pen.globalAlpha = 1;
}

function tokenLines(pen, { grid, side }) {
  pen.lineWidth = 1;
  pen.strokeStyle = "rgb(128 128 128 / .38)";
  pen.beginPath();
  for (let k = 1; k < grid[1]; k++) {
    pen.moveTo((k * side) / grid[1], 0);
    pen.lineTo((k * side) / grid[1], side);
  }
  for (let k = 1; k < grid[0]; k++) {
    pen.moveTo(0, (k * side) / grid[0]);
    pen.lineTo(side, (k * side) / grid[0]);
  }
  pen.stroke();
}

// Brushed cells: the rest dimmed a little, a line around them that shows on dark and on pale tissue.
function tokenSelection(pen, { selection, grid, side, accent }) {
  if (!selection.count()) return;
  const [ch, cw] = [side / grid[0], side / grid[1]];
  const border = new Path2D();
  for (let r = 0; r < grid[0]; r++) {
    for (let c = 0; c < grid[1]; c++) {
      const on = selection.has(r, c);
      if (!on) {
        pen.fillStyle = "rgb(0 0 0 / .22)";
        pen.fillRect(c * cw, r * ch, cw, ch);
        continue;
      }
      for (const [dr, dc, x0, y0, x1, y1] of [[-1, 0, 0, 0, 1, 0], [1, 0, 0, 1, 1, 1], [0, -1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 1]]) {
        if (selection.has(r + dr, c + dc)) continue;
        border.moveTo((c + x0) * cw, (r + y0) * ch);
        border.lineTo((c + x1) * cw, (r + y1) * ch);
      }
    }
  }
  pen.lineCap = "square";
  for (const [colour, width] of [["white", 4], [accent, 2]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke(border);
  }
}

function tokenCursor(pen, { cursor, grid, side }) {
  const [ch, cw] = [side / grid[0], side / grid[1]];
  for (const [colour, width] of [["black", 3], ["white", 1.2]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.strokeRect(cursor.column * cw, cursor.row * ch, cursor.columns * cw, cursor.rows * ch);
  }
}
