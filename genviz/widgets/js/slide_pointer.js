// Hands on a panel: drag to move, wheel to zoom, double click to see all, keys, and the lasso.

const STEP_PX = 60;
const ZOOM_STEP = 1.25;

// scene: {camera, width, height, section, xy, tool, lasso}; act: {look, fit, hover, lassoDone, undo, redo, tool, hint}
function handle(panel, scene, act) {
  const { canvas } = panel;
  let from = null;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const onSlide = (event) => toSlide(scene.camera, scene.width, scene.height, ...place(event));

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !scene.section) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    from = place(event);
    act.hover(panel, -1);
    if (scene.tool === "lasso") scene.lasso = [onSlide(event)];
    canvas.classList.add("gv-slide-held");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!scene.section) return;
    const at = place(event);
    if (!from) {
      const [x, y] = onSlide(event);
      act.hover(panel, spotAt(scene.xy, scene.section.diameter, x, y, 2 / scene.camera.scale), event);
    } else if (scene.tool === "lasso") {
      for (const one of event.getCoalescedEvents?.() ?? [event]) scene.lasso.push(onSlide(one));
      if (!event.getCoalescedEvents?.().length) scene.lasso.push(onSlide(event));
      act.redraw();
    } else {
      act.look(moved(scene.camera, at[0] - from[0], at[1] - from[1]));
      from = at;
    }
  });
  const release = (event, keep) => {
    if (!from) return;
    from = null;
    canvas.classList.remove("gv-slide-held");
    if (scene.tool !== "lasso") return;
    const polygon = scene.lasso;
    scene.lasso = [];
    act.redraw();
    if (keep && polygon.length > 2) act.lassoDone(polygon, event);
  };
  canvas.addEventListener("pointerup", (event) => release(event, true));
  canvas.addEventListener("pointercancel", (event) => release(event, false));
  canvas.addEventListener("pointerleave", () => from || act.hover(panel, -1));
  canvas.addEventListener("dblclick", () => scene.tool === "lasso" || act.fit());
  canvas.addEventListener("wheel", (event) => {
    // The page scrolls under the pointer until the picture has been clicked.
    if (document.activeElement !== canvas && canvas.getRootNode().activeElement !== canvas && !event.ctrlKey)
      return act.hint("Click a picture, or hold Ctrl, to zoom with the wheel.");
    event.preventDefault();
    const [x, y] = place(event);
    const lines = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    act.look(zoomed(scene.camera, Math.exp(-lines * 0.0022), x - scene.width / 2, y - scene.height / 2));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const cancel = () => {
      from = null;
      scene.lasso = [];
      act.redraw();
    };
    if (!scene.section || !slideKey(event, scene, act, cancel)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// What a key does; false when it is not ours.
function slideKey(event, scene, act, cancel) {
  const { camera } = scene;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "z") return false;
    if (event.shiftKey) act.redo();
    else act.undo();
    return true;
  }
  const keys = {
    ArrowLeft: () => act.look(moved(camera, STEP_PX, 0)),
    ArrowRight: () => act.look(moved(camera, -STEP_PX, 0)),
    ArrowUp: () => act.look(moved(camera, 0, STEP_PX)),
    ArrowDown: () => act.look(moved(camera, 0, -STEP_PX)),
    "+": () => act.look(zoomed(camera, ZOOM_STEP)),
    "=": () => act.look(zoomed(camera, ZOOM_STEP)),
    "-": () => act.look(zoomed(camera, 1 / ZOOM_STEP)),
    0: act.fit,
    f: act.fit,
    l: () => act.tool(scene.tool !== "lasso"),
    Escape: cancel,
  };
  keys[event.key]?.();
  return event.key in keys;
}
