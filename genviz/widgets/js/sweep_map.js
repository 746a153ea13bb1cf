// Which rows: points on a map, by click or by drawing a box; by category; by name.

const MAP_PX = 210;
const PICKED_MOST = 500; // names of rows go to the kernel and back with every change

function spread(places, n) {
  if (places.length <= n) return places;
  return Array.from({ length: n }, (_, k) => places[Math.floor((k * (places.length - 1)) / Math.max(1, n - 1))]);
}

// The map itself; `pick` takes the new names, `refuse` the number of too many.
function mapCanvas(f, model, names, xy, { pick, refuse }) {
  const canvas = el("canvas", { class: "gv-map", tabindex: 0, role: "application", "aria-label": "Map of the spots. Click to pick " +
    "or drop one, drag a box to pick those in it; Shift adds to what is picked. Arrow keys go from spot to spot, Space picks or drops." });
  canvas.title = "Click a spot to pick or drop it. Drag a box to pick those in it; hold Shift to add.";
  const most = (axis) => xy.reduce((top, value, i) => (i % 2 === axis ? Math.max(top, value) : top), 0);
  const scale = (MAP_PX - 16) / Math.max(most(0), most(1), 1e-9);
  const map = { canvas, names, px: xy.map((value) => 8 + value * scale), w: most(0) * scale + 16, h: most(1) * scale + 16,
    radius: Math.max(1.2, Math.min(4.5, (0.32 * MAP_PX) / Math.sqrt(names.length))), box: null, spot: -1 };
  const draw = () => drawMap(map, new Set(model.get("rows")), model.get("row"), (name) => themeColour(f.root, name));
  const toggle = (spot) => {
    const [rows, name] = [model.get("rows"), names[spot]];
    pick(rows.includes(name) ? rows.filter((one) => one !== name) : [...rows, name]);
  };

  // A click picks or drops the nearest spot, a box those in it.
  function release([x0, y0, x1, y1], add) {
    if (x1 - x0 < 4 && y1 - y0 < 4) {
      const spot = spotAt(map.px, 10, x0, y0);
      if (spot >= 0) toggle(spot);
      return;
    }
    const inside = names.filter((_, i) => map.px[2 * i] >= x0 && map.px[2 * i] <= x1 && map.px[2 * i + 1] >= y0 && map.px[2 * i + 1] <= y1);
    const next = add ? [...new Set([...model.get("rows"), ...inside])] : inside;
    if (next.length > PICKED_MOST) refuse(next.length);
    else pick(next);
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    map.box = [...placeOn(canvas, event), ...placeOn(canvas, event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!map.box) return;
    map.box.splice(2, 2, ...placeOn(canvas, event));
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!map.box) return;
    const [a, b, c, d] = map.box;
    map.box = null;
    release([Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)], event.shiftKey);
    draw();
  });
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      map.spot = spotBeside(map.px, map.spot, arrow, [map.w / 2, map.h / 2]);
      f.say(`${names[map.spot]}, ${model.get("rows").includes(names[map.spot]) ? "picked" : "not picked"}`);
    } else if (event.key === " " && map.spot >= 0) toggle(map.spot);
    else if (event.key === "Escape") [map.box, map.spot] = [null, -1];
    else return;
    event.preventDefault();
    draw();
  });
  canvas.addEventListener("blur", () => {
    map.spot = -1;
    draw();
  });
  return { canvas, draw };
}

function drawMap({ canvas, names, px, w, h, radius, box, spot }, picked, row, colour) {
  const pen = fitted(canvas, w, h);
  canvas.style.width = `${w}px`;
  canvas.style.height = `${h}px`;
  pen.clearRect(0, 0, w, h);
  const [soft, accent, ink] = ["--gv-line", "--gv-accent", "--gv-ink"].map(colour);
  for (const chosen of [false, true]) {
    names.forEach((name, i) => {
      if (picked.has(name) !== chosen) return;
      pen.beginPath();
      pen.arc(px[2 * i], px[2 * i + 1], radius * (chosen ? 1.25 : 1), 0, 2 * Math.PI);
      pen.fillStyle = chosen ? accent : soft;
      pen.fill();
      if (name !== row || !chosen) return;
      pen.strokeStyle = ink;
      pen.lineWidth = 1.5;
      pen.stroke();
    });
  }
  if (spot >= 0) drawRing(pen, px[2 * spot], px[2 * spot + 1], radius + 2);
  if (!box) return;
  pen.lineWidth = 1;
  pen.strokeStyle = accent;
  pen.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
}

function sweepMap(f, model, start, onchange) {
  const { names, groups } = start.data;
  const told = el("div", { class: "gv-note", "aria-live": "polite" });
  const pick = (rows) => {
    f.setTrait("rows", rows);
    draw();
    onchange();
  };
  const refuse = (n) => {
    told.textContent = `That would be ${n.toLocaleString()} spots; at most ${PICKED_MOST} can be picked. Draw a smaller box.`;
    told.title = "";
  };
  const map = start.arrays.places ? mapCanvas(f, model, names, start.arrays.places.values, { pick, refuse }) : null;
  const options = [["all", "spread over all"]];
  for (const [column, group] of Object.entries(groups))
    group.of.forEach((name, k) => options.push([`${column}\n${k}`, `${column}: ${name}`]));
  let [most, last] = [Math.max(1, model.get("rows").length || 6), "all"];
  const again = () => {
    const [column, k] = last.split("\n");
    const own = names.map((_, i) => i).filter((i) => last === "all" || groups[column].at[i] === Number(k));
    pick(spread(own, most).map((i) => names[i]));
  };
  const number = numberField("Pick", "How many spots", most, 1, Math.min(names.length, PICKED_MOST), (value) => {
    most = value;
    again();
  });
  const by = select("", options, "all", (value) => {
    last = value;
    again();
  });
  by.box.setAttribute("aria-label", "Which spots");
  const find = search("or", names, (name) => {
    if (!model.get("rows").includes(name)) pick([...model.get("rows"), name]);
    find.set("");
  });
  find.input.placeholder = "add a spot by name";

  function draw() {
    const rows = model.get("rows");
    told.textContent = `${rows.length} of ${names.length.toLocaleString()} spots picked`;
    told.title = rows.slice(0, 60).join(", ");
    map?.draw();
  }
  for (const name of ["rows", "row"]) f.onTrait(name, draw);
  f.onTheme(draw);
  const node = el("div", { class: "gv-rows" }, el("h4", {}, "Spots"), map?.canvas, told,
    el("div", { class: "gv-pickers" }, number.node, by.node), find.node);
  return { node, draw };
}
