// One picture of the section: a header with title and colours, and a canvas.

function slidePanel(name) {
  const title = el("span", { class: "gv-slide-title" });
  const legend = el("span", { class: "gv-slide-legend" });
  const canvas = el("canvas", { class: "gv-slide-canvas", tabindex: "0", role: "application" });
  const node = el("div", { class: "gv-slide-panel", "data-panel": name },
    el("div", { class: "gv-slide-head" }, title, legend), canvas);
  const layer = { canvas: el("canvas"), picture: null, camera: null, raster: null };
  const panel = {
    name, node, canvas, layer, words: null,
    describe(text, hint, legendNode) {
      title.textContent = text;
      title.title = hint;
      legend.replaceChildren(legendNode);
      canvas.setAttribute("aria-label", `${text}. ${SLIDE_KEYS}`);
    },
    paint(raster, rings) {
      if (panel.words) paintSpots(raster, layer, panel.words, rings);
    },
    draw(scene) {
      const { camera, width, height, opacity, section, ground, hover, lasso } = scene;
      const pen = fitted(canvas, width, height);
      pen.drawImage(ground, 0, 0, width, height);
      if (panel.words) {
        pen.globalAlpha = opacity;
        placeSpots(pen, layer, camera, width, height);
        pen.globalAlpha = 1;
      }
      if (section) {
        for (const spot of [hover, scene.cursor]) if (spot >= 0) ringSpot(pen, scene, spot);
        drawLasso(pen, lasso.map(([x, y]) => toPanel(camera, width, height, x, y)));
        if (section.mpp) drawScaleBar(pen, camera.scale / section.mpp, width, height);
        else drawScaleBar(pen, camera.scale, width, height, "px of the slide");
        if (scene.synthetic) drawMark(pen, width, height);
      }
    },
  };
  return panel;
}

function ringSpot(pen, { camera, width, height, section, xy }, i) {
  const [x, y] = toPanel(camera, width, height, xy[2 * i], xy[2 * i + 1]);
  drawRing(pen, x, y, Math.max(3, (section.diameter / 2) * camera.scale) + 1.5);
}

// Pictures of tissue that a program drew say so, wherever they go.
function drawMark(pen, width, height) {
  pen.font = "600 11px system-ui, sans-serif";
  const wide = pen.measureText("synthetic").width + 12;
  pen.fillStyle = "rgba(255,255,255,.86)";
  pen.beginPath();
  pen.roundRect(width - wide - 8, height - 26, wide, 18, 4);
  pen.fill();
  pen.fillStyle = "#8a3b00";
  pen.fillText("synthetic", width - wide - 2, height - 13);
}

// How many panels lie in a row, and how large each is.
function panelGrid(n, width, [left, top, right, bottom]) {
  const columns = n <= 1 ? 1 : n === 2 || (n === 4 && width < 1300) ? 2 : n === 4 ? 4 : Math.min(n, width < 760 ? 2 : 3);
  const gap = 10;
  const each = Math.max(120, Math.floor((width - gap * (columns - 1)) / columns));
  const aspect = (bottom - top) / Math.max(1, right - left);
  const most = n <= columns ? 560 : 400;
  return { columns, width: each, height: Math.round(Math.max(200, Math.min(most, each * aspect))) };
}
