// Which rows: points on a map, by click or by drawing a box; by category; by name.

const MAP_PX = 210;
const PICKED_MOST = 500; // names of rows go to the kernel and back with every change

function spread(places, n) {
  if (places.length <= n) return places;
  return Array.from({ length: n }, (_, k) => places[Math.floor((k * (places.length - 1)) / Math.max(1, n - 1))]);
}

// The map itself; `pick` takes the new names, `refuse` the number of too many.
function mapCanvas(f, model, names, xy, { pick, refuse }) {
  const canvas = el("canvas", { class: "gv-map", tabindex: 0, role: "img",
    "aria-label": "Map of the spots. Click to pick or drop one, drag a box to pick those in it; Shift adds to what is picked." });
  canvas.title = "Click a spot to pick or drop it. Drag a box to pick those in it; hold Shift to add.";
  const most = (axis) => xy.reduce((top, value, i) => (i % 2 === axis ? Math.max(top, value) : top), 0);
  const scale = (MAP_PX - 16) / Math.max(most(0), most(1), 1e-9);
  const [w, h] = [most(0) * scale + 16, most(1) * scale + 16];
  const at = (i) => [8 + xy[2 * i] * scale, 8 + xy[2 * i + 1] * scale];
  const radius = Math.max(1.2, Math.min(4.5, (0.32 * MAP_PX) / Math.sqrt(names.length)));
  let box = null;

  function draw() {
    const picked = new Set(model.get("rows"));
    const pen = fitted(canvas, w, h);
    canvas.style.width = `${w}px`;
    canvas.style.height = `${h}px`;
    pen.clearRect(0, 0, w, h);
    const [soft, accent, ink] = ["--gv-line", "--gv-accent", "--gv-ink"].map((name) => themeColour(f.root, name));
    for (const chosen of [false, true]) {
      names.forEach((name, i) => {
        if (picked.has(name) !== chosen) return;
        pen.beginPath();
        pen.arc(...at(i), radius * (chosen ? 1.25 : 1), 0, 2 * Math.PI);
        pen.fillStyle = chosen ? accent : soft;
        pen.fill();
        if (name !== model.get("row") || !chosen) return;
        pen.strokeStyle = ink;
        pen.lineWidth = 1.5;
        pen.stroke();
      });
    }
    if (!box) return;
    pen.strokeStyle = accent;
    pen.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
  }

  // A click picks or drops the nearest spot, a box those in it.
  function release([x0, y0, x1, y1], add) {
    const rows = model.get("rows");
    if (x1 - x0 < 4 && y1 - y0 < 4) {
      let [name, nearest] = ["", 10];
      for (let i = 0; i < names.length; i++) {
        const far = Math.hypot(at(i)[0] - x0, at(i)[1] - y0);
        if (far < nearest) [name, nearest] = [names[i], far];
      }
      if (nearest < 10) pick(rows.includes(name) ? rows.filter((one) => one !== name) : [...rows, name]);
      return;
    }
    const inside = names.filter((_, i) => at(i)[0] >= x0 && at(i)[0] <= x1 && at(i)[1] >= y0 && at(i)[1] <= y1);
    const next = add ? [...new Set([...rows, ...inside])] : inside;
    if (next.length > PICKED_MOST) refuse(next.length);
    else pick(next);
  }
  const where = (event) => {
    const edge = canvas.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    box = [...where(event), ...where(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!box) return;
    box.splice(2, 2, ...where(event));
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!box) return;
    const [a, b, c, d] = box;
    box = null;
    release([Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)], event.shiftKey);
    draw();
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box = null;
    draw();
  });
  return { canvas, draw };
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
  const node = el("div", { class: "gv-rows" }, el("h4", {}, "Spots"), map?.canvas, told,
    el("div", { class: "gv-pickers" }, number.node, by.node), find.node);
  return { node, draw };
}
