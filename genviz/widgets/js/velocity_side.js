// Beside the panels: the legend, the tiles of a row; below them: what the numbers say.

const PATH_TILE_PX = 166;
const PATH_SIGNS = { good: "✓", careful: "!", bad: "✕" };
const PATH_LEVELS = { good: "may be read", careful: "with care", bad: "do not read" };

// Categories that can be set apart by a click, or a bar with its ends.
function pathLegend(onmute) {
  const node = el("div", { class: "gv-vel-legend" });
  function show(found, muted) {
    node.replaceChildren(el("h4", {}, found.name));
    if (found.numeric) {
      node.append(colourBar(colourSteps(found.stops), found.low, found.high, "", (v) => String(Number(v.toPrecision(3)))));
    } else {
      node.append(...found.names.map((name, i) =>
        button("", () => onmute(i), {
          class: "gv-vel-key", "aria-pressed": String(!muted.has(i)), title: "Click to hide or show these rows",
        })));
      node.querySelectorAll(".gv-vel-key").forEach((key, i) => {
        const dot = el("span", { class: "gv-vel-dot" });
        dot.style.background = found.colours[i] === "#000000" ? "var(--gv-ink)" : found.colours[i];
        key.append(dot, el("span", {}, found.names[i]), el("span", { class: "gv-number" }, String(found.counts[i])));
      });
    }
    node.append(el("div", { class: "gv-vel-ring" }, el("span", { class: "gv-vel-noise" }), "noise: where arrows begin"));
    if (found.note) node.append(el("div", { class: "gv-note" }, found.note));
  }
  return { node, show };
}

function pathTile(label, mark) {
  const canvas = el("canvas", { class: "gv-vel-tile" });
  const words = el("figcaption", {}, el("span", {}, label), mark ? el("span", { class: "gv-vel-mark" }, mark) : null);
  const strip = el("canvas", { class: "gv-vel-strip" });
  return { node: el("figure", { class: "gv-vel-card" }, canvas, strip, words), canvas, strip, words };
}

// The real tile of a row, and the synthetic one of each model at this share of the way.
function pathCards(rows, tiles) {
  const name = el("h4", {}, "No row");
  const facts = el("div", { class: "gv-note" });
  const side = rows.um ? `real, ${Math.round(rows.um)} µm wide` : "real";
  const real = rows.real ? pathTile(rows.drawn_tissue ? "drawn tissue" : side, rows.drawn_tissue ? "synthetic" : "") : null;
  const along = tiles.shares.length ? rows.models.map((model) => pathTile(model, "synthetic")) : [];
  const cards = [...(real ? [real] : []), ...along];
  const hint = el("div", { class: "gv-note" }, "Point at an arrow to see its tiles; click to keep them.");
  const node = el("div", { class: "gv-vel-cards" }, name, facts,
    el("div", { class: "gv-vel-tiles" }, cards.map((card) => card.node)), hint);
  if (rows.missing) node.append(el("div", { class: "gv-note gv-flag" }, rows.missing));

  function paint(canvas, parts, px, chosen = -1) {
    const pen = fitted(canvas, px * Math.max(parts.length, 1), px);
    canvas.style.width = `${px * Math.max(parts.length, 1)}px`;
    canvas.style.height = `${px}px`;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    parts.forEach((part, i) => {
      if (!part) return;
      pen.drawImage(part.image, part.x, part.y, part.size, part.size, i * px, 0, px, px);
      if (i === chosen) {
        pen.strokeStyle = themeColour(canvas, "--gv-accent");
        pen.lineWidth = 2;
        pen.strokeRect(i * px + 1, 1, px - 2, px - 2);
      }
    });
  }

  function clear() {
    cards.forEach((card) => {
      paint(card.canvas, [null], PATH_TILE_PX);
      paint(card.strip, [null], 2);
      card.strip.hidden = true;
    });
  }

  function show(row, found, share, words) {
    name.textContent = row < 0 ? "No row" : rows.names[row];
    facts.textContent = row < 0 ? "" : words;
    hint.hidden = row >= 0;
    node.dataset.row = row;
    if (row < 0 || !found) return clear();
    if (real) {
      paint(real.canvas, [found.real], PATH_TILE_PX);
      real.strip.hidden = true;
    }
    const frame = tiles.frameAt(share);
    along.forEach((card, i) => {
      paint(card.canvas, [found.along[i][frame]], PATH_TILE_PX);
      card.strip.hidden = tiles.shares.length < 2;
      if (!card.strip.hidden) paint(card.strip, found.along[i], PATH_TILE_PX / tiles.shares.length, frame);
      const at = Math.round(tiles.shares[frame] * 100);
      card.words.firstChild.textContent = at === 100 ? `${rows.models[i]}, end` : at === 0
        ? `${rows.models[i]}, noise` : `${rows.models[i]}, at ${at} %`;
    });
  }
  clear();
  return { node, show };
}

// Sentences, and the numbers that they come from.
function pathFindings(rows) {
  const list = el("ul", { class: "gv-vel-findings" }, rows.findings.map(([level, text]) =>
    el("li", { class: `gv-vel-${level}` },
      el("span", { class: "gv-vel-sign", title: PATH_LEVELS[level], "aria-label": PATH_LEVELS[level] }, PATH_SIGNS[level]),
      el("span", {}, text))));
  const words = {
    start: "noise (control)", before: "coarser scales alone, without the flow (control)", real: "the real tiles' own latents",
  };
  const told = (name) => words[name] ?? name.replace("end, others' profiles:", "ends told other rows' RNA: ")
    .replace("end:", "ends: ").replace("change:", "start less end: ");
  const fixed = (value) => value.toFixed(3);
  const table = el("table", { class: "gv-vel-numbers" },
    el("thead", {}, el("tr", {}, ["in the latent space", "silhouette", "among own group", "shuffled groups", "95 % below"]
      .map((word) => el("th", { scope: "col" }, word)))),
    el("tbody", {}, Object.entries(rows.numbers).map(([name, found]) => el("tr", {},
      el("th", { scope: "row" }, told(name)),
      [found.silhouette, found.knn, found.knn_null, found.knn_null_95].map((value) => el("td", {}, fixed(value)))))));
  const title = "Among own group: share of rows whose five nearest neighbours vote for their group. " +
    "Silhouette: 1 groups apart, 0 mixed.";
  return el("div", { class: "gv-vel-words" },
    el("h4", {}, "What may be read from this"),
    el("p", { class: "gv-note" }, rows.caution),
    list,
    el("details", {}, el("summary", { title }, "The numbers"), table));
}
