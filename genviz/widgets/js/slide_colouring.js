// What the panels show: colour words of each spot, legends, the text of the hover.

// Error and uncertainty follow from what was sent.
function panelValues(name, stored) {
  if (name === "error") return stored.predicted.map((value, i) => value - stored.measured[i]);
  if (name === "uncertainty") return stored.upper.map((value, i) => value - stored.lower[i]);
  return stored[name];
}

function colouring(stops, units) {
  const steps = { expression: colourSteps(stops.expression), error: colourSteps(stops.error),
    uncertainty: colourSteps(stops.uncertainty) };
  const stepsOf = (name) => steps[name === "measured" || name === "predicted" ? "expression" : name];
  return {
    // {words, legend} of a panel of the gene.
    gene(name, stored, limits) {
      const [low, high] = limits[name];
      const number = (value) => (name === "error" && value > 0 ? "+" : "") + value.toFixed(1);
      return { words: valueWords(panelValues(name, stored), limits[name], stepsOf(name)),
        legend: colourBar(stepsOf(name), low, high, units[name], number) };
    },
    // ... of a column of obs.
    column({ data, arrays }) {
      if (arrays.values) {
        const [low, high] = data.limits;
        const number = (value) => String(Number(value.toPrecision(3)));
        return { words: valueWords(arrays.values.values, data.limits, steps.expression),
          legend: colourBar(steps.expression, low, high, "", number) };
      }
      const codes = arrays.codes.values;
      const there = new Set(codes);
      const chips = data.names.map((name, i) => [name, i]).filter(([, i]) => there.has(i)).map(([name, i]) =>
        el("span", { class: "gv-slide-chip" }, el("i", { style: `background:${data.colours[i]}` }), name));
      return { words: codeWords(codes, data.colours), legend: el("span", { class: "gv-slide-chips" }, ...chips) };
    },
  };
}

const countText = (value) => {
  const count = 2 ** value - 1;
  return count < 9.95 ? String(Math.round(count * 10) / 10) : String(Math.round(count));
};

// "90 % interval", or only "interval" where its share is not known.
const intervalName = (level) => (level ? `${Number((100 * level).toPrecision(4))} % interval` : "interval");

const numberText = (value) => (Number.isNaN(value) ? "no value" : value.toFixed(2));

// Rows of the hover: [label, log2 text, text in counts].
function hoverRows(stored, i, level) {
  const rows = [];
  const known = (value) => !Number.isNaN(value);
  const { measured, predicted, lower, upper } = stored;
  const row = (label, values) => {
    const value = values[i];
    rows.push([label, numberText(value), known(value) ? `${countText(value)} counts` : ""]);
  };
  if (measured) row("measured", measured);
  if (predicted) row("predicted", predicted);
  if (lower && known(lower[i]))
    rows.push([intervalName(level), `${numberText(lower[i])} – ${numberText(upper[i])}`,
      `${countText(lower[i])} – ${countText(upper[i])} counts`]);
  if (measured && predicted) {
    const error = predicted[i] - measured[i];
    rows.push(["error", `${error > 0 ? "+" : ""}${numberText(error)}`.replace("-", "−"), ""]);
  }
  return rows;
}
