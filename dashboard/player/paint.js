// Painting: a frame with its outlines on a canvas, in the colours that the rest of cytolapse uses for them.

const KINDS = {
  matched: "#56b4e9", missed: "#f0e442", spurious: "#e6550d", merged: "#cc79a7", merging: "#cc79a7",
  split: "#009e73", fragment: "#009e73", unjudged: "#cdcdcd",
};
const OF_LAYER = { prediction: "#ffaa1e", gold: "#00c896", silver: "#a8c7fa" };
const UNSCORED = "#cdcdcd", TINT = 0.3, FILL = 0.75;

/** One colour per track; neighbouring numbers look different. */
function ofTrack(id) {
  return `hsl(${(id * 137.508) % 360} 85% ${id % 2 ? 68 : 56}%)`;
}

/** Colour of an object and whether it is an error. */
function looks(movie, layer, number, id, colour) {
  const row = movie.row(layer, number, id);
  const wrong = colour === "errors" && row && row.kind !== "matched" && row.kind !== "unjudged";
  if (colour === "tracks") return { colour: ofTrack((layer !== "prediction" && row?.track) || id) };
  if (colour === "layers" || (layer !== "prediction" && layer !== movie.reference)) return { colour: OF_LAYER[layer] };
  return { colour: row ? KINDS[row.kind] : UNSCORED, wrong };
}

/** View: zoom (1 = the whole frame fits) and the point of the frame (x, y) in the middle of the canvas. */
function scaleOf(view, canvas, size) {
  return Math.min(canvas.width / size.width, canvas.height / size.height) * view.zoom;
}

/** Keep the frame in sight. */
function settle(view, canvas, size) {
  const scale = scaleOf(view, canvas, size);
  for (const [axis, length, room] of [["x", size.width, canvas.width], ["y", size.height, canvas.height]]) {
    const half = room / scale / 2;
    view[axis] = half * 2 >= length ? length / 2 : Math.min(Math.max(view[axis], half), length - half);
  }
}

function path(object) {
  if (object.path) return object.path;
  const made = object.path = new Path2D(), { loops } = object;
  for (let n = 0, open = false; n < loops.length; n += 2) {
    if (loops[n] < 0) made.closePath(), open = false;
    else if (open) made.lineTo(loops[n], loops[n + 1]);
    else made.moveTo(loops[n], loops[n + 1]), open = true;
  }
  return made;
}

/**
 * Paint what is there of a frame. layers: [{layer, objects}], the lowest first.
 * look: {opacity, filled, colour}; ratio: pixels of the canvas per pixel of the screen.
 */
function paint(canvas, { bitmap, layers, movie, number }, view, look, ratio) {
  const context = canvas.getContext("2d", { alpha: false });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#14181d";
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (!bitmap) return;
  const scale = scaleOf(view, canvas, bitmap);
  const left = canvas.width / 2 - view.x * scale, top = canvas.height / 2 - view.y * scale;
  context.setTransform(scale, 0, 0, scale, left, top);
  context.imageSmoothingEnabled = scale < 3;  // close up, pixels are shown as they are
  context.drawImage(bitmap, 0, 0);
  const seen = [-left / scale, -top / scale, (canvas.width - left) / scale, (canvas.height - top) / scale];
  // Filled is the prediction, or else the truth; its outlines lie above, apart from it by a dark edge.
  const filled = layers.at(-1)?.layer === "prediction" ? (layer) => layer === "prediction" : () => true;
  const visible = layers.flatMap(({ layer, objects }) => objects.filter(({ box: [x0, y0, x1, y1] }) => (
    x1 >= seen[0] && y1 >= seen[1] && x0 <= seen[2] && y0 <= seen[3]
  )).map((object) => ({ object, layer, ...looks(movie, layer, number, object.id, look.colour) })));
  for (const { object, layer, colour, wrong } of visible) {
    context.globalAlpha = look.opacity * (look.filled && filled(layer) ? FILL : wrong && !look.filled ? TINT : 0);
    context.fillStyle = colour;
    if (context.globalAlpha) context.fill(path(object), "evenodd");
  }
  const unit = ratio / scale, lines = look.filled ? visible.filter(({ layer }) => !filled(layer)) : visible;
  context.lineJoin = "round";
  context.globalAlpha = look.opacity;
  for (const { object, layer, colour } of lines) {
    context.setLineDash([]);
    if (look.filled) outline(context, object, "#14181d", 3.5 * unit);
    if (layer !== "prediction") context.setLineDash([5 * unit, 4 * unit]);
    outline(context, object, colour, 1.75 * unit);
  }
  context.globalAlpha = 1;
}

function outline(context, object, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path(object));
}

/** The topmost object at a point of the frame. */
function objectAt(canvas, layers, x, y) {
  const context = canvas.getContext("2d");
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  try {
    for (const { layer, objects } of [...layers].reverse()) {
      const hit = objects.find((object) => {
        const [x0, y0, x1, y1] = object.box;
        return x >= x0 && x <= x1 && y >= y0 && y <= y1 && context.isPointInPath(path(object), x, y, "evenodd");
      });
      if (hit) return { layer, id: hit.id };
    }
  } finally {
    context.restore();
  }
  return null;
}
