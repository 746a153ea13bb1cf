// The tissue behind the spots: an overview at once, tiles of the level that the screen can show as they come. It is
// drawn once for all panels.

const KEPT_BYTES = 96e6;
const TILES_A_QUESTION = 8;

// Tiles by name, and one question at a time for those that are missing: what is wanted by the time an answer is there
// is asked for next. Nothing queues.
function slideTiles(link, onready, fail) {
  // "library/level/column,row" -> ImageBitmap
  const tiles = keepNewest(KEPT_BYTES, { bytesOf: bitmapBytes, drop: (bitmap) => bitmap.close() });
  let [busy, wanted, shut, closed] = [false, [], false, false];

  async function fetchNext() {
    if (busy || !wanted.length || shut || closed) return;
    busy = true;
    const { library, level } = wanted[0];
    const places = wanted.filter((one) => one.level === level).slice(0, TILES_A_QUESTION).map((one) => one.place);
    wanted = [];
    try {
      const { pictures } = await link.ask("tiles", { library, level, places });
      for (const [place, picture] of Object.entries(pictures)) {
        const bitmap = await createImageBitmap(picture);
        if (closed) bitmap.close();
        else tiles.set(`${library}/${level}/${place}`, bitmap);
      }
    } catch (error) {
      fail(error);
      shut = !(error instanceof Cancelled); // an image that cannot be read is not asked for again and again
    }
    busy = false;
    if (!shut && !closed) onready(); // the next drawing says what is still missing
  }

  return {
    // The tile, or null.
    take: (library, level, [c, r]) => tiles.get(`${library}/${level}/${c},${r}`),
    want(missing) {
      wanted = missing;
      fetchNext();
    },
    reopen: () => (shut = false),
    close() {
      closed = true;
      tiles.clear();
    },
  };
}

// The level whose pixels are at least about as fine as the screen's.
function levelFor(section, camera, dense) {
  const finest = 1 / (camera.scale * dense);
  let at = 0;
  section.levels.forEach(([, , downsample], k) => {
    if (downsample <= finest * 1.25) at = k;
  });
  return at;
}

// Places of the tiles in view, the middle first.
function tilesInView(section, level, camera, width, height) {
  const [rows, columns, downsample] = section.levels[level];
  const side = section.tile * downsample;
  const [x0, y0] = toSlide(camera, width, height, 0, 0);
  const [x1, y1] = toSlide(camera, width, height, width, height);
  const last = [Math.ceil(columns / section.tile) - 1, Math.ceil(rows / section.tile) - 1];
  const found = [];
  for (let r = Math.max(0, Math.floor(y0 / side)); r <= Math.min(last[1], Math.floor(y1 / side)); r++)
    for (let c = Math.max(0, Math.floor(x0 / side)); c <= Math.min(last[0], Math.floor(x1 / side)); c++) found.push([c, r]);
  const far = ([c, r]) => (c + 0.5 - camera.x / side) ** 2 + (r + 0.5 - camera.y / side) ** 2;
  return found.sort((a, b) => far(a) - far(b));
}

function groundLayer(link, onready, fail) {
  const canvas = el("canvas");
  const tiles = slideTiles(link, onready, fail);
  let [section, library, overview] = [null, null, null];
  let closed = false;

  async function setSection(found, name, picture) {
    [section, library] = [found, name];
    tiles.reopen();
    overview?.close();
    overview = null;
    if (!picture) return onready();
    const bitmap = await createImageBitmap(picture);
    if (name !== library || closed) return bitmap.close();
    overview = bitmap;
    onready();
  }

  function draw(camera, width, height, dense, plain, strength) {
    const pen = fitted(canvas, width, height);
    pen.fillStyle = plain;
    pen.fillRect(0, 0, width, height);
    if (!section) return canvas;
    if (overview) {
      const [x, y] = toPanel(camera, width, height, 0, 0);
      const zoom = section.downsample * camera.scale;
      pen.imageSmoothingQuality = "medium";
      pen.drawImage(overview, x, y, overview.width * zoom, overview.height * zoom);
    }
    if (section.levels.length && !link.frozen) drawTiles(pen, camera, width, height, dense);
    if (section.levels.length && strength < 1) fade(pen, camera, width, height, 1 - strength);
    return canvas;
  }

  // Paler tissue, so that colours are read from the spots.
  function fade(pen, camera, width, height, share) {
    const [rows, columns, downsample] = section.levels[0];
    const [x, y] = toPanel(camera, width, height, 0, 0);
    pen.fillStyle = `rgba(255,255,255,${share})`;
    pen.fillRect(x, y, columns * downsample * camera.scale, rows * downsample * camera.scale);
  }

  function drawTiles(pen, camera, width, height, dense) {
    const level = levelFor(section, camera, dense);
    if (overview && section.downsample * camera.scale * dense <= 1.25) return; // the overview is as fine
    const at = (value) => Math.round(value * dense) / dense; // whole device pixels: no seams between tiles
    const missing = [];
    for (let k = Math.min(section.levels.length - 1, level + 3); k >= level; k--) {
      const zoom = section.levels[k][2] * camera.scale;
      for (const place of tilesInView(section, k, camera, width, height)) {
        const bitmap = tiles.take(library, k, place);
        if (!bitmap) {
          if (k === level) missing.push({ library, level: k, place });
          continue;
        }
        const [x, y] = toPanel(camera, width, height, ...place.map((n) => (n * section.tile * zoom) / camera.scale));
        const [left, top] = [at(x), at(y)];
        pen.drawImage(bitmap, left, top, at(x + bitmap.width * zoom) - left, at(y + bitmap.height * zoom) - top);
      }
    }
    tiles.want(missing);
  }

  function close() {
    closed = true;
    overview?.close();
    tiles.close();
  }

  return { canvas, setSection, draw, close };
}
