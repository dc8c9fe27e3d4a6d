// Showing: what of the player's state is on the screen, and what is fetched for it.

const AHEAD = { playing: 16, still: 8 }, BEHIND = 3;

Object.assign(Player.prototype, {
  /** Paint soon, once for all calls until then; `again` also where the frame stays the same. */
  refresh(again = false) {
    this.again = this.again || again;
    if (this.queued || this.closed) return;
    this.queued = requestAnimationFrame(() => {
      this.queued = 0;
      if (!this.closed && this.frames.length) this.show();
    });
  },

  show() {
    this.fetchAround();
    const at = this.newest();
    if (at !== undefined && (at !== this.shown || this.again || this.here(at) !== this.painted)) this.paintFrame(at);
    if (this.again) dress(this);
    if (this.again || this.at !== this.pointed) this.point();
    this.again = false;
  },

  /** The time line says where we are going, also where the frame is still on its way. */
  point() {
    const { strip, at } = this, number = this.frames[at];
    strip.point(at, getComputedStyle(this.root).getPropertyValue("--st-primary-color") || "#0b6e8f");
    for (const [name, value] of [["max", this.frames.length - 1], ["now", at], ["text", `frame ${number}`]]) {
      strip.canvas.setAttribute(`aria-value${name}`, value);
    }
    this.read(number);
    this.pointed = at;
  },

  /** The frame asked for last, else the last one before it that is there, so that fast scrubbing shows something. */
  newest() {
    for (let n = this.asked.length - 1; n >= 0; n--) {
      const at = this.asked[n];
      if (this.ready(this.frames[at])) return at;
      if (at === this.shown) return at;
    }
    return this.asked.at(-1) === undefined ? undefined : this.shown;
  },

  ready(number) {
    return this.panels.every(({ movie }) => movie.planes(number, this.layers).every(({ key }) => this.planes.settled(key)));
  },

  /** How many planes of a frame are there. */
  here(at) {
    const planes = this.panels.flatMap(({ movie }) => movie.planes(this.frames[at], this.layers));
    return planes.filter(({ key }) => this.planes.settled(key)).length;
  },

  fetchAround() {
    const ahead = this.playing ? AHEAD.playing : AHEAD.still, places = [this.at];
    for (let n = 1; n <= ahead; n++) {
      places.push(this.at + n * this.way);
      if (n <= BEHIND) places.push(this.at - n * this.way);
    }
    const inside = this.playing ? places.map((at) => (at + this.frames.length) % this.frames.length) : places;
    const list = new Map();
    for (const number of inside.map((at) => this.frames[at])) {
      for (const { movie } of number === undefined ? [] : this.panels) {
        for (const plane of movie.planes(number, this.layers)) if (!list.has(plane.key)) list.set(plane.key, plane);
      }
    }
    this.planes.want([...list.values()]);
  },

  paintFrame(at) {
    const number = this.frames[at];
    for (const panel of this.panels) {
      const { movie, canvas } = panel, planes = movie.planes(number, this.layers);
      const of = ({ key }) => this.planes.get(key);
      const bitmap = planes.filter(({ kind }) => kind === "image").map(of)[0]?.bitmap;
      // Truth below, so that the solid line of the prediction is seen between its dashes.
      const layers = planes.filter(({ kind }) => kind !== "image").reverse()
        .map((plane) => ({ layer: plane.kind, objects: of(plane)?.objects || [] }));
      panel.scene = { bitmap, layers, movie, number };
      if (bitmap) this.frameView(canvas, bitmap);
      paint(canvas, panel.scene, this.view, this.look, ratio());
      this.describe(panel, planes.length);
    }
    this.shown = at;
    this.painted = this.here(at);
    this.opened();
    this.root.dataset.frame = number;
    this.root.dataset.painted = Number(this.root.dataset.painted || 0) + 1;
  },

  /** The page may go on: its tables would hold up the first frame. */
  opened() {
    if (!this.saidSo) this.saidSo = true, this.setStateValue("ready", true);
  },

  resize() {
    this.fit();
    for (const { canvas } of this.panels) {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio()));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio()));
    }
    this.lay();
    this.refresh(true);
  },

  /** No higher than the frames need, and low enough that the controls below are in sight. */
  fit() {
    const size = this.panels.find(({ scene }) => scene?.bitmap)?.scene.bitmap;
    if (!size) return;
    const stage = this.root.querySelector(".stage"), { top, height: now } = stage.getBoundingClientRect();
    const needed = this.panels[0].element.clientWidth * size.height / size.width;
    const room = innerHeight - Math.max(top, 0) - (this.root.offsetHeight - now) - 12;
    stage.style.height = `${Math.round(Math.min(Math.max(300, room), 720, Math.max(300, needed)))}px`;
  },

  frameView(canvas, bitmap) {
    if (!this.fitted) this.fitted = true, setTimeout(() => this.fit());
    if (!this.view.set) Object.assign(this.view, { x: bitmap.width / 2, y: bitmap.height / 2, set: true });
    settle(this.view, canvas, bitmap);
  },

  describe(panel, stored) {
    const { movie, scene: { bitmap, number } } = panel, score = movie.score(number), words = [movie.name];
    if (score) {
      const [cells, found, errors, seg] = score, parts = [`${cells} cells, ${found} predicted`, count(errors)];
      if (seg !== null) parts.push(`SEG ${seg.toFixed(3)}`);
      words.push(parts.join(" · "));
    } else if (movie.reference && bitmap) words.push(`no ${movie.reference} truth in this frame`);
    panel.caption.replaceChildren(...words.map((text) => element("span", "", text)));
    const lost = stored ? "This frame can't be read." : `Frame ${number} is not stored for this run.`;
    panel.note.textContent = bitmap ? "" : movie.note || lost;
    panel.canvas.setAttribute("aria-label", `Frame ${number}, ${words.join(", ")}`);
  },

  read(number) {
    const [readout] = this.root.getElementsByClassName("readout"), minutes = this.panels.map(({ movie }) => movie.minutes);
    const parts = [element("b", "", `Frame ${number}`), ` of ${this.frames[0]}–${this.frames.at(-1)}`];
    if (minutes.some(Boolean)) parts.push(` · ${clock(number * minutes.find(Boolean))}`);
    readout.replaceChildren(...parts);
  },

  /** The time line's words for a frame. */
  told(at) {
    const number = this.frames[at], many = this.panels.length > 1;
    const rows = this.panels.map(({ movie }) => {
      const score = movie.score(number), seg = score && score[3] !== null ? ` · SEG ${score[3].toFixed(3)}` : "";
      return (many ? `${movie.name}: ` : "") + (score ? count(score[2]) + seg : "not scored");
    });
    return [`frame ${number}`, ...rows].join(many ? "\n" : " · ");
  },

  /** What is known of the object at a point of a panel. */
  under({ scene, canvas, movie }, [px, py]) {
    if (!scene?.bitmap) return null;
    const scale = scaleOf(this.view, canvas, scene.bitmap);
    const x = this.view.x + (px - canvas.width / 2) / scale, y = this.view.y + (py - canvas.height / 2) / scale;
    const hit = objectAt(canvas, scene.layers, x, y);
    if (!hit) return null;
    const row = movie.row(hit.layer, scene.number, hit.id), parts = [`${hit.layer} ${hit.id}`];
    if (!row) return `${parts[0]} · not scored`;
    const other = hit.layer === "prediction" ? "truth" : "prediction";
    parts.push(row.kind);
    if (row[other] !== null) parts.push(`IoU ${row.iou.toFixed(2)} with ${other} ${row[other]}`);
    if (row.area) parts.push(`${row.area} px`);
    return parts.join(" · ");
  },

  hint(event, text) {
    const [box] = this.root.getElementsByClassName("hint");
    box.hidden = !text;
    if (!text) return;
    box.textContent = text;
    const { left, top, width } = this.root.getBoundingClientRect();
    const x = event.clientX - left, low = event.clientY - top;
    box.style.left = `${Math.min(x + 14, width - box.offsetWidth)}px`;
    box.style.top = `${low > box.offsetHeight + 14 ? low - box.offsetHeight - 10 : low + 20}px`;
  },

  /** The strip anew: other runs, other truth, another size. */
  lay() {
    if (!this.frames.length) return;
    const movies = this.panels.map(({ movie }) => movie), names = this.root.querySelector(".names");
    names.replaceChildren(...(movies.length > 1 ? movies.map(({ name }) => {
      const row = element("div", "", name);
      row.title = name;
      return row;
    }) : []));
    this.strip.lay(movies, this.frames, ratio(), getComputedStyle(this.root).color);
  },
});

function count(errors) {
  return errors === 1 ? "1 error" : `${errors} errors`;
}

function clock(minutes) {
  const hours = Math.floor(minutes / 60), rest = Math.round(minutes % 60);
  return hours ? `${hours} h ${String(rest).padStart(2, "0")} min` : `${rest} min`;
}
