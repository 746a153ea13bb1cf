// A small chart in SVG: lines with intervals, bands, single marks; hover, arrow keys and a click tell a place on x.
//
// lineChart({
//   title, hint, unit,
//   x, span,    labels at even distances; or rising whole numbers and the ends of the axis
//   log, zero:  a logarithmic axis; false: the axis need not begin at 0
//   bands:      [{ low, high }]
//   lines:      [{ y, low, high, colour, dashed, bare, open, name }]    low, high: bars; bare: no dots; open: hollow dots
//   marks:      [{ y, sign: "cross" | "triangle", colour }]
//   legend,     names of the lines beside the title
//   chosen, reference,      places on x that are marked
//   describe(i) -> [text or node],  onpick(i)
// }) -> { node, update(spec), size(width, height) }
// A colour is a number 0-7 (css/chart.css) or any of CSS. null and NaN are holes.

const BAND_MOST = 1.15;
const CHART = { left: 46, right: 10, top: 8, bottom: 22, dots: 40 }; // with more points than that dots would touch

const given = (value) => value !== null && value !== undefined && Number.isFinite(value);
const inked = (colour, name, fill = false) => (typeof colour === "number" ? { class: `${name} gv-c${colour}` }
  : { class: name, stroke: colour, fill: fill ? colour : null });

const shortNumber = (value) => {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(0);
  return String(Number(value.toPrecision(3)));
};

// A tick keeps the digits that part it from its neighbours.
const tickText = (value) => (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? shortNumber(value) : String(Number(value.toPrecision(6))));

// Round numbers that cover a range, at most `most` of them.
function ticksOf(low, high, most = 5) {
  const rough = (high - low || 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((one) => one >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function decadeTicks(low, high) {
  const ticks = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
    for (const times of [1, 2, 5]) ticks.push(times * 10 ** p);
  const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return inside.length > 6 ? inside.filter((tick) => Math.log10(tick) % 1 === 0) : inside;
}

// The axis of values: {low, high, of, ticks}; null where there is no value.
function chartAxis({ lines = [], marks = [], bands = [], log = false, zero = true }) {
  const all = [...lines, ...marks].flatMap((one) => [...one.y, ...(one.low ?? []), ...(one.high ?? [])]).filter(given);
  if (log) {
    const known = all.filter((value) => value > 0);
    if (!known.length) return null;
    const [low, high] = [Math.min(...known) / 1.1, Math.max(...known) * 1.1];
    return { low: Math.log(low), high: Math.log(high), of: (value) => (value > 0 ? Math.log(value) : NaN), ticks: decadeTicks(low, high) };
  }
  let known = zero ? [0, ...all] : all;
  if (!known.length) return null;
  // Bands are what lines stand before: they are cut where they would make these flat.
  const edges = bands.flatMap((band) => [...band.low, ...band.high]).filter(given);
  const size = Math.max(...known.map(Math.abs));
  known = known.concat(size ? edges.map((value) => Math.max(-BAND_MOST * size, Math.min(BAND_MOST * size, value))) : edges);
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (low === high) [low, high] = [low - 0.5 * (Math.abs(low) || 1), high + 0.5 * (Math.abs(high) || 1)];
  const air = (high - low) * 0.06;
  [low, high] = [low >= 0 ? Math.max(0, low - air) : low - air, high + air];
  return { low, high, of: (value) => value, ticks: ticksOf(low, high) };
}

// Stretches of a path without holes.
function pathOf(points) {
  let pen = false;
  let text = "";
  for (const [x, y] of points) {
    if (!given(y)) {
      pen = false;
      continue;
    }
    text += `${pen ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
    pen = true;
  }
  return text;
}

function chartScales(spec, width, height) {
  const axis = chartAxis(spec);
  if (!axis || !spec.x.length) return null;
  const [w, h] = [width - CHART.left - CHART.right, height - CHART.top - CHART.bottom];
  const numbers = typeof spec.x[0] === "number";
  const [first, last] = spec.span ?? [spec.x[0], spec.x.at(-1)];
  const share = (i) => (numbers ? (spec.x[i] - first) / (last - first || 1) : (i + 0.5) / spec.x.length);
  return {
    ...axis, numbers, first, last, inner: h,
    x: (i) => CHART.left + share(i) * w,
    xOf: (value) => CHART.left + ((value - first) / (last - first || 1)) * w,
    y: (value) => (given(value) ? CHART.top + (1 - (axis.of(value) - axis.low) / (axis.high - axis.low)) * h : NaN),
  };
}

function chartAxes(spec, at, width, height) {
  const lines = at.ticks.flatMap((tick) => [
    svg("line", { class: tick === 0 ? "gv-chart-zero" : "gv-chart-grid", x1: CHART.left, x2: width - CHART.right, y1: at.y(tick), y2: at.y(tick) }),
    svg("text", { class: "gv-chart-text", x: CHART.left - 6, y: at.y(tick) + 3.5, "text-anchor": "end" }, signed(tickText(tick))),
  ]);
  const label = (x, text, more = "") =>
    svg("text", { class: `gv-chart-text${more}`, x, y: height - 7, "text-anchor": "middle" }, text);
  if (at.numbers) {
    // Both ends, and round numbers that stand apart from them.
    const ends = [at.first, at.last];
    const apart = (tick) => Number.isInteger(tick) && ends.every((end) => Math.abs(at.xOf(tick) - at.xOf(end)) > 26);
    const round = ticksOf(at.first, at.last, Math.min(5, at.last - at.first)).filter(apart);
    return [...lines, ...[...ends, ...round].map((tick) => label(at.xOf(tick), String(tick)))];
  }
  const every = Math.ceil(spec.x.length / Math.max(1, Math.floor((width - CHART.left) / 44)));
  return [...lines, ...spec.x.map((text, i) => (i % every && i !== spec.reference ? null
    : label(at.x(i), text, i === spec.reference ? " gv-chart-reference" : ""))).filter(Boolean)];
}

function chartBand(band, at) {
  const cut = (value) => (given(value) ? Math.max(at.low, Math.min(at.high, value)) : value);
  const up = band.high.map((value, i) => [at.x(i), at.y(cut(value))]);
  const down = band.low.map((value, i) => [at.x(i), at.y(cut(value))]).reverse();
  const whole = [...up, ...down].filter(([, y]) => given(y));
  return svg("path", { class: "gv-chart-band", d: whole.length ? `${pathOf(whole)}Z` : "" });
}

function chartLine(line, at) {
  const points = line.y.map((value, i) => [at.x(i), at.y(value)]);
  const parts = [svg("path", { ...inked(line.colour, "gv-chart-line"), d: pathOf(points), "stroke-dasharray": line.dashed ? "5 4" : null })];
  if (line.bare) return parts;
  points.forEach(([x, y], i) => {
    if (!given(y)) return;
    const [low, high] = [at.y(line.low?.[i]), at.y(line.high?.[i])];
    if (given(low) && given(high) && low - high > 0.5)
      parts.push(svg("path", { ...inked(line.colour, "gv-chart-bar"), d: `M${x},${low}V${high}M${x - 3},${low}h6M${x - 3},${high}h6` }));
    if (points.length <= CHART.dots)
      parts.push(svg("circle", { ...inked(line.colour, `gv-chart-dot${line.open?.[i] ? " gv-open" : ""}`, true), cx: x, cy: y, r: 2.4 }));
  });
  return parts;
}

function chartMarks(mark, at) {
  const shape = mark.sign === "cross" ? (x, y) => `M${x - 3.5},${y - 3.5}l7,7m0,-7l-7,7`
    : (x, y) => `M${x},${y - 4}l4,7h-8Z`;
  return mark.y.map((value, i) => {
    const y = at.y(value);
    return given(y) ? svg("path", { ...inked(mark.colour, "gv-chart-mark"), d: shape(at.x(i), y) }) : null;
  });
}

function chartHead({ title, hint, unit, legend, lines = [] }) {
  const mark = ({ colour, dashed }) => svg("svg", { width: 18, height: 8, "aria-hidden": "true" },
    svg("line", { ...inked(colour, "gv-chart-line"), x1: 1, x2: 17, y1: 4, y2: 4, "stroke-dasharray": dashed ? "4 3" : null }));
  return [el("span", { class: "gv-chart-title", title: hint }, title), el("span", { class: "gv-chart-unit" }, unit ?? ""),
    legend ? el("span", { class: "gv-chart-legend" }, lines.map((line) => el("span", {}, mark(line), line.name))) : ""];
}

function chartPicture(spec, at, width, height) {
  const wide = Math.min(36, (width - CHART.left) / spec.x.length);
  const column = given(spec.chosen) && spec.chosen >= 0 ? [svg("rect", { class: "gv-chart-chosen", x: at.x(spec.chosen) - wide / 2,
    y: CHART.top, width: wide, height: at.inner })] : [];
  return [...column, ...(spec.bands ?? []).map((band) => chartBand(band, at)), ...chartAxes(spec, at, width, height),
    ...(spec.marks ?? []).flatMap((mark) => chartMarks(mark, at)).filter(Boolean), ...(spec.lines ?? []).flatMap((line) => chartLine(line, at))];
}

function lineChart(first) {
  let spec = first;
  let [width, height] = [260, 150];
  let at = null;
  let hovered = -1;
  const picture = svg("svg", { class: "gv-chart-picture", tabindex: 0, role: "application" });
  const cursor = svg("g", { class: "gv-chart-cursor" });
  const tip = el("div", { class: "gv-tip", role: "status", hidden: true });
  const head = el("figcaption", { class: "gv-chart-head" });
  const node = el("figure", { class: "gv-chart" }, head, picture, tip);

  const nearest = (event) => {
    const x = event.clientX - picture.getBoundingClientRect().left;
    const far = spec.x.map((_, i) => Math.abs(at.x(i) - x));
    return far.indexOf(Math.min(...far));
  };
  const hover = (i) => {
    hovered = at ? i : -1;
    cursor.replaceChildren();
    tip.hidden = hovered < 0;
    if (hovered < 0) return;
    const x = at.x(i);
    cursor.append(svg("line", { x1: x, x2: x, y1: CHART.top, y2: height - CHART.bottom }), ...(spec.lines ?? [])
      .filter((line) => given(at.y(line.y[i])))
      .map((line) => svg("circle", { ...inked(line.colour, "gv-chart-dot", true), cx: x, cy: at.y(line.y[i]), r: 3.4 })));
    tip.replaceChildren(...spec.describe(i).map((line) => el("div", {}, line)));
    const right = x > width / 2;
    tip.style.left = right ? "auto" : `${x + 10}px`;
    tip.style.right = right ? `${width - x + 10}px` : "auto";
    tip.style.bottom = `${CHART.bottom + 8}px`;
  };
  picture.addEventListener("pointermove", (event) => at && hover(nearest(event)));
  picture.addEventListener("pointerleave", () => hover(-1));
  picture.addEventListener("blur", () => hover(-1));
  picture.addEventListener("click", (event) => at && spec.onpick?.(nearest(event)));
  picture.addEventListener("keydown", (event) => {
    const [step] = ARROWS[event.key] ?? [0];
    const from = hovered >= 0 ? hovered : spec.chosen ?? (step > 0 ? -1 : spec.x.length);
    if (step) hover(Math.max(0, Math.min(spec.x.length - 1, from + step)));
    else if (event.key === "Enter" && hovered >= 0) spec.onpick?.(hovered);
    else if (event.key === "Escape") hover(-1);
    else return;
    event.preventDefault();
  });

  function draw() {
    at = chartScales(spec, width, height);
    head.replaceChildren(...chartHead(spec));
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("height", height);
    const last = (y) => y[spec.chosen] ?? y.findLast(given);
    const words = (spec.lines ?? []).map(({ name, y }) => (given(last(y)) ? `${name} ${signed(shortNumber(last(y)))}` : name));
    picture.setAttribute("aria-label", `${spec.title}: ${words.join(", ")}. Left and right arrow keys read it` +
      `${spec.onpick ? ", Enter chooses" : ""}.`);
    picture.replaceChildren(...(at ? chartPicture(spec, at, width, height) : []), cursor);
    hover(Math.min(hovered, spec.x.length - 1));
  }
  draw();
  return {
    node,
    update(next) {
      spec = next;
      draw();
    },
    size(w, h) {
      if (w === width && h === height) return;
      [width, height] = [w, h];
      draw();
    },
  };
}
