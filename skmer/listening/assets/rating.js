// Ratings while a song plays: sliders, the plane of two of them, and the values that are taken from them.

// a longer jump of the time is no hiccup of the browser: nothing is taken within it
const LONGEST_STEP = 1;

/** Takes values at the multiples of a step that the time of a song passes while it plays. */
class Sampler {
  /** `onSample` is called with the number of each step that was passed, from 0 for the end of the first one. */
  constructor(step, onSample) {
    Object.assign(this, { step, onSample, last: null });
  }

  /** Tell the time: steps since the last time are taken if it was told while the song played. */
  observe(time, plays) {
    if (this.last !== null && time > this.last && time - this.last <= LONGEST_STEP) {
      const passed = (seconds) => Math.floor(seconds / this.step + 1e-3);
      for (let i = passed(this.last); i < passed(time); i += 1) this.onSample(i);
    }
    this.last = plays ? time : null;
  }

  /** Another time was chosen: nothing is taken between. */
  stop() {
    this.last = null;
  }
}

/** A slider for each rating, and of two ratings a field in which their point is moved. */
class Controls {
  /** `onTouch` is called with the positions of ratings that a person moves. */
  constructor(content, onTouch) {
    const { names, limits, colours } = content;
    Object.assign(this, { content, onTouch, step: niceStep((limits[1] - limits[0]) / 100) });
    this.decimals = Math.max(0, -Math.floor(Math.log10(this.step) + 1e-9));
    this.sliders = names.map((name, i) => {
      const range = { type: "range", min: limits[0], max: limits[1], step: this.step, id: `rating-${i}` };
      // also a press that leaves the value as it is: that is a rating, too
      const touch = () => this.move([[i, slider.valueAsNumber]]);
      const slider = h("input", { ...range, input: touch, pointerdown: () => onTouch([i]) });
      return slider;
    });
    this.outputs = names.map((name, i) => h("output", { for: `rating-${i}` }));
    names.forEach((name, i) => {
      const label = h("label", { for: `rating-${i}` }, chip(name, colours[i]));
      byId("sliders").append(h("p", { class: "slider" }, label, this.outputs[i], this.sliders[i]));
    });
    this.field = byId("field") && new Field(byId("field"), this);
    this.reset();
  }

  get values() {
    return this.sliders.map((slider) => Number(slider.valueAsNumber.toFixed(this.decimals)));
  }

  /** Move ratings, [position, value], as a person does. */
  move(pairs) {
    for (const [i, value] of pairs) this.set(i, value);
    this.onTouch(pairs.map(([i]) => i));
  }

  /** Move a rating by a part of its range. */
  shift(i, part) {
    const [low, high] = this.content.limits;
    this.move([[i, this.sliders[i].valueAsNumber + part * (high - low)]]);
  }

  /** Show a rating. */
  set(i, value) {
    this.sliders[i].value = value;
    this.outputs[i].textContent = this.values[i].toFixed(this.decimals);
    this.field?.draw();
  }

  reset() {
    const [low, high] = this.content.limits;
    this.sliders.forEach((slider, i) => this.set(i, (low + high) / 2));
  }

  /** Show which ratings are taken. */
  showLive(live) {
    this.sliders.forEach((slider, i) => slider.classList.toggle("live", live[i]));
    this.field?.place.classList.toggle("live", live.some(Boolean));
  }
}

/** The plane of two ratings. A person who cannot point uses the arrow keys, or the sliders, which it follows. */
class Field {
  constructor(place, controls) {
    Object.assign(this, { place, controls });
    const [x, y] = controls.content.names;
    const [low, high] = controls.content.limits;
    const text = (attributes, words) => svg("text", attributes, words);
    this.dot = svg("circle", { class: "dot", r: 4 });
    place.append(
      svg(
        "svg",
        { viewBox: "0 0 100 100", "aria-hidden": "true" },
        svg("line", { class: "grid", x1: 0, x2: 100, y1: 50, y2: 50 }),
        svg("line", { class: "grid", x1: 50, x2: 50, y1: 0, y2: 100 }),
        text({ x: 98, y: 48, "text-anchor": "end" }, `${x} →`),
        text({ x: 52, y: 7 }, `↑ ${y}`),
        text({ x: 2, y: 98 }, `${low}`),
        text({ x: 98, y: 98, "text-anchor": "end" }, `${high}`),
        this.dot,
      ),
    );
    place.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      place.setPointerCapture(event.pointerId);
      this.point(event);
    });
    place.addEventListener("pointermove", (event) => place.hasPointerCapture(event.pointerId) && this.point(event));
  }

  point(event) {
    const box = this.place.getBoundingClientRect();
    const [low, high] = this.controls.content.limits;
    const value = (part) => low + Math.min(1, Math.max(0, part)) * (high - low);
    const across = (event.clientX - box.left) / box.width;
    const up = (box.bottom - event.clientY) / box.height;
    this.controls.move([value(across), value(up)].map((number, i) => [i, number]));
  }

  draw() {
    const { content, values, decimals } = this.controls;
    const [low, high] = content.limits;
    const [x, y] = values.map((value) => (100 * (value - low)) / (high - low));
    this.dot.setAttribute("cx", x);
    this.dot.setAttribute("cy", 100 - y);
    const words = content.names.map((name, i) => `${name} ${values[i].toFixed(decimals)}`);
    this.place.setAttribute("aria-label", words.join(", "));
  }
}

/** The number of 1, 2, 5, 10, ... and their tenths that is nearest to a number. */
function niceStep(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  const [nearest] = [1, 2, 5, 10].sort((a, b) => Math.abs(a - number / power) - Math.abs(b - number / power));
  return Number((nearest * power).toPrecision(1));
}
