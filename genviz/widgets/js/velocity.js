// Velocity: where a flow takes noise, model beside model from the same noise, and what the numbers say.

const PATH_CONTROLS = {
  none: "none",
  shuffled: "ends dealt to other rows",
  others: "ends under other rows' RNA",
};
const PATH_WAY = "Moves every point from noise (0 %) to data (100 %); the flow's own time t runs from 1 to 0. Between the " +
  "ends a point is placed straight between them in the picture, to be followed by eye: it has no place of its own in the " +
  "embedding. Tiles between the ends are decoded from the straight line in the latent space that one step of the flow takes.";
const PATH_PLAY_MS = 2600;

async function render({ model, el: host }) {
  const f = frame(model, host, "Velocity");
  const answer = await f.ask("start", {});
  if (!answer) return f.close;
  const rows = pathRows(answer);
  const tiles = pathTiles(f, rows);
  const state = {
    share: model.get("share"), control: model.get("control"), arrows: true, muted: new Set(),
    pinned: rows.names.indexOf(model.get("row")), pointed: -1, colours: null,
  };
  const now = () => (state.pointed >= 0 ? state.pointed : state.pinned);
  const view = pathLayout(f, rows, tiles, state, now);
  pathControls(f, model, rows, state, view);
  await view.recolour(model.get("colour"));
  view.arrange();
  view.changed();
  return f.close;
}

// Colours of a column as a function of the row.
function pathColours({ data, arrays }) {
  const values = arrays.values.values;
  if (data.numeric) {
    const steps = colourSteps(data.stops).map(css);
    return { ...data, of: (row) => steps[stepOf(values[row], data.low, data.high)] ?? "#9aa0a6",
      code: () => -1, word: (row) => (Number.isNaN(values[row]) ? "no value" : String(Number(values[row].toPrecision(4)))) };
  }
  const counts = data.names.map(() => 0);
  values.forEach((code) => code >= 0 && counts[code]++);
  return { ...data, counts, of: (row) => data.colours[values[row]] ?? "#9aa0a6",
    code: (row) => values[row], word: (row) => data.names[values[row]] ?? "none" };
}

// What part of the picture all panels show: zoom, place in the middle, units of the picture a pixel at zoom 1.
function pathCamera([left, top, right, bottom]) {
  const camera = {
    zoom: 1, middle: [0, 0], perPx: 1,
    move(dx, dy) {
      const k = camera.perPx / camera.zoom;
      camera.middle = [camera.middle[0] - dx * k, camera.middle[1] + dy * k];
    },
    // What lies under the pointer, dx and dy from the middle, stays there.
    zoomBy(by, dx, dy) {
      const next = Math.max(0.5, Math.min(60, camera.zoom * by));
      const k = camera.perPx * (1 / camera.zoom - 1 / next);
      camera.middle = [camera.middle[0] + dx * k, camera.middle[1] - dy * k];
      camera.zoom = next;
    },
    home({ clientWidth: w, clientHeight: h }) {
      camera.zoom = 1;
      camera.perPx = Math.max((right - left) / (w - 40 || 1), (bottom - top) / (h - 40 || 1)) || 1 / 50;
      camera.middle = [(left + right) / 2, (top + bottom) / 2];
    },
  };
  return camera;
}

// Panels of each model: its arrows, and the null arrows below or beside them.
function pathPanels(rows, control, looks, on) {
  const kinds = control === "none" ? ["none"] : ["none", control];
  return kinds.flatMap((kind) => rows.models.map((name, i) => {
    const panel = pathPanel(rows, i, kind, looks, on);
    panel.title.append(el("strong", {}, name),
      el("span", { class: kind === "none" ? "gv-note" : "gv-flag" },
        kind === "none" ? " real arrows" : ` null: ${PATH_CONTROLS[kind]}`));
    return panel;
  }));
}

// What pointing, keys and the wheel do, on any panel.
function pathHands(f, rows, state, camera, { changed, first }) {
  return {
    point: (row) => row !== state.pointed && ((state.pointed = row), changed()),
    pin: (row) => {
      state.pinned = row === state.pinned ? -1 : row;
      if (row < 0) state.pointed = -1;
      f.setTrait("row", state.pinned < 0 ? "" : rows.names[state.pinned]);
      changed();
    },
    move: (dx, dy) => (camera.move(dx, dy), changed()),
    zoom: (by, dx, dy) => (camera.zoomBy(by, dx, dy), changed()),
    home: () => (camera.home(first()), changed()),
    hint: (text) => f.say(text),
  };
}

// Panels, side and words, and how they are drawn again.
function pathLayout(f, rows, tiles, state, now) {
  const grid = el("div", { class: "gv-vel-grid" });
  const legend = pathLegend((code) => {
    state.muted.has(code) ? state.muted.delete(code) : state.muted.add(code);
    legend.show(state.colours, state.muted);
    changed();
  });
  const cards = pathCards(rows, tiles);
  f.body.append(el("p", { class: "gv-vel-headline" }, rows.headline), el("div", { class: "gv-vel" }, el("div", { class: "gv-vel-main" }, grid, pathFindings(rows)),
    el("aside", { class: "gv-vel-side" }, legend.node, cards.node)));
  const camera = pathCamera(pathBounds(rows));
  let panels = [];
  let asked = 0;
  let waiting = false;

  const looks = () => ({
    share: state.share, arrows: state.arrows, row: now(), camera, first: rows.drawn[0],
    colour: state.colours?.of ?? (() => "#9aa0a6"),
    muted: (row) => state.muted.size > 0 && state.muted.has(state.colours.code(row)),
  });

  const on = pathHands(f, rows, state, camera, { changed, first: () => panels[0].canvas });

  function arrange() {
    panels = pathPanels(rows, state.control, looks, on);
    grid.replaceChildren(...panels.map((panel) => panel.node));
    fit();
  }

  function fit() {
    const columns = rows.models.length > 1 ? rows.models.length : panels.length;
    const w = Math.max(220, Math.floor((grid.clientWidth - 12 * (columns - 1)) / columns));
    grid.style.gridTemplateColumns = `repeat(${columns}, ${w}px)`;
    const h = Math.round(Math.min(w, panels.length === 1 ? 520 : panels.length > 2 ? 350 : 440));
    panels.forEach((panel) => panel.fit(w, h));
    camera.home(panels[0].canvas);
  }

  function changed() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      panels.forEach((panel) => panel.draw());
    });
    tilesOf(now());
    f.keepStill(() => panels[0]?.canvas);
  }

  async function tilesOf(row) {
    const mine = ++asked;
    const found = row < 0 ? null : await tiles.of(row);
    if (mine !== asked) return;
    const { colours } = state;
    cards.show(row, found, state.share, row < 0 || !colours ? "" : `${colours.name}: ${colours.word(row)}`);
  }

  async function recolour(column) {
    const found = column ? await f.ask("colour", { column }, { lane: "colour" }) : null;
    if (!found) return;
    state.colours = pathColours(found);
    state.muted.clear();
    legend.show(state.colours, state.muted);
    changed();
  }

  let width = 0; // cards change the height of the body; only another width moves the panels
  f.onResize(f.body, () => {
    if (panels.length && grid.clientWidth && grid.clientWidth !== width) {
      width = grid.clientWidth;
      fit();
      changed();
    }
  });
  f.onTheme(changed);
  if (rows.undrawn) f.say(`${rows.undrawn} of ${rows.names.length} rows have no place and are not drawn.`);
  return { arrange, changed, recolour, home: on.home };
}

// The row of controls, and the traits behind them.
function pathControls(f, model, rows, state, view) {
  const labels = rows.columns.map(({ name, internal }) => [name, internal ? `${name} (of the arrows)` : name]);
  const colour = select("Colour", labels, model.get("colour"), (name) => {
    f.setTrait("colour", name);
    view.recolour(name);
  });
  const percent = (share) => `${Math.round(share * 100)} %`;
  const way = slider("Noise → data", {
    min: 0, max: 1, step: 0.02, value: state.share, text: percent,
    oninput: (share) => move(share),
  });
  way.node.title = PATH_WAY;
  const move = (share) => {
    state.share = share;
    f.setTrait("share", share);
    view.changed();
  };
  let playing = 0;
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = 0;
    play.textContent = "Play";
  };
  const play = button("Play", () => {
    if (playing) return stop();
    const began = performance.now();
    play.textContent = "Stop";
    const step = (time) => {
      const share = Math.min(1, (time - began) / PATH_PLAY_MS);
      way.set(share);
      state.share = share;
      view.changed();
      if (share < 1) playing = requestAnimationFrame(step);
      else {
        stop();
        f.setTrait("share", 1);
      }
    };
    playing = requestAnimationFrame(step);
  }, { title: "Move all points from noise to data" });
  const control = select("Null arrows", rows.controls.map((key) => [key, PATH_CONTROLS[key]]), state.control, (key) => {
    f.setTrait("control", key);
    nulls(key);
  });
  control.node.title = "Arrows that mean nothing, beside the real ones: if they look alike, the real ones mean nothing too.";
  const nulls = (key) => {
    state.control = key;
    view.arrange();
    view.changed();
  };
  const arrows = button("Arrows", () => {
    state.arrows = !state.arrows;
    arrows.setAttribute("aria-pressed", String(state.arrows));
    view.changed();
  }, { "aria-pressed": "true", title: "Show or hide the segments" });
  f.controls.append(colour.node, way.node, play, control.node, el("div", { class: "gv-vel-look" }, arrows,
    button("Show all", view.home, { title: "Back to the whole picture (key 0, or double click)" })));
  f.onTrait("colour", (name) => name !== state.colours?.name && ((colour.box.value = name), view.recolour(name)));
  f.onTrait("share", (share) => share !== state.share && !playing && (way.set(share), (state.share = share), view.changed()));
  f.onTrait("control", (key) => key !== state.control && ((control.box.value = key), nulls(key)));
  f.onTrait("row", (name) => {
    const row = rows.names.indexOf(name);
    if (row !== state.pinned) {
      state.pinned = row;
      view.changed();
    }
  });
  f.onClose(stop);
}

export default { render };
