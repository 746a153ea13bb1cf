// Pixels: raw tiles of the models to bitmaps, and canvases that stay sharp on dense screens.

// uint8 (n, h, w, 3) or (h, w, 3) -> array of ImageBitmap.
async function bitmaps({ values, shape }) {
  const [h, w] = shape.slice(-3);
  const n = shape.length === 4 ? shape[0] : 1;
  return Promise.all(Array.from({ length: n }, (_, i) => createImageBitmap(imageData(values, i, h, w))));
}

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
