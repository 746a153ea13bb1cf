// Where a slide view looks: {x, y} the full-resolution pixel in the middle, `scale` CSS pixels per full-resolution
// pixel. All panels share one.

const NEAREST = 4; // CSS pixels per full-resolution pixel
const FURTHEST = 0.35; // of the scale at which everything fits

function fitCamera([left, top, right, bottom], width, height) {
  const scale = Math.min(width / Math.max(1, right - left), height / Math.max(1, bottom - top));
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale, least: scale * FURTHEST };
}

// Zoom by a factor and keep the pixel under (px, py) where it is; px, py from the middle of the panel.
function zoomed(camera, factor, px = 0, py = 0) {
  const scale = Math.max(camera.least, Math.min(Math.max(NEAREST, camera.least), camera.scale * factor));
  const shift = 1 / camera.scale - 1 / scale;
  return { ...camera, scale, x: camera.x + px * shift, y: camera.y + py * shift };
}

const moved = (camera, dx, dy) => ({ ...camera, x: camera.x - dx / camera.scale, y: camera.y - dy / camera.scale });

const sameCamera = (a, b) => a && b && a.x === b.x && a.y === b.y && a.scale === b.scale;

// From CSS pixels in a panel to full-resolution pixels, and back.
const toSlide = (camera, width, height, px, py) =>
  [camera.x + (px - width / 2) / camera.scale, camera.y + (py - height / 2) / camera.scale];
const toPanel = (camera, width, height, x, y) =>
  [(x - camera.x) * camera.scale + width / 2, (y - camera.y) * camera.scale + height / 2];
