// Five steps for a first visit. Each has something to do, and says when that happened.
import { on, store } from "./api.js";
import { byId, el } from "./dom.js";
import { become, open, propose } from "./slack.js";
import { tab } from "./tabs.js";

const STEPS = [
  {
    title: "Look",
    text: "An agent works through eight kinds of authority; on each card a witness draws what it really does. The bot does not run the agent: it knows where its authority is enforced, and nothing more.",
  },
  {
    title: "Stop it",
    text: "You are on call: type one line in the channel; the typed command is the confirmation. Somebody else, or the agent itself, is refused: choose who you are above the channel.",
    act: ["Type it for me", () => { become("oncall"); tab("slack"); propose("/agent-kill full_stop it leaks"); }],
    done: ({ stopped }) => stopped,
  },
  {
    title: "Read the proof",
    text: "Open the thread: a confirmation for each surface, with how it was proven. Then look at the lines. Let the agent ignore every stop: nothing changes.",
    act: ["Open the thread", () => { tab("slack"); openLast(); }],
    done: () => read,
  },
  {
    title: "Break something",
    text: "Let a surface come back: it is cut again by itself. Freeze the database, or kill the bot. What is not proven stands under NOT CUT, in the thread too.",
    act: ["Show the faults", () => { tab("faults"); byId("faults").querySelector("button")?.focus(); }],
    done: () => broken,
  },
  {
    title: "Give it back",
    text: "Nobody gives authority back alone. Ask for a vote, then become Amir and Bea, who are approvers, and react with 👍 on the ballot. The intruder's vote counts for nothing, and a stop in the middle wins.",
    act: ["Ask for the vote", () => { become("oncall"); tab("slack"); propose("/agent-restore billing normal mended in the last release"); }],
    done: ({ restored }) => restored,
  },
];
let at = 0;
let read = false;
let broken = false;
let shown = "";
let dismissed = localStorage.getItem("tour") === "no";

export function start() {
  byId("tour-open").addEventListener("click", () => { dismissed = false; localStorage.removeItem("tour"); at = 0; draw(); byId("tour").querySelector("[aria-current]")?.focus(); });
  on("state", (state) => {
    read ||= Boolean(store.thread) && Boolean(state.tour?.proven);
    broken ||= Object.entries(state.faults ?? {}).some(([name, now]) => now && name !== "agent_ignores") || Boolean(state.tour?.drifted) || state.bot?.up === false;
    if (at < 2 && state.tour?.stopped) at = 2;
    draw();
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

const done = (step) => Boolean(step.done?.(store.state?.tour ?? {}));

function draw() {
  const box = byId("tour");
  const print = JSON.stringify([dismissed, at, STEPS.map(done)]);
  if (print === shown) return;
  shown = print;
  box.hidden = dismissed;
  byId("tour-open").hidden = !dismissed;
  if (dismissed) return;
  const held = box.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  box.replaceChildren(steps(), words(STEPS[at]), doing(STEPS[at]));
  if (held) box.querySelector(`[data-focus="${held}"]`)?.focus();
}

function steps() {
  const one = (step, index) => {
    const past = done(step) || (!step.done && index < at);
    return el("li", {}, el("button", { type: "button", class: past ? "past" : "", "data-focus": `step-${index}`, "aria-current": index === at ? "step" : null, on: { click: () => go(index) } },
      el("span", { class: "no", "aria-hidden": "true" }, past ? "✓" : String(index + 1)), el("span", { class: "name" }, `Step ${index + 1}: ${step.title}${past ? ", done" : ""}`)));
  };
  return el("ol", { class: "steps" }, STEPS.map(one));
}

const words = (step) => el("p", { class: "tour-text", "aria-live": "polite" }, el("strong", {}, `${at + 1} of ${STEPS.length}: ${step.title}. `), step.text);

function doing(step) {
  const last = at === STEPS.length - 1;
  const next = !step.act || done(step);
  return el("div", { class: "tour-do" },
    step.act ? el("button", { type: "button", class: next ? "b-button" : "b-button primary", "data-focus": "act", on: { click: step.act[1] } }, step.act[0]) : null,
    el("button", { type: "button", class: next ? "b-button primary" : "b-button", "data-focus": "next", on: { click: last ? dismiss : () => go(at + 1) } }, last ? "Done" : "Next"),
    el("button", { type: "button", class: "icon", "aria-label": "Dismiss the tour", title: "Dismiss the tour", "data-focus": "dismiss", on: { click: dismiss } }, "✕"));
}
