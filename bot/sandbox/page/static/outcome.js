// What is known of a surface, in words, a sign and a tone. The words are those of the bot's reports.
import { store } from "./api.js";
import { svg } from "./dom.js";

const OVERDUE = 12; // seconds: several looks of the drift watch came back without an answer

const WORDS = {
  pending: ["Being cut", "wait", "clock"],
  verified: ["Cut and proven", "good", "check"], // or "Held and proven": see below
  applied: ["Cut, not proven", "doubt", "warn"],
  failed: ["NOT CUT: failed", "bad", "cross"],
  absent: ["NOT CUT: absent", "bad", "cross"],
  unknown: ["NOT CUT: unknown", "bad", "cross"],
  drifted: ["NOT CUT: came back", "bad", "cross"],
  contested: ["NOT CUT: contested", "bad", "cross"],
  relaxing: ["Being restored", "wait", "up"],
  probation: ["Restored, on probation", "live", "eye"],
  quarantined: ["NOT CUT: misconfigured", "bad", "cross"],
  left_alone: ["NOT CUT: left alone", "bad", "cross"],
};
const PATHS = {
  check: "M3.5 8.5l3 3 6-7", cross: "M4.5 4.5l7 7m0-7l-7 7", warn: "M8 4v5m0 2.6v.4", clock: "M8 4.5V8l2.5 2",
  play: "M6 4.5v7l5.5-3.5z", up: "M8 12V4.5M5 7.5l3-3 3 3", eye: "M3 8q5-6 10 0q-5 6-10 0z",
};

/** Seconds since the last proof; null where there is none. */
export function proofAge(surface) {
  const start = surface.proof_age ?? null;
  return start === null ? null : start + Date.now() / 1000 - store.at;
}

/** {words, tone, icon} of a surface of the state. */
export function standing(surface) {
  const known = Object.hasOwn(WORDS, surface.outcome ?? "") ? WORDS[surface.outcome] : null;
  if (!known && (!surface.held || surface.held === "normal")) return { words: "Working", tone: "live", icon: "play" };
  if (surface.outcome === "verified" && !surface.not_cut && proofAge(surface) > OVERDUE) return { words: "Cut; proof not renewed", tone: "stale", icon: "warn" };
  if (surface.outcome === "pending" && surface.effective !== "full_stop") return { words: "Being changed", tone: "wait", icon: "clock" };
  if (surface.outcome === "verified" && !surface.not_cut && surface.effective !== "full_stop") return { words: "Held and proven", tone: "good", icon: "check" };
  const [words, tone, icon] = known ?? [String(surface.outcome || "Held"), "wait", "clock"];
  if (surface.not_cut && tone !== "bad" && surface.outcome !== "pending") return { words: `NOT CUT: ${words}`, tone: "bad", icon: "cross" };
  return { words, tone, icon };
}

/** A round sign; the words stand beside it. */
export function icon(name) {
  return svg("svg", { class: "sign", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("circle", { cx: 8, cy: 8, r: 8 }), svg("path", { d: PATHS[name] ?? PATHS.clock }));
}
