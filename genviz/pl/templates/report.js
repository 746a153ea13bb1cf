"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  // Names come from files: they are text, never markup.
  const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

  // ---- numbers -----------------------------------------------------------------------------
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const log2p1 = (v) => Math.log2(1 + v);
  const sections = data.sections.map((s) => ({
    ...s,
    xy: new Float32Array(bytes(s.xy)),
    predicted: new Uint16Array(bytes(s.predicted)),
    measured: s.measured && new Uint16Array(bytes(s.measured)),
    mean: s.mean && new Uint16Array(bytes(s.mean)),
    lower: s.lower && new Uint16Array(bytes(s.lower)),
    upper: s.upper && new Uint16Array(bytes(s.upper)),
    picture: s.image && Object.assign(new Image(), { src: s.image.uri }),
  }));
  const abundance = data.genes.map((_, g) => {
    let total = 0, n = 0;
    for (const s of sections) {
      const m = s.names.length, from = s.mean || s.predicted;
      for (let i = 0; i < m; i++) total += from[g * m + i];
      n += m;
    }
    return total / Math.max(n, 1);
  });

  const state = { gene: 0, section: 0, opacity: 0.95, tissue: true, hover: -1, view: null, order: [] };

  // ---- the four panels ---------------------------------------------------------------------
  const KINDS = [
    { id: "measured", title: "Measured", scale: "expression", unit: "log2(1+count)", needs: ["measured"] },
    { id: "predicted", title: "Predicted", scale: "expression", unit: "log2(1+count)", needs: [] },
    { id: "error", title: "Error (predicted − measured)", scale: "error", unit: "log2 units", needs: ["measured"] },
    { id: "width", title: `Uncertainty (width of the ${data.interval})`, scale: "uncertainty", unit: "log2 units", needs: ["lower", "upper"] },
  ];
  const panels = KINDS.filter((k) => k.needs.every((n) => sections[0][n])).map((kind) => {
    const box = document.createElement("div");
    box.className = "panel";
    box.innerHTML = `<h3><span>${kind.title}</span><span class="small"></span></h3>` +
      `<canvas class="map" aria-label="${kind.title}"></canvas>` +
      `<div class="bar"><span></span><canvas height="10"></canvas><span></span><span>${kind.unit}</span></div>`;
    $("panels").append(box);
    const canvas = box.querySelector("canvas.map");
    return { ...kind, box, canvas, value: box.querySelector("h3 .small"), bar: box.querySelector(".bar") };
  });

  const values = (kind) => {
    const s = sections[state.section], n = s.names.length, at = state.gene * n, out = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const predicted = s.predicted[at + i] * data.log2Step;
      if (kind === "measured") out[i] = log2p1(s.measured[at + i]);
      else if (kind === "predicted") out[i] = predicted;
      else if (kind === "error") out[i] = predicted - log2p1(s.measured[at + i]);
      else out[i] = log2p1(s.upper[at + i]) - log2p1(s.lower[at + i]);
    }
    return out;
  };
  const quantile = (list, q) => {
    const sorted = Float32Array.from(list).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  };
  const palette = (stops) => {
    const rgb = stops.map((h) => [1, 3, 5].map((i) => parseInt(h.slice(i, i + 2), 16)));
    return Array.from({ length: 256 }, (_, i) => {
      const t = (i / 255) * (rgb.length - 1), a = Math.min(Math.floor(t), rgb.length - 2), f = t - a;
      return `rgb(${[0, 1, 2].map((c) => Math.round(rgb[a][c] * (1 - f) + rgb[a + 1][c] * f)).join(",")})`;
    });
  };
  const palettes = Object.fromEntries(Object.entries(data.colours).map(([k, v]) => [k, palette(v)]));

  const recolour = () => {
    const found = Object.fromEntries(panels.map((p) => [p.id, values(p.id)]));
    const shared = ["measured", "predicted"].filter((k) => found[k]).flatMap((k) => Array.from(found[k]));
    const top = Math.max(quantile(shared, 0.995), 0.001);
    for (const p of panels) {
      p.values = found[p.id];
      if (p.scale === "expression") p.range = [0, top];
      else if (p.scale === "error") {
        const e = Math.max(quantile(p.values.map(Math.abs), 0.99), 0.001);
        p.range = [-e, e];
      } else p.range = [0, Math.max(quantile(p.values, 0.995), 0.001)];
      const [from, to] = p.bar.querySelectorAll("span"), ramp = p.bar.querySelector("canvas");
      from.textContent = p.range[0].toFixed(1).replace("-", "−");
      to.textContent = (p.scale === "error" ? "+" : "") + p.range[1].toFixed(1);
      ramp.width = 256;
      const pen = ramp.getContext("2d");
      palettes[p.scale].forEach((c, i) => { pen.fillStyle = c; pen.fillRect(i, 0, 1, 10); });
    }
    const gene = data.genes[state.gene], r = data.geneScores[state.gene];
    $("gene").value = gene;
    $("summary").textContent = r === null ? "" : `correlation over spots r = ${r.toFixed(2)}`;
    draw();
  };

  // ---- drawing -----------------------------------------------------------------------------
  const home = () => {
    const xy = sections[state.section].xy;
    let [l, t, r, b] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < xy.length; i += 2) {
      l = Math.min(l, xy[i]); r = Math.max(r, xy[i]); t = Math.min(t, xy[i + 1]); b = Math.max(b, xy[i + 1]);
    }
    const pad = Math.max(200, 0.05 * (r - l)), c = panels[0].canvas;
    const scale = Math.min(c.clientWidth / (r - l + 2 * pad), c.clientHeight / (b - t + 2 * pad));
    state.view = { x: (l + r) / 2, y: (t + b) / 2, scale };
  };
  let queued = false;
  const draw = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; panels.forEach(drawPanel); });
  };
  const drawPanel = (p) => {
    const ratio = window.devicePixelRatio || 1, w = p.canvas.clientWidth, h = p.canvas.clientHeight;
    if (p.canvas.width !== Math.round(w * ratio)) p.canvas.width = Math.round(w * ratio);
    if (p.canvas.height !== Math.round(h * ratio)) p.canvas.height = Math.round(h * ratio);
    const pen = p.canvas.getContext("2d"), s = sections[state.section], v = state.view;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    const X = (x) => (x - v.x) * v.scale + w / 2, Y = (y) => (y - v.y) * v.scale + h / 2;
    pen.globalAlpha = 0.65; // pale, so that colours are read from the spots
    if (state.tissue && s.picture && s.picture.complete)
      pen.drawImage(s.picture, X(0), Y(0), s.image.widthUm * v.scale, s.image.heightUm * v.scale);
    const radius = Math.max((s.diameterUm / 2) * v.scale, 1), colours = palettes[p.scale], [low, high] = p.range;
    pen.globalAlpha = state.opacity;
    for (let i = 0; i < p.values.length; i++) {
      const x = X(s.xy[2 * i]), y = Y(s.xy[2 * i + 1]);
      if (x < -radius || y < -radius || x > w + radius || y > h + radius) continue;
      const t = Math.round(((p.values[i] - low) / (high - low)) * 255);
      pen.fillStyle = colours[Math.max(0, Math.min(255, t))];
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (state.hover >= 0) {
      pen.lineWidth = 2.5;
      pen.strokeStyle = "#d55e00";
      pen.beginPath();
      pen.arc(X(s.xy[2 * state.hover]), Y(s.xy[2 * state.hover + 1]), radius + 2, 0, 7);
      pen.stroke();
      p.value.textContent = p.values[state.hover].toFixed(2).replace("-", "−");
    } else p.value.textContent = "";
    scaleBar(pen, w, h, v.scale);
    if (data.synthetic) mark(pen, w);
  };
  // Tissue that a program drew says so in every picture, wherever it is copied to.
  const mark = (pen, w) => {
    pen.font = "600 12px Helvetica, Arial, sans-serif";
    const wide = pen.measureText("synthetic").width + 12;
    pen.fillStyle = "rgba(255,255,255,.9)";
    pen.fillRect(w - wide - 8, 8, wide, 20);
    pen.fillStyle = "#8a3b00";
    pen.fillText("synthetic", w - wide - 2, 22);
  };
  const scaleBar = (pen, w, h, scale) => {
    const um = [50, 100, 200, 500, 1000, 2000, 5000].filter((u) => u * scale < w / 3).pop() || 50;
    const x = 14, y = h - 16, length = um * scale, text = um >= 1000 ? `${um / 1000} mm` : `${um} µm`;
    pen.fillStyle = "rgba(255,255,255,.85)";
    pen.fillRect(x - 6, y - 22, Math.max(length, 40) + 12, 32);
    pen.fillStyle = "#111";
    pen.fillRect(x, y, length, 4);
    pen.font = "12px Helvetica, Arial, sans-serif";
    pen.fillText(text, x, y - 6);
  };

  // ---- hands -------------------------------------------------------------------------------
  const tip = Object.assign(document.createElement("div"), { id: "tip" });
  document.body.append(tip);
  const spotAt = (p, event) => {
    const box = p.canvas.getBoundingClientRect(), v = state.view, s = sections[state.section];
    const x = (event.clientX - box.left - box.width / 2) / v.scale + v.x;
    const y = (event.clientY - box.top - box.height / 2) / v.scale + v.y;
    let best = -1, nearest = (Math.max(s.diameterUm / 2, 6 / v.scale)) ** 2;
    for (let i = 0; i < s.names.length; i++) {
      const d = (s.xy[2 * i] - x) ** 2 + (s.xy[2 * i + 1] - y) ** 2;
      if (d < nearest) [best, nearest] = [i, d];
    }
    return best;
  };
  const showTip = (event) => {
    if (state.hover < 0) { tip.style.display = "none"; return; }
    const s = sections[state.section], i = state.hover, at = state.gene * s.names.length + i;
    const lines = [`<b>${escaped(data.genes[state.gene])}</b> at spot ${escaped(s.names[i])}`];
    if (s.measured) lines.push(`measured ${s.measured[at]} counts`);
    const mean = s.mean ? `${s.mean[at]} counts` : `${(2 ** (s.predicted[at] * data.log2Step) - 1).toFixed(1)} counts`;
    lines.push(`predicted ${mean}` + (s.lower ? `, ${data.interval} ${s.lower[at]} – ${s.upper[at]}` : ""));
    lines.push(`x ${(s.xy[2 * i] / 1000).toFixed(2)} mm, y ${(s.xy[2 * i + 1] / 1000).toFixed(2)} mm`);
    tip.innerHTML = lines.join("<br>");
    tip.style.display = "block";
    tip.style.left = `${Math.min(event.clientX + 16, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8)}px`;
  };
  for (const p of panels) {
    let last = null;
    p.canvas.addEventListener("pointerdown", (e) => { last = e; p.canvas.setPointerCapture(e.pointerId); });
    p.canvas.addEventListener("pointerup", () => { last = null; });
    p.canvas.addEventListener("pointerleave", () => { state.hover = -1; tip.style.display = "none"; draw(); });
    p.canvas.addEventListener("pointermove", (e) => {
      if (last) {
        state.view.x -= (e.clientX - last.clientX) / state.view.scale;
        state.view.y -= (e.clientY - last.clientY) / state.view.scale;
        last = e;
        draw();
        return;
      }
      const spot = spotAt(p, e);
      if (spot !== state.hover) { state.hover = spot; draw(); }
      showTip(e);
    });
    p.canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      const box = p.canvas.getBoundingClientRect(), v = state.view, factor = Math.exp(-e.deltaY * 0.0015);
      const dx = e.clientX - box.left - box.width / 2, dy = e.clientY - box.top - box.height / 2;
      v.x += dx / v.scale - dx / (v.scale * factor);
      v.y += dy / v.scale - dy / (v.scale * factor);
      v.scale *= factor;
      draw();
    }, { passive: false });
  }

  // ---- controls ----------------------------------------------------------------------------
  const setOrder = () => {
    const by = {
      name: (a, b) => data.genes[a].localeCompare(data.genes[b]),
      score: (a, b) => (data.geneScores[b] ?? -2) - (data.geneScores[a] ?? -2),
      abundance: (a, b) => abundance[b] - abundance[a],
    }[$("order").value];
    state.order = data.genes.map((_, g) => g).sort(by);
    $("gene-list").innerHTML = state.order.map((g) => {
      const r = data.geneScores[g];
      return `<option value="${escaped(data.genes[g])}">${r === null ? "" : `r = ${r.toFixed(2)}`}</option>`;
    }).join("");
  };
  const pick = (gene) => { state.gene = gene; $("message").hidden = true; recolour(); };
  const step = (by) => {
    const at = state.order.indexOf(state.gene);
    pick(state.order[(at + by + state.order.length) % state.order.length]);
  };
  const search = () => {
    const typed = $("gene").value.trim().toLowerCase();
    if (!typed) return;
    let g = data.genes.findIndex((name) => name.toLowerCase() === typed);
    if (g < 0) g = state.order.find((i) => data.genes[i].toLowerCase().startsWith(typed)) ?? -1;
    if (g >= 0) { pick(g); return; }
    $("message").textContent = `No gene named “${$("gene").value}” among the ${data.genes.length} of this panel.`;
    $("message").hidden = false;
  };
  $("gene").addEventListener("change", search);
  $("gene").addEventListener("focus", (e) => e.target.select());
  $("order").addEventListener("change", setOrder);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("opacity").addEventListener("input", (e) => { state.opacity = +e.target.value; draw(); });
  $("tissue").addEventListener("change", (e) => { state.tissue = e.target.checked; draw(); });
  $("home").addEventListener("click", () => { home(); draw(); });
  $("section").innerHTML = sections.map((s, i) => `<option value="${i}">${escaped(s.library)}</option>`).join("");
  $("section-label").hidden = sections.length < 2;
  const showSection = () => {
    $("diameter").textContent = `${sections[state.section].diameterUm.toFixed(0)} µm`;
    state.hover = -1;
    home();
    recolour();
  };
  $("section").addEventListener("change", (e) => { state.section = +e.target.value; showSection(); });
  document.addEventListener("keydown", (e) => {
    if (/^(INPUT|SELECT)$/.test(e.target.tagName)) return;
    if (e.key === "ArrowRight") step(1);
    if (e.key === "ArrowLeft") step(-1);
  });
  window.addEventListener("resize", draw);
  sections.forEach((s) => s.picture && s.picture.addEventListener("load", draw));
  setOrder();
  state.gene = state.order[0];
  showSection();
})();
