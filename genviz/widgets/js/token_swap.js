// Tiles taken apart and put together again.

const TOKEN_PANELS = ["other", "before", "after"];
const TOKEN_BYTES = 48e6; // of answers; their bitmaps take about twice as much again

function tokenPanel(grid) {
  const title = el("span", { class: "gv-swap-title" });
  const caption = el("figcaption", { class: "gv-swap-caption" });
  return { title, caption, grid, node: el("figure", { class: "gv-swap-panel" }, title, grid.canvas, caption) };
}

// All that the view knows; drawn by `tokenDraw`.
function tokenState(start, model, selection) {
  const names = start.data.tiles.map((tile) => tile.name);
  return {
    start, names, selection,
    grid: start.data.grid,
    steps: colourSteps(start.data.colours),
    history: start.data.history,
    tile: Math.max(0, names.indexOf(model.get("tile"))),
    other: names.indexOf(model.get("other")),
    trial: null, // on a page: a whole tile swapped or rendered
    frames: keepNewest(TOKEN_BYTES, { bytesOf: answerBytes }),
    surprises: keepNewest(TOKEN_BYTES / 4, { bytesOf: answerBytes }),
    panels: {},
    look: { outlines: true, lines: false, bright: true, heat: "", middle: "start" },
    own: 0, // edits on their way
    heard: null, // the newest history that came meanwhile
  };
}

// Which frame stands in which panel.
function tokenQuestions(state) {
  const { steps, at } = state.history;
  const last = (tile, step) => ({ tile, step: tokenLastStep(steps, tile, step) });
  const after = state.trial ?? last(state.tile, at);
  const parent = after.step > 0 ? steps[after.step].parent : 0;
  return {
    other: state.other < 0 ? null : last(state.other, at),
    before: state.look.middle === "before" && !state.trial ? last(state.tile, parent) : { tile: state.tile, step: 0 },
    after,
  };
}

// Before and after are brightened alike, so that they can be compared.
function tokenFactor(state, name) {
  const [own, start] = [state.panels[name].frame.data.brighter, state.panels.before.frame.data.brighter];
  return !state.look.bright ? 1 : name === "after" && own > 1 && start > 1 ? start : own;
}

function tokenWords(state, name, asked) {
  if (name === "before" && state.look.middle === "difference") return ["mean over the three colours"];
  const frame = state.panels[name].frame;
  const factor = tokenFactor(state, name);
  const nuclei = frame.arrays.mask.values.length ? ` · ${frame.data.n_nuclei} nuclei` : "";
  const from = frame.data.sources.filter((source) => source !== state.names[asked.tile]);
  return [`${frame.data.label}${nuclei}`, from.length && name === "after" ? ` · with ${from.map((source) => tokenShort(source, 16)).join(", ")}` : "", " · ",
    el("span", { class: "gv-flag" }, "synthetic"),
    factor > 1 ? el("span", { class: "gv-flag" }, `, brightened ${factor.toFixed(1)}×`) : ""];
}

function tokenDraw(f, state, views) {
  const side = state.side ?? 300;
  const accent = themeColour(f.root, "--gv-accent");
  const { look } = state;
  for (const name of TOKEN_PANELS) {
    const panel = views.panels[name];
    const { frame, heat } = state.panels[name] ?? {};
    panel.node.hidden = !frame;
    if (!frame) continue;
    const apart = name === "before" && look.middle === "difference";
    const picture = apart ? state.difference.canvas : tokenBitmap(frame, state.grid, tokenFactor(state, name));
    tokenPaint(panel.grid.canvas, picture, apart ? state.panels.after.frame : frame, {
      side, grid: state.grid, outlines: look.outlines, lines: look.lines, accent, selection: state.selection,
      cursor: panel.grid.cursor(), heat: heat && !apart ? { values: heat, top: state.heatTop, steps: state.steps } : null,
    });
  }
  views.actions.show(state.selection.count(), state.grid[0] * state.grid[1]);
}

// Titles, captions, legend: what does not change while brushing.
function tokenWrite(state, views, asked) {
  const titles = {
    other: state.other < 0 ? "" : `Take from: ${tokenShort(state.names[state.other])}`,
    before: { start: "As it was", before: "The step before", difference: "What changed" }[state.look.middle],
    after: `Edited: ${tokenShort(state.names[state.tile])}`,
  };
  for (const name of TOKEN_PANELS) {
    if (!state.panels[name]?.frame) continue;
    views.panels[name].title.textContent = titles[name];
    views.panels[name].title.title = { other: state.names[state.other], after: state.names[state.tile] }[name] ?? "";
    views.panels[name].caption.replaceChildren(...tokenWords(state, name, asked[name]));
  }
  const bars = [];
  if (state.look.heat) bars.push(colourBar(state.steps, 0, state.heatTop, `nats: how unexpected the ${state.look.heat} of a cell is`, (v) => v.toFixed(1)));
  if (state.look.middle === "difference") bars.push(colourBar(state.steps, 0, state.difference.top, "grey levels of difference", (v) => v.toFixed(0)));
  views.legend.replaceChildren(...bars);
}

// Answers are kept by their question.
async function tokenFrame(f, kept, what, asked) {
  const key = questionKey(what, asked);
  const known = kept.get(key);
  if (known) return known;
  const answer = await f.ask(what, asked, what === "surprise" ? { lane: "surprise" } : {});
  if (answer) kept.set(key, answer);
  return answer;
}

async function tokenRefresh(f, state, views) {
  const turn = (state.turn = (state.turn ?? 0) + 1);
  const asked = tokenQuestions(state);
  const found = await Promise.all(
    TOKEN_PANELS.map((name) => (asked[name] ? tokenFrame(f, state.frames, "frame", asked[name]) : null)));
  if (turn !== state.turn || !found[1] || !found[2]) return;
  const heats = await tokenHeats(f, state, asked);
  if (turn !== state.turn) return;
  TOKEN_PANELS.forEach((name, i) => (state.panels[name] = { frame: found[i], heat: heats[i] }));
  const shown = heats.filter((heat) => heat?.length);
  state.heatTop = Math.max(1, ...shown.map((heat) => tokenQuantile(heat, 0.99)));
  state.difference = state.look.middle === "difference" ? tokenDifference(found[1], found[2], state.steps) : null;
  tokenWrite(state, views, asked);
  tokenDraw(f, state, views);
  f.keepStill(() => tokenStill(views));
}

// One after the other: in their lane a newer question would end the older.
async function tokenHeats(f, state, asked) {
  const heats = [];
  for (const name of TOKEN_PANELS) {
    const known = state.look.heat && asked[name] && f.link.knows("surprise", asked[name]);
    const answer = known ? await tokenFrame(f, state.surprises, "surprise", asked[name]) : null;
    heats.push(answer ? answer.arrays[state.look.heat].values : null);
  }
  return heats;
}

function tokenStill(views) {
  const shown = TOKEN_PANELS.map((name) => views.panels[name]).filter((panel) => !panel.node.hidden);
  const [w, h] = [shown[0].grid.canvas.width, shown[0].grid.canvas.height];
  const all = new OffscreenCanvas(shown.length * (w + 8) - 8, h);
  shown.forEach((panel, i) => all.getContext("2d").drawImage(panel.grid.canvas, i * (w + 8), 0));
  return all;
}

// What the pointer is on: place, tokens, and how unexpected they are.
function tokenReadout(state, name, cell) {
  const panel = state.panels[name];
  if (!cell || !panel?.frame) return "";
  const i = cell.row * state.grid[1] + cell.column;
  const { structure, appearance } = panel.frame.arrays;
  const s = structure.values.length ? `structure token ${structure.values[i]}, ` : "";
  const heat = panel.heat?.length ? ` · unexpected by ${panel.heat[i].toFixed(2)} nats` : "";
  return `row ${cell.row + 1}, column ${cell.column + 1}: ${s}appearance token ${appearance.values[i]}${heat}`;
}

// What buttons do: ask the kernel, or on a page look up the whole tile's answer.
function tokenDeeds(f, state, refresh) {
  const adopt = (history) => {
    state.history = history;
    state.show();
  };
  const cells = () => {
    const chosen = state.selection.cells();
    return chosen.length ? chosen : null;
  };
  const edit = async (asked, slow) => {
    state.own++;
    const { tile } = state; // another may be chosen before the answer is there
    const answer = await f.ask("do", { edit: { tile: state.names[state.tile], cells: cells(), ...asked } }, { lane: "edit", slow });
    state.own--;
    if (answer) state.frames.set(questionKey("frame", { tile, step: answer.data.step }), answer);
    // Every change is told, ours too: what was told last is how things stand, whether or not ours came to its end.
    const history = state.heard ?? answer?.data.history;
    if (!state.own) state.heard = null;
    if (history) adopt(history);
    if (answer) {
      const ms = Object.values(answer.data.ms).reduce((sum, value) => sum + value, 0);
      f.say(`Step ${answer.data.step}: ${state.history.steps[answer.data.step].name}. Decoded in ${ms.toFixed(0)} ms.`);
    }
    refresh();
  };
  const attempt = (asked) => {
    const known = f.link.knows("frame", asked);
    if (known) state.trial = asked;
    f.say(known ? "Tried on the whole tile, from its start." : "This page does not hold that pair; open the notebook to try it.");
    refresh();
  };
  const go = async (to) => {
    state.trial = null;
    if (f.link.frozen) {
      adopt({ ...state.history, at: to });
      return refresh();
    }
    const answer = await f.ask("go", { to });
    if (answer) adopt(answer.data.history);
    return refresh();
  };
  return {
    adopt, go,
    swap(what) {
      if (f.link.frozen) return attempt({ tile: state.tile, other: state.other, what });
      const matched = what === "matched";
      return edit({ do: "swap", other: state.names[state.other], what: matched ? "appearance" : what, matched }, false);
    },
    draw(what, label) {
      if (f.link.frozen) return attempt({ tile: state.tile, label: state.start.data.labels.indexOf(label) });
      return edit({ do: "draw", what, label: label || null, seed: state.seed }, true);
    },
    restore() {
      if (f.link.frozen) return go(0);
      return edit({ do: "restore" }, false);
    },
    async keep() {
      const answer = await f.ask("keep", { tile: state.tile, step: state.history.at });
      if (!answer) return;
      adopt(answer.data.history);
      f.say(`Added ${answer.data.row} to the rows: view.rows has ${state.history.kept.length}.`);
    },
  };
}

function tokenUndoKeys(f, deeds) {
  f.root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || f.link.frozen) return;
    if (event.target.matches?.("input[type=number], input[type=text]")) return;
    event.preventDefault();
    event.stopPropagation();
    deeds.go(event.shiftKey ? "forward" : "back");
  });
}

function tokenHistoryBar(f, deeds, strip) {
  const undo = button("Undo", () => deeds.go("back"), { title: "Ctrl+Z" });
  const redo = button("Redo", () => deeds.go("forward"), { title: "Ctrl+Shift+Z" });
  const keep = button("Add to rows", deeds.keep, { title: "Keeps the edited tile; view.rows has all that were added, with every step on record" });
  const count = el("span", { class: "gv-note" });
  const show = ({ at, steps, kept }) => {
    undo.disabled = at === 0;
    redo.disabled = !steps.some((step) => step.parent === at);
    count.textContent = kept.length ? `${kept.length} row${kept.length > 1 ? "s" : ""} kept` : "";
  };
  const tools = f.link.frozen ? [] : [undo, redo, keep, count];
  const row = el("div", { class: "gv-controls gv-swap-row" }, el("span", { class: "gv-swap-head" }, "Steps"), ...tools);
  return { node: el("div", {}, row, strip.node), show };
}

async function render({ model, el: host }) {
  const f = frame(model, host, "Token swap");
  const start = await f.ask("start", {});
  if (!start) return f.close;
  const frozen = f.link.frozen;
  const selection = tokenSelectionOf(start.data.grid, () => {
    f.setTrait("cells", selection.cells());
    tokenDraw(f, state, views);
  });
  selection.read(frozen ? [] : model.get("cells"));
  const state = tokenState(start, model, selection);
  state.seed = model.get("seed");
  const views = { legend: el("div", { class: "gv-controls gv-swap-legend" }), panels: {} };
  const refresh = () => tokenRefresh(f, state, views);
  const redraw = () => tokenDraw(f, state, views);
  const readout = el("span", { class: "gv-note gv-swap-readout" });
  const brush = tokenBrush(selection);
  for (const name of TOKEN_PANELS) {
    const words = { other: "The other tile", before: "The tile before", after: "The edited tile" }[name];
    views.panels[name] = tokenPanel(tokenGrid(`${words}: cells`, state.grid, selection, {
      brush: () => brush.state, redraw, frozen, onhover: (cell) => (readout.textContent = tokenReadout(state, name, cell)),
    }));
  }
  const deeds = tokenDeeds(f, state, refresh);
  const strip = tokenHistory(f.link, deeds.go);
  const bar = tokenHistoryBar(f, deeds, strip);
  state.show = () => {
    strip.show(state.history, state.names);
    bar.show(state.history);
  };
  const choose = (name, i) => {
    if (name === "tile" && i === state.other) choose("other", state.tile);
    state[name] = i;
    state.trial = null;
    f.setTrait(name, state.names[i]);
    cards.show(state.tile, state.other);
    refresh();
  };
  const cards = tokenCards(start, { onedit: (i) => choose("tile", i), ontake: (i) => choose("other", i) });
  views.actions = tokenActions(start, frozen, {
    onswap: deeds.swap, ondraw: deeds.draw, onrestore: deeds.restore, seed: state.seed,
    onseed: (value) => f.setTrait("seed", (state.seed = value)),
  });
  tokenLooks(f.controls, state.look, start.data.obstacles, { redraw, refresh });
  const pictures = el("div", { class: "gv-swap-panels" }, TOKEN_PANELS.map((name) => views.panels[name].node));
  f.controls.before(cards.node);
  f.body.append(pictures, el("div", { class: "gv-swap-under" }, readout, views.legend), frozen ? "" : brush.node, views.actions.node, bar.node);
  tokenUndoKeys(f, deeds);
  tokenListen(f, state, { deeds, selection, cards, views, refresh, redraw });
  cards.show(state.tile, state.other);
  state.show();
  f.onTheme(redraw);
  f.onResize(f.body, () => {
    const n = state.other < 0 ? 2 : 3;
    state.side = Math.max(160, Math.min(420, Math.floor((f.body.clientWidth - 12 * (n - 1)) / n)));
    pictures.style.setProperty("--gv-swap-side", `${state.side}px`);
    redraw();
  });
  await refresh();
  return f.close;
}

// What Python or another display changed.
function tokenListen(f, state, { deeds, selection, cards, views, refresh, redraw }) {
  f.link.on("changed", ({ data }) => {
    if (state.own) {
      state.heard = data.history; // taken when our own edit has ended: its answer brings the picture too
      return;
    }
    deeds.adopt(data.history);
    refresh();
  });
  f.onTrait("cells", (value) => {
    if (JSON.stringify(value) === JSON.stringify(selection.cells())) return;
    selection.read(value);
    redraw();
  });
  f.onTrait("seed", (value) => {
    state.seed = value;
    views.actions.setSeed(value);
  });
  for (const name of ["tile", "other"]) {
    f.onTrait(name, (value) => {
      const i = state.names.indexOf(value);
      if (i === state[name]) return;
      state[name] = i;
      cards.show(state.tile, state.other);
      refresh();
    });
  }
}

export default { render };
