// Where people type: Enter sends, Shift+Enter breaks the line, "/" offers the app's commands with their hints.
import { person, post, room, store } from "./api.js";
import { el, toast } from "./dom.js";

/** A composer below the channel (`thread` null) or below a thread. Calls `after(answer, text)` once Slack answered. */
export function composer({ id, inThread, after }) {
  const hint = el("p", { class: "typed-hint", id: `${id}-hint`, hidden: true });
  const list = el("ul", { class: "completions", id: `${id}-list`, role: "listbox", "aria-label": "Commands", hidden: true });
  const box = el("textarea", {
    id, rows: 1, autocomplete: "off", spellcheck: "false", maxlength: 4000,
    role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list", "aria-describedby": `${id}-hint`,
  });
  const send = el("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" }, "➤");
  const form = el("form", { class: "composer" }, list, hint, el("div", { class: "typing" }, box, send));
  const self = { box, form, list, hint, inThread, after, chosen: 0, offered: [] };
  box.addEventListener("input", () => { self.closed = false; offer(self); });
  box.addEventListener("keydown", (event) => key(self, event));
  box.addEventListener("blur", () => hide(self));
  box.addEventListener("focus", () => offer(self));
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(self); });
  return { form, name: (words) => { if (box.placeholder !== words) { box.placeholder = words; box.setAttribute("aria-label", words); } }, put: (text) => { box.value = text; box.focus(); offer(self); }, focus: () => box.focus() };
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 120)}px`;
}

function offer(self) {
  grow(self.box);
  const text = self.box.value;
  const commands = store.state?.commands ?? [];
  self.offered = !self.closed && /^\/\S*$/.test(text) ? commands.filter((one) => one.command.startsWith(text)) : [];
  self.chosen = 0;
  const known = commands.find((one) => text.startsWith(`${one.command} `) || (text === one.command && self.closed));
  self.hint.hidden = !known;
  self.hint.textContent = known ? `${known.command} ${known.hint}` : "";
  draw(self);
}

function draw(self) {
  const open = self.offered.length > 0 && document.activeElement === self.box;
  self.list.hidden = !open;
  self.box.setAttribute("aria-expanded", String(open));
  self.list.replaceChildren(
    ...self.offered.map((one, index) =>
      el(
        "li",
        { role: "option", id: `${self.list.id}-${index}`, "aria-selected": index === self.chosen, on: { mousedown: (event) => { event.preventDefault(); self.chosen = index; complete(self); } } },
        el("strong", {}, one.command), " ", el("code", {}, one.hint), el("span", {}, one.description),
      ),
    ),
  );
  if (open) self.box.setAttribute("aria-activedescendant", `${self.list.id}-${self.chosen}`);
  else self.box.removeAttribute("aria-activedescendant");
}

function hide(self) {
  self.offered = [];
  draw(self);
}

function complete(self) {
  self.box.value = `${self.offered[self.chosen].command} `;
  offer(self);
}

function key(self, event) {
  const open = self.offered.length > 0;
  if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const step = event.key === "ArrowDown" ? 1 : -1;
    self.chosen = (self.chosen + step + self.offered.length) % self.offered.length;
    draw(self);
    event.preventDefault();
  } else if (open && (event.key === "Tab" || (event.key === "Enter" && self.box.value !== self.offered[self.chosen].command))) {
    complete(self);
    event.preventDefault();
  } else if (open && event.key === "Escape") {
    self.closed = true;
    hide(self);
    event.stopPropagation();
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit(self);
  }
}

async function submit(self) {
  const text = self.box.value.trim();
  if (!text) return;
  self.box.value = "";
  hide(self);
  offer(self);
  const thread = self.inThread ? store.thread : null;
  const answer = await post("say", { as: store.me, channel: store.channel, thread, text });
  if (!answer.ok && !answer.error) toast("Slack did not take the message.");
  self.after(answer, { text, thread, channel: store.channel, user: store.me });
}

/** What the empty composer says. */
export function invitation(inThread) {
  const me = person(store.me);
  const who = me ? ` as ${me.name} (${me.allowed})` : "";
  if (inThread) return `Reply${who}`;
  return `Message #${room(store.channel)?.name ?? ""}${store.thread ? "" : who}`; // beside a thread there is no room for it
}

/** Slack's own answer, where no app gave one; the page's server may have shown it already. */
export function slackSays(answer, sent) {
  if (answer.ok || answer.ephemeral?.id) return; // the app's own answer stands in the channel already
  const text = answer.ephemeral?.text ?? answer.message ?? answer.error;
  if (!text) return;
  const at = Date.now() / 1000;
  store.local.push({ id: `local-${at}`, name: "Slackbot", bot: false, user: sent.user, channel: sent.channel, thread_ts: sent.thread, text, at });
}
