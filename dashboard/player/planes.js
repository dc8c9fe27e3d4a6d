// Planes: images and outlines of frames, fetched in order of urgency and kept within a budget.

const IN_FLIGHT = 4, BUDGET = 256e6, RETRY = 5000;

class Planes {
  /** changed(): a plane came; expired(): the server no longer accepts the links. */
  constructor(changed, expired) {
    Object.assign(this, { changed, expired, kept: new Map(), failed: new Map(), busy: new Set(), queue: [], bytes: 0 });
    Object.assign(this, { fetching: 0, over: new AbortController() });
    const source = URL.createObjectURL(new Blob([LABELS], { type: "text/javascript" }));
    const count = Math.max(1, Math.min(3, (navigator.hardwareConcurrency || 2) - 1));
    this.workers = Array.from({ length: count }, () => new Worker(source));
    URL.revokeObjectURL(source);
    this.waiting = new Map();
    for (const worker of this.workers) {
      worker.onmessage = ({ data: { key, objects, error } }) => {
        const { done, fail } = this.waiting.get(key);
        this.waiting.delete(key);
        if (error) fail(new Error(error)); else done(objects);
      };
    }
  }

  get(key) {
    const plane = this.kept.get(key);
    if (plane) this.kept.delete(key), this.kept.set(key, plane);  // used last
    return plane;
  }

  /** Whether nothing more will come of it for now. */
  settled(key) {
    return this.kept.has(key) || this.failed.has(key);
  }

  /**
   * What is to be had next, the most urgent first: [{key, frame, kind}]; what is on its way already is let come. What
   * one run has of one frame is fetched together.
   */
  want(list) {
    this.wanted = new Set(list.map(({ key }) => key));
    for (const key of this.wanted) if (this.kept.has(key)) this.get(key);
    const now = Date.now();
    for (const [key, time] of this.failed) if (now - time > RETRY) this.failed.delete(key);
    const open = list.filter(({ key }) => !this.settled(key) && !this.busy.has(key)), frames = new Map();
    for (const { frame } of open) frames.set(frame, []);
    for (const plane of open) frames.get(plane.frame).push(plane);
    this.queue = [...frames.values()];
    this.next();
  }

  next() {
    while (this.queue.length && this.fetching < IN_FLIGHT) this.load(this.queue.shift());
  }

  async load(planes) {
    this.fetching += 1;
    for (const { key } of planes) this.busy.add(key);
    const answer = await fetch(`${planes[0].frame}/${planes.map(({ kind }) => kind).join("+")}`, { signal: this.over.signal })
      .catch(() => null);
    if (answer?.status === 403) this.expired();
    const parts = answer?.ok ? split(await answer.arrayBuffer().catch(() => new ArrayBuffer(0))) : [];
    await Promise.all(planes.map(({ key, kind }, n) => this.decode(key, kind, parts[n])));
    this.fetching -= 1;
    if (!this.closed) this.changed(), this.next();
  }

  async decode(key, kind, part) {
    try {
      if (!part?.byteLength) throw new Error("it can't be read");
      const plane = kind === "image" ? await bitmap(part) : await this.outlines(key, part);
      if (this.closed) return void plane.bitmap?.close();
      this.keep(key, plane);
    } catch {
      if (!this.closed) this.failed.set(key, Date.now()), setTimeout(this.changed, RETRY + 50);
    } finally {
      this.busy.delete(key);
    }
  }

  outlines(key, buffer) {
    return new Promise((done, fail) => {
      this.waiting.set(key, { done, fail });
      const worker = this.workers[this.waiting.size % this.workers.length];
      worker.postMessage({ key, buffer }, [buffer]);
    }).then((objects) => {
      const points = objects.reduce((sum, { loops }) => sum + loops.length, 0);
      return { objects, bytes: 20000 + 24 * points };  // drawn paths take several times the numbers
    });
  }

  keep(key, plane) {
    this.kept.set(key, plane);
    this.bytes += plane.bytes;
    for (const [old, { bytes, bitmap }] of this.kept) {
      if (this.bytes <= BUDGET) break;
      if (this.wanted.has(old) || old === key) continue;
      bitmap?.close();
      this.kept.delete(old);
      this.bytes -= bytes;
    }
  }

  close() {
    this.closed = true;
    this.queue = [];
    this.over.abort();
    for (const worker of this.workers) worker.terminate();
    for (const { bitmap } of this.kept.values()) bitmap?.close();
    this.kept.clear();
  }
}

/** The parts of an answer: before each its length. */
function split(buffer) {
  const view = new DataView(buffer), parts = [];
  for (let at = 0; at < buffer.byteLength;) {
    const length = view.getUint32(at, true);
    parts.push(buffer.slice(at + 4, at += 4 + length));
  }
  return parts;
}

async function bitmap(content) {
  const found = await createImageBitmap(new Blob([content]));
  return { bitmap: found, bytes: 4 * found.width * found.height };
}
