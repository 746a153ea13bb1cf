// Colour scales: the stops come from Python (genviz/pl/colours.py), the 256 steps between them are made here.

const STEPS = 256;

const toRgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// 256 x [r, g, b] from evenly spaced "#rrggbb" stops.
function colourSteps(stops) {
  const rgb = stops.map(toRgb);
  return Array.from({ length: STEPS }, (_, i) => {
    const place = (i / (STEPS - 1)) * (rgb.length - 1);
    const at = Math.min(Math.floor(place), rgb.length - 2);
    return rgb[at].map((value, c) => Math.round(value + (rgb[at + 1][c] - value) * (place - at)));
  });
}

// Which step a value gets; -1 for a value that is not there (NaN).
function stepOf(value, low, high) {
  if (Number.isNaN(value)) return -1;
  return Math.max(0, Math.min(STEPS - 1, Math.round(((value - low) / (high - low || 1)) * (STEPS - 1))));
}

const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

// A number with a minus sign, not a hyphen.
const signed = (text) => text.replace(/^-/, "−");

// A horizontal colour bar with its ends written beside it.
function colourBar(steps, low, high, unit, format = (value) => value.toPrecision(3)) {
  const canvas = el("canvas", { width: STEPS, height: 1, class: "gv-bar" });
  const pen = canvas.getContext("2d");
  steps.forEach((step, i) => {
    pen.fillStyle = css(step);
    pen.fillRect(i, 0, 1, 1);
  });
  return el("div", { class: "gv-scale" }, el("span", { class: "gv-number" }, signed(format(low))), canvas,
    el("span", { class: "gv-number" }, signed(format(high))), el("span", { class: "gv-unit" }, unit));
}
