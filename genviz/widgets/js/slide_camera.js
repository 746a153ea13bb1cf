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

// A round length that takes at most `most` CSS pixels: {px, text}. Without micrometres per pixel, in pixels.
function scaleBar(camera, mpp, most) {
  const unit = mpp ?? 1;
  const longest = (most / camera.scale) * unit;
  const power = 10 ** Math.floor(Math.log10(longest));
  const length = [5, 2, 1].map((n) => n * power).find((n) => n <= longest) ?? power;
  const text = mpp === null ? `${length} px of the slide` : length >= 1000 ? `${length / 1000} mm` : `${length} µm`;
  return { px: (length / unit) * camera.scale, text };
}

function drawScaleBar(pen, camera, mpp, width, height) {
  const bar = scaleBar(camera, mpp, Math.min(140, width * 0.3));
  pen.font = "600 11px system-ui, sans-serif";
  const box = Math.max(bar.px, pen.measureText(bar.text).width) + 16;
  pen.fillStyle = "rgba(255,255,255,.86)";
  pen.beginPath();
  pen.roundRect(8, height - 36, box, 28, 4);
  pen.fill();
  pen.fillStyle = "#111";
  pen.fillRect(16, height - 15, bar.px, 3);
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillText(bar.text, 16, height - 20);
}
