// What a sweep is asked for: genes, doses, numbers; every change goes to Python's traits.

const DOSE_KINDS = [["fold", "times the measured counts"], ["absolute", "set to counts"]];

function numberField(label, hint, value, low, high, onchange) {
  const box = el("input", { type: "number", class: "gv-search gv-small", "aria-label": label, min: low, max: high, value });
  box.addEventListener("change", () => {
    const next = Math.max(low, Math.min(high, Math.round(Number(box.value)) || low));
    box.value = next;
    onchange(next);
  });
  return { node: el("label", { class: "gv-field", title: hint }, el("span", {}, label), box), set: (next) => (box.value = next) };
}

// Chips of names, each with a way to take it out.
function chipList(label, onremove) {
  const node = el("div", { class: "gv-chips", role: "list", "aria-label": label });
  return {
    node,
    draw(names) {
      node.replaceChildren(...names.map((name) =>
        el("span", { class: "gv-chip", role: "listitem" }, name,
          el("button", { type: "button", class: "gv-chip-out", "aria-label": `Take out ${name}`, onclick: () => onremove(name) }, "×"))));
    },
  };
}

// "0, 0.5, 1" -> numbers, or the word that is none.
function dosesOf(text) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const wrong = words.find((word) => !Number.isFinite(Number(word)));
  return wrong === undefined ? { doses: words.map(Number) } : { wrong };
}

function sweepPick(f, model, { genes, enough_controls: enough }, onchange) {
  const set = (name, value) => {
    f.setTrait(name, value);
    onchange();
  };
  const chips = chipList("Genes to edit", (gene) => set("genes", model.get("genes").filter((one) => one !== gene)));
  const find = search("Gene", genes, (gene) => {
    if (!model.get("genes").includes(gene)) set("genes", [...model.get("genes"), gene]);
    find.set("");
  });
  find.input.placeholder = `add one of ${genes.length.toLocaleString()}`;
  find.input.title = "Genes that the model was told in training; it cannot react to others";
  const together = select("Edit", [["no", "each gene by itself"], ["yes", "all genes at once"]], "no",
    (value) => set("together", value === "yes"));
  const kind = select("Doses", DOSE_KINDS, "fold", (value) => {
    // 1 times the measured counts and 1 count are different things: each kind has its own beginning.
    const before = { fold: "0,0.5,1,2,4", absolute: "0,5,20" };
    if (model.get("doses").join() === before[model.get("dose_kind")]) f.setTrait("doses", before[value].split(",").map(Number));
    set("dose_kind", value);
  });
  kind.box.title = "The measured dose is always added. All other genes and the number of reads stay as they were measured.";
  const text = el("input", { type: "text", class: "gv-search gv-doses", "aria-label": "Doses, with commas between them", spellcheck: "false" });
  text.addEventListener("change", () => {
    const found = dosesOf(text.value);
    if (found.wrong === undefined) set("doses", found.doses);
    else f.fail(new Error(`Expected doses, numbers with commas between them; got "${found.wrong}".`));
  });
  kind.node.append(text);
  const n = numberField("Tiles each", "Tiles of each spot and dose, with different random numbers", 2, 1, 16, (value) => set("n", value));
  const seed = numberField("Seed", "The same seed gives the same tiles", 0, 0, 2 ** 31 - 1, (value) => set("seed", value));
  const controls = numberField("Controls",
    `Other gene sets of like expression, and as many random steps of the code, that each effect is held against. Few are quick and say little; from ${enough} on an effect can be said to exceed them`,
    4, 0, 50, (value) => set("controls", value));
  const draw = () => {
    chips.draw(model.get("genes"));
    together.box.value = model.get("together") ? "yes" : "no";
    together.node.hidden = model.get("genes").length < 2;
    kind.box.value = model.get("dose_kind");
    text.value = model.get("doses").map((dose) => Number(dose.toPrecision(6))).join(", ");
    n.set(model.get("n"));
    seed.set(model.get("seed"));
    controls.set(model.get("controls"));
  };
  for (const name of ["genes", "together", "doses", "dose_kind", "n", "seed", "controls"])
    f.onTrait(name, () => {
      draw();
      onchange();
    });
  draw();
  const asked = () => ({
    genes: model.get("genes"), together: model.get("together") && model.get("genes").length > 1, rows: model.get("rows"),
    doses: model.get("doses"), kind: model.get("dose_kind"), n: model.get("n"), seed: model.get("seed"), controls: model.get("controls"),
  });
  return { nodes: [find.node, chips.node, together.node, kind.node, n.node, seed.node, controls.node], asked, typed: () => dosesOf(text.value) };
}

// How many tiles a request makes.
function tilesAsked({ genes, together, rows, doses, kind, n, controls }) {
  const levels = kind === "fold" ? doses.filter((dose) => dose !== 1).length : doses.length;
  return rows.length * n * (2 + (together ? Math.min(1, genes.length) : genes.length) * levels * (1 + 2 * controls));
}
