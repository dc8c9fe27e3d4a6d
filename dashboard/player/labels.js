// Runs in workers: labels of a frame in, the outlines of its objects out. Labels come as runs: height, width, then length
// and id of each run, row after row, as numbers of 32 bit.

let ids = new Uint32Array(0), seen = new Uint8Array(0);  // empty between two frames: zeros are not written anew

/**
 * Outlines along the edges of pixels. Each left edge of an object belongs to one closed loop, walked with the object on
 * the right; pixels that touch at a corner alone are apart, as they are for scoring.
 * @returns [{id, box: [left, top, right, bottom], loops: Int16Array of x, y ..., with -1, -1 after each loop}]
 */
function trace(buffer) {
  const runs = new Uint32Array(buffer), [height, width] = runs, found = new Map(), edges = [];
  if (ids.length !== width * height) ids = new Uint32Array(width * height), seen = new Uint8Array(width * height);
  for (let n = 2, at = 0; n < runs.length; n += 2) {
    const own = runs[n + 1], end = at + runs[n];
    if (own) {
      ids.fill(own, at, end);
      // A run may go on in the next rows.
      for (let edge = at; edge < end; edge += width - edge % width) edges.push(edge);
    }
    at = end;
  }
  for (const edge of edges) {
    const own = ids[edge], x = edge % width, y = (edge - x) / width;
    if (seen[edge]) continue;
    if (!found.has(own)) found.set(own, { id: own, box: [x, y, x, y], points: [] });
    walk(found.get(own), x, y);
  }
  for (const edge of edges) seen[edge] = 0;
  for (let n = 2, at = 0; n < runs.length; at += runs[n], n += 2) if (runs[n + 1]) ids.fill(0, at, at + runs[n]);

  function is(own, x, y) {
    return x >= 0 && y >= 0 && x < width && y < height && ids[y * width + x] === own;
  }

  // Up along the left edge of pixel (x, y) and on, until the loop closes; dx, dy is the way.
  function walk({ id, box, points }, startX, startY) {
    let x = startX, y = startY + 1, dx = 0, dy = -1, turn = 0;
    do {
      if (dy < 0) seen[(y - 1) * width + x] = 1;
      x += dx;
      y += dy;
      if (!is(id, x + (dx - dy - 1) / 2, y + (dx + dy - 1) / 2)) turn = 1;  // nothing ahead on the right
      else turn = is(id, x + (dx + dy - 1) / 2, y + (dy - dx - 1) / 2) ? -1 : 0;  // ahead on the left, too
      if (!turn) continue;
      points.push(x, y);
      if (x < box[0]) box[0] = x; else if (x > box[2]) box[2] = x;
      if (y < box[1]) box[1] = y; else if (y > box[3]) box[3] = y;
      const old = dx;
      dx = -turn * dy;
      dy = turn * old;
    } while (x !== startX || y !== startY + 1 || dx || dy !== -1);
    points.push(-1, -1);
  }
  return [...found.values()].map(({ id, box, points }) => ({ id, box, loops: Int16Array.from(points) }));
}

if (typeof self !== "undefined") {
  self.onmessage = ({ data: { key, buffer } }) => {
    try {
      const objects = trace(buffer);
      self.postMessage({ key, objects }, objects.map(({ loops }) => loops.buffer));
    } catch (error) {
      self.postMessage({ key, error: String(error) });
    }
  };
}
