// A small chart in SVG: lines with intervals, bands, single marks; hover, arrow keys and a click tell a place on x.
//
// lineChart({
//   title, hint, unit,
//   x,          labels at even distances, or rising numbers
//   bands:      [{ low, high, name }]
//   lines:      [{ y, low, high, colour: 0-7, dashed, open, name }]     low, high: bars; open: hollow dots
//   marks:      [{ y, sign: "cross" | "triangle", colour, name }]
//   chosen, reference,      places on x that are marked
//   describe(i) -> [text],  onpick(i)
// }) -> { node, update(spec), size(width, height) }
// null and NaN are holes.

const BAND_MOST = 1.15;
const CHART = { left: 40, right: 10, top: 8, bottom: 22 };

const given = (value) => value !== null && value !== undefined && Number.isFinite(value);

// Round numbers that cover a range, at most `most` of them.
function ticksOf(low, high, most = 5) {
  const rough = (high - low || 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((one) => one >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function rangeOf(spec) {
  const all = [0];
  for (const line of spec.lines ?? []) all.push(...line.y, ...(line.low ?? []), ...(line.high ?? []));
  for (const mark of spec.marks ?? []) all.push(...mark.y);
  let known = all.filter(given);
  // Bands are what lines stand before: they are cut where they would make these flat.
  const bands = (spec.bands ?? []).flatMap((band) => [...band.low, ...band.high]).filter(given);
  const size = Math.max(...known.map(Math.abs));
  known = known.concat(size ? bands.map((value) => Math.max(-BAND_MOST * size, Math.min(BAND_MOST * size, value))) : bands);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const air = (high - low || 1) * 0.06;
  return [low - (low < 0 ? air : 0), high + air];
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
  const [low, high] = rangeOf(spec);
  const [w, h] = [width - CHART.left - CHART.right, height - CHART.top - CHART.bottom];
  const numbers = typeof spec.x[0] === "number";
  const [first, last] = [spec.x[0], spec.x[spec.x.length - 1]];
  const share = (i) => (numbers ? (spec.x[i] - first) / (last - first || 1) : (i + 0.5) / spec.x.length);
  return {
    low, high, numbers, inner: h,
    x: (i) => CHART.left + share(i) * w,
    y: (value) => (given(value) ? CHART.top + (1 - (value - low) / (high - low)) * h : NaN),
  };
}

function chartAxes(spec, at, width, height) {
  const parts = [];
  for (const tick of ticksOf(at.low, at.high)) {
    parts.push(
      svg("line", { class: tick === 0 ? "gv-chart-zero" : "gv-chart-grid", x1: CHART.left, x2: width - CHART.right,
        y1: at.y(tick), y2: at.y(tick) }),
      svg("text", { class: "gv-chart-text", x: CHART.left - 5, y: at.y(tick) + 3.5, "text-anchor": "end" }, String(tick)),
    );
  }
  const most = Math.max(1, Math.floor((width - CHART.left) / 44));
  const every = Math.ceil(spec.x.length / most);
  spec.x.forEach((label, i) => {
    if (i % every && i !== spec.reference) return;
    parts.push(svg("text", { class: i === spec.reference ? "gv-chart-text gv-chart-reference" : "gv-chart-text",
      x: at.x(i), y: height - 7, "text-anchor": "middle" }, at.numbers ? String(label) : label));
  });
  return parts;
}

function chartBand(band, at) {
  const cut = (value) => (given(value) ? Math.max(at.low, Math.min(at.high, value)) : value);
  const up = band.high.map((value, i) => [at.x(i), at.y(cut(value))]);
  const down = band.low.map((value, i) => [at.x(i), at.y(cut(value))]).reverse();
  const whole = [...up, ...down].filter(([, y]) => given(y));
  return svg("path", { class: "gv-chart-band", d: whole.length ? `${pathOf(whole)}Z` : "" });
}

function chartLine(line, at) {
  const colour = `gv-c${line.colour ?? 0}`;
  const points = line.y.map((value, i) => [at.x(i), at.y(value)]);
  const parts = [svg("path", { class: `gv-chart-line ${colour}`, d: pathOf(points),
    "stroke-dasharray": line.dashed ? "5 4" : null })];
  if (line.dashed) return parts;
  points.forEach(([x, y], i) => {
    if (!given(y)) return;
    const [low, high] = [at.y(line.low?.[i]), at.y(line.high?.[i])];
    if (given(low) && given(high) && low - high > 0.5)
      parts.push(svg("path", { class: `gv-chart-bar ${colour}`,
        d: `M${x},${low}V${high}M${x - 3},${low}h6M${x - 3},${high}h6` }));
    if (points.length <= 60)
      parts.push(svg("circle", { class: `gv-chart-dot ${colour}${line.open?.[i] ? " gv-open" : ""}`, cx: x, cy: y, r: 3.2 }));
  });
  return parts;
}

function chartMarks(mark, at) {
  const shape = mark.sign === "cross" ? (x, y) => `M${x - 3.5},${y - 3.5}l7,7m0,-7l-7,7`
    : (x, y) => `M${x},${y - 4}l4,7h-8Z`;
  return mark.y.map((value, i) => {
    const y = at.y(value);
    return given(y) ? svg("path", { class: `gv-chart-mark gv-c${mark.colour}`, d: shape(at.x(i), y) }) : null;
  });
}

function lineChart(first) {
  let spec = first;
  let [width, height] = [260, 160];
  let at = null;
  let hovered = -1;
  const picture = svg("svg", { class: "gv-chart-picture", tabindex: 0, role: "img" });
  const guide = svg("line", { class: "gv-chart-guide", y1: CHART.top });
  const tip = el("div", { class: "gv-tip", hidden: true });
  const head = el("div", { class: "gv-chart-head" });
  const node = el("figure", { class: "gv-chart" }, head, picture, tip);

  const nearest = (event) => {
    const x = event.clientX - picture.getBoundingClientRect().left;
    const far = spec.x.map((_, i) => Math.abs(at.x(i) - x));
    return far.indexOf(Math.min(...far));
  };
  const hover = (i) => {
    hovered = i;
    guide.setAttribute("visibility", i < 0 ? "hidden" : "visible");
    tip.hidden = i < 0 || !spec.describe;
    if (i < 0) return;
    guide.setAttribute("x1", at.x(i));
    guide.setAttribute("x2", at.x(i));
    if (!spec.describe) return;
    tip.replaceChildren(...spec.describe(i).map((line) => el("div", {}, line)));
    const right = at.x(i) > width / 2;
    tip.style.left = right ? "auto" : `${at.x(i) + 8}px`;
    tip.style.right = right ? `${width - at.x(i) + 8}px` : "auto";
    tip.style.top = "40px";
  };
  picture.addEventListener("pointermove", (event) => hover(nearest(event)));
  picture.addEventListener("pointerleave", () => hover(-1));
  picture.addEventListener("blur", () => hover(-1));
  picture.addEventListener("click", (event) => spec.onpick?.(nearest(event)));
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) hover(Math.max(0, Math.min(spec.x.length - 1, (hovered < 0 ? spec.chosen ?? 0 : hovered) + step)));
    else if (event.key === "Enter" && hovered >= 0) spec.onpick?.(hovered);
    else if (event.key === "Escape") hover(-1);
    else return;
    event.preventDefault();
  });

  function draw() {
    at = chartScales(spec, width, height);
    head.replaceChildren(el("span", { class: "gv-chart-title", title: spec.hint }, spec.title),
      el("span", { class: "gv-chart-unit" }, spec.unit ?? ""));
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("height", height);
    picture.setAttribute("aria-label", `${spec.title}: ${(spec.lines ?? []).map((line) => line.name).join(", ")}`);
    guide.setAttribute("y2", height - CHART.bottom);
    const wide = Math.min(36, (width - CHART.left) / spec.x.length);
    const column = given(spec.chosen) && spec.chosen >= 0 ? [svg("rect", { class: "gv-chart-chosen", x: at.x(spec.chosen) - wide / 2,
      y: CHART.top, width: wide, height: at.inner })] : [];
    picture.replaceChildren(...column, ...(spec.bands ?? []).map((band) => chartBand(band, at)),
      ...chartAxes(spec, at, width, height),
      ...(spec.marks ?? []).flatMap((mark) => chartMarks(mark, at)).filter(Boolean),
      ...(spec.lines ?? []).flatMap((line) => chartLine(line, at)), guide);
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
