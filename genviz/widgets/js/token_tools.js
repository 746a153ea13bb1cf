// Controls of the swap view: how it looks, the brush, what is done to the brushed cells.

function tokenCheck(label, checked, onchange, title = null) {
  const box = el("input", { type: "checkbox", checked, "aria-label": label });
  box.addEventListener("change", () => onchange(box.checked));
  return el("label", { class: "gv-field", title }, box, el("span", {}, label));
}

// Long names by their ends; the whole name is in the title.
function tokenShort(name, most = 22) {
  return name.length <= most ? name : `${name.slice(0, most - 11)}…${name.slice(-10)}`;
}

// The tiles as cards, each with a choice: edit it, or take from it.
function tokenCards(start, { onedit, ontake }) {
  const { values, shape } = start.arrays.given;
  const [, h, w] = shape;
  const alone = start.data.tiles.length < 2;
  const cards = start.data.tiles.map((tile, i) => {
    const canvas = el("canvas", { class: "gv-swap-given", width: w, height: h });
    canvas.getContext("2d").putImageData(imageData(values, i, h, w), 0, 0);
    const edit = button("Edit", () => onedit(i), { class: "gv-button gv-swap-small", "aria-label": `Edit ${tile.name}` });
    const take = button("Take from", () => ontake(i), {
      class: "gv-button gv-swap-small", "aria-label": `Take from ${tile.name}`, disabled: alone,
      title: alone ? start.data.obstacles.swap : null,
    });
    const from = tile.given ? "as given" : "synthetic";
    const node = el("div", { class: "gv-swap-card" }, canvas,
      el("div", { class: "gv-swap-words" }, el("b", { title: tile.name }, tokenShort(tile.name, 18)), el("span", {}, tile.label),
        el("span", { class: tile.given ? "gv-note" : "gv-flag" }, from), el("div", { class: "gv-swap-pair" }, edit, take)));
    return { node, edit, take };
  });
  const node = el("div", { class: "gv-swap-cards", role: "group", "aria-label": "Tiles" }, cards.map((card) => card.node));
  const show = (tile, other) => cards.forEach((card, i) => {
    card.edit.setAttribute("aria-pressed", i === tile);
    card.take.setAttribute("aria-pressed", i === other);
    card.take.disabled = alone || i === tile;
    card.node.classList.toggle("gv-swap-edited", i === tile);
    card.node.classList.toggle("gv-swap-source", i === other);
  });
  return { node, show };
}

// How it looks.
function tokenLooks(controls, look, obstacles, { redraw, refresh }) {
  const set = (name, then) => (value) => {
    look[name] = value;
    then();
  };
  const unexpected = select("Heat", [["", "none"], ["structure", "unexpected structure"], ["appearance", "unexpected appearance"]], "", set("heat", refresh));
  unexpected.node.title = obstacles.surprise ??
    "How unexpected the model finds each token, given those before it: its negative log-probability, in nats.";
  unexpected.box.disabled = Boolean(obstacles.surprise);
  const middle = select("In the middle", [["start", "tile as it was"], ["before", "step before"], ["difference", "difference"]], "start", set("middle", refresh));
  middle.node.title = "What stands beside the edited tile: its start, the step before, or what changed (mean absolute difference, grey levels).";
  controls.append(
    tokenCheck("Nuclei", look.outlines, set("outlines", redraw), "Outlines of the nuclei in the mask that belongs to the picture"),
    tokenCheck("Token grid", look.lines, set("lines", redraw), "Cells of the two alphabets: one structure and one appearance token each"),
    tokenCheck("Brighten grey tiles", look.bright, set("bright", refresh), "Dim grey tissue is multiplied until its brightest pixels are white, at most eightfold; rows keep the pixels as they are"),
    unexpected.node, middle.node,
  );
}

function tokenBrush(selection) {
  const state = { size: 2, erase: false };
  const erase = button("Erase", () => {
    state.erase = !state.erase;
    erase.setAttribute("aria-pressed", state.erase);
  }, { "aria-pressed": "false", title: "Brushing takes cells away (or hold Alt)" });
  const size = slider("Brush", { min: 1, max: 6, value: state.size, text: (n) => `${n} × ${n}`, oninput: (n) => (state.size = n) });
  const node = el("div", { class: "gv-controls gv-swap-row" },
    el("span", { class: "gv-swap-head", title: "Drag over a picture to brush cells, hold Shift for a rectangle. Keys: arrows, Space, Escape." }, "Cells"),
    size.node, erase,
    button("All", () => selection.fill(1)), button("None", () => selection.fill(0)), button("Invert", () => selection.invert()),
    el("span", { class: "gv-note" }, "Drag over a picture; Shift draws a rectangle, Alt erases."));
  return { node, state };
}

// What is done to the cells. Each action says why it cannot be done, where it cannot.
function tokenActions(start, frozen, { onswap, ondraw, onrestore, onseed, seed }) {
  const { labels, obstacles } = start.data;
  const act = (label, what, why, title) => button(label, () => onswap(what), { disabled: Boolean(why), title: why || title });
  const swap = obstacles.swap;
  const structure = swap || obstacles.structure;
  const scope = el("span", { class: "gv-swap-scope" });
  const takes = [
    act("Structure", "structure", structure, "Where nuclei are: taken from the other tile, the appearance stays"),
    act("Appearance", "appearance", swap, "How the tissue looks: taken from the same places of the other tile, the structure stays"),
    act("Appearance, matched", "matched", structure, "How the tissue looks, each cell from that place of the other tile whose nuclei lie most alike"),
    ...(frozen ? [] : [act("Both", "both", swap, "Structure and appearance")]),
  ];
  const what = select("Draw", [["appearance", "appearance"], ["both", "structure and appearance"]], "appearance", () => {});
  what.box.options[1].disabled = Boolean(obstacles.draw_structure);
  const label = select("as", [["", "its own label"], ...labels.map((name) => [name, name])], frozen ? labels[0] : "", () => {});
  const number = el("input", { type: "number", class: "gv-search gv-swap-seed", min: 0, step: 1, value: seed, "aria-label": "Seed" });
  number.addEventListener("change", () => onseed(Math.max(0, Math.floor(Number(number.value) || 0))));
  const draw = button("Draw anew", () => ondraw(what.box.value, label.box.value), {
    disabled: Boolean(obstacles.draw), class: "gv-button gv-swap-draw",
    title: obstacles.draw || "The model draws these cells, given all others. The same seed gives the same tissue.",
  });
  const why = obstacles.draw ? el("span", { class: "gv-flag" }, obstacles.draw) : null;
  const node = el("div", {},
    el("div", { class: "gv-controls gv-swap-row" }, el("span", { class: "gv-swap-head" }, "Take from the other tile"), ...takes,
      button("As it was", onrestore, { title: "Gives these cells back what they were at the start" }), scope,
      swap ? el("span", { class: "gv-flag" }, swap) : null),
    el("div", { class: "gv-controls gv-swap-row" }, el("span", { class: "gv-swap-head" }, "Let the model draw"),
      frozen ? null : what.node, label.node,
      frozen ? null : el("label", { class: "gv-field", title: "With the tile's name it decides what is drawn" }, el("span", {}, "Seed"), number), draw, why));
  if (frozen) label.box.options[0].remove();
  const show = (n, total) => {
    scope.textContent = frozen ? "on the whole tile, from its start" : n && n < total ? `on ${n} brushed cell${n > 1 ? "s" : ""}` : "on the whole tile: no cells are brushed";
    if (!frozen && n === total) scope.textContent = "on the whole tile";
    draw.textContent = frozen || !n || n === total ? "Render the tile" : `Redraw ${n} cell${n > 1 ? "s" : ""}`;
  };
  return { node, show, setSeed: (value) => (number.value = value) };
}
