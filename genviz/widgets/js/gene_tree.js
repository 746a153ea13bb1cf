// The gene tree: an icicle of all scales, the chosen gene's groups growing finer, maps, edits and what-ifs.

const TREE_BYTES = 64e6; // of groups that were looked at
const DIRECT = ["clamp", "release", "keep", "write", "train"]; // deeds that are not edits of the tree

async function render({ model, el: host }) {
  const f = frame(model, host, "Gene tree");
  const s = {
    shape: null, start: null, gene: model.get("gene"), k: 0, library: model.get("library"), section: null, sections: new Map(),
    groups: keepNewest(TREE_BYTES, { bytesOf: answerBytes }), chosen: null, picked: null, beside: "auto", run: 0,
    what: { how: "factor", number: "2", where: "selected" }, typed: { at: "", text: "" },
  };
  const view = { f, s, model, live: !model.frozen };
  view.parts = treeParts(f, s, {
    pick: (k, g) => pickGroup(view, k, g),
    chooseGene: (gene) => choose(view, { gene, picked: null }),
    chooseScale: (k) => choose(view, { k, picked: null }),
    chooseSection: (library) => chooseSection(view, library),
    lasso: (found) => chooseSpots(view, found),
    act: (...what) => treeAct(view, ...what),
    besideChanged(beside) {
      s.beside = beside;
      refreshTree(view);
    },
  });
  listenTree(view);
  await reloadTree(view);
  return f.close;
}

async function reloadTree(view) {
  const { f, s, model, parts } = view;
  const start = await f.ask("start", {}, { lane: "start" });
  if (!start) return;
  s.start = start;
  s.shape = treeShape(start);
  s.groups.clear();
  const last = s.shape.scales.length - 1;
  const asked = s.shape.scales.indexOf(model.get("scale"));
  s.k = Math.max(0, s.k ? Math.min(s.k, last) : asked < 0 ? Math.min(1, last) : asked);
  if (!s.shape.has(s.gene)) s.gene = s.shape.head(0, 0);
  if (!start.data.sections.includes(s.library)) s.library = start.data.sections[0];
  fillTree(parts, start);
  if (view.live && model.get("scale") !== s.shape.scales[s.k]) tellTraits(view); // an edit changed its number of groups
  await refreshTree(view);
}

async function treeSection({ f, s }) {
  const { library } = s;
  if (!s.sections.has(library)) {
    const answer = await f.ask("section", { library }, { lane: "section" });
    if (!answer) return null;
    const xy = answer.arrays.xy.values;
    const picture = answer.pictures.tissue ? await createImageBitmap(answer.pictures.tissue) : null;
    f.onClose(() => picture?.close());
    s.sections.set(library, { xy, picture, diameter: answer.data.diameter, extent: answer.data.extent, rows: answer.arrays.rows.values,
      window: sectionWindow(xy, answer.data.diameter) });
  }
  return s.sections.get(library);
}

async function treeGroup({ f, s }, k, group) {
  const asked = { scale: k, group, library: s.library };
  const key = questionKey("group", asked);
  const kept = s.groups.get(key);
  if (kept || !f.link.knows("group", asked)) return kept;
  const answer = await f.ask("group", asked, { lane: `group${k}` });
  if (answer) s.groups.set(key, answer);
  return answer;
}

// Newest wins: what comes late for an older choice is dropped.
async function refreshTree(view) {
  const { f, s, parts } = view;
  const run = ++s.run;
  const chain = s.shape.chain(s.gene);
  parts.ice.setState({ k: s.k, group: chain[s.k], chain, picked: s.picked });
  const here = await treeSection(view);
  const answers = await Promise.all(chain.map((g, k) => treeGroup(view, k, g)));
  if (run !== s.run || !here || !answers[s.k]) return;
  s.section = here;
  showTree(parts, chain, answers);
  f.root.dataset.shown = `${s.k}/${chain[s.k]}`; // what is on the maps now
  f.keepStill(() => stillTree(parts));
}

function tellTraits({ f, s }) {
  f.setTrait("gene", s.gene);
  f.setTrait("scale", s.shape.scales[s.k]);
  f.setTrait("library", s.library);
}

function choose(view, next) {
  Object.assign(view.s, next);
  tellTraits(view);
  refreshTree(view);
}

function chooseSection(view, library) {
  if (view.live) view.f.ask("select", { rows: [] }, { lane: "select" });
  choose(view, { library, chosen: null });
}

// A box of the icicle: to look at, or while merging one more to merge.
function pickGroup(view, k, g) {
  const { s, parts } = view;
  const { gene, picked, shape } = s;
  if (picked && k === s.k && g !== shape.chain(gene)[k]) {
    if (!picked.delete(g)) picked.add(g);
    refreshTree(view);
    return;
  }
  const next = shape.chain(gene)[k] === g ? gene : shape.head(k, g);
  parts.finder.set(next);
  choose(view, { gene: next, k, picked: null });
}

async function chooseSpots(view, found) {
  const { f, s } = view;
  s.chosen = found && found.length ? new Set(found) : null;
  if (s.chosen) s.what.where = "selected";
  if (view.live) await f.ask("select", { rows: s.chosen ? found.map((i) => s.section.rows[i]) : [] }, { lane: "select" });
  f.say(s.chosen ? `${found.length} spot${found.length > 1 ? "s" : ""} chosen` : "");
  refreshTree(view);
}

async function treeAct(view, op, asked, options = {}) {
  const { f, s } = view;
  const { at } = s.start.data.history;
  if (op === "merge") {
    const groups = [s.shape.chain(s.gene)[s.k], ...(s.picked ?? [])];
    if (s.picked?.size) await f.ask("edit", { op, scale: s.k, groups, at });
    s.picked = s.picked ? null : new Set();
    refreshTree(view);
    return;
  }
  const direct = DIRECT.includes(op);
  const answer = await f.ask(direct ? op : "edit", direct ? asked : { op, ...asked, at }, options);
  if (answer?.data.words) f.say(answer.data.words);
}

// Escape, events of the kernel, traits that Python sets.
function listenTree(view) {
  const { f, s, parts } = view;
  // Escape ends merging first; what else it does needs another press.
  f.root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !s.picked) return;
    event.stopPropagation();
    s.picked = null;
    refreshTree(view);
  }, true);
  f.link.on("changed", () => reloadTree(view));
  f.onTrait("gene", (gene) => {
    if (gene === s.gene || !s.shape?.has(gene)) return;
    s.gene = gene;
    parts.finder.set(gene);
    refreshTree(view);
  });
  f.onTrait("scale", (n) => {
    const k = s.shape ? s.shape.scales.indexOf(n) : -1;
    if (k < 0 || k === s.k) return;
    s.k = k;
    refreshTree(view);
  });
  f.onTrait("library", (library) => {
    if (library === s.library || !s.start?.data.sections.includes(library)) return;
    s.library = library;
    s.chosen = null;
    refreshTree(view);
  });
}

export default { render };
