// Actions per second over the last minute, as SVG, with a mark where something happened to the authority.
import { svg } from "./dom.js";

export const WINDOW = 60; // seconds
const TOP = 10; // px kept for the upper marks
const SHOWN = { x1: 0, x2: 0, y1: 0, y2: 0 };
export const MARKS = {
  stop: "stop", proof: "proof", drift: "came back", recut: "cut again", not_cut: "not cut", relax: "being restored",
};
const UPPER = new Set(["stop", "recut", "relax"]); // what is done stands above what is then known

export class Chart {
  constructor() {
    this.area = svg("path", { class: "area" });
    this.tried = svg("path", { class: "tried" });
    this.line = svg("path", { class: "line" });
    this.base = svg("line", { class: "base", ...SHOWN });
    this.marks = svg("g", {});
    this.node = svg("svg", { class: "chart", role: "img" }, this.base, this.area, this.tried, this.line, this.marks);
    this.points = []; // [Unix seconds, effects per second or null, attempts per second or null]
    this.width = 240;
    this.height = 40;
    new ResizeObserver(([entry]) => {
      this.width = Math.max(40, entry.contentRect.width);
      this.height = Math.max(24, entry.contentRect.height);
    }).observe(this.node);
  }

  /** What was before this page was opened: [[Unix seconds, effects, attempts]], oldest first. */
  past(points) {
    const first = this.points[0]?.[0] ?? Infinity;
    this.points.unshift(...points.filter(([at]) => at < first));
  }

  add(at, rate, tried) {
    this.points.push([at, rate, tried]);
    while (this.points.length && this.points[0][0] < at - WINDOW) this.points.shift();
  }

  draw(now, marks) {
    const floor = this.height - 1;
    const peak = Math.max(1, ...this.points.map(([, rate, tried]) => Math.max(rate ?? 0, tried ?? 0))) * 1.05;
    const x = (at) => this.width * (1 - (now - at) / WINDOW);
    const y = (rate) => floor - (rate / peak) * (floor - TOP);
    const runs = pieces(this.points, 1);
    this.line.setAttribute("d", runs.map((run) => path(run, x, y)).join(""));
    this.area.setAttribute("d", runs.map((run) => `${path(run, x, y)}L${x(run.at(-1)[0])} ${floor}L${x(run[0][0])} ${floor}Z`).join(""));
    this.tried.setAttribute("d", pieces(this.points, 2).map((run) => path(run, x, y)).join(""));
    for (const [name, value] of [["x2", this.width], ["y1", floor + 0.5], ["y2", floor + 0.5]]) this.base.setAttribute(name, value);
    const recent = marks.filter((mark) => now - mark.at < WINDOW && mark.at <= now + 1);
    this.marks.replaceChildren(...recent.map((mark) => drawn(mark, Math.min(x(mark.at), this.width), floor)));
  }
}

const path = (run, x, y) => run.map(([at, rate], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(rate).toFixed(1)}`).join("");

// Where the witness got no answer the line has a gap: no reading is not the same as nothing.
function pieces(points, index) {
  const runs = [[]];
  for (const point of points) {
    if (point[index] === null || point[index] === undefined) runs.push([]);
    else runs.at(-1).push([point[0], point[index]]);
  }
  return runs.filter((run) => run.length);
}

function drawn(mark, x, floor) {
  const y = UPPER.has(mark.kind) ? 0 : 10;
  return svg(
    "g",
    { class: `mark ${mark.kind}`, transform: `translate(${x.toFixed(1)} 0)` },
    svg("line", { y1: y + 4, y2: floor }),
    svg("g", { transform: `translate(0 ${y})` }, shape(mark.kind)),
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
