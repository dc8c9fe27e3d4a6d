// Movie: the stored frames of one run, where their images are, and what became of their cells.

const LAYERS = ["prediction", "gold", "silver"];

class Movie {
  constructor({ link, name, note }) {
    Object.assign(this, { link, name, note, place: new Map(), marks: {}, scores: {}, rows: new Map(), minutes: null });
  }

  async open() {
    if (!this.link) return;
    const found = await this.json("manifest");
    if (!found) return void (this.note = "The stored frames of this run can't be reached.");
    Object.assign(this, { marks: found.marks, scores: found.scores, minutes: found.minutes });
    found.frames.forEach((number, n) => this.place.set(number, n));
  }

  /** Rows of the scored objects, by frame, side and id. */
  async judge(reference) {
    this.rows = new Map();
    this.reference = reference;
    const found = this.link && reference && await this.json(`objects/${reference}`);
    if (!found || this.reference !== reference) return;
    const { frame = [], side, ...columns } = found;
    for (let n = 0; n < frame.length; n++) {
      const row = { side: side[n] };
      for (const name in columns) row[name] = columns[name][n];
      if (!this.rows.has(frame[n])) this.rows.set(frame[n], { truth: new Map(), prediction: new Map() });
      this.rows.get(frame[n])[row.side].set(row[row.side], row);
    }
  }

  async json(path) {
    const answer = await fetch(`/stored/${this.link}/${path}`).catch(() => null);
    return answer?.ok && answer.headers.get("content-type")?.includes("json") ? answer.json() : null;
  }

  mark(kind, number) {
    return this.marks[kind]?.[this.place.get(number)];
  }

  score(number) {
    return this.scores[this.reference]?.[this.place.get(number)];
  }

  row(layer, number, id) {
    if (layer !== "prediction" && layer !== this.reference) return undefined;
    return this.rows.get(number)?.[layer === "prediction" ? "prediction" : "truth"].get(id);
  }

  /** The planes of a frame: equal images of several runs have one key and are fetched once. */
  planes(number, layers) {
    const kinds = ["image", ...LAYERS.filter((layer) => layers.has(layer))];
    return kinds.filter((kind) => this.mark(kind, number)).map((kind) => {
      return { kind, key: `${kind === "image"}-${this.mark(kind, number)}`, frame: `/stored/${this.link}/${number}` };
    });
  }
}
