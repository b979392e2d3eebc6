// What is cut, NOT CUT and NOT PROVEN, at a glance; and whether the bot is up.
import { on, store } from "./api.js";
import { byId, el, say } from "./dom.js";
import { icon, standing } from "./outcome.js";

const KINDS = [
  ["bad", "cross", (n) => `${n} NOT CUT`],
  ["doubt", "warn", (n) => `${n} NOT PROVEN`],
  ["stale", "warn", (n) => (n === 1 ? "1 proof not renewed" : `${n} proofs not renewed`)],
  ["wait", "clock", (n) => `${n} in progress`],
  ["good", "check", (n, all) => (n === all ? `All ${n} surfaces ${verb()} and proven` : `${n} ${verb()} and proven`)],
  ["live", "play", (n, all) => (n === all ? `Agent at work on ${n} surfaces` : `${n} at work`)],
];
const verb = () => (state.surfaces.some((one) => one.outcome === "verified" && one.effective !== "full_stop") ? "held" : "cut");
let before = "";
let state = null;
let leaks = 0;
let counted = 0;

export function start() {
  on("state", (now) => { state = now; show(); });
  on("rates", ({ at, after_verified: after }) => {
    if (at - counted >= 1 || at < counted) count(at);
    const now = Object.values(after ?? {}).filter((count) => count > 0).length;
    if (now === leaks) return;
    leaks = now;
    if (state) show();
  });
  on("link", (up) => document.body.classList.toggle("offline", !up));
}

function show() {
  const tones = state.surfaces.map((one) => standing(one).tone);
  const parts = KINDS.map(([tone, sign, words]) => [tone, sign, words, tones.filter((one) => one === tone).length]).filter(([, , , n]) => n);
  if (leaks) parts.unshift(["bad", "cross", (n) => (n === 1 ? "1 still acts after its proof" : `${n} still act after their proof`), leaks]);
  const key = parts.map(([tone, , words, n]) => tone + words(n, tones.length)).join();
  if (key !== before) byId("glance").replaceChildren(...parts.map(([tone, sign, words, n]) => el("span", { class: `pill ${tone}` }, icon(sign), words(n, tones.length))));
  before = key;
  document.title = `${parts.map(([, , words, n]) => words(n, tones.length)).join(", ")} · agent-kill demo`;
  count(counted);
  const { up, restarts } = state.bot ?? {};
  const node = byId("bot");
  node.dataset.up = String(Boolean(up));
  say(node, up ? (restarts ? `Bot up, restarted ${restarts}×` : "Bot up") : "Bot is down");
}

// The whole point in one line: what got through since the proof, and how hard the agent tries.
function count(at) {
  counted = at;
  const { after_verified: after, attempts } = store.rates;
  const proven = Object.keys(after ?? {});
  const sum = (values) => values.reduce((all, one) => all + (one ?? 0), 0);
  const through = sum(Object.values(after ?? {}));
  const tried = Math.round(sum(proven.map((name) => attempts?.[name])));
  say(byId("since"), proven.length ? `${through.toLocaleString("en")} ${through === 1 ? "action" : "actions"} since the proof; the agent tries ${tried.toLocaleString("en")}/s` : "");
}
