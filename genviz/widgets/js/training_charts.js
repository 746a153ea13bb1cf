// Small charts of curves over epochs: axes, a legend, a line under the pointer with the values there.

const CHART_H = 140;
const CHART_PAD = { left: 46, right: 10, top: 8, bottom: 24 };

// About `n` round numbers from low to high.
function roundTicks(low, high, n) {
  const raw = (high - low) / n || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return ticks;
}

function decadeTicks(low, high) {
  const ticks = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
    for (const times of [1, 2, 5]) ticks.push(times * 10 ** p);
  const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return inside.length > 6 ? inside.filter((tick) => Math.log10(tick) % 1 === 0) : inside;
}

const shortNumber = (value) => {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(0);
  return String(Number(value.toPrecision(3)));
};

// Ends of the axis of values and its ticks.
function valueAxis(curves, log) {
  const values = curves.flatMap(([, column]) => column).filter((value) => value !== null && (!log || value > 0));
  if (!values.length) return null;
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) {
    [low, high] = [low / 1.1, high * 1.1];
    return { low: Math.log(low), high: Math.log(high), of: Math.log, ticks: decadeTicks(low, high) };
  }
  if (low === high) [low, high] = [low - 0.5 * (Math.abs(low) || 1), high + 0.5 * (Math.abs(high) || 1)];
  const room = 0.05 * (high - low);
  const bottom = low >= 0 && low - room < 0 ? 0 : low - room;
  return { low: bottom, high: high + room, of: (value) => value, ticks: roundTicks(bottom, high + room, 4) };
}

// chart(): {node, draw(panel, epochs, end, {log, colours})}; `colours` is one a curve.
function curveChart() {
  const name = el("h3", {});
  const legend = el("div", { class: "gv-tm-legend" });
  const picture = svg("svg", { class: "gv-tm-chart", role: "img", tabindex: "0" });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const node = el("figure", { class: "gv-tm-panel" }, el("figcaption", {}, name, legend), picture, tip);
  let now = null;
  let at = null;

  const pointAt = (event) => {
    const x = event.clientX - picture.getBoundingClientRect().left;
    const far = now.epochs.map((epoch) => Math.abs(now.x(epoch) - x));
    return far.indexOf(Math.min(...far));
  };
  const point = (i) => {
    at = i;
    picture.querySelector(".gv-tm-cursor")?.remove();
    tip.hidden = at === null;
    if (at === null || !now) return;
    const x = now.x(now.epochs[at]);
    const marks = now.curves.map(([, column], k) => (now.y(column[at]) === null ? null
      : svg("circle", { cx: x, cy: now.y(column[at]), r: 3, fill: now.colours[k] })));
    picture.append(svg("g", { class: "gv-tm-cursor" },
      svg("line", { x1: x, x2: x, y1: CHART_PAD.top, y2: CHART_H - CHART_PAD.bottom }), marks));
    tip.replaceChildren(el("div", {}, `epoch ${now.epochs[at]}`), ...now.curves
      .filter(([, column]) => column[at] !== null)
      .map(([label, column]) => el("div", {}, `${label} `, el("b", { class: "gv-number" }, shortNumber(column[at])))));
    const right = x > now.width / 2;
    tip.style.left = right ? "" : `${x + 12}px`;
    tip.style.right = right ? `${now.width - x + 12}px` : "";
    tip.style.bottom = `${CHART_PAD.bottom + 8}px`;
  };
  picture.addEventListener("pointermove", (event) => now?.epochs.length && point(pointAt(event)));
  picture.addEventListener("pointerleave", () => point(null));
  picture.addEventListener("blur", () => point(null));
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") point(null);
    if (!step || !now?.epochs.length) return;
    event.preventDefault();
    point(Math.max(0, Math.min(now.epochs.length - 1, (at ?? (step > 0 ? -1 : now.epochs.length)) + step)));
  });

  function draw(panel, epochs, end, { log, colours }) {
    const width = Math.max(180, node.clientWidth);
    const usesLog = log && panel.curves.every(([, column]) => column.every((value) => value === null || value > 0));
    const axis = valueAxis(panel.curves, usesLog);
    const held = panel.curves.filter(([, , validation]) => validation).length;
    const mixed = held > 0 && held < panel.curves.length;
    const unit = [panel.unit, mixed ? "" : held ? "validation" : "training"].filter(Boolean).join(", ");
    name.replaceChildren(panel.title, el("span", { class: "gv-unit" }, ` ${unit}`));
    node.title = panel.help;
    legend.replaceChildren(...(panel.curves.length < 2 ? [] : panel.curves.map(([label, , validation], i) =>
      el("span", {}, legendMark(colours[i], mixed && validation), label))));
    picture.setAttribute("viewBox", `0 0 ${width} ${CHART_H}`);
    picture.setAttribute("aria-label", `${panel.title}: ${panel.curves.map(([label, column]) =>
      `${label} ${shortNumber(column.findLast((value) => value !== null) ?? 0)}`).join(", ")}`);
    if (!axis) return picture.replaceChildren();
    const last = Math.max(end, epochs.at(-1) ?? 1, 2);
    const x = (epoch) => CHART_PAD.left + ((epoch - 1) / (last - 1)) * (width - CHART_PAD.left - CHART_PAD.right);
    const high = CHART_H - CHART_PAD.top - CHART_PAD.bottom;
    const y = (value) => value === null || value === undefined || (usesLog && value <= 0) ? null
      : CHART_PAD.top + (1 - (axis.of(value) - axis.low) / (axis.high - axis.low)) * high;
    now = { x, y, epochs, curves: panel.curves, colours, width };
    picture.replaceChildren(chartAxes(axis, x, y, last, width),
      ...panel.curves.map(([, column, validation], i) =>
        chartLine(column, epochs, x, y, colours[i], mixed && validation)));
    if (at !== null) point(Math.min(at, epochs.length - 1));
  }
  return { node, draw };
}

function legendMark(colour, dashed) {
  return svg("svg", { width: 18, height: 8, "aria-hidden": "true" }, svg("line", {
    x1: 1, x2: 17, y1: 4, y2: 4, stroke: colour, "stroke-width": 2, "stroke-dasharray": dashed ? "4 3" : null }));
}

function chartAxes(axis, x, y, last, width) {
  const foot = CHART_H - CHART_PAD.bottom;
  const epochs = roundTicks(1, last, Math.min(5, last - 1)).filter((tick) => tick >= 1 && Number.isInteger(tick));
  const ends = [1, last].filter((end) => !epochs.includes(end));
  const apart = (tick) => ends.every((end) => Math.abs(x(tick) - x(end)) > 26);
  return svg("g", { class: "gv-tm-axes" },
    axis.ticks.flatMap((tick) => [
      svg("line", { x1: CHART_PAD.left, x2: width - CHART_PAD.right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: CHART_PAD.left - 6, y: y(tick) + 4, "text-anchor": "end" }, shortNumber(tick))]),
    [...ends, ...epochs.filter(apart)].map((tick) =>
      svg("text", { x: x(tick), y: foot + 15, "text-anchor": "middle" }, String(tick))));
}

function chartLine(column, epochs, x, y, colour, dashed) {
  let path = "";
  let open = false;
  column.forEach((value, i) => {
    const place = y(value);
    if (place === null) return;
    path += `${open ? "L" : "M"}${x(epochs[i]).toFixed(1)} ${place.toFixed(1)}`;
    open = true;
  });
  const few = column.length < 25;
  return svg("g", { class: "gv-tm-curve" },
    svg("path", { d: path, stroke: colour, "stroke-dasharray": dashed ? "5 4" : null }),
    few ? column.map((value, i) => (y(value) === null ? null
      : svg("circle", { cx: x(epochs[i]), cy: y(value), r: 2.2, fill: colour }))) : null);
}
