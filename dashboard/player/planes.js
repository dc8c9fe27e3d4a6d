// Planes: images and outlines of frames, fetched in order of urgency and kept within a budget.

const IN_FLIGHT = 6, BUDGET = 256e6, RETRY = 5000;

class Planes {
  /** changed(): a plane came; expired(): the server no longer accepts the links. */
  constructor(changed, expired) {
    Object.assign(this, { changed, expired, kept: new Map(), failed: new Map(), busy: new Map(), queue: [], bytes: 0 });
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

  /** What is to be had next, the most urgent first: [{key, url, labels}]; what is on its way already is let come. */
  want(list) {
    this.wanted = new Set(list.map(({ key }) => key));
    for (const key of this.wanted) if (this.kept.has(key)) this.get(key);
    const now = Date.now();
    for (const [key, time] of this.failed) if (now - time > RETRY) this.failed.delete(key);
    this.queue = list.filter(({ key }) => !this.settled(key) && !this.busy.has(key));
    this.next();
  }

  next() {
    while (this.queue.length && this.busy.size < IN_FLIGHT) this.load(this.queue.shift());
  }

  async load({ key, url, labels }) {
    const control = new AbortController();
    this.busy.set(key, control);
    try {
      const answer = await fetch(url, { signal: control.signal });
      if (answer.status === 403) this.expired();
      if (!answer.ok) throw new Error(`${answer.status}`);
      const plane = labels ? await this.outlines(key, await answer.arrayBuffer()) : await bitmap(await answer.blob());
      if (this.closed) return void plane.bitmap?.close();
      this.keep(key, plane);
    } catch (error) {
      if (!this.closed) this.failed.set(key, Date.now()), setTimeout(this.changed, RETRY + 50);
    } finally {
      this.busy.delete(key);
    }
    if (this.closed) return;
    this.changed();
    this.next();
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
    for (const control of this.busy.values()) control.abort();
    for (const worker of this.workers) worker.terminate();
    for (const { bitmap } of this.kept.values()) bitmap?.close();
    this.kept.clear();
  }
}

async function bitmap(blob) {
  const found = await createImageBitmap(blob);
  return { bitmap: found, bytes: 4 * found.width * found.height };
}
