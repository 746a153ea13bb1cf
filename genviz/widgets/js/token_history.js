// The steps as a strip of small pictures: time goes right, a branch opens a line of its own.

const TOKEN_THUMB_PX = 56;

function tokenHistory(link, ongo) {
  const strip = el("div", { class: "gv-swap-history", role: "list", "aria-label": "Steps" });
  const thumbs = new Map();
  let seen = "";

  // Column: how many steps from the start. Row: the first child goes on in its parent's line, others open one.
  function places(steps) {
    const place = new Map();
    const hasChild = new Set();
    let lines = 0;
    for (const step of steps) {
      const parent = place.get(step.parent);
      const goesOn = parent && !hasChild.has(step.parent);
      place.set(step.number, { column: parent ? parent.column + 1 : 1, row: !parent ? 1 : goesOn ? parent.row : ++lines + 1, branch: parent && !goesOn });
      hasChild.add(step.parent);
    }
    return place;
  }

  function thumb(number) {
    if (!thumbs.has(number)) {
      const canvas = el("canvas", { class: "gv-swap-thumb", width: TOKEN_THUMB_PX, height: TOKEN_THUMB_PX });
      thumbs.set(number, canvas);
      link.ask("thumb", { step: number }).then(({ arrays: { image } }) => {
        [canvas.height, canvas.width] = image.shape;
        canvas.getContext("2d").putImageData(imageData(image.values, 0, ...image.shape), 0, 0);
      }).catch(() => thumbs.delete(number));
    }
    return thumbs.get(number);
  }

  function show({ at, steps, kept }, names) {
    const state = JSON.stringify([at, steps.length, kept]);
    if (state === seen) return;
    seen = state;
    const place = places(steps);
    const isKept = new Set(kept.map(([, step]) => step));
    strip.replaceChildren(...steps.map((step) => {
      const { row, column, branch } = place.get(step.number);
      const of = step.tile < 0 ? "" : `${names[step.tile]}: `;
      const text = step.number ? step.name : "start";
      const mark = isKept.has(step.number) ? el("span", { class: "gv-swap-kept", title: "added to the rows" }, "✓") : null;
      const node = el("button", {
        type: "button", class: "gv-swap-step", title: `${of}${text}${branch ? ` (a branch of step ${step.parent})` : ""}`,
        "aria-current": step.number === at ? "step" : null, "data-step": step.number, onclick: () => ongo(step.number),
        "aria-label": `Step ${step.number}: ${of}${text}`,
      }, thumb(step.number), mark, el("b", {}, String(step.number)), el("span", {}, step.brief));
      node.style.gridRow = row;
      node.style.gridColumn = column;
      return el("div", { role: "listitem", class: "gv-swap-place" }, branch ? el("i", { class: "gv-swap-branch" }, `from ${step.parent}`) : null, node);
    }));
    strip.querySelectorAll(".gv-swap-place").forEach((node) => {
      node.style.gridRow = node.lastElementChild.style.gridRow;
      node.style.gridColumn = node.lastElementChild.style.gridColumn;
    });
    const now = strip.querySelector("[aria-current]");
    if (now) {
      strip.scrollLeft = now.offsetLeft - strip.clientWidth / 2;
      strip.scrollTop = now.offsetTop - strip.clientHeight / 2;
    }
  }

  return { node: strip, show };
}

// The last step, at or before `step`, that changed a tile; 0 is the start.
function tokenLastStep(steps, tile, step) {
  while (step > 0 && steps[step].tile !== tile) step = steps[step].parent;
  return Math.max(0, step);
}
