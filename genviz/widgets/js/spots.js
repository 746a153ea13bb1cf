// Spots of a map under the hand: which lies where, which lies next to it, which lie inside a line.

const LASSO = "#0072b2";

// Spots whose centres lie inside a polygon; polygon as [[x, y], ...], in the unit of xy.
function spotsInside(xy, polygon) {
  if (polygon.length < 3) return [];
  const xs = polygon.map((point) => point[0]);
  const ys = polygon.map((point) => point[1]);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const found = [];
  for (let i = 0, n = xy.length / 2; i < n; i++) {
    const [x, y] = [xy[2 * i], xy[2 * i + 1]];
    if (x < left || x > right || y < top || y > bottom) continue;
    let inside = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [xa, ya] = polygon[a];
      const [xb, yb] = polygon[b];
      if (ya > y !== yb > y && x < ((xb - xa) * (y - ya)) / (yb - ya) + xa) inside = !inside;
    }
    if (inside) found.push(i);
  }
  return found;
}

// The spot nearest to a place, no further than `reach`; -1: none.
function spotAt(xy, reach, x, y) {
  let [found, best] = [-1, reach ** 2];
  for (let i = 0, n = xy.length / 2; i < n; i++) {
    const d = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
    if (d <= best) [found, best] = [i, d];
  }
  return found;
}

// Where an arrow key goes from a spot: the nearest in that direction, what lies aside counts double; the spot itself where
// there is none. Without a spot to start from, the one nearest to `from`.
function spotBeside(xy, spot, [dx, dy], from) {
  if (spot < 0) return spotAt(xy, Infinity, ...from);
  let [found, least] = [spot, Infinity];
  for (let i = 0, n = xy.length / 2; i < n; i++) {
    const [x, y] = [xy[2 * i] - xy[2 * spot], xy[2 * i + 1] - xy[2 * spot + 1]];
    const along = x * dx + y * dy;
    const cost = along + 2 * Math.abs(x * dy - y * dx);
    if (along > 0 && cost < least && i !== spot) [found, least] = [i, cost];
  }
  return found;
}

// The line as it is drawn; points in CSS pixels.
function drawLasso(pen, points) {
  if (points.length < 2) return;
  pen.beginPath();
  points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](x, y));
  pen.closePath();
  pen.fillStyle = `${LASSO}33`;
  pen.fill();
  pen.lineWidth = 4;
  pen.strokeStyle = "rgba(255,255,255,.9)";
  pen.stroke();
  pen.lineWidth = 2;
  pen.strokeStyle = LASSO;
  pen.stroke();
}

// A ring around the spot that is pointed at, seen on dark and on pale ground.
function drawRing(pen, x, y, r) {
  for (const [colour, line] of [["rgba(255,255,255,.95)", 4], ["#111", 1.5]]) {
    pen.beginPath();
    pen.arc(x, y, r, 0, 2 * Math.PI);
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    pen.stroke();
  }
}
