// SlideView: the section under a gene, in linked panels.

const FAST_MS = 9; // spots are drawn anew in every frame while that takes no longer than this
const SETTLE_MS = 90;
const OVERVIEW_PX = { live: 1024, page: 2048 };

async function render({ model, el: host }) {
  const f = frame(model, host, "Slide view");
  const scene = { camera: null, width: 300, height: 300, section: null, xy: new Float32Array(), tool: "pan", lasso: [],
    hover: -1, cursor: -1, opacity: model.get("opacity"), ground: null };
  const grid = el("div", { class: "gv-slide-grid" });
  const note = el("div", { class: "gv-note gv-slide-note", hidden: true });
  const start = await f.ask("start");
  if (!start) return f.close;
  const view = { f, model, scene, grid, note, start: start.data, panels: new Map(), stored: null, limits: null, column: null,
    colours: colouring(start.data.stops, start.data.words.units), raster: null };
  view.store = regionStore(f, start.data.colours, { libraries: start.data.libraries, column: model.get("region_column") });
  view.bar = regionBar(view.store, { onTool: (tool) => setTool(view, tool, true), onSave: () => saveRegions(view) });
  view.tip = slideTip(f.body);
  view.ground = groundLayer(f.link, () => redraw(view), f.fail);
  slideControls(view);
  f.controls.after(view.bar.node);
  f.body.append(grid, note);
  f.root.classList.add("gv-slide");

  f.onResize(f.body, () => layOut(view));
  f.onTheme(() => redraw(view));
  f.onClose(() => {
    cancelAnimationFrame(view.frame);
    clearTimeout(view.settle);
    view.ground.close();
  });
  view.store.onChange(() => {
    view.bar.show();
    if (view.column && model.get("column") === model.get("region_column")) loadColumn(view);
    repaint(view);
  });
  // A section whose spots are not there yet opens its regions itself: a lasso must not write rows of one into another.
  const there = () => scene.library === model.get("library");
  const refresh = () => f.link.frozen || !there() || view.store.open(scene.library, model.get("region_column"), true);
  f.link.on("regions", refresh);
  f.root.addEventListener("pointerenter", refresh); // another view of the same object may have drawn
  f.onTrait("library", () => loadSection(view));
  f.onTrait("gene", (gene) => loadGene(view, gene));
  f.onTrait("column", () => loadColumn(view));
  f.onTrait("region_column", (column) => there() && view.store.open(scene.library, column));
  f.onTrait("shown", () => arrange(view));
  f.onTrait("image", () => redraw(view));
  f.onTrait("image_opacity", () => redraw(view));
  f.onTrait("opacity", (value) => {
    scene.opacity = value;
    redraw(view);
  });
  host.gvSlide = view; // for measuring
  view.look = (camera) => look(view, camera);
  loadSection(view).catch(f.fail);
  return f.close;
}

// ---- data

async function loadSection(view) {
  const { f, model, scene } = view;
  const library = model.get("library");
  const px = OVERVIEW_PX[f.link.frozen ? "page" : "live"];
  const found = await f.ask("section", { library, px }, { lane: "section", slow: true });
  if (!found || library !== model.get("library")) return;
  [scene.section, scene.xy, scene.camera, scene.hover, scene.cursor] = [found.data, found.arrays.xy.values, null, -1, -1];
  scene.library = library;
  (view.namesOf ??= {})[library] = found.data.names;
  view.note.textContent = [view.start.synthetic ? "Synthetic tissue, drawn by a program." : "", found.data.note].join(" ").trim();
  view.note.hidden = !view.note.textContent;
  scene.synthetic = view.start.synthetic && Boolean(found.pictures.overview);
  for (const node of view.tissue) node.hidden = !found.pictures.overview && !found.data.levels.length;
  [view.stored, view.column] = [null, null];
  for (const panel of view.panels.values()) panel.words = null;
  view.ground.setSection(found.data, library, found.pictures.overview);
  await Promise.all([loadGene(view, model.get("gene")), loadColumn(view),
    view.store.open(library, model.get("region_column"))]);
  arrange(view);
}

async function loadGene(view, gene) {
  const library = view.model.get("library");
  view.search?.set(gene);
  if (!gene || !view.start.panels.length) return;
  const found = await view.f.ask("values", { library, gene }, { lane: "values" });
  if (!found || library !== view.model.get("library")) return;
  view.stored = Object.fromEntries(Object.entries(found.arrays).map(([name, array]) => [name, array.values]));
  [view.limits, view.loaded] = [found.data.limits, gene];
  arrange(view);
}

async function loadColumn(view) {
  const { model } = view;
  const [library, column] = [model.get("library"), model.get("column")];
  view.columnBox?.fill(columnChoices(view), column);
  if (!column) {
    view.column = null;
    return arrange(view);
  }
  const found = await view.f.ask("column", { library, column }, { lane: "column" });
  if (!found || column !== model.get("column") || library !== model.get("library")) return;
  view.column = found;
  arrange(view);
}

// ---- panels

// Make the panels that are to be seen and colour them.
function arrange(view) {
  const { model, panels, grid, start } = view;
  const shown = model.get("shown").filter((name) => start.panels.includes(name) && view.stored);
  const names = [...shown, ...(view.column ? ["column"] : [])];
  for (const toggle of view.toggles) toggle.setAttribute("aria-pressed", String(model.get("shown").includes(toggle.dataset.panel)));
  if (!names.length) names.push("plain");
  for (const name of [...panels.keys()]) if (!names.includes(name)) panels.delete(name);
  for (const name of names) if (!panels.has(name)) panels.set(name, newPanel(view, name));
  const nodes = names.map((name) => panels.get(name).node);
  if (nodes.length !== grid.children.length || nodes.some((node, i) => grid.children[i] !== node)) grid.replaceChildren(...nodes);
  for (const name of names) describe(view, panels.get(name));
  layOut(view);
}

function newPanel(view, name) {
  const panel = slidePanel(name);
  handle(panel, view.scene, {
    look: (camera) => look(view, camera),
    fit: () => fit(view),
    hover: (over, spot, event) => hover(view, over, spot, event),
    lassoDone: (polygon, event) => lassoDone(view, polygon, event),
    undo: () => view.store.act("undo"),
    redo: () => view.store.act("redo"),
    tool: (tool) => setTool(view, tool),
    step: (from, arrow) => stepSpot(view, from, arrow),
    tell: (from) => tellSpot(view, from),
    put: () => putSpot(view),
    redraw: () => redraw(view),
    hint: (text) => view.f.say(text),
  });
  return panel;
}

function describe(view, panel) {
  const { model, colours } = view;
  if (panel.name === "plain") {
    panel.words = new Uint32Array(view.scene.xy.length / 2).fill(UNKNOWN);
    return panel.describe("Spots", "", el("span", { class: "gv-note" },
      view.start.panels.length ? "" : "No counts and no prediction in this object: read counts, or run model.predict."));
  }
  const found = panel.name === "column" ? colours.column(view.column) : colours.gene(panel.name, view.stored, view.limits);
  panel.words = found.words;
  const title = panel.name === "column" ? model.get("column") : view.start.words.titles[panel.name] +
    (panel.name === "uncertainty" && view.start.level ? ` (${intervalName(view.start.level)})` : "");
  panel.describe(title, view.start.words.hints[panel.name] ?? "A column of obs", found.legend);
}

// Sizes of the panels from the room there is; then everything is drawn.
function layOut(view) {
  const { scene, grid, panels, f } = view;
  if (!scene.section || !panels.size || !f.body.clientWidth) return;
  const size = panelGrid(panels.size, f.body.clientWidth, scene.section.extent);
  grid.style.gridTemplateColumns = `repeat(${size.columns}, ${size.width}px)`;
  const changed = size.width !== scene.width || size.height !== scene.height;
  [scene.width, scene.height] = [size.width, size.height];
  for (const { canvas } of panels.values()) {
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${size.height}px`;
  }
  const fitting = fitCamera(scene.section.extent, size.width, size.height);
  if (!scene.camera || (changed && view.fitted)) {
    scene.camera = fitting;
    view.fitted = true;
  }
  repaint(view);
}

// ---- drawing

function look(view, camera) {
  view.scene.camera = camera;
  view.fitted = false;
  redraw(view);
}

function fit(view) {
  const { scene } = view;
  if (!scene.section) return;
  look(view, fitCamera(scene.section.extent, scene.width, scene.height));
  view.fitted = true;
}

// Colours changed: paint all panels again in the next frame.
function repaint(view) {
  view.stale = true;
  redraw(view);
}

function redraw(view) {
  if (view.frame) return;
  view.frame = requestAnimationFrame(() => {
    view.frame = 0;
    drawAll(view);
  });
}

function drawAll(view) {
  const { scene, model, panels } = view;
  if (!scene.section || !scene.camera) return;
  const begun = performance.now();
  const dense = window.devicePixelRatio || 1;
  paintIfNeeded(view, dense);
  const ground = themeColour(view.f.root, "--gv-raised") || "#fff";
  scene.ground = model.get("image")
    ? view.ground.draw(scene.camera, scene.width, scene.height, dense, ground, model.get("image_opacity"))
    : plainGround(view, scene.width, scene.height, ground);
  for (const panel of panels.values()) panel.draw(scene);
  view.drawn = performance.now();
  view.work = view.drawn - begun;
  view.f.keepStill(() => together(view));
}

// Spots are rasterised for this camera, or, where that is slow and the camera moves, moved as a picture for a while.
function paintIfNeeded(view, dense) {
  const { scene } = view;
  let { raster } = view;
  const [w, h] = [Math.round(scene.width * dense), Math.round(scene.height * dense)];
  const fresh = !raster || raster.w !== w || raster.h !== h;
  if (fresh) raster = view.raster = newRaster(scene.width, scene.height, dense);
  const moving = !fresh && !view.stale && !sameCamera(raster.camera, scene.camera);
  if (moving && view.cost > FAST_MS && !view.settling) {
    clearTimeout(view.settle);
    view.settle = setTimeout(() => {
      view.settling = true;
      redraw(view);
    }, SETTLE_MS);
    return;
  }
  view.settling = false;
  if (!fresh && !view.stale && !moving) return;
  const begun = performance.now();
  const { categories } = view.store.now;
  const codes = categories.length && view.store.now.codes.length === scene.xy.length / 2 ? view.store.now.codes : null;
  if (!sameCamera(raster.camera, scene.camera) || raster.xy !== scene.xy || raster.codes !== codes)
    rasterise(raster, scene.xy, scene.section.diameter, scene.camera, codes);
  [raster.xy, raster.codes] = [scene.xy, codes];
  const rings = codes && codeWords(codes, categories.map((one) => one.colour), 0);
  for (const panel of view.panels.values()) panel.paint(raster, rings);
  [view.stale, view.painted] = [false, view.loaded];
  view.cost = performance.now() - begun;
}

function plainGround(view, width, height, colour) {
  view.plain ??= el("canvas");
  const pen = fitted(view.plain, width, height);
  pen.fillStyle = colour;
  pen.fillRect(0, 0, width, height);
  return view.plain;
}

// All panels as one picture.
function together(view) {
  const canvases = [...view.panels.values()].map((panel) => panel.canvas).filter((canvas) => canvas.isConnected);
  if (!canvases.length) return null;
  const boxes = canvases.map((canvas) => canvas.getBoundingClientRect());
  const left = Math.min(...boxes.map((box) => box.left));
  const top = Math.min(...boxes.map((box) => box.top));
  const whole = el("canvas");
  const pen = fitted(whole, Math.max(...boxes.map((box) => box.right)) - left, Math.max(...boxes.map((box) => box.bottom)) - top);
  canvases.forEach((canvas, i) => pen.drawImage(canvas, boxes[i].left - left, boxes[i].top - top, boxes[i].width, boxes[i].height));
  return whole;
}

// ---- hands

function hover(view, panel, spot, event) {
  const { scene } = view;
  if (spot !== scene.hover) {
    scene.hover = spot;
    redraw(view);
  }
  if (spot < 0) return view.tip.hide();
  const room = view.f.body.getBoundingClientRect();
  view.tip.show(scene.section.names[spot], tipLines(view, spot), event.clientX - room.left, event.clientY - room.top);
}

function tipLines(view, spot) {
  const lines = view.stored ? hoverRows(view.stored, spot, view.start.level) : [];
  if (view.column) {
    const { data, arrays } = view.column;
    const text = arrays.values ? String(Number(arrays.values.values[spot].toPrecision(4))) : data.names[arrays.codes.values[spot]] ?? "none";
    lines.push([view.model.get("column"), text, ""]);
  }
  const { categories, codes } = view.store.now;
  if (codes[spot] >= 0) lines.push(["region", categories[codes[spot]].name, ""]);
  return lines;
}

// focus: by its button, so the keys are to go to a picture.
function setTool(view, tool, focus = false) {
  view.scene.tool = tool;
  if (tool !== "spots") view.scene.cursor = -1;
  view.tip.hide();
  view.bar.tool(tool);
  view.grid.classList.toggle("gv-slide-lassoing", tool === "lasso");
  view.f.say(TOOL_HINTS[tool]);
  const [first] = view.panels.values();
  if (focus && tool === "spots") first?.canvas.focus();
  redraw(view);
}

async function lassoDone(view, polygon, event) {
  const rows = spotsInside(view.scene.xy, polygon);
  const [category, mode] = [view.bar.name(), view.bar.mode(event)];
  if (!rows.length) return view.f.say("No spot lies inside that line.");
  if (!(await view.store.act("select", { rows, category, mode }))) return;
  const done = { replace: "is now", add: "got", remove: "lost" }[mode];
  view.f.say(`${category} ${done} ${rows.length} spot${rows.length === 1 ? "" : "s"}.`);
}

async function saveRegions(view) {
  const { categories, column, library } = view.store.now;
  const names = view.namesOf;
  const all = Object.entries(view.store.all());
  // Sections of a page that were not looked at have regions too, drawn before the page was made.
  for (const [section, codes] of all)
    if (!names[section] && codes.some((code) => code >= 0))
      names[section] = (await view.f.ask("section", { library: section, px: OVERVIEW_PX.page }))?.data.names;
  const rows = all.flatMap(([section, codes]) =>
    [...codes].map((code, i) => [code, i]).filter(([code]) => code >= 0 && names[section])
      .map(([code, i]) => [names[section][i], section, categories[code].name]));
  saveCsv(`${column}_${library}`, column, rows);
}

export default { render };
