// Runs in workers: a PNG of labels in, the outlines of its objects out. Browsers decode PNG to 8 bits and may alter
// pixels that are read back, so labels are read here, exactly: 8 or 16 bit grey, or four bytes of an id as RGBA.

/** Labels of a PNG. @returns {width, height, ids: Uint8Array | Uint16Array | Uint32Array, row by row} */
async function readLabels(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer), parts = [];
  let width = 0, height = 0, size = 0;
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at), kind = view.getUint32(at + 4), start = at + 8;
    if (kind === 0x49484452) {  // IHDR
      [width, height] = [view.getUint32(start), view.getUint32(start + 4)];
      const depth = bytes[start + 8], colour = bytes[start + 9];
      size = { "8,0": 1, "16,0": 2, "8,6": 4 }[[depth, colour]];
      if (!size || bytes[start + 12]) throw new Error("labels are no grey or RGBA PNG");
    } else if (kind === 0x49444154) parts.push(bytes.subarray(start, start + length));  // IDAT
    at = start + length + 4;
  }
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = new Uint8Array(await new Response(stream).arrayBuffer());
  const pixels = unfilter(lines, width * size, height, size);
  if (size === 1) return { width, height, ids: pixels };
  const ids = size === 2 ? new Uint16Array(width * height) : new Uint32Array(width * height);
  for (let n = 0, p = 0; n < ids.length; n++, p += size) {
    ids[n] = size === 2 ? pixels[p] << 8 | pixels[p + 1]  // PNG is big-endian, the bytes of RGBA ids little-endian
      : (pixels[p] | pixels[p + 1] << 8 | pixels[p + 2] << 16 | pixels[p + 3] << 24) >>> 0;
  }
  return { width, height, ids };
}

/** Undo PNG's filters: each line begins with the number of its own. Source: PNG specification, section 9. */
function unfilter(lines, stride, height, size) {
  const out = new Uint8Array(stride * height);
  for (let y = 0, from = 0, to = 0; y < height; y++, from += stride, to += stride) {
    const filter = lines[from++], begin = to + size, end = to + stride, skip = from - to;
    if (filter === 0) out.set(lines.subarray(from, from + stride), to);
    else if (filter === 1) {
      for (let n = to; n < end; n++) out[n] = lines[n + skip] + (n < begin ? 0 : out[n - size]);
    } else if (filter === 2) {
      for (let n = to; n < end; n++) out[n] = lines[n + skip] + (y ? out[n - stride] : 0);
    } else if (filter === 3) {
      for (let n = to; n < end; n++) {
        out[n] = lines[n + skip] + (((n < begin ? 0 : out[n - size]) + (y ? out[n - stride] : 0)) >> 1);
      }
    } else {
      for (let n = to; n < end; n++) {
        const a = n < begin ? 0 : out[n - size], b = y ? out[n - stride] : 0;
        const c = n < begin || !y ? 0 : out[n - stride - size];
        const pa = Math.abs(b - c), pb = Math.abs(a - c), pc = Math.abs(a + b - c - c);
        out[n] = lines[n + skip] + (pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
      }
    }
  }
  return out;
}

/**
 * Outlines along the edges of pixels. Each left edge of an object belongs to one closed loop, walked with the object on
 * the right; pixels that touch at a corner alone are apart, as they are for scoring.
 * @returns [{id, box: [left, top, right, bottom], loops: Int16Array of x, y ..., with -1, -1 after each loop}]
 */
function trace({ width, height, ids }) {
  const seen = new Uint8Array(width * height), found = new Map();
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, left = 0; x < width; x++, at++) {
      const own = ids[at];
      if (own === left) continue;
      left = own;
      if (!own || seen[at]) continue;
      if (!found.has(own)) found.set(own, { id: own, box: [x, y, x, y], points: [] });
      walk(found.get(own), x, y);
    }
  }

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
  self.onmessage = async ({ data: { key, buffer } }) => {
    try {
      const objects = trace(await readLabels(buffer));
      self.postMessage({ key, objects }, objects.map(({ loops }) => loops.buffer));
    } catch (error) {
      self.postMessage({ key, error: String(error) });
    }
  };
}
