// What stands beside the maps: a group's genes, its gene sets, edits, and the what-if.

// A table; cells are text, numbers are right-aligned by their column.
function treeTable(heads, lines, { onRow = null, marked = null } = {}) {
  const head = el("tr", {}, heads.map(([text, title, number]) => el("th", { title, scope: "col", class: number ? "gv-num" : null }, text)));
  const body = lines.map((line, i) => {
    const cells = line.map((text, c) => el("td", { class: heads[c][2] ? "gv-num" : null }, text));
    const row = el("tr", { "aria-selected": marked === i ? "true" : null }, cells);
    if (onRow) {
      cells[0].replaceChildren(el("button", { type: "button", class: "gv-link", onclick: () => onRow(i) }, line[0]));
    }
    return row;
  });
  return el("div", { class: "gv-tree-scroll", tabindex: "0" }, el("table", { class: "gv-tree-table" }, el("thead", {}, head), el("tbody", {}, body)));
}

function treeBlock(title, hint, ...children) {
  return el("section", { class: "gv-tree-block" }, el("h4", { title: hint }, title), ...children);
}

// Genes of a group; those under a clamp show before and after.
function genesBlock(group, gene, onGene) {
  const held = group.genes.some(([, mean, , , after]) => after !== null && after !== mean);
  const heads = [["gene", "Click to follow this gene"], ["predicted", "Mean predicted count a spot", true]];
  if (held) heads.push(["what-if", "Mean predicted count a spot under the what-if", true]);
  if (group.measured) {
    heads.push(["measured", "Mean measured count a spot", true]);
    heads.push(["r", "Correlation of predicted and measured log2(1 + count) over all spots", true]);
  }
  const lines = group.genes.map(([name, mean, measured, r, after]) => [
    name, treeCount(mean), ...(held ? [treeCount(after)] : []),
    ...(group.measured ? [treeCount(measured), r === null ? "–" : signed(r.toFixed(2))] : []),
  ]);
  const table = treeTable(heads, lines, { onRow: (i) => onGene(group.genes[i][0]), marked: group.genes.findIndex(([name]) => name === gene) });
  return treeBlock(`Genes in this group: ${group.genes.length}`, "Most abundant first", table);
}

function setsBlock(sets) {
  const hint = "Hypergeometric test against the panel's genes; q is p adjusted over all sets (Benjamini and Hochberg). Point at a line for the genes.";
  if (!sets.length) return treeBlock("Gene sets", hint, el("p", { class: "gv-note" }, "No set has a gene in this group."));
  const heads = [["set", "Name in the GMT file"], ["genes", "Genes of the set in this group, of those in the panel", true],
    ["fold", "Times what chance gives", true], ["q", "Adjusted p", true]];
  const lines = sets.map(([name, k, n, fold, , q]) => [name.replaceAll("_", " "), `${k} of ${n}`, `${fold.toFixed(1)}×`, smallP(q)]);
  const table = treeTable(heads, lines);
  table.querySelectorAll("tbody tr").forEach((row, i) => {
    row.title = sets[i][6].join(", ");
    if (sets[i][5] > 0.05) row.classList.add("gv-weak");
  });
  return treeBlock("Gene sets", hint, table);
}

const smallP = (p) => (p < 1e-4 ? p.toExponential(0) : p < 0.1 ? p.toFixed(4) : p.toFixed(2));

// Edits of the tree. `act(op, asked)` asks the kernel.
function editBlock(at, act, { onMerge, typed }) {
  const finest = at.k === at.shape.scales.length - 1;
  const target = select(
    `Move ${at.gene} to`,
    at.shape.rows[at.editK].map((box, g) => [String(g), `${g + 1}: ${box.label}`]).filter(([g]) => Number(g) !== at.chain[at.editK]),
    "", () => {});
  target.box.selectedIndex = 0;
  const name = el("input", { type: "text", class: "gv-search gv-tree-name", "aria-label": "Name of this group", placeholder: "name this group",
    maxlength: 60, value: typed.at === `${at.k}/${at.g}` ? typed.text : at.group.name });
  name.addEventListener("input", () => Object.assign(typed, { at: `${at.k}/${at.g}`, text: name.value }));
  const rename = () => {
    typed.at = "";
    act("rename", { scale: at.k, group: at.g, name: name.value });
  };
  name.addEventListener("keydown", (event) => event.key === "Enter" && rename());
  const merging = at.picked !== null;
  const line = (...children) => el("div", { class: "gv-tree-line" }, ...children);
  return treeBlock(
    "Edit the tree", "Edits change how genes are summed; the model's own splits change only when it is trained on the edited tree",
    line(name, button("Rename", rename)),
    line(
      button("Split", () => act("split", { scale: at.k, group: at.g }), { disabled: finest || at.k === 0, title: "Into two, between its finer groups" }),
      button(merging ? `Merge ${at.picked.size + 1}` : "Merge…", () => onMerge(), { "aria-pressed": String(merging), "data-name": "merge", disabled: finest || at.k === 0,
        title: "Press, pick other groups of this scale in the tree (by click, or by arrow keys and Enter), press again; Escape ends it" }),
      merging ? el("span", { class: "gv-note" }, "click groups of this scale, or go to them with the arrow keys and press Enter") : null),
    line(target.node, button("Move", () => act("move", { gene: at.gene, scale: at.editK, group: Number(target.box.value) }),
      { disabled: !target.box.options.length, title: `Between the ${at.shape.scales[at.editK]} groups of scale ${at.shape.scales[at.editK]}` })),
    line(button("Write into the data", () => act("write", {}), { title: 'varm["gene_tree"] of the AnnData, as made by hand: trainings use it' }),
      at.trainable ? button("Train on this tree", () => act("train", {}, { lane: "train", slow: true }),
        { title: "A small new model (nano) on these rows, along the edited tree; the rows are then not held out" }) : null),
  );
}

// "What if this group had twice the counts?"
function clampBlock(at, act, values, fail) {
  const how = select("", [["factor", "times"], ["value", "set to"]], values.how, (next) => (values.how = next));
  how.box.setAttribute("aria-label", "How to set the count");
  how.box.title = "Multiply each spot's predicted count, or set it to the same count everywhere";
  how.node.firstChild.remove(); // the words before it are its label
  const number = el("input", { type: "number", class: "gv-search gv-tree-number", min: 0, step: "any", value: values.number, "aria-label": "How much" });
  number.addEventListener("input", () => (values.number = number.value));
  const where = select("in", [["all", "all spots"], ["selected", `the ${at.chosen} chosen spots`]].slice(0, at.chosen ? 2 : 1),
    at.chosen ? values.where : "all", (next) => (values.where = next));
  const go = () => {
    const amount = number.value.trim() === "" ? NaN : Number(number.value); // Number("") is 0: it would wipe the group
    if (!Number.isFinite(amount)) {
      fail(new Error("Expected a number to multiply the count by, or to set it to; none is given. Type one."));
      return;
    }
    act("clamp", { scale: at.k, group: at.g, [how.box.value]: amount, selected: where.box.value === "selected" }, { lane: "clamp", slow: true });
  };
  number.addEventListener("keydown", (event) => event.key === "Enter" && go());
  const line = (...children) => el("div", { class: "gv-tree-line" }, ...children);
  return treeBlock(
    "What if …", "The group's count is set; its genes follow in the model's proportions, other groups keep their counts, sums above follow",
    line(el("span", { class: "gv-note" }, "this group's count"), how.node, number),
    line(where.node, button("Re-generate", go, { class: "gv-button gv-tree-go" }),
      at.clamped ? button("Release", () => act("release", {})) : null,
      at.clamped ? button("Keep rows", () => act("keep", {}, { lane: "keep", slow: true }),
        { title: "Joint samples with intervals for every spot, into .result of this view" }) : null),
    at.chosen ? null : el("p", { class: "gv-note" }, "Draw around spots on a map to change only those."),
  );
}

// Genes that a what-if moves.
function movedBlock(clamped, onGene) {
  const heads = [["gene", "Click to follow"], ["before", "Mean predicted count", true], ["after", "Mean under the what-if", true], ["change", "Difference", true]];
  const lines = clamped.changes.map(([gene, before, after, change]) => [gene, treeCount(before), treeCount(after), `${change > 0 ? "+" : ""}${treeCount(change)}`]);
  const of = clamped.moved > lines.length ? `, ${lines.length} of ${clamped.moved}` : "";
  return treeBlock(`Moved genes${of}`, "Means over the spots that were changed, largest first", el("p", { class: "gv-flag" }, clamped.words),
    treeTable(heads, lines, { onRow: (i) => onGene(clamped.changes[i][0]) }));
}
