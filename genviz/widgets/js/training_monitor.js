// A training as it goes: stages, curves, pictures, Stop. Everything arrives in traits, because a kernel that trains in
// its main thread answers no questions; only pictures of earlier epochs are asked for.

const SHEET_PX = 112; // of a tile
const CURVES_PX = 140; // height of a chart
const BY_INTERRUPT = "to stop, interrupt the kernel (■ in the toolbar): finished epochs are kept";
const WORDS = { idle: "not started", running: "training", stopping: "stopping", stopped: "stopped",
  finished: "finished", failed: "failed", read: "finished run" };

// Colours of curves: an order of scales runs along the colour scale, kinds have colours of their own.
function curveColours(panel, record, dark) {
  const n = panel.curves.length;
  if (!panel.ordered) {
    const kinds = dark ? [record.kinds[4], ...record.kinds.slice(1, 4), record.kinds[5]] : record.kinds;
    return panel.curves.map((_, i) => kinds[i % kinds.length]);
  }
  const steps = colourSteps(record.scale);
  const [from, to] = dark ? [70, 255] : [0, 215];
  return panel.curves.map((_, i) => css(steps[Math.round(from + ((to - from) * i) / Math.max(1, n - 1))]));
}

// A panel of curves over epochs, for lineChart. `log` where all values allow it.
function curveSpec(panel, stage, log, colours) {
  const { epochs } = stage;
  const held = panel.curves.filter(([, , validation]) => validation).length;
  const mixed = held > 0 && held < panel.curves.length;
  const lines = panel.curves.map(([name, y, validation], i) => ({ name, y, colour: colours[i], dashed: mixed && validation }));
  return {
    title: panel.title, hint: panel.help, x: epochs, span: [1, Math.max(stage.n_epochs, epochs.at(-1) ?? 1, 2)], zero: false, lines,
    unit: [panel.unit, mixed ? "" : held ? "validation" : "training"].filter(Boolean).join(", "), legend: lines.length > 1,
    log: log && lines.every(({ y }) => y.every((value) => value === null || value > 0)),
    describe: (i) => [`epoch ${epochs[i]}`, ...lines.filter(({ y }) => given(y[i])).map(({ name, y }) =>
      el("div", {}, `${name} `, el("b", { class: "gv-number" }, signed(shortNumber(y[i])))))],
  };
}

function isDark(node) {
  const [r, g, b] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b < 110;
}

// Pictures of one epoch: rows with their names beside one sheet, a slider over the epochs that were kept.
function pictureSheet(f, model) {
  const names = el("div", { class: "gv-tm-sheet-names" });
  const image = el("img", { class: "gv-tm-sheet-image", alt: "" });
  const when = slider("after epoch", { min: 0, max: 0, value: 0, text: () => "", oninput: (i) => choose(i) });
  const node = el("section", { class: "gv-tm-sheet", hidden: true, "aria-label": "Pictures of validation rows" },
    el("div", { class: "gv-tm-sheet-head" }, el("h3", {}, "What the model makes"), when.node),
    el("div", { class: "gv-tm-sheet-body" }, names, image));
  let place = -1;
  let epochs = [];
  let at = -1;
  let newest = true; // follows the training until an earlier epoch is chosen
  let drawn = "";
  let url = null;
  f.onClose(() => url && URL.revokeObjectURL(url));

  function show({ rows, n }, blob) {
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(blob);
    image.src = url;
    image.style.maxWidth = `${n * SHEET_PX}px`;
    image.alt = `${n} tiles a row: ${rows.map(([name]) => name).join("; ")}`;
    names.replaceChildren(...rows.map(([name, made]) => el("div", {}, el("span", {}, name),
      made ? el("span", { class: "gv-flag", title: "Made by the model, not tissue" }, "synthetic") : null)));
    node.hidden = false;
  }
  async function load() {
    const key = `${place}/${epochs[at]}`;
    if (key === drawn || at < 0) return;
    drawn = key;
    const shown = model.get("_shown") ?? {};
    const bytes = model.get("_sheet");
    if (!model.frozen && shown.stage === place && shown.epoch === epochs[at] && bytes?.byteLength) {
      show(shown, new Blob([bytes], { type: "image/jpeg" }));
      return;
    }
    const answer = await f.ask("samples", { stage: place, epoch: epochs[at] }, { lane: "samples" });
    if (answer && drawn === key) show(answer.data, answer.pictures.sheet);
  }
  function choose(i) {
    at = i;
    newest = i === epochs.length - 1;
    when.node.querySelector("output").textContent = epochs[i] ?? "";
    load();
  }
  function draw(next, stage) {
    if (next !== place) newest = true;
    place = next;
    epochs = stage.pictures;
    node.hidden = !epochs.length;
    if (!epochs.length) return;
    when.range.max = epochs.length - 1;
    when.range.disabled = epochs.length < 2;
    when.range.setAttribute("aria-valuetext", `epoch ${epochs[Math.max(at, 0)] ?? ""}`);
    const i = newest ? epochs.length - 1 : Math.min(Math.max(at, 0), epochs.length - 1);
    when.set(i);
    choose(i);
  }
  return { node, draw };
}

// The line above: stages as buttons, how far the training is, Stop.
function trainingHead(f, model, choose) {
  const stages = el("div", { class: "gv-tm-stages", role: "group", "aria-label": "Stage" });
  const state = el("span", { class: "gv-tm-state" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Share of the epochs that are done" });
  const word = el("span", { class: "gv-tm-far", "aria-live": "off" });
  const log = button("Log scale", () => f.setTrait("log_scale", !model.get("log_scale")), {
    title: "Draw losses on a logarithmic axis" });
  const stop = button("Stop", ask, { class: "gv-button gv-tm-stop-training",
    title: "End the training after the present batch; finished epochs are kept in its run folder" });
  f.controls.append(stages, el("span", { class: "gv-tm-grow" }), log, stop);
  const note = el("span", { class: "gv-note", hidden: true }, BY_INTERRUPT);
  const line = el("div", { class: "gv-tm-progress-line" }, state, bar, word, note);
  f.body.append(line);

  function ask() {
    stop.disabled = true;
    stop.textContent = "Stopping";
    f.ask("stop", {}, { lane: "stop" });
  }
  function draw(record, at) {
    const running = record.state === "running" || record.state === "stopping";
    stages.replaceChildren(...record.stages.map((one, i) => {
      const done = one.epochs.at(-1) ?? 0;
      const pressed = i === at;
      return button(`${one.name} ${done}${one.n_epochs ? `/${one.n_epochs}` : ""}`, () => choose(i), {
        "aria-pressed": String(pressed), title: one.help });
    }));
    const now = record.stages.at(-1);
    state.textContent = [record.model, WORDS[record.state]].filter(Boolean).join(": ");
    state.dataset.state = record.state;
    const done = now ? (now.epochs.at(-1) ?? 0) + (now.n_steps ? now.step / now.n_steps : 0) : 0;
    bar.hidden = !running || !now?.n_epochs;
    bar.value = now?.n_epochs ? Math.min(1, done / now.n_epochs) : 0;
    word.textContent = !running || record.message ? record.message
      : now ? `${now.name}, epoch ${Math.min(Math.floor(done) + 1, now.n_epochs)} of ${now.n_epochs}`
        + (now.left ? `, about ${now.left} left` : "") : "";
    // A kernel that trains in a cell hears no message, but it hears an interrupt.
    note.hidden = !running || record.beside || Boolean(model.frozen);
    stop.hidden = !running || !record.beside || Boolean(model.frozen);
    stop.disabled = record.state === "stopping";
    stop.textContent = record.state === "stopping" ? "Stopping" : "Stop";
    log.setAttribute("aria-pressed", String(Boolean(model.get("log_scale"))));
    log.hidden = !record.stages.length;
  }
  return { draw };
}

async function render({ model, el: host }) {
  const f = frame(model, host, "Training");
  const hint = el("p", { class: "gv-note" }, "Nothing is trained yet. monitor.start(...) trains the model beside the "
    + "notebook; or train inside \u201cwith monitor:\u201d.");
  const grid = el("div", { class: "gv-tm-panels" });
  const charts = [];
  const chosen = (record) => {
    const at = record.stages.findIndex((stage) => stage.name === model.get("stage"));
    return at >= 0 ? at : record.stages.length - 1;
  };
  const head = trainingHead(f, model, (i) => {
    const last = i === model.get("_record").stages.length - 1;
    f.setTrait("stage", last ? "" : model.get("_record").stages[i].name);
  });
  const pictures = pictureSheet(f, model);
  f.body.append(hint, grid, pictures.node);

  let waiting = null;
  const draw = () => {
    waiting = null;
    const record = model.get("_record");
    const at = chosen(record);
    const stage = record.stages[at];
    head.draw(record, at);
    hint.hidden = Boolean(stage) || record.state !== "idle";
    const panels = stage?.panels ?? [];
    const dark = isDark(f.root);
    const specs = panels.map((panel) => curveSpec(panel, stage,
      model.get("log_scale") && /loss|likelihood/i.test(panel.title), curveColours(panel, record, dark)));
    specs.forEach((spec, i) => {
      if (charts[i]) return charts[i].update(spec);
      charts.push(lineChart(spec));
      grid.append(charts[i].node);
    });
    charts.forEach((one, i) => (one.node.hidden = i >= specs.length));
    for (const one of charts) one.size(Math.max(180, one.node.clientWidth), CURVES_PX);
    if (stage) pictures.draw(at, stage);
    if (record.state === "failed") f.fail(new Error(record.message));
  };
  const soon = () => (waiting ??= requestAnimationFrame(draw));
  for (const name of ["_record", "_shown", "stage", "log_scale"]) f.onTrait(name, soon);
  f.onResize(grid, soon);
  f.onTheme(soon);
  f.onClose(() => cancelAnimationFrame(waiting));
  draw();
  return f.close;
}

export default { render };
