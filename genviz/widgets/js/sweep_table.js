// The ranking: a line for each gene (or set) and dose, the largest effects first, sortable by every column.

const least = (values) => {
  const known = (values ?? []).filter(given);
  return known.length ? Math.min(...known) : null;
};
const percent = (value) => (given(value) ? `${Math.round(100 * value)} %` : "–");

const COLUMNS = [
  ["gene", "Gene", "Gene or set that was edited", (one) => one.gene, null],
  ["dose", "Dose", "Times the measured counts, or counts set", (one) => doseText(one.dose), (one) => one.at],
  ["rms", "Effect", "Root mean square of the changes of the 14 statistics, in deviations (sd)", (one) => one.line.rms.toFixed(2), (one) => one.line.rms],
  ["largest", "Largest change", "The statistic that changes most, and by how much", (one) =>
    `${one.line.largest.replaceAll("_", " ")} ${round2(one.line.largest_change)}`, (one) => Math.abs(one.line.largest_change)],
  ["p", "p", "Least p of the 14 statistics, by random signs of the spots", (one) => shortP(one.p), (one) => one.p ?? 2],
  ["q", "BH-adjusted p", "Least p of the 14 after Benjamini and Hochberg over all tests of the run", (one) => shortP(one.line.least_q), (one) => one.line.least_q ?? 2],
  ["controls", "Largest control", "Largest effect (sd) among other genes of like expression and random steps of the code", (one) => {
    const top = Math.max(one.line.matched_rms_largest ?? -1, one.line.direction_rms_largest ?? -1);
    return top < 0 ? "–" : top.toFixed(2);
  }, (one) => Math.max(one.line.matched_rms_largest ?? -1, one.line.direction_rms_largest ?? -1)],
  ["verdict", "Held against controls", "Only whether the effect exceeds that of every control, said where there are enough of them; p is the share of controls that are as large. Not a proof",
    (one) => one.line.verdict + (one.line.n_controls ? ` (p ${shortP(one.line.control_p)})` : ""), (one) => one.line.control_p],
  ["outside", "Out of range", "Share of spots whose edited gene, or whole profile, lies outside the reference rows", (one) =>
    `gene ${percent(one.line.genes_outside)}, profile ${percent(one.line.codes_outside)}`, (one) => one.line.genes_outside + one.line.codes_outside],
];

function sweepTable(look, onpick) {
  let [by, down] = ["rms", true];
  const head = el("tr", {});
  const rows = el("tbody", {});
  const node = el("section", { class: "gv-ranked" }, el("h4", {}, "Genes and doses, ranked"),
    el("div", { class: "gv-table-place" }, el("table", { class: "gv-table" }, el("thead", {}, head), rows)));
  const heads = COLUMNS.map(([key, name, hint]) => {
    const press = button(name, () => {
      [by, down] = [key, by === key ? !down : !["gene", "dose", "p", "q"].includes(key)];
      draw();
    }, { class: "gv-head", title: hint });
    return el("th", { scope: "col", "data-key": key }, press);
  });
  head.append(...heads);

  function draw() {
    const lines = look.entries().filter((one) => one.line).map((one) => ({ ...one, p: least(one.effects.p), at: look.doses().indexOf(one.dose) }));
    const [, , , shown, sorted] = COLUMNS.find(([key]) => key === by);
    const value = sorted ?? shown;
    lines.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return down ? -order : order;
    });
    heads.forEach((one) => one.setAttribute("aria-sort", one.dataset.key !== by ? "none" : down ? "descending" : "ascending"));
    rows.replaceChildren(...lines.map((one) => {
      const own = one.gene === look.gene() && one.dose === look.dose();
      const pick = () => onpick(one.gene, one.dose);
      const flagged = one.line.genes_outside + one.line.codes_outside > 0;
      return el("tr", { class: own ? "gv-own" : "", tabindex: 0, onclick: pick, onkeydown: (event) => event.key === "Enter" && pick() },
        ...COLUMNS.map(([key, , , text]) => el("td", { class: key === "outside" && flagged ? "gv-flag" : key, title: key === "gene" ? one.gene : "" }, text(one))));
    }));
    node.hidden = !lines.length;
  }
  return { node, draw };
}
