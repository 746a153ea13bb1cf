// The hover: everything was sent with the gene, so it needs no question.

function slideTip(body) {
  const tip = el("div", { class: "gv-tip gv-slide-tip", role: "status", hidden: true });
  body.append(tip);
  const hide = () => (tip.hidden = true);

  // lines: [[label, value, in counts]]; place relative to the body.
  function show(name, lines, x, y) {
    tip.replaceChildren(
      el("b", {}, name),
      el("table", {}, ...lines.map(([label, value, counts]) =>
        el("tr", {}, el("th", {}, label), el("td", {}, value), el("td", { class: "gv-note" }, counts)))),
    );
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const room = body.getBoundingClientRect();
    tip.style.left = `${Math.max(0, x + 16 + width > room.width ? x - width - 12 : x + 16)}px`;
    tip.style.top = `${Math.max(0, y + 16 + height > room.height ? y - height - 10 : y + 16)}px`;
  }
  return { show, hide, node: tip };
}
