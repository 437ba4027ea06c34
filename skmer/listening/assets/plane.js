// The path of two ratings in their plane.

/** The path of two ratings in their plane, and the place of the time that is played. */
class Plane {
  constructor(place, content) {
    Object.assign(this, { place, content });
  }

  show(song) {
    const [size, margin] = [190, 18];
    const at = (value, [low, high]) => margin + ((value - low) / (high - low)) * (size - 2 * margin);
    const [across, up] = this.content.ranges;
    const heard = song.curves[0].map((value, i) => i).filter((i) => song.curves[0][i] !== null);
    this.points = heard.map((i) => [at(song.curves[0][i], across), size - at(song.curves[1][i], up)]);
    this.times = heard.map((i) => (song.starts[i] + song.ends[i]) / 2);
    this.dot = svg("circle", { class: "dot", r: 5 });
    const [x, y] = this.content.names;
    const path = this.points.map((point, i) => `${i ? "L" : "M"}${point.map((v) => v.toFixed(1)).join(" ")}`).join("");
    const [right, top] = [at(middleOf(across), across), size - at(middleOf(up), up)];
    this.place.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `The path of the song in the plane of ${x} and ${y}` },
        svg("line", { class: "grid", x1: margin, x2: size - margin, y1: top, y2: top }),
        svg("line", { class: "grid", x1: right, x2: right, y1: margin, y2: size - margin }),
        svg("path", { class: "trust thin", d: path }),
        svg("text", { x: size - margin, y: top - 4, "text-anchor": "end" }, x),
        svg("text", { x: right + 4, y: margin - 4 }, y),
        this.dot,
      ),
    );
    this.move(0);
  }

  move(time) {
    if (!this.points?.length) return;
    const i = this.times.findIndex((middle) => middle >= time);
    const [x, y] = this.points.at(i);
    this.dot.setAttribute("cx", x);
    this.dot.setAttribute("cy", y);
  }
}
