// Actions per second over the last minute, as SVG, with a mark where something happened to the authority.
import { svg } from "./dom.js";

export const WINDOW = 60; // seconds
const HEIGHT = 44;
const TOP = 9; // px kept for the marks
export const MARKS = {
  stop: "stop", proof: "proof", drift: "came back", recut: "cut again", not_cut: "not cut", relax: "being restored",
};

export class Chart {
  constructor() {
    this.area = svg("path", { class: "area" });
    this.line = svg("path", { class: "line" });
    this.base = svg("line", { class: "base" });
    this.marks = svg("g", {});
    this.node = svg("svg", { class: "chart", role: "img", height: HEIGHT }, this.base, this.area, this.line, this.marks);
    this.points = [];
    this.width = 240;
    new ResizeObserver(([entry]) => { this.width = Math.max(40, entry.contentRect.width); }).observe(this.node);
  }

  add(at, rate) {
    this.points.push([at, rate]);
    while (this.points.length && this.points[0][0] < at - WINDOW - 2) this.points.shift();
  }

  draw(now, marks) {
    const x = (at) => this.width * (1 - (now - at) / WINDOW);
    const peak = Math.max(1, ...this.points.map(([, rate]) => rate)) * 1.05;
    const y = (rate) => HEIGHT - 1 - (rate / peak) * (HEIGHT - TOP - 2);
    const path = this.points.map(([at, rate], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(rate).toFixed(1)}`).join("");
    this.line.setAttribute("d", path);
    const [first, last] = [this.points[0], this.points.at(-1)];
    this.area.setAttribute("d", first ? `${path}L${x(last[0]).toFixed(1)} ${HEIGHT - 1}L${x(first[0]).toFixed(1)} ${HEIGHT - 1}Z` : "");
    for (const [name, value] of [["x1", 0], ["x2", this.width], ["y1", HEIGHT - 0.5], ["y2", HEIGHT - 0.5]]) this.base.setAttribute(name, value);
    this.marks.replaceChildren(...marks.filter((mark) => now - mark.at < WINDOW && mark.at <= now + 1).map((mark) => drawn(mark, x(mark.at))));
  }
}

function drawn(mark, x) {
  return svg(
    "g",
    { class: `mark ${mark.kind}`, transform: `translate(${x.toFixed(1)} 0)` },
    svg("line", { y1: 4, y2: HEIGHT - 1 }),
    shape(mark.kind),
    svg("title", {}, MARKS[mark.kind] ?? mark.kind),
  );
}

/** Shape and colour tell the kinds apart, so that colour is never the only sign. */
export function shape(kind) {
  switch (kind) {
    case "stop": return svg("rect", { x: -3.5, y: 0.5, width: 7, height: 7 });
    case "proof": return svg("circle", { cy: 4, r: 3.8 });
    case "drift": return svg("path", { d: "M0 0L4.5 8H-4.5Z" });
    case "recut": return svg("path", { d: "M-4 0.5H4L0 8Z" });
    case "not_cut": return svg("path", { class: "cross", d: "M-3.5 0.5L3.5 7.5M3.5 0.5L-3.5 7.5" });
    default: return svg("path", { d: "M0 0L4 4L0 8L-4 4Z" });
  }
}
