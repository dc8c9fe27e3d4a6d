// The player: one time line, one view and one look for all panels. Frames come by HTTP; the page's script runs only when
// a person lets go, to write the place into the address.

const LOOK = "cytolapse.look", SETTLE = 500, ASKED = 12, MOST = 40;

class Player {
  constructor(root) {
    this.root = root;
    this.panels = [];
    this.frames = [];
    this.at = 0;
    this.way = 1;
    this.asked = [];
    this.view = { zoom: 1, x: 0, y: 0, set: false };
    this.look = { opacity: 0.9, filled: false, colour: "errors", speed: 10, ...remembered() };
    this.layers = new Set(["prediction"]);
    this.kinds = ["prediction"];
    this.strip = new Strip(root.querySelector(".strip"));
    this.planes = new Planes(() => this.refresh(), () => this.renew());
    this.stop = listen(this);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root.querySelector(".stage"));
  }

  /** What the page says now: {panels: [{link, name, note}], reference, place: {frame, y, x, zoom}}. */
  async update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    const links = JSON.stringify(data.panels), turn = this.turn = (this.turn || 0) + 1;
    const fresh = links !== this.links, judged = data.reference !== this.reference;
    if (fresh) {
      const movies = data.panels.map((panel) => new Movie(panel));
      await Promise.all(movies.map((movie) => movie.open()));
      if (turn !== this.turn || this.closed) return;
      this.links = links;
      this.open(movies);
    }
    if (fresh || judged) {
      this.reference = data.reference;
      this.layers = new Set([...this.layers].filter((layer) => layer === "prediction" || layer !== data.reference));
      if (this.kinds.includes(data.reference)) this.layers.add(data.reference);
      for (const { movie } of this.panels) movie.judge(data.reference).then(() => this.closed || this.refresh(true));
      this.lay();
    }
    const place = JSON.stringify(data.place);
    if (place !== this.place) this.arrive(data.place);
    this.place = place;
    if (!this.frames.length) this.opened();
    this.refresh(true);
  }

  open(movies) {
    const shown = this.frames[this.at];
    this.fitted = false;
    this.panels = movies.map((movie) => {
      const [element_, canvas] = [element("div", "panel"), element("canvas")];
      const panel = { movie, canvas, caption: element("div", "caption"), note: element("div", "note") };
      canvas.setAttribute("role", "img");
      element_.append(canvas, panel.note, panel.caption);
      hold(this, canvas, panel);
      return Object.assign(panel, { element: element_ });
    });
    this.root.querySelector(".stage").replaceChildren(...this.panels.map((panel) => panel.element));
    const numbers = new Set(movies.flatMap((movie) => [...movie.place.keys()]));
    this.frames = [...numbers].sort((a, b) => a - b);
    this.at = Math.max(0, this.frames.indexOf(shown));
    this.kinds = LAYERS.filter((layer) => movies.some((movie) => movie.marks[layer]));
    this.asked = [this.at];
    this.shown = undefined;
    this.planes.failed.clear();
    for (const { note, movie } of this.panels) note.textContent = movie.note || "";
    this.resize();
  }

  arrive({ frame, y, x, zoom }) {
    Object.assign(this.view, { zoom: zoom || 1, set: x !== null && y !== null });
    if (this.view.set) Object.assign(this.view, { x, y });
    this.go(Math.max(0, this.frames.indexOf(frame)));
  }

  go(at) {
    if (!this.frames.length) return;
    at = Math.min(Math.max(at, 0), this.frames.length - 1);
    if (at !== this.at) this.way = Math.sign(at - this.at);
    this.at = at;
    this.asked = [...this.asked.filter((each) => each !== at).slice(1 - ASKED), at];
    this.refresh();
  }

  step(count) {
    this.pause();
    this.go(this.at + count);
    this.reportSoon();
  }

  /** On to the next frame in which some run made an error. */
  worse(way) {
    const bad = (at) => this.panels.some(({ movie }) => movie.score(this.frames[at])?.[2]);
    for (let n = 1; n <= this.frames.length; n++) {
      const at = (this.at + way * n + n * this.frames.length) % this.frames.length;
      if (bad(at)) return this.step(at - this.at);
    }
  }

  toggle() {
    if (this.playing) return this.pause();
    this.playing = true;
    this.root.classList.add("playing");
    let next = performance.now();
    const run = (now) => {
      if (!this.playing) return;
      // A frame that is not there yet is waited for: none is skipped.
      if (now >= next && this.shown === this.at) {
        this.go((this.at + 1) % this.frames.length);
        this.way = 1;
        next = Math.max(next + 1000 / this.look.speed, now - 1000);
      }
      requestAnimationFrame(run);
    };
    requestAnimationFrame(run);
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.root.classList.remove("playing");
    this.report();
  }

  zoom(factor, point, canvas = this.panels[0]?.canvas) {
    const size = canvas && this.sizeOf(canvas);
    if (!size) return;
    const [px, py] = point || [canvas.width / 2, canvas.height / 2], before = scaleOf(this.view, canvas, size);
    this.view.zoom = Math.min(Math.max(this.view.zoom * factor, 1), MOST);
    const gain = 1 / before - 1 / scaleOf(this.view, canvas, size);
    this.view.x += (px - canvas.width / 2) * gain;
    this.view.y += (py - canvas.height / 2) * gain;
    this.looked();
  }

  move(dx, dy, canvas) {
    const size = this.sizeOf(canvas);
    if (!size || this.view.zoom === 1) return;
    const scale = scaleOf(this.view, canvas, size) / ratio();
    this.view.x -= dx / scale;
    this.view.y -= dy / scale;
    this.looked();
  }

  whole() {
    this.view.zoom = 1;
    this.looked();
  }

  looked() {
    this.refresh(true);
    this.reportSoon();
  }

  sizeOf(canvas) {
    return this.panels.find((panel) => panel.canvas === canvas)?.scene?.bitmap;
  }

  set(name, value) {
    this.look[name] = name === "filled" ? Boolean(value) : value;
    localStorage.setItem(LOOK, JSON.stringify(this.look));
    this.refresh(true);
  }

  layer(name) {
    if (!this.kinds.includes(name)) return;
    if (!this.layers.delete(name)) this.layers.add(name);
    this.refresh(true);
  }

  help() {
    const box = this.root.querySelector(".help");
    box.hidden = !box.hidden;
    this.root.querySelector("[data-do=help]").setAttribute("aria-expanded", String(!box.hidden));
  }

  reportSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.report(), SETTLE);
  }

  report() {
    clearTimeout(this.timer);
    if (this.closed || this.playing || !this.frames.length) return;
    const { zoom, x, y } = this.view, [down, right] = zoom === 1 ? [null, null] : [Math.round(y), Math.round(x)];
    const place = { frame: this.frames[this.at], y: down, x: right, zoom: Math.round(zoom * 100) / 100 };
    const told = JSON.stringify(place);
    if (told === this.place) return;
    this.place = told;
    inAddress(place);
    this.setStateValue("place", place);
  }

  /** The links are too old: ask the page for new ones, once. */
  renew() {
    if (this.renewed === this.links) return;
    this.renewed = this.links;
    this.setTriggerValue("renew", true);
  }

  close() {
    this.playing = false;
    clearTimeout(this.timer);
    this.closed = true;
    this.stop();
    this.sizes.disconnect();
    this.planes.close();
  }
}

/** Into the address, as `moved` of the page writes it: what stands there already makes no new entry in the history. */
function inAddress(place) {
  const query = new URLSearchParams(location.search);
  for (const name in place) {
    query.delete(name);
    if (place[name] !== null) query.append(name, place[name]);
  }
  history.replaceState(history.state, "", `${location.pathname}?${query}`);
}

function ratio() {
  return window.devicePixelRatio || 1;
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(LOOK)) || {};
  } catch {
    return {};
  }
}

const PLAYERS = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".player");
  if (!PLAYERS.has(root)) PLAYERS.set(root, new Player(root));
  const player = PLAYERS.get(root);
  player.update(component);
  const turn = player.turn;
  return () => {
    if (turn !== player.turn) return;  // an earlier call's clean-up may come late
    player.close();
    PLAYERS.delete(root);
  };
}
