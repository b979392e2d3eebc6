// Five steps for a first visit. Each has something to do, and goes on by itself when that happened.
import { on, store } from "./api.js";
import { byId, el } from "./dom.js";
import { become, open, propose } from "./slack.js";
import { tab } from "./tabs.js";
import { standing } from "./outcome.js";

const held = (state) => state.surfaces.some((one) => one.held);
const settled = (state) => held(state) && state.surfaces.every((one) => one.held && !["pending", "wait"].includes(standing(one).tone));
const STEPS = [
  { title: "Look", text: "An agent is at work through eight kinds of authority: each card draws what a witness counts. The bot does not run the agent; it only knows where its authority is enforced.", done: null },
  { title: "Stop it", text: "You are on call. Type one line in the channel: the typed command is the confirmation.", act: ["Type it for me", () => { become("oncall"); tab("slack"); propose("/agent-kill full_stop it leaks"); }], done: held },
  { title: "Read the proof", text: "Open the thread: one confirmation a surface. Then compare with the lines: “actions since” counts what got through after the proof.", act: ["Open the thread", () => { tab("slack"); openLast(); }], done: null, after: settled },
  { title: "Break something", text: "Let a surface come back, freeze the database or kill the bot. A surface that comes back is cut again by itself; what cannot be cut is called NOT CUT.", act: ["Show the faults", () => { tab("faults"); byId("faults").querySelector("button")?.focus(); }], done: (state) => Object.entries(state.faults ?? {}).some(([name, on]) => on && name !== "agent_ignores") || (state.bot && !state.bot.up) },
  { title: "Be the intruder", text: "Become somebody who may not stop anything, or the agent itself, and type the same line. Only you see the refusal; the attempt is recorded.", act: ["Be the intruder", () => { become("intruder"); tab("slack"); propose("/agent-kill full_stop"); }], done: null },
];
let at = 0;
let dismissed = localStorage.getItem("tour") === "no";

export function start() {
  byId("tour-open").addEventListener("click", () => { dismissed = false; localStorage.removeItem("tour"); at = 0; draw(); });
  on("state", (state) => {
    if (!dismissed && at < 2 && held(state)) { at = 2; draw(); }
  });
  draw();
}

function openLast() {
  const parent = (store.state?.messages ?? []).filter((m) => m.bot && m.channel === store.channel && (!m.thread_ts || m.thread_ts === m.ts)).at(-1);
  if (parent) open(parent.ts);
}

function go(step) {
  at = step;
  draw();
  byId("tour").querySelector("[aria-current]")?.focus();
}

function dismiss() {
  dismissed = true;
  localStorage.setItem("tour", "no");
  draw();
  byId("tour-open").focus();
}

function draw() {
  const box = byId("tour");
  box.hidden = dismissed;
  byId("tour-open").hidden = !dismissed;
  if (dismissed) return;
  const step = STEPS[at];
  const last = at === STEPS.length - 1;
  box.replaceChildren(
    el("ol", { class: "steps" }, STEPS.map((one, index) => el("li", {}, el("button", { type: "button", class: index < at ? "past" : "", "aria-current": index === at ? "step" : null, on: { click: () => go(index) } }, el("span", { class: "no" }, String(index + 1)), el("span", { class: "name" }, one.title))))),
    el("p", { class: "tour-text", "aria-live": "polite" }, el("strong", {}, `${at + 1} of ${STEPS.length}: ${step.title}. `), step.text),
    el("div", { class: "tour-do" },
      step.act ? el("button", { type: "button", class: "b-button primary", on: { click: step.act[1] } }, step.act[0]) : null,
      el("button", { type: "button", class: step.act ? "b-button" : "b-button primary", on: { click: last ? dismiss : () => go(at + 1) } }, last ? "Done" : "Next"),
      el("button", { type: "button", class: "icon", "aria-label": "Dismiss the tour", title: "Dismiss the tour", on: { click: dismiss } }, "✕")),
  );
}
