// The workspace: channels, the channel that is looked at, the thread beside it.
import { again, isMe, on, person, room, store } from "./api.js";
import { composer, invitation, slackSays } from "./composer.js";
import { announce, byId, el, say, sticky, sync } from "./dom.js";
import { ephemeral, message, words } from "./message.js";
import { modals } from "./modal.js";

const sent = (answer, what) => { slackSays(answer, what); again(); };
const main = composer({ id: "composer", inThread: false, after: sent });
const reply = composer({ id: "reply", inThread: true, after: sent });
const ends = {}; // of the lists, by id
let told = null; // ids of ephemerals that were announced

export function start() {
  byId("room-foot").append(main.form);
  byId("thread-foot").append(reply.form);
  byId("me").addEventListener("change", (event) => { store.me = event.target.value; told = null; again(); });
  byId("thread-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && store.thread && !document.querySelector("dialog[open]")) close();
  });
  byId("slack").addEventListener("click", (event) => {
    const target = event.target.closest("[data-open]")?.dataset.open;
    if (target) { [store.channel, store.thread] = target.split("/"); again(); }
  });
  on("state", show);
}

/** Puts a line into the composer, for the person to send. */
export const propose = (text) => { main.put(text); };

/** Shows the thread under this message. */
export function open(ts) {
  store.thread = ts;
  again();
  ends["thread-list"]?.end();
  reply.focus();
}

function close() {
  store.thread = null;
  again();
  main.focus();
}

/** Becomes somebody else. */
export function become(key) {
  store.me = key;
  byId("me").value = key;
  told = null;
  again();
}

function show(state) {
  store.channel = room(store.channel)?.id ?? state.channels[0]?.id ?? null;
  people(state);
  rooms(state);
  const here = state.messages.filter((m) => m.channel === store.channel);
  channel(state, here);
  thread(state, here);
  modals(state);
  whispers(state);
}

function people(state) {
  const menu = byId("me");
  const key = JSON.stringify(state.people);
  if (menu.shownAs !== key) {
    menu.replaceChildren(...state.people.map((one) => el("option", { value: one.key }, `${one.name} (${one.role})`)));
    menu.shownAs = key;
  }
  if (!person(store.me)) store.me = state.people[0]?.key;
  menu.value = store.me;
  say(byId("allowed"), person(store.me)?.allowed ?? "");
}

function rooms(state) {
  sync(byId("rooms"), state.channels.map((one) => ({ ...one, here: one.id === store.channel })), (one) => one.id, (one) =>
    el("button", { type: "button", "aria-pressed": one.here, "data-focus": "room", on: { click: () => { store.channel = one.id; store.thread = null; again(); } } }, el("span", { "aria-hidden": "true" }, "# "), one.name));
}

const mine = (thread) => (one) => isMe(one.user) && one.channel === store.channel && (one.thread_ts || null) === thread;

function seen(state, messages, thread) {
  const whole = [...state.ephemerals.map((one) => ({ name: "Agent Kill", bot: true, ...one })), ...store.local];
  const quiet = whole.filter(mine(thread)).map((e) => ({ key: `e${e.id}`, at: e.at, e }));
  return [...messages, ...quiet].sort((a, b) => a.at - b.at);
}

function channel(state, here) {
  const now = room(store.channel);
  say(byId("room-name"), `# ${now?.name ?? ""}`);
  say(byId("room-topic"), now?.topic ?? "");
  main.name(invitation(false));
  const replies = new Map();
  for (const m of here) {
    if (!m.thread_ts || m.thread_ts === m.ts) continue;
    replies.set(m.thread_ts, { count: (replies.get(m.thread_ts)?.count ?? 0) + 1, last: m.at });
  }
  const parents = here.filter((m) => !m.thread_ts || m.thread_ts === m.ts || m.broadcast);
  const items = parents.map((m) => ({ key: m.ts, at: m.at, m, me: store.me, replies: replies.get(m.ts), inThread: false }));
  draw(byId("room-list"), seen(state, items, null), store.channel);
}

function thread(state, here) {
  const root = here.find((m) => m.ts === store.thread);
  byId("thread").hidden = !root;
  byId("panes").classList.toggle("with-thread", Boolean(root));
  if (!root) return;
  reply.name(invitation(true));
  const items = here.filter((m) => m.ts === root.ts || m.thread_ts === root.ts).map((m) => ({ key: m.ts, at: m.at, m, me: store.me, inThread: true }));
  draw(byId("thread-list"), seen(state, items, root.ts), root.ts);
}

function draw(list, items, place) {
  const end = ends[list.id] ?? (ends[list.id] = sticky(list));
  sync(list, items, (item) => item.key, (item) => (item.e ? ephemeral(item.e) : message(item, open)));
  list.classList.toggle("empty", items.length === 0);
  if (list.dataset.place === place) end.grown();
  else end.end();
  list.dataset.place = place;
}

function whispers(state) {
  const own = [...state.ephemerals, ...store.local].filter((one) => isMe(one.user));
  const fresh = told ? own.filter((one) => !told.has(one.id)) : [];
  told = new Set(own.map((one) => one.id));
  if (fresh.length) announce(`Only visible to you: ${words(fresh.at(-1))}`);
}
