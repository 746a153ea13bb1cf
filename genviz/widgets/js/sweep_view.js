// The sweep: what is asked for above, tiles as they come, curves and the ranking below.

// What is known of the run that is looked at, and what of it is looked at.
function sweepLook(model) {
  const tiles = sweepTiles();
  let frame = null;
  let entries = new Map();
  const key = (gene, dose) => `${gene}\n${dose}`;
  const sets = () => frame?.sets.map((own) => own.name) ?? [];
  return {
    tiles, sets,
    begin(next, { keep = false } = {}) {
      frame = next;
      entries = new Map();
      if (!keep) tiles.clear();
    },
    frame: () => frame,
    add(one) {
      const before = entries.get(key(one.gene, one.dose));
      entries.set(key(one.gene, one.dose), { ...one, outside: one.outside ?? before?.outside });
    },
    entry: (gene, dose) => entries.get(key(gene, dose)),
    entries: () => [...entries.values()],
    gene: () => (sets().includes(model.get("gene")) ? model.get("gene") : sets()[0] ?? ""),
    rows: () => frame?.rows ?? [],
    row: () => Math.max(0, (frame?.rows ?? []).indexOf(model.get("row"))),
    doses: () => frame?.doses ?? [],
    reference: () => frame?.reference ?? "",
    dose() {
      const doses = frame?.doses ?? [];
      if (doses.includes(model.get("dose"))) return model.get("dose");
      return doses[doses.length - 1] ?? "";
    },
    draw: () => Math.min(model.get("draw"), (frame?.n ?? 1) - 1),
    // The measured tiles are those of every gene.
    tile: (gene, dose, row) => tiles.get(gene, dose, row) ?? (dose === frame?.reference ? tiles.get("", dose, row) : undefined),
  };
}

function sweepShown(f, model, look, start) {
  const pick = (row, dose, gene = look.gene()) => {
    for (const [name, value] of [["gene", gene], ["row", look.rows()[row] ?? ""], ["dose", dose]])
      if (model.get(name) !== value) model.set(name, value);
    model.save_changes();
    refresh();
  };
  const strip = sweepStrip(f, look, pick);
  const pair = sweepPair(f, look, start.data.side_um, pick);
  const effects = sweepEffects(f, look, start.data.statistics, pick);
  const table = sweepTable(look, (gene, dose) => pick(look.row(), dose, gene));
  const gene = select("Gene", [], "", (value) => pick(look.row(), look.dose(), value));
  const draw = select("Draw", [], "0", (value) => {
    f.setTrait("draw", Number(value));
    refresh();
  });
  draw.box.title = "Tiles of the same profile with other random numbers";
  const held = el("ul", { class: "gv-held" });
  const empty = el("div", { class: "gv-empty" }, "Pick genes and spots, then press Run: the tiles come one after the other.");
  const results = el("div", {}, effects.node, table.node, el("div", { class: "gv-words" }, el("h4", {}, "What an effect is held against"), held));
  const middle = el("div", { class: "gv-middle" },
    el("div", { class: "gv-controls" }, gene.node, draw.node,
      el("span", { class: "gv-synthetic", title: "No microscope has seen these tiles" }, "synthetic"),
      el("span", { class: "gv-note", title: "The model learned which tissue goes along with which RNA. It does not know what a drug or a mutation does." },
        "correlational, about the model")), strip.node);
  let waiting = false;
  let settled = true;
  let onGene = () => {};

  function paint() {
    waiting = false;
    const some = Boolean(look.frame());
    empty.hidden = some;
    for (const node of [middle, pair.node, results]) node.hidden = !some;
    if (!some) return;
    gene.fill(look.sets().map((name) => [name, name]), look.gene());
    draw.fill(Array.from({ length: look.frame().n }, (_, k) => [String(k), `${k + 1} of ${look.frame().n}`]), String(look.draw()));
    draw.node.hidden = look.frame().n < 2;
    strip.draw();
    pair.draw();
    effects.draw({ settled });
    table.draw();
    if (settled) f.keepStill(() => strip.canvas);
  }
  function refresh() {
    onGene(look.gene());
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(paint);
  }
  f.onResize(f.body, () => {
    // Between the map and the large tiles; these go below where there is no room.
    const wide = f.body.clientWidth;
    const left = wide - (f.link.frozen ? 0 : MAP_PX + 30);
    strip.room(Math.max(300, left - 370 > 300 ? left - 370 : left));
    refresh();
  });
  f.onTheme(refresh);
  f.onClose(look.tiles.clear);
  for (const name of ["gene", "row", "dose", "draw"]) f.onTrait(name, refresh);
  return {
    nodes: [empty, middle, pair.node], results, refresh,
    settle: (yes) => (settled = yes),
    held: (lines) => held.replaceChildren(...lines.map((line) => el("li", {}, line))),
    whenGene: (listen) => (onGene = listen),
  };
}

// Runs: asked for here or in Python, in this front end or another; all of them follow the events.
function sweepRuns(f, model, look, shown, start) {
  let [ticket, at, wanted, begun, running, speed] = [0, 0, 0, 0, false, 0];
  let turn = 0; // counts what was turned to, a run that began or one that was picked: only the last is shown
  let known = start.data.runs;
  let loaded = new Set();
  const runs = select("Runs", [], "", (value) => view(Number(value)));
  runs.box.title = "Earlier runs, kept while the kernel lives";
  // None is chosen while a run is followed: each of the earlier ones can then be picked.
  const list = () => {
    runs.fill(known.map((one) => [String(one.run), `${one.run} · ${one.name}`]), String(at));
    runs.node.hidden = known.length < 1 || f.link.frozen;
  };
  async function tilesOf(gene) {
    if (!at || !gene || loaded.has(gene)) return;
    loaded.add(gene);
    const own = at;
    const answer = await f.ask("tiles", { run: own, gene, as: f.link.frozen ? "jpeg" : "raw" });
    if (!answer || own !== at) return;
    const { n, rows } = look.frame();
    if (answer.pictures.sheet) look.tiles.addSheet(gene, answer.data.doses, await createImageBitmap(answer.pictures.sheet), rows.length, n);
    else splitRaw(look.tiles, gene, answer.data.doses, answer.arrays.tiles);
    shown.refresh();
  }
  async function view(number, { keep = false } = {}) {
    const mine = ++turn;
    wanted = number;
    if (!keep) [ticket, running] = [-1, false]; // the run under way is no longer followed; Runs has it when it ends
    const answer = await f.ask("look", { run: number }, { lane: "look" });
    if (mine !== turn) return;
    if (!answer) {
      wanted = at;
      return list();
    }
    const names = look.frame()?.sets.map((own) => own.name) ?? [];
    at = number;
    loaded = new Set(keep ? names : []);
    // A stopped run keeps its frame, and with it the tiles of the dose that was not complete.
    look.begin(keep ? look.frame() : answer.data.frame, { keep });
    answer.data.doses.forEach((one) => look.add(one));
    shown.held(answer.data.held);
    shown.settle(true);
    known = answer.data.runs;
    list();
    if (model.get("shown") !== number) f.setTrait("shown", number);
    shown.refresh();
  }
  shown.whenGene(tilesOf);
  f.link.on("begun", ({ data }) => {
    turn++;
    [ticket, at, wanted, begun, running] = [data.ticket, 0, 0, performance.now(), true];
    look.begin(data.frame);
    shown.settle(false);
    list();
    shown.held(["Running: effects are held against their controls when these are made."]);
    shown.refresh();
  });
  f.link.on("step", ({ data, arrays }) => {
    if (data.ticket !== ticket) return;
    if (arrays.tiles) look.tiles.addRaw(data.gene, data.dose, data.start, arrays.tiles);
    if (data.complete) look.add(data.complete);
    speed = data.done / Math.max(0.05, (performance.now() - begun) / 1000);
    shown.refresh();
  });
  f.link.on("ended", ({ data }) => {
    if (data.ticket !== ticket) return;
    running = false;
    if (data.run) view(data.run, { keep: true });
    else shown.held(["Stopped before a dose was complete: press Run to begin again."]);
  });
  f.onTrait("shown", (number) => number && number !== wanted && !running && view(number));
  list();
  const first = model.get("shown") || known.at(-1)?.run;
  if (first) view(first);
  return { node: runs.node, speed: () => speed };
}

// uint8 (doses, rows, draws, h, w, 3)
function splitRaw(tiles, gene, doses, { values, shape }) {
  const part = values.length / shape[0];
  doses.forEach((dose, d) =>
    tiles.addRaw(gene, dose, 0, { values: values.subarray(d * part, (d + 1) * part), shape: shape.slice(1) }));
}

async function render({ model, el: host }) {
  const f = frame(model, host, "Perturbation sweep");
  const start = await f.ask("start", {});
  if (!start) return f.close;
  const look = sweepLook(model);
  const shown = sweepShown(f, model, look, start);
  const runs = sweepRuns(f, model, look, shown, start);
  const desk = el("div", { class: "gv-desk" });
  if (!f.link.frozen) {
    const cost = el("span", { class: "gv-note", "aria-live": "polite" });
    const tell = () => {
      const tiles = tilesAsked(ask.asked());
      cost.textContent = `${tiles.toLocaleString()} tiles` + (runs.speed() ? `, about ${Math.ceil(tiles / runs.speed())} s` : "");
    };
    const ask = sweepPick(f, model, start.data, () => tell());
    const map = sweepMap(f, model, start, () => tell());
    const run = button("Run", async () => {
      const typed = ask.typed();
      if (typed.wrong !== undefined) return f.fail(new Error(`Expected doses, numbers with commas between them; got "${typed.wrong}".`));
      await f.ask("run", { ...ask.asked(), doses: typed.doses }, { lane: "run", slow: true });
      tell();
    }, { class: "gv-button gv-run" });
    f.controls.append(...ask.nodes, run, cost, runs.node);
    f.controls.after(f.root.querySelector(".gv-progress")); // in sight while tiles come
    desk.append(map.node);
    map.draw();
    tell();
  }
  desk.append(...shown.nodes);
  f.body.append(desk, shown.results);
  shown.refresh();
  return f.close;
}

export default { render };
