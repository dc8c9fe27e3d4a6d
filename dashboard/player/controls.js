// Controls: buttons, keys and the pointer call the player; words of others only ever become text.

const TITLES = { prediction: "Prediction", gold: "Gold", silver: "Silver" };
const KEYS = {
  " ": (player) => player.toggle(), ArrowLeft: (player, far) => player.step(far ? -10 : -1),
  ArrowRight: (player, far) => player.step(far ? 10 : 1), Home: (player) => player.step(-Infinity),
  End: (player) => player.step(Infinity), n: (player, far) => player.worse(far ? -1 : 1),
  "+": (player) => player.zoom(1.5), "=": (player) => player.zoom(1.5), "-": (player) => player.zoom(1 / 1.5),
  0: (player) => player.whole(), p: (player) => player.layer("prediction"), g: (player) => player.layer("gold"),
  s: (player) => player.layer("silver"), f: (player) => player.set("filled", !player.look.filled),
  e: (player) => player.set("colour", "errors"), t: (player) => player.set("colour", "tracks"),
  l: (player) => player.set("colour", "layers"), "?": (player) => player.help(),
};
const ACTIONS = {
  back: KEYS.ArrowLeft, forth: KEYS.ArrowRight, play: KEYS[" "], worse: KEYS.n, in: KEYS["+"], out: KEYS["-"],
  whole: KEYS[0], help: KEYS["?"],
};

function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = text;
  return made;
}

function mark(kind, colour = "") {
  const made = element("i", `mark ${kind}`);
  if (colour) made.style.setProperty("--colour", colour);
  return made;
}

/** Listen; returns what stops listening. */
function listen(player) {
  const { root, strip } = player, over = new AbortController(), on = { signal: over.signal };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) ACTIONS[button.dataset.do](player, event.shiftKey);
    if (button?.dataset.layer) player.layer(button.dataset.layer);
    if (button?.dataset.set) player.set(button.dataset.set, button.dataset.value);
  }, on);
  for (const field of root.querySelectorAll("select, input")) {
    field.addEventListener("input", () => player.set(field.dataset.set, Number(field.value)), on);
  }
  document.addEventListener("keydown", (event) => {
    const at = event.composedPath()[0], inside = event.composedPath().includes(root);
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || !(inside || at === document.body)) return;
    if (at.matches("input, select") && event.key !== "?" || (at.matches("button") && event.key === " ")) return;
    action(player, event.shiftKey);
    event.preventDefault();
    event.stopPropagation();
  }, { ...on, capture: true });
  slide(player, strip.canvas, on);
  return () => over.abort();
}

function slide(player, canvas, on) {
  const go = (event) => player.go(strip.at(event)), { strip } = player;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    player.pause();
    go(event);
  }, on);
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) go(event);
    player.hint(event, player.told(strip.at(event)));
  }, on);
  canvas.addEventListener("pointerup", () => player.report(), on);
  canvas.addEventListener("pointerleave", () => player.hint(null), on);
}

/** Wheel zooms at the pointer, drag moves, all panels alike. */
function hold(player, canvas, panel) {
  let from = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    player.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), pixel(event, canvas), canvas);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = [event.clientX, event.clientY];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) {
      player.move(event.clientX - from[0], event.clientY - from[1], canvas);
      from = [event.clientX, event.clientY];
    }
    player.hint(event, from ? null : player.under(panel, pixel(event, canvas)));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  canvas.addEventListener("pointerleave", () => player.hint(null));
  canvas.addEventListener("dblclick", () => player.whole());
}

function pixel(event, canvas) {
  const { left, top, width } = canvas.getBoundingClientRect(), ratio = canvas.width / width;
  return [(event.clientX - left) * ratio, (event.clientY - top) * ratio];
}

/** Buttons, marks and numbers as the player's state has them. */
function dress(player) {
  const { root, look, layers, kinds } = player, list = root.querySelector(".layers");
  if (list.dataset.kinds !== kinds.join()) {
    list.dataset.kinds = kinds.join();
    list.replaceChildren(...kinds.map((layer) => {
      const button = element("button");
      button.dataset.layer = layer;
      button.title = `${TITLES[layer]} on or off (${TITLES[layer][0]})`;
      button.append(mark(layer === "prediction" ? "" : "dashed", OF_LAYER[layer]), TITLES[layer]);
      return button;
    }));
  }
  for (const button of list.children) button.setAttribute("aria-pressed", layers.has(button.dataset.layer));
  for (const button of root.querySelectorAll("button[data-set]")) {
    button.setAttribute("aria-pressed", String(look[button.dataset.set] || "") === button.dataset.value);
  }
  root.querySelector("[data-set=opacity]").value = look.opacity;
  root.querySelector("[data-set=speed]").value = look.speed;
  root.querySelector(".zoom").textContent = `${player.view.zoom < 9.95 ? player.view.zoom.toFixed(1) : Math.round(player.view.zoom)}×`;
  root.querySelector(".legend").replaceChildren(...legend(player));
}

function legend({ look, reference, layers }) {
  const rows = [];
  if (look.colour === "errors" && reference) {
    for (const [text, colour] of [
      ["matched", KINDS.matched], ["missed", KINDS.missed], ["spurious", KINDS.spurious],
      ["merged, merging", KINDS.merged], ["split, fragment", KINDS.split], ["not judged", UNSCORED],
    ]) rows.push([mark("", colour), text]);
  } else if (look.colour === "tracks") rows.push([mark("", ofTrack(1)), "a colour per track or, without tracks, per label"]);
  if (look.colour !== "layers" && layers.size > 1) rows.push([mark("", "#fff"), "prediction"], [mark("dashed", "#fff"), "truth"]);
  if (reference) rows.push([mark("heat"), `SEG on ${reference}, 0 to 1`], [mark("errors"), "errors in a frame"]);
  return rows.map((parts) => {
    const row = element("span");
    row.append(...parts);
    return row;
  });
}
