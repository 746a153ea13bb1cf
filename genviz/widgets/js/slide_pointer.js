// Hands on a panel: drag to move, wheel to zoom, double click to see all, keys, and the lasso.

const STEP_PX = 60;
const ZOOM_STEP = 1.25;

// scene: {camera, width, height, section, xy, tool, lasso}; act: {look, fit, hover, lassoDone, redraw, hint} and what
// keys do (slide_keys.js).
function handle(panel, scene, act) {
  const { canvas } = panel;
  let from = null;

  const onSlide = (event) => toSlide(scene.camera, scene.width, scene.height, ...placeOn(canvas, event));

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !scene.section) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    from = placeOn(canvas, event);
    act.hover(panel, -1);
    if (scene.tool === "lasso") scene.lasso = [onSlide(event)];
    canvas.classList.add("gv-slide-held");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!scene.section) return;
    const at = placeOn(canvas, event);
    if (!from) {
      const [x, y] = onSlide(event);
      act.hover(panel, spotAt(scene.xy, scene.section.diameter / 2 + 2 / scene.camera.scale, x, y), event);
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
  wheelZoom(canvas, act.hint, (factor, x, y) =>
    act.look(zoomed(scene.camera, factor, x - scene.width / 2, y - scene.height / 2)));
  canvas.addEventListener("keydown", (event) => {
    const cancel = () => {
      from = null;
      scene.lasso = [];
      act.redraw();
    };
    if (!scene.section || !slideKey(event, panel, scene, act, cancel)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}
