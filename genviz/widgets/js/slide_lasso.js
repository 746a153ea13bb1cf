// A line drawn around spots.

// Spots whose centres lie inside a polygon; polygon as [[x, y], ...], in full-resolution pixels.
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

function drawLasso(pen, camera, width, height, polygon, colour) {
  if (polygon.length < 2) return;
  pen.beginPath();
  polygon.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](...toPanel(camera, width, height, x, y)));
  pen.closePath();
  pen.fillStyle = `${colour}33`;
  pen.fill();
  pen.lineWidth = 4;
  pen.strokeStyle = "rgba(255,255,255,.9)";
  pen.stroke();
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.stroke();
}
