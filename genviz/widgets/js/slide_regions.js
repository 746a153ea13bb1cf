// Regions: in the notebook the kernel keeps them (in obs, with undo); on a page they are kept here.

// libraries and column: what a page has to know from the start, so that each state that undo goes back to has all sections.
function regionStore(f, colours, { libraries, column: first }) {
  let now = { library: "", column: "", categories: [], codes: new Int32Array(), canUndo: false, canRedo: false };
  const offline = f.link.frozen ? offlineRegions(colours) : null;
  const filled = offline && Promise.all(libraries.map(async (library) => {
    const answer = await f.ask("regions", { library, column: first });
    if (answer) offline.fill(library, answer);
  }));
  let changed = () => {};

  const take = (answer, library, column) => {
    if (!answer || library !== now.library || column !== now.column) return;
    now = { ...now, ...answer.data, codes: answer.arrays.codes.values };
    changed();
  };

  return {
    get now() {
      return now;
    },
    onChange: (listen) => (changed = listen),
    // quiet: others may have drawn; what the view says to the reader stays.
    async open(library, column, quiet = false) {
      if (column !== now.column) now = { ...now, categories: [], canUndo: false, canRedo: false };
      if (column !== now.column || library !== now.library) {
        now = { ...now, library, column, codes: new Int32Array() }; // those of another section fit no spot here
        changed();
      }
      if (offline) {
        await filled;
        if (library === now.library) take(offline.open(library), library, column);
        return;
      }
      const ask = quiet ? (...what) => f.link.ask(...what).catch(() => null) : f.ask;
      take(await ask("regions", { library, column }), library, column);
    },
    // Whether it was done.
    async act(what, asked = {}) {
      await filled;
      const { library, column } = now;
      const answer = offline ? offline.act(what, asked) : await f.ask(what, { ...asked, library, column });
      take(answer, library, column);
      return Boolean(answer);
    },
    // {library: codes}: on a page of all sections.
    all: () => (offline ? offline.all() : { [now.library]: now.codes }),
  };
}

// The same, without a kernel: names and colours for all sections, codes for each.
function offlineRegions(colours) {
  let state = { names: [], colours: [], codes: {} };
  let library = "";
  let [past, future] = [[], []];

  const answer = () => {
    const counts = state.names.map(() => 0);
    for (const codes of Object.values(state.codes)) for (const code of codes) if (code >= 0) counts[code]++;
    return {
      data: { canUndo: past.length > 0, canRedo: future.length > 0,
        categories: state.names.map((name, i) => ({ name, colour: state.colours[i], count: counts[i] })) },
      arrays: { codes: { values: state.codes[library] ?? new Int32Array() } },
    };
  };
  const drop = (next, at, into) => {
    next.names.splice(at, 1);
    next.colours.splice(at, 1);
    for (const name of Object.keys(next.codes))
      next.codes[name] = next.codes[name].map((code) => {
        const kept = code === at ? into : code;
        return kept > at ? kept - 1 : kept;
      });
  };
  const changes = {
    select(next, { rows, category, mode }) {
      const codes = next.codes[library];
      if (!next.names.includes(category)) {
        if (mode === "remove") return;
        next.names.push(category);
        next.colours.push(colours.find((one) => !next.colours.includes(one)) ?? colours[next.names.length % colours.length]);
      }
      const at = next.names.indexOf(category);
      if (mode === "replace") codes.forEach((code, i) => (codes[i] = code === at ? -1 : code));
      for (const i of rows) if (mode !== "remove") codes[i] = at;
      else if (codes[i] === at) codes[i] = -1;
    },
    rename(next, { category, name }) {
      const at = next.names.indexOf(category);
      if (next.names.includes(name) && name !== category) drop(next, at, next.names.indexOf(name));
      else next.names[at] = name;
    },
    delete: (next, { category }) => drop(next, next.names.indexOf(category), -1),
  };

  return {
    // Names and colours are the same in the answers of all sections.
    fill(name, { data, arrays }) {
      state.codes[name] = arrays.codes.values;
      state.names = data.categories.map((one) => one.name);
      state.colours = data.categories.map((one) => one.colour);
    },
    open(name) {
      library = name;
      return answer();
    },
    act(what, asked) {
      if (what === "undo" && past.length) {
        future.push(state);
        state = past.pop();
      } else if (what === "redo" && future.length) {
        past.push(state);
        state = future.pop();
      } else if (changes[what]) {
        const codes = Object.fromEntries(Object.entries(state.codes).map(([name, one]) => [name, one.slice()]));
        const next = { names: [...state.names], colours: [...state.colours], codes };
        changes[what](next, asked);
        past.push(state);
        future = [];
        state = next;
      }
      return answer();
    },
    all: () => state.codes,
  };
}

// The row of controls: tool, name, mode, undo, and a chip for each region.
function regionBar(store, { onTool, onSave }) {
  const listId = `gv-regions-${Math.random().toString(36).slice(2)}`;
  const names = el("datalist", { id: listId });
  const field = el("input", { type: "text", class: "gv-search gv-slide-name", list: listId, value: "region 1",
    "aria-label": "Name of the region to draw", maxlength: 60, spellcheck: "false" });
  const tool = (name, label, title) => {
    const press = button(label, () => onTool(press.getAttribute("aria-pressed") === "true" ? "pan" : name),
      { "aria-pressed": "false", title });
    return press;
  };
  const lasso = tool("lasso", "Lasso", "Draw around spots to put them into the region (key L). Shift adds, Alt takes out.");
  const spots = tool("spots", "Spot by spot", "By keys (S): arrows go from spot to spot, Enter shows the values, " +
    "Space puts the spot into the region or takes it out, Escape ends.");
  const mode = select("Mode", [["replace", "new"], ["add", "add"], ["remove", "take out"]], "replace", () => {});
  mode.node.title = "What the lasso does: draw the region anew, add to it (Shift), or take out of it (Alt).";
  const undo = button("Undo", () => store.act("undo"), { title: "Take back the last change (Ctrl+Z)" });
  const redo = button("Redo", () => store.act("redo"), { title: "Make it again (Ctrl+Shift+Z)" });
  const save = button("Save as CSV", onSave, { title: "A table of the spots that belong to regions" });
  const chips = el("div", { class: "gv-slide-regions", role: "list", "aria-label": "Regions" });
  const node = el("div", { class: "gv-controls gv-slide-draw", role: "toolbar", "aria-label": "Regions" },
    lasso, spots, el("label", { class: "gv-field" }, el("span", {}, "Region"), field), names, mode.node, undo, redo, save, chips);
  let drawn = 0;

  function chip({ name, colour, count }) {
    const remove = button("×", () => store.act("delete", { category: name }),
      { class: "gv-slide-icon", "aria-label": `Delete ${name}`, title: "Delete this region" });
    const rename = button("✎", () => edit(), { class: "gv-slide-icon", "aria-label": `Rename ${name}`, title: "Rename" });
    const label = button(name, () => (field.value = name),
      { class: "gv-slide-pick", title: "Draw in this region", "aria-pressed": String(field.value === name) });
    const box = el("span", { class: "gv-slide-chip gv-slide-region", role: "listitem" },
      el("i", { style: `background:${colour}` }), label, el("span", { class: "gv-number" }, String(count)), rename, remove);
    const edit = () => {
      const input = el("input", { type: "text", class: "gv-search gv-slide-name", value: name, "aria-label": `New name of ${name}`, maxlength: 60 });
      let done = false;
      const end = (keep) => {
        if (done) return;
        done = true;
        const next = input.value.trim();
        if (!keep || !next || next === name) return show();
        if (field.value === name) field.value = next;
        store.act("rename", { category: name, name: next });
      };
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") end(true);
        if (event.key === "Escape") end(false);
        event.stopPropagation();
      });
      input.addEventListener("blur", () => end(true));
      box.replaceChildren(el("i", { style: `background:${colour}` }), input);
      input.focus();
      input.select();
    };
    return box;
  }

  function show() {
    const { categories, canUndo, canRedo } = store.now;
    chips.replaceChildren(...(categories.length ? categories.map(chip) : [el("span", { class: "gv-note" },
      "No regions yet: press Lasso, then draw around spots.")]));
    names.replaceChildren(...categories.map(({ name }) => el("option", { value: name })));
    undo.disabled = !canUndo;
    redo.disabled = !canRedo;
    save.disabled = !categories.length;
    if (drawn === 0 && categories.length) field.value = categories[0].name;
    drawn = Math.max(drawn, categories.length);
  }
  field.addEventListener("input", show);

  return {
    node, show,
    tool(name) {
      lasso.setAttribute("aria-pressed", String(name === "lasso"));
      spots.setAttribute("aria-pressed", String(name === "spots"));
    },
    name: () => field.value.trim() || "region 1",
    mode: (event) => (event.shiftKey ? "add" : event.altKey ? "remove" : mode.box.value),
  };
}

// A table of spots with their regions, as a download made here.
function saveCsv(name, column, rows) {
  const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const lines = [["spot", "library_id", column], ...rows].map((row) => row.map(quoted).join(","));
  const url = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  el("a", { href: url, download: `${name.replace(/[^\w.-]+/g, "_")}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
