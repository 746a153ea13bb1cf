// Trajectories as the view holds them: places, arrows of each panel, and the tiles of rows when they are needed.

const PATH_BYTES = 64e6; // of tiles that were pointed at

// The answer to "start" as plain parts.
function pathRows({ data, arrays }) {
  const drawn = [];
  arrays.drawn.values.forEach((yes, row) => yes && drawn.push(row));
  const ends = data.models.map((_, i) => arrays[`end_${i}`].values);
  return {
    ...data,
    drawn,
    undrawn: data.names.length - drawn.length,
    start: arrays.start.values,
    ends,
    // Where arrow `row` of model `i` ends, with real or null arrows.
    endOf(i, row, control) {
      if (control === "shuffled") return [ends[i], arrays.dealt.values[row]];
      if (control === "others") return [arrays[`null_${i}`].values, row];
      return [ends[i], row];
    },
  };
}

// Left, top, right, bottom of all that can be drawn.
function pathBounds(rows) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  const add = (x, y) => {
    bounds[0] = Math.min(bounds[0], x);
    bounds[1] = Math.min(bounds[1], y);
    bounds[2] = Math.max(bounds[2], x);
    bounds[3] = Math.max(bounds[3], y);
  };
  const controls = rows.controls.includes("others") ? ["none", "others"] : ["none"];
  for (const row of rows.drawn) {
    add(rows.start[2 * row], rows.start[2 * row + 1]);
    rows.models.forEach((_, i) => controls.forEach((control) => {
      const [places, at] = rows.endOf(i, row, control);
      add(places[2 * at], places[2 * at + 1]);
    }));
  }
  return bounds;
}

// Tiles by row: {real, along: [model][frame]}, each {image, x, y, size} or null. A page cuts them out of sheets.
function pathTiles(f, rows) {
  const pictures = ({ real, along }) => [real?.image, ...along.map(([first]) => first?.image)].filter(Boolean);
  const kept = keepNewest(PATH_BYTES, {
    bytesOf: (tiles) => pictures(tiles).reduce((sum, image) => sum + bitmapBytes(image), 0),
    drop: (tiles) => pictures(tiles).forEach((image) => image.close()),
  });
  f.onClose(kept.clear);
  const sheets = new Map();
  let pending = { row: -1, found: null }; // one only: a question for another row ends that before it
  const shares = f.link.frozen ? rows.page.shares : rows.shares;
  const has = rows.real || shares.length > 0;

  const strip = (image, n, size, y, first) =>
    Array.from({ length: n }, (_, s) => ({ image, x: (first + s) * size, y, size }));

  async function fromKernel(row) {
    const answer = await f.ask("tile", { row: rows.names[row] }, { lane: "tile" });
    if (!answer) return null;
    const image = async (name) => (answer.pictures[name] ? createImageBitmap(answer.pictures[name]) : null);
    const real = await image("real");
    const along = await Promise.all(rows.models.map((_, i) => image(`along_${i}`)));
    return {
      real: real && { image: real, x: 0, y: 0, size: real.height },
      along: along.map((picture) => (picture ? strip(picture, shares.length, picture.height, 0, 0) : [])),
    };
  }

  async function fromPage(row) {
    const n = Math.floor(row / rows.page.rows);
    if (!sheets.has(n)) {
      sheets.set(n, f.ask("sheet", { n }).then((answer) =>
        answer?.pictures.sheet ? createImageBitmap(answer.pictures.sheet) : null));
      f.onClose(() => sheets.get(n).then((sheet) => sheet?.close()));
    }
    const image = await sheets.get(n);
    if (!image) return null;
    const { px } = rows.page;
    const y = (row % rows.page.rows) * px;
    const before = rows.real ? 1 : 0;
    return {
      real: rows.real ? { image, x: 0, y, size: px } : null,
      along: rows.models.map((_, i) => strip(image, shares.length, px, y, before + i * shares.length)),
    };
  }

  async function fetched(row) {
    if (f.link.frozen) return fromPage(row);
    const found = await fromKernel(row);
    if (found) kept.set(row, found);
    return found;
  }

  return {
    shares,
    // Asked for in every frame of a motion: while a row is on its way it is not asked for again.
    async of(row) {
      if (!has) return null;
      const known = kept.get(row);
      if (known) return known;
      if (pending.row !== row) {
        const mine = (pending = { row, found: fetched(row) });
        const done = () => pending === mine && (pending = { row: -1, found: null });
        mine.found.then(done, done);
      }
      return pending.found;
    },
    // The frame nearest to a share of the way.
    frameAt: (share) => shares.reduce((best, one, i) =>
      (Math.abs(one - share) < Math.abs(shares[best] - share) ? i : best), 0),
  };
}
