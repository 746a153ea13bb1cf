// Curves: the change of each statistic of a tile over the dose, with what other random numbers and controls would show.

const Z95 = 1.96;
const round2 = (value) => (given(value) ? (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(2) : "–");
const shortP = (value) => (given(value) ? (value < 0.001 ? "< 0.001" : value.toFixed(3)) : "–");

function effectSpec(look, k, name, hint, onpick) {
  const [gene, doses] = [look.gene(), look.doses()];
  const entries = doses.map((dose) => look.entry(gene, dose));
  const of = (column) => entries.map((entry) => entry?.effects[column]?.[k] ?? null);
  const [change, se, noise, p, q] = ["change", "se", "independent_se", "p", "q"].map(of);
  const some = look.rows().length;
  const shift = (by) => change.map((value, i) => (given(value) && given(se[i]) ? value + by * Z95 * se[i] : null));
  const both = (column) => {
    const size = of(column);
    return [size, size.map((value) => (given(value) ? -value : null))];
  };
  const marks = [["matched_largest", "cross", 1], ["direction_largest", "triangle", 3]].flatMap(([column, sign, colour]) =>
    both(column).map((y) => ({ y, sign, colour, name: column })));
  const ridge = of("ridge_change");
  const outside = entries.map((entry) => Boolean(entry?.outside?.genes.length || entry?.outside?.codes.length));
  const lines = [{ y: change, low: shift(-1), high: shift(1), open: outside, colour: 0, name: "mean change" }];
  if (ridge.some(given)) lines.unshift({ y: ridge, dashed: true, bare: true, colour: 2, name: "straight line through real tiles" });
  return {
    title: name.replaceAll("_", " "), hint, unit: "change, sd", x: doses.map((dose) => (dose === look.reference() ? "meas." : doseText(dose))),
    bands: [{ low: noise.map((value) => (given(value) ? -Z95 * value : null)), high: noise.map((value) => (given(value) ? Z95 * value : null)) }],
    lines, marks, chosen: doses.indexOf(look.dose()), reference: doses.indexOf(look.reference()),
    onpick: (i) => onpick(look.row(), doses[i]),
    describe(i) {
      if (!given(change[i])) return [doseText(doses[i]), "not made yet"];
      if (doses[i] === look.reference()) return ["measured dose", "changes are counted from here"];
      const said = [`${gene} ${doseText(doses[i])}: ${round2(change[i])} sd`];
      if (given(se[i])) said[0] += ` ± ${(Z95 * se[i]).toFixed(2)}`;
      said.push(`p ${shortP(p[i])}, BH-adjusted ${given(q[i]) ? shortP(q[i]) : "when all is made"}`);
      const [matched, direction] = [of("matched_largest")[i], of("direction_largest")[i]];
      if (given(matched)) said.push(`largest of other genes ±${matched.toFixed(2)}`);
      if (given(direction)) said.push(`largest of random steps ±${direction.toFixed(2)}`);
      const { genes, codes } = entries[i].outside ?? { genes: [], codes: [] };
      const flagged = new Set([...genes, ...codes]).size;
      if (flagged) said.push(`${flagged} of ${some} spots outside the range: read with care`);
      return said;
    },
  };
}

const SWEEP_LEGEND = [
  ["●", "gv-k0", "mean change over the spots, with its 95 % interval"],
  ["○", "gv-k0", "the same, some spots outside the range of values"],
  ["▇", "gv-kband", "no effect: 95 % of what other random numbers alone would show"],
  ["×", "gv-k1", "largest change by other genes of like expression"],
  ["△", "gv-k3", "largest change by random steps of the code as long"],
];

function sweepEffects(f, look, statistics, onpick) {
  let most = 6;
  const charts = new Map();
  const grid = el("div", { class: "gv-curves" });
  const which = select("Show", [["6", "the 6 that change most"], ["14", "all 14 statistics"]], "6", (value) => {
    most = Number(value);
    draw();
  });
  const node = el("section", { class: "gv-effects" },
    el("div", { class: "gv-controls" }, el("h4", {}, "What changes in the tiles"), which.node),
    el("div", { class: "gv-legend" }, ...SWEEP_LEGEND.map(([sign, colour, text]) =>
      el("span", {}, el("span", { class: colour, "aria-hidden": "true" }, sign), ` ${text}`))), grid);

  function ranked() {
    const entries = look.doses().map((dose) => look.entry(look.gene(), dose)).filter(Boolean);
    const size = statistics.map((_, k) => Math.max(0, ...entries.map((entry) => Math.abs(entry.effects.change[k] ?? 0))));
    const order = statistics.map((_, k) => k);
    if (most < statistics.length) order.sort((a, b) => size[b] - size[a]);
    return order.slice(0, most);
  }

  // While a run goes on the order would jump: `settled` keeps it.
  function draw({ settled = true } = {}) {
    const shown = settled || grid.children.length !== most ? ranked() : [...grid.children].map((one) => Number(one.dataset.k));
    for (const k of shown) {
      const [name, hint] = statistics[k];
      const spec = effectSpec(look, k, name, hint, onpick);
      if (!charts.has(k)) {
        charts.set(k, lineChart(spec));
        charts.get(k).node.dataset.k = k;
      } else charts.get(k).update(spec);
    }
    const nodes = shown.map((k) => charts.get(k).node);
    if (nodes.length !== grid.children.length || nodes.some((one, i) => one !== grid.children[i])) grid.replaceChildren(...nodes);
    fit();
  }
  function fit() {
    const wide = grid.clientWidth;
    if (!wide) return;
    const columns = Math.max(1, Math.min(most === 6 ? 3 : 5, Math.floor(wide / 250)));
    grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const width = Math.floor((wide - (columns - 1) * 12) / columns);
    for (const chart of charts.values()) chart.size(width, 150);
  }
  return { node, draw, fit };
}
