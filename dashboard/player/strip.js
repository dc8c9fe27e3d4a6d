// The strip: per run a row of scores and a row of errors, one column a frame; it is also the time slider.

const LANE = 34, SCORE = 9, TRACK = 22;

/** Blue where all is well, orange where the score is low: told apart by colour-blind eyes, too. */
function ofScore(score) {
  const stops = [[213, 94, 0], [240, 200, 150], [86, 180, 233]], at = Math.min(Math.max(score, 0), 1) * 2;
  const [a, b] = at < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]];
  return `rgb(${a.map((value, n) => Math.round(value + (b[n] - value) * (at % 1 || (at === 2 ? 1 : 0)))).join()})`;
}

class Strip {
  constructor(canvas) {
    this.canvas = canvas;
    this.lanes = document.createElement("canvas");
  }

  /** Draw the rows once; `frames` are the numbers of all columns. */
  lay(movies, frames, ratio, ink) {
    Object.assign(this, { frames, ratio, ink });
    const width = this.canvas.clientWidth, height = TRACK + LANE * movies.length;
    for (const each of [this.canvas, this.lanes]) {
      each.width = Math.max(1, Math.round(width * ratio));
      each.height = Math.round(height * ratio);
    }
    this.canvas.style.height = `${height}px`;
    const context = this.lanes.getContext("2d");
    context.scale(ratio, ratio);
    this.ticks(context, width, height);
    const scores = movies.map((movie) => frames.map((number) => movie.score(number)));
    const most = Math.max(1, ...scores.flat().map((score) => score?.[2] ?? 0));
    const column = width / frames.length, thick = Math.max(column - (column > 4 ? 1 : 0), 1.5);
    scores.forEach((list, lane) => {
      const top = lane * LANE;
      context.globalAlpha = 0.07;
      context.fillStyle = ink;
      context.fillRect(0, top, width, LANE - 4);
      context.globalAlpha = 1;
      // The worst last, so that it stays on top where a pixel holds several frames.
      const known = list.map((score, n) => ({ score, n })).filter(({ score }) => score);
      for (const { score, n } of known.sort((a, b) => (b.score[3] ?? 2) - (a.score[3] ?? 2))) {
        if (score[3] !== null) context.fillStyle = ofScore(score[3]), context.fillRect(n * column, top, thick, SCORE);
        if (!score[2]) continue;
        const tall = 3 + (LANE - SCORE - 9) * score[2] / most;
        context.fillStyle = "#e6550d";
        context.fillRect(n * column, top + LANE - 4 - tall, thick, tall);
      }
    });
  }

  ticks(context, width, height) {
    const count = this.frames.length, step = niceStep(count / Math.max(2, width / 70));
    context.font = "11px sans-serif";
    context.textBaseline = "top";
    context.fillStyle = this.ink;
    for (let n = 0; n < count; n++) {
      if (this.frames[n] % step) continue;
      const x = (n + 0.5) * width / count, text = String(this.frames[n]), half = context.measureText(text).width / 2;
      context.globalAlpha = 0.35;
      context.fillRect(x - 0.5, height - TRACK, 1, 4);
      context.globalAlpha = 0.7;
      context.fillText(text, Math.min(Math.max(x - half, 0), width - 2 * half), height - TRACK + 6);
    }
    context.globalAlpha = 1;
  }

  /** Show where we are. */
  point(at, accent) {
    const context = this.canvas.getContext("2d"), { width, height } = this.canvas, { ratio } = this;
    context.clearRect(0, 0, width, height);
    context.drawImage(this.lanes, 0, 0);
    const column = width / this.frames.length, x = (at + 0.5) * column, base = height - TRACK * ratio;
    context.fillStyle = accent;
    context.fillRect(x - ratio, 0, 2 * ratio, base + 2 * ratio);
    context.beginPath();
    context.arc(x, base + 3 * ratio, 6 * ratio, 0, 7);
    context.fill();
  }

  /** Position of the frame under a pointer. */
  at(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    const place = Math.floor((event.clientX - left) / width * this.frames.length);
    return Math.min(Math.max(place, 0), this.frames.length - 1);
  }
}

function niceStep(least) {
  for (let unit = 1; ; unit *= 10) for (const step of [1, 2, 5]) if (step * unit >= least) return step * unit;
}
