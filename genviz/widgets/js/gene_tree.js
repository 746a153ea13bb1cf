// The gene tree: an icicle of all scales, the chosen gene's groups growing finer, maps, edits and what-ifs.

const readCounts = (value) => Math.log2(1 + value);

async function render({ model, el: host }) {
  const f = frame(model, host, "Gene tree");
  const view = treeView(model, f);
  await view.reload();
  return () => f.close();
}

function treeView(model, f) {
  const live = !model.frozen;
  const s = {
    shape: null, start: null, gene: model.get("gene"), k: 0, library: model.get("library"), section: null, cache: new Map(),
    chosen: null, picked: null, what: { how: "factor", number: "2", where: "selected" }, beside: "auto", run: 0, sections: new Map(), typed: { at: "", text: "" },
  };
  const parts = treeParts(f, s, { pick, chooseGene, chooseScale, chooseSection, lasso, act, besideChanged });

  async function reload() {
    const start = await f.ask("start", {}, { lane: "start" });
    if (!start) return;
    s.start = start;
    s.shape = treeShape(start);
    s.cache.clear();
    s.k = Math.max(0, s.k ? Math.min(s.k, s.shape.scales.length - 1) : indexOfScale(model.get("scale")));
    if (!s.shape.has(s.gene)) s.gene = s.shape.head(0, 0);
    if (!start.data.sections.includes(s.library)) s.library = start.data.sections[0];
    parts.tree(start);
    parts.icicle.setShape(s.shape);
    if (live && model.get("scale") !== s.shape.scales[s.k]) setTraits(); // an edit changed its number of groups
    await refresh();
  }

  const indexOfScale = (n) => {
    const k = s.shape.scales.indexOf(n);
    return k < 0 ? Math.min(1, s.shape.scales.length - 1) : k;
  };

  async function section() {
    if (!s.sections.has(s.library)) {
      const answer = await f.ask("section", { library: s.library }, { lane: "section" });
      if (!answer) return null;
      const xy = answer.arrays.xy.values;
      s.sections.set(s.library, {
        xy, diameter: answer.data.diameter, extent: answer.data.extent, rows: answer.arrays.rows.values,
        window: sectionWindow(xy, answer.data.diameter),
        picture: answer.pictures.tissue ? await createImageBitmap(answer.pictures.tissue) : null,
      });
    }
    return s.sections.get(s.library);
  }

  async function group(k, g) {
    const asked = { scale: k, group: g, library: s.library };
    const key = questionKey("group", asked);
    if (!s.cache.has(key)) {
      if (!f.link.knows("group", asked)) return null;
      const answer = await f.ask("group", asked, { lane: `group${k}` });
      if (!answer) return null;
      s.cache.set(key, answer);
    }
    return s.cache.get(key);
  }

  // Newest wins: what comes late for an older choice is dropped.
  async function refresh() {
    const run = ++s.run;
    const chain = s.shape.chain(s.gene);
    parts.icicle.setState({ k: s.k, group: chain[s.k], chain, picked: s.picked ?? new Set() });
    const here = await section();
    const answers = await Promise.all(chain.map((g, k) => group(k, g)));
    if (run !== s.run || !here || !answers[s.k]) return;
    s.section = here;
    parts.show(chain, answers);
    f.root.dataset.shown = `${s.k}/${chain[s.k]}`; // what is on the maps now
    f.keepStill(() => parts.still());
  }

  function setTraits() {
    f.setTrait("gene", s.gene);
    f.setTrait("scale", s.shape.scales[s.k]);
    f.setTrait("library", s.library);
  }

  function chooseGene(gene, { finest = false } = {}) {
    s.gene = gene;
    if (finest) s.k = s.shape.scales.length - 1;
    s.picked = null;
    setTraits();
    refresh();
  }

  function chooseScale(k) {
    s.k = k;
    s.picked = null;
    setTraits();
    refresh();
  }

  function chooseSection(library) {
    s.library = library;
    s.chosen = null;
    if (live) f.ask("select", { rows: [] }, { lane: "select" });
    setTraits();
    refresh();
  }

  // A box of the icicle: to look at, or while merging one more to merge.
  function pick(k, g, event) {
    const mine = s.shape.chain(s.gene)[s.k];
    if (s.picked && k === s.k && g !== mine) {
      if (!s.picked.delete(g)) s.picked.add(g);
      refresh();
      return;
    }
    s.picked = null;
    s.k = k;
    if (s.shape.chain(s.gene)[k] !== g) s.gene = s.shape.head(k, g);
    parts.searchSet(s.gene);
    setTraits();
    refresh();
  }

  async function lasso(found) {
    s.chosen = found && found.length ? new Set(found) : null;
    if (s.chosen) s.what.where = "selected";
    if (live) await f.ask("select", { rows: s.chosen ? found.map((i) => s.section.rows[i]) : [] }, { lane: "select" });
    f.say(s.chosen ? `${found.length} spots chosen` : "");
    refresh();
  }

  async function act(op, asked, options = {}) {
    if (op === "merge") {
      const groups = [s.shape.chain(s.gene)[s.k], ...(s.picked ?? [])];
      if (s.picked?.size) await f.ask("edit", { op, scale: s.k, groups, at: s.start.data.history.at });
      s.picked = s.picked ? null : new Set();
      refresh();
      return;
    }
    const direct = ["clamp", "release", "keep", "write", "train"].includes(op);
    const answer = await f.ask(direct ? op : "edit", direct ? asked : { op, ...asked, at: s.start.data.history.at }, options);
    if (answer?.data.words) f.say(answer.data.words);
  }

  function besideChanged(next) {
    s.beside = next;
    refresh();
  }

  // Escape ends merging first; what else it does needs another press.
  f.root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !s.picked) return;
    event.stopPropagation();
    s.picked = null;
    refresh();
  }, true);
  f.link.on("changed", reload);
  f.onTrait("gene", (gene) => {
    if (gene === s.gene || !s.shape?.has(gene)) return;
    s.gene = gene;
    parts.searchSet(gene);
    refresh();
  });
  f.onTrait("scale", (n) => {
    const k = s.shape ? s.shape.scales.indexOf(n) : -1;
    if (k < 0 || k === s.k) return;
    s.k = k;
    refresh();
  });
  f.onTrait("library", (library) => {
    if (library === s.library || !s.start?.data.sections.includes(library)) return;
    s.library = library;
    s.chosen = null;
    refresh();
  });
  return { reload };
}

export default { render };
