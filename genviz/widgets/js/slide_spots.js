// Spots at their true diameter. They are rasterised once for all panels: which spot owns a pixel, how much its disc
// covers it, and how much the ring around it does. Colouring a panel, with another gene or another region, is then one
// pass over the pixels, and the work depends on the area of the screen, not on the number of spots.

const NO_SPOT = -1;
const LEAST_RADIUS = 0.8; // device pixels

function newRaster(width, height, dense) {
  const [w, h] = [Math.max(1, Math.round(width * dense)), Math.max(1, Math.round(height * dense))];
  return { w, h, dense, width, height, camera: null, owner: new Int32Array(w * h), cover: new Uint8Array(w * h),
    ring: new Uint8Array(w * h) };
}

// codes: the region of each spot, or -1; only spots of regions get a ring.
function rasterise(raster, xy, diameter, camera, codes) {
  const { w, h, dense, owner, cover, ring } = raster;
  owner.fill(NO_SPOT);
  cover.fill(0);
  ring.fill(0);
  const zoom = camera.scale * dense;
  const r = Math.max(LEAST_RADIUS, (diameter / 2) * zoom);
  const wide = Math.max(1.7 * dense, Math.min(4 * dense, r * 0.3));
  for (let i = 0, n = xy.length / 2; i < n; i++) {
    const cx = (xy[2 * i] - camera.x) * zoom + w / 2 - 0.5;
    const cy = (xy[2 * i + 1] - camera.y) * zoom + h / 2 - 0.5;
    const reach = r + wide + 0.5;
    if (cx < -reach || cy < -reach || cx > w + reach || cy > h + reach) continue;
    if (codes !== null && codes[i] >= 0) drawDisc(i, cx, cy, r + wide, raster, ring);
    drawDisc(i, cx, cy, r, raster, cover);
  }
  raster.camera = camera;
}

// One disc, row by row: a middle that is filled at once and a softened edge. `into` is cover or ring; a ring gives way
// to discs.
function drawDisc(i, cx, cy, r, { w, h, owner, cover }, into) {
  const reach = r + 0.5;
  const solid = Math.max(0, r - 0.5);
  const last = Math.min(h - 1, Math.floor(cy + reach));
  for (let y = Math.max(0, Math.ceil(cy - reach)); y <= last; y++) {
    const dy2 = (y - cy) * (y - cy);
    const outer = Math.sqrt(Math.max(0, reach * reach - dy2));
    const inner = solid * solid > dy2 ? Math.sqrt(solid * solid - dy2) : -1;
    const x0 = Math.max(0, Math.ceil(cx - outer));
    const x1 = Math.min(w - 1, Math.floor(cx + outer));
    const m0 = inner < 0 ? x1 + 1 : Math.max(x0, Math.ceil(cx - inner));
    const m1 = inner < 0 ? x1 : Math.min(x1, Math.floor(cx + inner));
    const row = y * w;
    for (let x = x0; x <= x1; x++) {
      if (into === cover && x === m0 && m1 >= m0) {
        owner.fill(i, row + m0, row + m1 + 1);
        cover.fill(255, row + m0, row + m1 + 1);
        x = m1;
        continue;
      }
      const p = row + x;
      const edge = r + 0.5 - Math.sqrt((x - cx) * (x - cx) + dy2);
      const alpha = edge >= 1 ? 255 : edge <= 0 ? 0 : Math.round(edge * 255);
      if (into === cover ? alpha <= cover[p] : cover[p] > 0 || alpha <= into[p]) continue;
      if (into === cover && owner[p] >= 0 && owner[p] !== i && alpha < 128) continue; // a neighbour's ring stays
      owner[p] = i;
      into[p] = alpha;
    }
  }
}

// Paint a raster: `colours` one ABGR word a spot, `rings` the same for regions, 0 where there is none.
function paintSpots(raster, layer, colours, rings) {
  const { w, h, owner, cover, ring } = raster;
  if (!layer.picture || layer.picture.width !== w || layer.picture.height !== h) {
    [layer.canvas.width, layer.canvas.height] = [w, h];
    layer.picture = new ImageData(w, h);
    layer.words = new Uint32Array(layer.picture.data.buffer);
    layer.pen = layer.canvas.getContext("2d");
  }
  const out = layer.words;
  for (let p = 0; p < out.length; p++) {
    const spot = owner[p];
    if (spot < 0) {
      out[p] = 0;
      continue;
    }
    const share = cover[p];
    const asRing = share < 128 && ring[p] > 0 && rings !== null && rings[spot] !== 0;
    const word = asRing ? rings[spot] : colours[spot];
    const alpha = asRing ? ring[p] : share;
    out[p] = alpha === 255 ? word : (word & 0xffffff) | (((word >>> 24) * alpha / 255) << 24);
  }
  layer.pen.putImageData(layer.picture, 0, 0);
  layer.camera = raster.camera;
  layer.raster = raster;
}

// Put a painted layer onto a panel, moved and scaled if the camera went on since it was painted.
function placeSpots(pen, layer, camera, width, height) {
  const { raster } = layer;
  if (!raster || !layer.camera) return;
  const zoom = camera.scale / layer.camera.scale;
  const [w, h] = [raster.width * zoom, raster.height * zoom];
  const [x, y] = toPanel(camera, width, height, layer.camera.x, layer.camera.y);
  pen.imageSmoothingEnabled = zoom !== 1;
  if (sameCamera(camera, layer.camera)) pen.drawImage(layer.canvas, (width - raster.width) / 2, (height - raster.height) / 2, raster.width, raster.height);
  else pen.drawImage(layer.canvas, x - w / 2, y - h / 2, w, h);
}

const word = ([r, g, b], a = 255) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
const UNKNOWN = word([128, 128, 128], 70); // spots without a value

// Colour words of values on a scale; of categories.
function valueWords(values, [low, high], steps) {
  const words = Uint32Array.from(steps, (step) => word(step));
  const found = new Uint32Array(values.length);
  for (let i = 0; i < found.length; i++) {
    const step = stepOf(values[i], low, high);
    found[i] = step < 0 ? UNKNOWN : words[step];
  }
  return found;
}

function codeWords(codes, colours, none = UNKNOWN) {
  const words = colours.map((colour) => word(toRgb(colour)));
  const found = new Uint32Array(codes.length);
  for (let i = 0; i < found.length; i++) found[i] = codes[i] < 0 ? none : words[codes[i] % words.length];
  return found;
}
