// The fault bar: what people ask "and if …?" about.
import { on, post, store } from "./api.js";
import { byId, el, say, toast } from "./dom.js";

const GROUPS = [
  ["Slack", [["slack_slow", "is slow", "Every call to Slack takes seconds"], ["slack_429", "answers 429", "Slack says: too many requests"], ["slack_dropped", "drops calls", "Calls to Slack break off"], ["slack_down", "is down", "No connection to Slack at all"]]],
  ["A surface", [["database_frozen", "database frozen", "The database accepts and never answers"], ["surface_hung", "hangs", "It accepts the cut and never answers"], ["surface_lying", "lies", "It says yes and cuts nothing"], ["surface_comes_back", "comes back", "Somebody loosens it behind the bot's back"]]],
];

export function start() {
  const bar = byId("faults");
  bar.append(el("h2", {}, "Break something"), ...GROUPS.map(group), bot());
  byId("ignores").addEventListener("change", (event) => fault("agent_ignores", event.target.checked));
  on("state", show);
}

function group([name, faults]) {
  return el("div", { class: "faults-of", role: "group", "aria-label": name }, el("span", { class: "of" }, name), faults.map(([key, label, title]) =>
    el("button", { type: "button", class: "fault", "data-fault": key, "aria-pressed": "false", title, on: { click: () => fault(key, !store.state?.faults?.[key]) } }, label)));
}

function bot() {
  return el("div", { class: "faults-of", role: "group", "aria-label": "The bot" }, el("span", { class: "of" }, "The bot"),
    el("button", { type: "button", class: "fault", id: "bot-fault", on: { click: () => (store.state?.bot?.up ? fault("bot_killed", true) : fault("bot_started", true)) } }, "kill -9"));
}

async function fault(name, on) {
  const answer = await post("fault", { name, on });
  if (!answer.ok) toast(answer.message || answer.error || "That could not be switched.");
}

function show(state) {
  for (const button of document.querySelectorAll("[data-fault]")) {
    button.setAttribute("aria-pressed", String(Boolean(state.faults?.[button.dataset.fault])));
    const known = state.switches?.find((one) => one.name === button.dataset.fault);
    if (known) button.title = known.what;
    button.hidden = state.faults && !(button.dataset.fault in state.faults);
  }
  const box = byId("ignores");
  if (document.activeElement !== box || box.checked !== Boolean(state.faults?.agent_ignores)) box.checked = Boolean(state.faults?.agent_ignores);
  const button = byId("bot-fault");
  say(button, state.bot?.up ? "kill -9" : "start it again");
  button.title = state.bot?.up ? "Kills the bot's process. What it cut stays cut." : "Starts the bot; it reads its journal and goes on.";
  button.classList.toggle("primary", !state.bot?.up);
  const on = (state.switches ?? []).filter((one) => state.faults?.[one.name] && one.name !== "agent_ignores");
  const said = (state.bot?.problems ?? []).map((one) => `The bot says: ${one}.`);
  say(byId("broken"), on.map((one) => `${one.what}.`).join(" "));
  say(byId("bot-says"), said.join(" "));
  byId("bot-says").title = said.join(" ");
  say(byId("notes"), (state.notes ?? []).join(" · "));
}
