// Keys on a panel: to move and zoom, and, spot by spot, to see values and to draw regions without a pointer.

const SLIDE_KEYS = "Arrow keys move, plus and minus zoom, 0 shows all, L draws with the pointer. S goes spot by spot: arrow " +
  "keys step, Enter shows the values, Space puts the spot into the region or takes it out, Escape ends.";
const TOOL_HINTS = {
  pan: "",
  lasso: "Draw around spots. Shift adds to the region, Alt takes out, Esc gives up.",
  spots: "Arrow keys go from spot to spot, Enter shows the values, Space puts the spot into the region or takes it out, Esc ends.",
};

// What a key does; false when it is not ours.
function slideKey(event, panel, scene, act, cancel) {
  const { camera } = scene;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "z") return false;
    if (event.shiftKey) act.redo();
    else act.undo();
    return true;
  }
  const spots = scene.tool === "spots";
  const arrow = ARROWS[event.key];
  if (arrow) {
    if (spots) act.step(panel, arrow);
    else act.look(moved(camera, -arrow[0] * STEP_PX, -arrow[1] * STEP_PX));
    return true;
  }
  const toggle = (tool) => act.tool(scene.tool === tool ? "pan" : tool);
  const keys = {
    "+": () => act.look(zoomed(camera, ZOOM_STEP)),
    "=": () => act.look(zoomed(camera, ZOOM_STEP)),
    "-": () => act.look(zoomed(camera, 1 / ZOOM_STEP)),
    0: act.fit,
    f: act.fit,
    l: () => toggle("lasso"),
    s: () => toggle("spots"),
    Escape: spots ? () => act.tool("pan") : cancel,
    ...(spots ? { Enter: () => act.tell(panel), " ": act.put } : {}),
  };
  keys[event.key]?.();
  return event.key in keys;
}

// The next spot in a direction; it is brought into sight and said.
function stepSpot(view, panel, arrow) {
  const { scene } = view;
  const { camera, width, height, xy } = scene;
  const spot = (scene.cursor = spotBeside(xy, scene.cursor, arrow, [camera.x, camera.y]));
  if (spot < 0) return;
  const [x, y] = toPanel(camera, width, height, xy[2 * spot], xy[2 * spot + 1]);
  if (x < 0 || y < 0 || x > width || y > height) look(view, { ...camera, x: xy[2 * spot], y: xy[2 * spot + 1] });
  else redraw(view);
  view.f.say([scene.section.names[spot], ...tipLines(view, spot).map(([label, value]) => `${label} ${value}`)].join(", "));
  if (!view.tip.node.hidden) showCard(view, panel, spot);
}

function showCard(view, { canvas }, spot) {
  const { camera, width, height, xy, section } = view.scene;
  const [place, room] = [canvas.getBoundingClientRect(), view.f.body.getBoundingClientRect()];
  const [x, y] = toPanel(camera, width, height, xy[2 * spot], xy[2 * spot + 1]);
  view.tip.show(section.names[spot], tipLines(view, spot), place.left - room.left + x, place.top - room.top + y);
}

function tellSpot(view, panel) {
  const { cursor } = view.scene;
  if (cursor < 0) return;
  if (view.tip.node.hidden) showCard(view, panel, cursor);
  else view.tip.hide();
}

// Into the region that is named, or out of it.
async function putSpot(view) {
  const { scene, store, bar } = view;
  const { cursor } = scene;
  if (cursor < 0) return;
  const category = bar.name();
  const { categories, codes } = store.now;
  const mode = categories[codes[cursor]]?.name === category ? "remove" : "add";
  if (await store.act("select", { rows: [cursor], category, mode }))
    view.f.say(`${category} ${mode === "add" ? "got" : "lost"} ${scene.section.names[cursor]}.`);
}
