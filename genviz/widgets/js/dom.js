// Elements. Text always goes in as text: a gene named "<img onerror=...>" is shown, never run.

const SVG = "http://www.w3.org/2000/svg";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }; // to the right, down

function put(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// el("button", {class: "gv-quiet", onclick: f}, "Undo")
function el(tag, attributes, ...children) {
  return put(document.createElement(tag), attributes, children);
}

// The same for SVG.
function svg(tag, attributes, ...children) {
  return put(document.createElementNS(SVG, tag), attributes, children);
}

function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", class: "gv-button", onclick, ...attributes }, label);
}

// Where the pointer is on a node, in CSS pixels.
function placeOn(node, event) {
  const box = node.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

// The wheel zooms a picture that was clicked; until then the page scrolls under the pointer. zoom(factor, x, y)
function wheelZoom(canvas, hint, zoom) {
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && canvas.getRootNode().activeElement !== canvas && !event.ctrlKey)
      return hint("Click a picture, or hold Ctrl, to zoom with the wheel.");
    event.preventDefault();
    const lines = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    zoom(Math.exp(-lines * 0.002), ...placeOn(canvas, event));
  }, { passive: false });
}

// A labelled <select>; options are [value, text] or plain text.
function select(label, options, value, onchange) {
  const box = el("select", { class: "gv-select", "aria-label": label });
  const fill = (next, chosen) => {
    box.replaceChildren(
      ...next.map((option) => {
        const [key, text] = Array.isArray(option) ? option : [option, option];
        return el("option", { value: key }, text);
      }),
    );
    box.value = chosen;
  };
  fill(options, value);
  box.addEventListener("change", () => onchange(box.value));
  return { node: el("label", { class: "gv-field" }, el("span", {}, label), box), box, fill };
}

// A labelled slider with its value beside it.
function slider(label, { min, max, step = 1, value, text = String, oninput }) {
  const range = el("input", { type: "range", class: "gv-range", min, max, step, "aria-label": label });
  range.value = value;
  const shown = el("output", { class: "gv-number" }, text(value));
  const show = () => (shown.textContent = text(Number(range.value)));
  range.addEventListener("input", () => {
    show();
    oninput(Number(range.value));
  });
  const set = (next) => {
    range.value = next;
    show();
  };
  return { node: el("label", { class: "gv-field" }, el("span", {}, label), range, shown), range, set };
}

// Search in a list of names: type, arrow keys, Enter, or click. At most `most` are shown.
function search(label, names, onchoose, { value = "", most = 12 } = {}) {
  const id = `gv-list-${Math.random().toString(36).slice(2)}`;
  const input = el("input", {
    type: "text", class: "gv-search", role: "combobox", "aria-label": label, "aria-expanded": "false",
    "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", value,
  });
  const list = el("ul", { class: "gv-list", role: "listbox", id, hidden: true });
  let found = [];
  let at = 0;
  let chosen = value;
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  };
  const choose = (name) => {
    chosen = input.value = name;
    close();
    onchoose(name);
  };
  const draw = () => {
    list.replaceChildren(
      ...found.map((name, i) =>
        el("li", { role: "option", "aria-selected": String(i === at), onpointerdown: (event) => {
          event.preventDefault();
          choose(name);
        } }, name),
      ),
    );
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };
  const look = () => {
    const typed = input.value.trim().toLowerCase();
    const starts = names.filter((name) => name.toLowerCase().startsWith(typed));
    const inside = typed ? names.filter((n) => !n.toLowerCase().startsWith(typed) && n.toLowerCase().includes(typed)) : [];
    found = [...starts, ...inside].slice(0, most);
    at = 0;
    draw();
  };
  input.addEventListener("input", look);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", () => {
    close();
    input.value = chosen;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) look();
      else {
        at = Math.max(0, Math.min(found.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)));
        draw();
      }
    } else if (event.key === "Enter" && found.length && !list.hidden) choose(found[at]);
    else if (event.key === "Escape") close();
  });
  const set = (name) => (chosen = input.value = name);
  return { node: el("label", { class: "gv-field gv-combo" }, el("span", {}, label), input, list), input, set };
}
