// The eight kinds of authority: what they do this second, what is held, and how well that is proven.
import { on, store } from "./api.js";
import { Chart, MARKS, shape } from "./chart.js";
import { age, byId, el, say, svg } from "./dom.js";
import { icon, proofAge, standing } from "./outcome.js";

const cards = new Map(); // surface name -> {node, chart, parts}
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let drawn = 0;
let described = 0;
let before = []; // the rates of the minute before this page was opened

export function start() {
  const line = (kind, words) => el("span", { class: "key" }, el("span", { class: kind, "aria-hidden": "true" }), words);
  byId("legend").append(line("solid", "done (witness)"), line("dots", "tried (agent)"), ...Object.entries(MARKS).map(([kind, words]) =>
    el("span", { class: "key" }, svg("svg", { class: `mark ${kind}`, viewBox: "-5 -1 10 10", "aria-hidden": "true" }, shape(kind)), words)));
  byId("legend").lastElementChild.hidden = true; // nothing is restored at first
  on("past", (looks) => { before = looks; cards.clear(); byId("cards").replaceChildren(); });
  on("state", show);
  on("rates", rates);
}

function show(state) {
  const list = byId("cards");
  for (const surface of state.surfaces) {
    const card = cards.get(surface.name) ?? made(surface, list);
    update(card, surface);
  }
  byId("legend").lastElementChild.hidden = !(state.marks ?? []).some((mark) => mark.kind === "relax");
  for (const [name, card] of cards) {
    if (state.surfaces.some((one) => one.name === name)) continue;
    card.node.remove();
    cards.delete(name);
  }
}

function made(surface, list) {
  const chart = new Chart();
  chart.past(before.map((look) => [look.at, look.surfaces[surface.name], look.attempts[surface.name]]));
  const parts = { title: el("h3"), kind: el("span", { class: "kind" }), what: el("p", { class: "what" }), number: el("span"), tries: el("span", { class: "tries" }), state: el("p", { class: "state" }), mode: el("span", { class: "mode" }), foot: el("p", { class: "card-foot" }) };
  const node = el(
    "li",
    { class: "card" },
    el("div", { class: "card-head" }, parts.title, parts.kind),
    parts.what,
    el("div", { class: "plot" }, el("div", { class: "draw" }, chart.node), el("span", { class: "rate" }, parts.number, parts.tries)),
    el("div", { class: "card-state" }, parts.state, parts.mode),
    parts.foot,
  );
  list.append(node);
  const card = { node, chart, parts, marks: [] };
  cards.set(surface.name, card);
  return card;
}

function update(card, surface) {
  const { words, tone, icon: name } = standing(surface);
  card.surface = surface;
  card.node.dataset.tone = tone;
  card.node.dataset.surface = surface.name;
  card.node.dataset.outcome = surface.outcome ?? "";
  say(card.parts.title, surface.title);
  say(card.parts.kind, String(surface.class ?? "").replaceAll("_", " "));
  say(card.parts.what, surface.what ?? "");
  card.parts.title.title = [surface.what, surface.target].filter(Boolean).join("; ");
  if (card.shown !== words) card.parts.state.replaceChildren(icon(name), el("strong", {}, words));
  card.shown = words;
  const proven = surface.outcome === "verified" || surface.outcome === "applied";
  const rounded = proven && surface.held && surface.held !== surface.effective && surface.effective !== "normal";
  say(card.parts.mode, rounded ? surface.held : surface.effective ?? "");
  card.parts.mode.title = rounded ? `It cannot hold ${surface.effective}, so it is held stricter.` : "";
  card.parts.mode.hidden = !surface.effective;
  card.detail = tone === "bad" || tone === "doubt" ? surface.detail ?? "" : "";
  card.parts.foot.title = [card.detail, surface.next].filter(Boolean).join("; ");
  card.marks = (store.state?.marks ?? []).filter((mark) => mark.surface === surface.name);
  foot(card);
}

function foot(card) {
  const { surface } = card;
  if (!surface.outcome) {
    say(card.parts.foot, `${Number(surface.witness_total ?? 0).toLocaleString("en")} actions so far`);
    card.node.dataset.after = "";
    return;
  }
  const old = proofAge(surface);
  const proof = old === null ? "no proof" : `${standing(surface).tone === "stale" ? "last proof" : "proven"} ${age(old)} ago`;
  const after = store.rates.after_verified?.[surface.name];
  const known = after !== undefined && after !== null;
  card.node.dataset.after = known ? String(after) : "";
  card.node.classList.toggle("leak", known && after > 0);
  if (card.detail) say(card.parts.foot, card.detail);
  else say(card.parts.foot, known ? `${proof} · ${after.toLocaleString("en")} actions since` : proof);
}

function rates({ at, surfaces, attempts }) {
  const every = calm.matches ? 1 : 0.2;
  const draw = at - drawn >= every || at < drawn;
  const describe = at - described >= 5 || at < described;
  if (draw) drawn = at;
  if (describe) described = at;
  for (const [name, card] of cards) {
    const rate = surfaces[name] ?? null;
    const tried = attempts?.[name] ?? null;
    card.chart.add(at, rate, tried);
    if (!draw) continue;
    card.chart.draw(at, card.marks);
    say(card.parts.number, rate === null ? "no reading" : `${figure(rate)}/s`);
    card.parts.number.className = rate === null ? "none" : "";
    say(card.parts.tries, tried !== null && card.surface.outcome ? `tries ${figure(tried)}/s` : "");
    foot(card);
    if (describe) card.chart.node.setAttribute("aria-label", spoken(card, rate, at));
  }
}

const figure = (rate) => (rate >= 10 || rate === 0 ? Math.round(rate).toLocaleString("en") : String(Number(rate.toFixed(1))));

function spoken(card, rate, at) {
  const marks = card.marks.filter((mark) => at - mark.at < 60).map((mark) => `${MARKS[mark.kind] ?? mark.kind} ${age(at - mark.at)} ago`);
  return [`${card.surface.title}: ${rate === null ? "the witness has no reading" : `${figure(rate)} actions per second`} now`, ...marks].join("; ");
}
