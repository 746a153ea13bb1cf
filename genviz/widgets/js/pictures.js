// Pixels: raw tiles of the models to bitmaps, and canvases that stay sharp on dense screens.

// uint8 (..., h, w, 3): the i-th picture.
function imageData(values, i, h, w) {
  const picture = new ImageData(w, h);
  for (let p = 0, from = i * h * w * 3; p < h * w; p++) {
    picture.data[p * 4] = values[from++];
    picture.data[p * 4 + 1] = values[from++];
    picture.data[p * 4 + 2] = values[from++];
    picture.data[p * 4 + 3] = 255;
  }
  return picture;
}

// Fit a canvas to its place on the screen; returns a pen in CSS pixels.
function fitted(canvas, width, height) {
  const dense = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * dense)), Math.max(1, Math.round(height * dense))];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  return pen;
}

// Colours of the theme, as the style sheet has them now.
function themeColour(node, name) {
  return getComputedStyle(node).getPropertyValue(name).trim();
}

// Things that can be had again, the least recently used of them dropped when they take more than `most` bytes.
function keepNewest(most, { bytesOf, drop = () => {} }) {
  const kept = new Map();
  let bytes = 0;
  const remove = (key) => {
    const one = kept.get(key);
    if (one === undefined) return;
    kept.delete(key);
    bytes -= bytesOf(one);
    drop(one);
  };
  return {
    get(key) {
      const one = kept.get(key);
      if (one === undefined) return null;
      kept.delete(key);
      kept.set(key, one);
      return one;
    },
    set(key, one) {
      remove(key);
      kept.set(key, one);
      bytes += bytesOf(one);
      for (const old of kept.keys()) {
        if (bytes <= most || old === key) break; // what was just put in stays, however large
        remove(old);
      }
    },
    clear: () => [...kept.keys()].forEach(remove),
  };
}

const bitmapBytes = ({ width, height }) => 4 * width * height;
const answerBytes = ({ arrays }) => Object.values(arrays).reduce((sum, { values }) => sum + values.byteLength, 0);

// A bar of a round length with its name, at the bottom left. pxPerUnit: CSS pixels of one unit.
function drawScaleBar(pen, pxPerUnit, width, height, unit = "µm") {
  const longest = Math.min(140, width * 0.3) / pxPerUnit;
  const power = 10 ** Math.floor(Math.log10(longest));
  const length = [5, 2, 1].map((n) => n * power).find((n) => n <= longest) ?? power;
  const text = unit === "µm" && length >= 1000 ? `${length / 1000} mm` : `${length} ${unit}`;
  pen.font = "600 11px system-ui, sans-serif";
  const box = Math.max(length * pxPerUnit, pen.measureText(text).width) + 16;
  pen.fillStyle = "rgba(255,255,255,.86)";
  pen.beginPath();
  pen.roundRect(8, height - 36, box, 28, 4);
  pen.fill();
  pen.fillStyle = "#111";
  pen.fillRect(16, height - 15, length * pxPerUnit, 3);
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillText(text, 16, height - 20);
}
