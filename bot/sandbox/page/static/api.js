// The demo's own API: one stream in, small posts out.
import { toast } from "./dom.js";

export const store = {
  state: null,
  at: 0, // Unix seconds at which it came
  rates: { at: 0, surfaces: {}, attempts: {}, after_verified: {} },
  me: "oncall",
  channel: null,
  thread: null,
  local: [], // answers of Slack itself, which no app sent: {key, user, channel, thread_ts, text, at}
};

const listeners = { state: [], rates: [], past: [], link: [] };

export function on(what, act) {
  listeners[what].push(act);
}

/** Shows the present state again, after the person changed what is looked at. */
export function again() {
  if (store.state) for (const act of listeners.state) act(store.state);
}

/** Sends one action; answers Slack's `{ok, error, …}`, also where the page's server cannot be reached. */
export async function post(path, body) {
  try {
    const answer = await fetch(`/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const found = await answer.json().catch(() => ({}));
    return { ok: answer.ok, ...found };
  } catch {
    toast("The demo does not answer. Is `agent-kill demo` still running?");
    return { ok: false, error: "the demo does not answer" };
  }
}

export function listen() {
  const stream = new EventSource("/api/stream");
  const tell = (what, value) => { for (const act of listeners[what]) act(value); };
  stream.addEventListener("state", (event) => {
    store.state = JSON.parse(event.data);
    store.at = Date.now() / 1000;
    tell("link", true);
    tell("state", store.state);
  });
  stream.addEventListener("past", (event) => tell("past", JSON.parse(event.data)));
  stream.addEventListener("rates", (event) => {
    store.rates = JSON.parse(event.data);
    tell("rates", store.rates);
  });
  stream.addEventListener("error", () => tell("link", false));
}

export const person = (key) => store.state?.people.find((one) => one.key === key || one.id === key);
export const room = (id) => store.state?.channels.find((one) => one.id === id || one.name === id);
export const myId = () => person(store.me)?.id ?? store.me;
export const isMe = (user) => user === store.me || user === myId();
