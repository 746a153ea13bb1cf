// The row of controls above the panels.

const columnChoices = (view) => {
  const own = view.model.get("column");
  return [["", "–"], ...new Set([...view.start.columns, ...(own ? [own] : [])])];
};

function slideControls(view) {
  const { f, model, start } = view;
  const set = (name, value) => f.setTrait(name, value);
  if (start.libraries.length > 1) {
    const library = select("Section", start.libraries, model.get("library"), (value) => set("library", value));
    f.onTrait("library", (value) => (library.box.value = value));
    f.controls.append(library.node);
  }
  view.toggles = start.panels.map((name) => button(start.words.titles[name], () => {
    const shown = model.get("shown");
    set("shown", start.panels.filter((one) => (one === name) !== shown.includes(one)));
  }, { "data-panel": name, "aria-pressed": "true", title: start.words.hints[name] }));
  if (start.genes.length) {
    view.search = search("Gene", start.genes, (gene) => set("gene", gene), { value: model.get("gene") });
    f.controls.append(view.search.node);
  }
  if (view.toggles.length > 1) f.controls.append(el("div", { class: "gv-slide-toggles", role: "group", "aria-label": "Panels" }, ...view.toggles));
  if (start.columns.length) {
    view.columnBox = select("Also show", columnChoices(view), model.get("column"), (value) => set("column", value));
    view.columnBox.node.title = "A column of obs, as a panel of its own";
    f.controls.append(view.columnBox.node);
  }
  const opacity = slider("Spots", { min: 0, max: 100, value: Math.round(model.get("opacity") * 100), text: (value) => `${value} %`,
    oninput: (value) => set("opacity", value / 100) });
  f.onTrait("opacity", (value) => opacity.set(Math.round(value * 100)));
  const tissue = el("input", { type: "checkbox", checked: model.get("image"), onchange: () => set("image", tissue.checked) });
  f.onTrait("image", (value) => (tissue.checked = value));
  const strength = slider("", { min: 10, max: 100, value: Math.round(model.get("image_opacity") * 100), text: () => "",
    oninput: (value) => set("image_opacity", value / 100) });
  strength.range.setAttribute("aria-label", "Strength of the tissue");
  strength.node.title = "How strong the tissue is behind the spots";
  f.onTrait("image_opacity", (value) => strength.set(Math.round(value * 100)));
  view.tissue = [el("span", { class: "gv-field gv-slide-tissue" },
    el("label", { class: "gv-field" }, tissue, el("span", {}, "Tissue")), strength.node)];
  // Wrapped together: how the picture looks, and what part of it.
  f.controls.append(el("div", { class: "gv-slide-look" }, opacity.node, ...view.tissue,
    el("div", { class: "gv-slide-zoom" },
      button("−", () => look(view, zoomed(view.scene.camera, 1 / ZOOM_STEP)), { "aria-label": "Zoom out", title: "Zoom out (−)" }),
      button("+", () => look(view, zoomed(view.scene.camera, ZOOM_STEP)), { "aria-label": "Zoom in", title: "Zoom in (+)" }),
      button("Fit", () => fit(view), { title: "See the whole section (0, or double click)" }))));
}
