// The curves of one song as SVG: a strip of colours, probabilities or ratings, and the place that is played.

const CHART = { left: 34, right: 16, strip: 18, top: 30, bottom: 22 };

class Chart {
  /** `onPick` is called with a time that was clicked, `onSelect` with the start and end of a stretch that was drawn. */
  constructor(place, content, { onPick, onSelect }) {
    Object.assign(this, { place, content, onPick, onSelect, song: null, stretch: null });
    new ResizeObserver(() => this.draw()).observe(place);
    place.addEventListener("pointerdown", (event) => this.press(event));
  }

  show(song) {
    this.song = song;
    this.stretch = null;
    this.draw();
  }

  x(time) {
    return CHART.left + (this.width - CHART.left - CHART.right) * (time / this.song.end);
  }

  timeAt(event) {
    const x = event.clientX - this.place.getBoundingClientRect().left;
    const part = (x - CHART.left) / (this.width - CHART.left - CHART.right);
    return Math.min(1, Math.max(0, part)) * this.song.end;
  }

  y(value, [low, high]) {
    return CHART.top + this.height * (1 - (value - low) / (high - low));
  }

  draw() {
    const { song, place, content } = this;
    this.width = place.clientWidth;
    this.height = this.width < 500 ? 110 : 190;
    if (!song || !this.width) return;
    const bottom = CHART.top + this.height;
    const limits = content.limits ?? [0, 1];
    const parts = [hatching(content.colours)];
    for (const value of [limits[0], middleOf(limits), limits[1]]) {
      const y = this.y(value, limits);
      parts.push(svg("line", { class: "grid", x1: CHART.left, x2: this.width - CHART.right, y1: y, y2: y }));
      parts.push(svg("text", { x: CHART.left - 5, y: y + 4, "text-anchor": "end" }, `${+value.toFixed(2)}`));
    }
    for (const time of ticks(song.end, this.width)) {
      parts.push(svg("text", { x: this.x(time), y: bottom + 16, "text-anchor": "middle" }, clock(time)));
    }
    this.drawStrip(parts);
    song.curves.forEach((curve, i) => {
      parts.push(svg("path", { class: "curve", d: this.path(song, curve, limits), stroke: content.colours[i] }));
    });
    (song.means ?? []).forEach((mean, i) => {
      const y = this.y(mean, limits);
      const line = { class: "mean", x1: CHART.left, x2: this.width - CHART.right, y1: y, y2: y };
      parts.push(svg("line", { ...line, stroke: content.colours[i] }));
    });
    if (song.trust) {
      const y = this.y(content.threshold, limits);
      parts.push(svg("line", { class: "limit", x1: CHART.left, x2: this.width - CHART.right, y1: y, y2: y }));
      parts.push(svg("path", { class: "trust", d: this.path(song, song.trust, limits) }));
    }
    this.loop = svg("rect", { class: "loop", y: 0, height: bottom });
    this.cursor = svg("line", { class: "cursor", y1: 0, y2: bottom });
    place.replaceChildren(
      svg(
        "svg",
        { width: this.width, height: bottom + CHART.bottom, role: "img", "aria-label": describeChart(song, content) },
        ...parts,
        this.loop,
        this.cursor,
      ),
    );
    this.mark(this.stretch);
    this.move(0);
  }

  drawStrip(parts) {
    const { song, content } = this;
    const rect = (start, end, attributes) => {
      const [x, width] = [this.x(start), this.x(end) - this.x(start)];
      parts.push(svg("rect", { x, y: 0, width, height: CHART.strip, ...attributes }));
    };
    if (song.label !== null && content.kind === "labels") rect(0, song.end, { fill: content.colours[song.label] });
    for (const { start, end, heard, leads } of song.stretches) {
      const colour = content.kind !== "labels" ? content.colours[heard] : `url(#hatch-${leads ? "own" : heard})`;
      const title = svg("title", {}, `${clock(start)} to ${clock(end)}: ${content.names[heard]}`);
      rect(start, end, { fill: colour, class: "stretch" });
      parts.at(-1).append(title);
    }
  }

  /** A value is drawn at the middle of its part of the time; a part without a value is a gap. */
  path(song, curve, limits) {
    let [path, pen] = ["", false];
    curve.forEach((value, i) => {
      if (value !== null) {
        const time = (song.starts[i] + song.ends[i]) / 2;
        // a value between gaps is a dot, by the round ends of the line
        path += `${pen ? "L" : "M"}${this.x(time).toFixed(1)} ${this.y(value, limits).toFixed(1)}${pen ? "" : "h0"}`;
      }
      pen = value !== null;
    });
    return path;
  }

  /** Show the stretch that is repeated. */
  mark(stretch) {
    this.stretch = stretch;
    if (!this.loop) return;
    const [start, end] = stretch ?? [0, 0];
    this.loop.setAttribute("x", this.x(start));
    this.loop.setAttribute("width", Math.max(0, this.x(Math.min(end, this.song.end)) - this.x(start)));
  }

  /** Show the time that is played. */
  move(time) {
    if (!this.cursor) return;
    for (const end of ["x1", "x2"]) this.cursor.setAttribute(end, this.x(Math.min(time, this.song.end)));
  }

  press(event) {
    if (!this.song || event.button !== 0) return;
    const [place, from] = [this.place, this.timeAt(event)];
    const [x, abort] = [event.clientX, new AbortController()];
    let drawn = null;
    place.setPointerCapture(event.pointerId);
    const on = (name, listener) => place.addEventListener(name, listener, { signal: abort.signal });
    on("pointermove", (move) => {
      if (Math.abs(move.clientX - x) < 6 && !drawn) return;
      const to = this.timeAt(move);
      drawn = [Math.min(from, to), Math.max(from, to)];
      this.mark(drawn);
    });
    on("pointerup", () => {
      abort.abort();
      if (drawn && drawn[1] - drawn[0] >= 0.2) this.onSelect(drawn);
      else this.onPick(from);
    });
    on("pointercancel", () => {
      abort.abort();
      this.mark(null);
    });
  }
}

/** Patterns of stripes: of each colour, and of none for stretches in which the label leads. */
function hatching(colours) {
  const pattern = (id, fill, stripe) =>
    svg(
      "pattern",
      { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { width: 6, height: 6, fill }),
      svg("rect", { width: 2, height: 6, fill: stripe }),
    );
  const patterns = colours.map((colour, i) => pattern(`hatch-${i}`, colour, "rgb(255 255 255 / .55)"));
  return svg("defs", {}, ...patterns, pattern("hatch-own", "transparent", "rgb(255 255 255 / .4)"));
}

/** Zero where a range has it, and its middle where not. */
function middleOf([low, high]) {
  return low < 0 && high > 0 ? 0 : (low + high) / 2;
}

function ticks(end, width) {
  const most = Math.max(2, Math.floor(width / 70));
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((seconds) => end / seconds <= most) ?? 1200;
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** What the chart shows, in words. */
function describeChart(song, content) {
  if (content.kind === "ratings") {
    const range = (curve) => {
      const values = curve.filter((value) => value !== null);
      if (!values.length) return "nowhere";
      return `from ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
    };
    return song.curves.map((curve, i) => `${content.names[i]} ${range(curve)}`).join("; ");
  }
  const stretches = song.stretches.map(
    ({ start, end, heard, leads }) =>
      `${clock(start)} to ${clock(end)} ${leads ? "the label, unclearly" : content.names[heard]}`,
  );
  const what = content.kind === "labels" ? "Doubtful" : "Leading emotion";
  return stretches.length ? `${what}: ${stretches.join("; ")}` : "No second is doubtful.";
}
