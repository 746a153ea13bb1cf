// The parts every view has: a row of controls, a body, a line for errors, a progress bar, a footer.

const SILENT = "The kernel does not answer: it is busy or was restarted. If this stays, run the cell again.";
const STILL_AFTER_MS = 1500;
const STILL_PX = 720;

// What ends with a display: what is given to `onClose` is called once, the newest first; later ones at once.
function lifetime() {
  const closers = [];
  const life = {
    closed: false,
    onClose: (end) => (life.closed ? end() : closers.push(end)),
    // Call `draw` when a node has another size.
    onResize(node, draw) {
      const watch = new ResizeObserver(draw);
      watch.observe(node);
      life.onClose(() => watch.disconnect());
    },
    close() {
      life.closed = true;
      while (closers.length) closers.pop()();
    },
  };
  return life;
}

// Call `listen` when the theme changes: JupyterLab's, or on a page the reader's system.
function themeWatch(life) {
  const listeners = [];
  let waiting = 0;
  const tell = () => (waiting ||= requestAnimationFrame(() => {
    waiting = 0;
    for (const listen of listeners) listen();
  }));
  const lab = new MutationObserver(tell);
  lab.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", tell);
  life.onClose(() => {
    cancelAnimationFrame(waiting);
    lab.disconnect();
    system.removeEventListener("change", tell);
  });
  return (listen) => listeners.push(listen);
}

// The picture for a notebook that is opened without a kernel: kept a while after the last change, shown in place of the
// body until the first answer.
function stillPicture(model, name, body, life) {
  const image = el("img", { class: "gv-still", alt: `${name}, the last picture before the kernel ended`, hidden: true });
  body.before(image);
  let timer = null;
  life.onClose(() => {
    clearTimeout(timer);
    URL.revokeObjectURL(image.src);
  });
  async function take(paint) {
    const source = paint();
    if (!source || !source.width) return;
    const shrink = Math.min(1, STILL_PX / source.width);
    const small = new OffscreenCanvas(Math.round(source.width * shrink), Math.round(source.height * shrink));
    small.getContext("2d").drawImage(source, 0, 0, small.width, small.height);
    const blob = await small.convertToBlob({ type: "image/webp", quality: 0.7 });
    model.set("_still", new DataView(await blob.arrayBuffer()));
    model.save_changes();
  }
  return {
    keep(paint) {
      clearTimeout(timer);
      if (!model.frozen && !life.closed) timer = setTimeout(take, STILL_AFTER_MS, paint);
    },
    show() {
      const bytes = model.get("_still");
      if (!bytes?.byteLength) return;
      URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(new Blob([bytes], { type: "image/webp" }));
      image.hidden = false;
      body.hidden = true;
    },
    hide() {
      image.hidden = true;
      body.hidden = false;
    },
  };
}

function frame(model, host, name) {
  const link = bridge(model);
  const life = lifetime();
  life.onClose(link.close);
  const controls = el("div", { class: "gv-controls", role: "toolbar", "aria-label": name });
  const body = el("div", { class: "gv-body" });
  const alert = el("div", { class: "gv-alert", role: "alert", hidden: true });
  const bar = el("div", { class: "gv-progress", hidden: true }, el("progress", { max: 1 }), el("span"));
  const stop = button("Stop", () => {}, { class: "gv-button gv-stop" });
  bar.append(stop);
  const status = el("span", { class: "gv-status", "aria-live": "polite" });
  const where = link.frozen ? "A page without a kernel, made with genviz." : model.get("_footer");
  const footer = el("div", { class: "gv-footer" }, status, el("span", { class: "gv-where" }, where));
  // JupyterLab's own keys ("a" inserts a cell) stay out of a view by Lumino's attribute.
  const root = el("section", { class: "gv-view", "aria-label": name, tabindex: "-1",
    "data-lm-suppress-shortcuts": "true" }, controls, alert, body, bar, footer);
  host.append(root);
  const still = stillPicture(model, name, body, life);

  // An error stays until the reader does something; what a view asks by itself must not wipe it away.
  for (const deed of ["pointerdown", "keydown"]) root.addEventListener(deed, () => (alert.hidden = true), true);

  const say = (text) => (status.textContent = text);
  const fail = (error) => {
    if (error instanceof Cancelled) return;
    alert.textContent = error.message;
    alert.hidden = false;
  };
  let started = false;
  let running = 0;
  link.onStatus((word) => {
    if (word) say(SILENT);
    else if (status.textContent === SILENT) say("");
    if (word && !started) still.show();
  });
  // Ask, and show errors in the view; null when there is no answer to use.
  async function ask(what, asked, { lane = null, slow = false } = {}) {
    if (alert.dataset.of === what) alert.hidden = true;
    const progress = (share, word) => {
      bar.hidden = false;
      bar.querySelector("progress").value = share;
      bar.querySelector("span").textContent = word;
      stop.onclick = () => link.cancel(lane);
    };
    running += slow;
    try {
      const answer = await link.ask(what, asked, { lane, progress: slow ? progress : null });
      started = true;
      still.hide();
      return answer;
    } catch (error) {
      fail(error);
      alert.dataset.of = what;
      return null;
    } finally {
      running -= slow;
      if (!running) bar.hidden = true;
    }
  }

  return {
    root, controls, body, link, ask, say, fail,
    keepStill: still.keep,
    onClose: life.onClose,
    onResize: life.onResize,
    onTheme: themeWatch(life),
    // Python changed a trait, or another view of the same model did.
    onTrait(name, listen) {
      const call = () => listen(model.get(name));
      model.on(`change:${name}`, call);
      life.onClose(() => model.off(`change:${name}`, call));
    },
    setTrait(name, value) {
      model.set(name, value);
      model.save_changes();
    },
    close: life.close,
  };
}
