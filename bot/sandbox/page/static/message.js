// One message: who, when, what, its files, its reactions and what can be done with it.
import { isMe, person, post, store } from "./api.js";
import { render } from "./blocks.js";
import { clock, el, svg, toast } from "./dom.js";
import { sign } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { pick } from "./picker.js";

const SHORTCUTS = [{ name: "Kill agents from here", callback_id: "agent_kill:here" }];

/** A message of the channel or of a thread. `item`: {m, replies, inThread}. */
export function message({ m, replies, inThread }, open) {
  const act = (part, value) => press({ channel: m.channel, ts: m.ts }, part, value);
  return el(
    "article",
    { class: "msg", "aria-label": `${m.name}, ${clock(m.at)}` },
    avatar(m),
    el(
      "div",
      { class: "msg-main" },
      head(m),
      body(m, act),
      (m.files ?? []).map(file),
      reactions(m),
      replies && !inThread ? repliesButton(m, replies, open) : null,
    ),
    tools(m, inThread, open),
  );
}

/** Something that one person alone sees. */
export function ephemeral(e) {
  const act = (part, value) => press({ channel: e.channel, ephemeral: e.id }, part, value);
  return el(
    "article",
    { class: "msg only-you", "aria-label": `Only visible to you: ${e.name}` },
    avatar(e),
    el("div", { class: "msg-main" }, el("p", { class: "only" }, el("span", { "aria-hidden": "true" }, "◉ "), "Only visible to you"), head(e), body(e, act)),
  );
}

async function press(where, part, value) {
  const answer = await post("click", { as: store.me, ...where, action_id: part.action_id, value: value ?? null });
  if (!answer.ok) toast(answer.message || answer.error || "Slack could not do that.");
}

function body(m, act) {
  const blocks = render(m.blocks, act);
  return el("div", { class: "blocks" }, blocks.length ? blocks : el("div", { class: "b-text" }, ...mrkdwn(m.text ?? "")), m.edited ? el("span", { class: "edited" }, "(edited)") : null);
}

function head(m) {
  return el(
    "p",
    { class: "msg-head" },
    el("strong", {}, m.name),
    m.bot ? el("span", { class: "badge" }, "APP") : null,
    el("time", { datetime: new Date(m.at * 1000).toISOString() }, clock(m.at)),
  );
}

/** A square with initials; its colour comes from the name. */
export function avatar(m) {
  const letters = m.name.split(/\s+/).map((word) => word[0]).join("").slice(0, 2).toUpperCase();
  const hue = [...m.name].reduce((sum, char) => sum + char.codePointAt(0), 0) % 6;
  return el("span", { class: `avatar hue-${m.bot ? "bot" : hue}`, "aria-hidden": "true" }, m.bot ? "" : letters);
}

function file(one) {
  if (one.picture) return el("figure", { class: "file" }, el("figcaption", { class: "file-name" }, one.title), el("img", { src: one.picture, alt: one.title }));
  const lines = (one.text ?? "").split("\n");
  const preview = lines.slice(0, 6).join("\n") + (lines.length > 6 ? "\n…" : "");
  return el(
    "details",
    { class: "file" },
    el("summary", {}, el("span", { class: "file-name" }, one.title), el("span", { class: "file-kind" }, `Plain text · ${lines.length} lines`), el("pre", { class: "file-preview" }, preview)),
    el("pre", { tabindex: 0 }, one.text ?? ""),
  );
}

function reactions(m) {
  if (!m.reactions?.length) return null;
  const chips = m.reactions.map(({ name, users }) => {
    const mine = users.some(isMe);
    const who = users.map((user) => person(user)?.name ?? user).join(", ");
    const words = name.replace("::skin-tone-", ", skin tone ").replaceAll("_", " ");
    return el(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-pressed": mine,
        "aria-label": `${words}, ${users.length}: ${who}`,
        title: `${who} reacted with :${name}:`,
        "data-focus": `chip-${name}`,
        on: { click: () => react(m, name, !mine) },
      },
      el("span", { class: "emoji" }, sign(name) ?? `:${name}:`),
      el("span", {}, String(users.length)),
    );
  });
  return el("div", { class: "chips" }, chips);
}

async function react(m, emoji, add) {
  const answer = await post("react", { as: store.me, channel: m.channel, ts: m.ts, emoji, add });
  if (!answer.ok) toast(answer.message || answer.error || "Slack did not take the reaction.");
}

function repliesButton(m, replies, open) {
  const words = replies.count === 1 ? "1 reply" : `${replies.count} replies`;
  return el(
    "button",
    { type: "button", class: "replies", "data-focus": "replies", on: { click: () => open(m.ts) } },
    el("strong", {}, words),
    el("span", {}, `Last reply ${clock(replies.last)}`),
  );
}

function tools(m, inThread, open) {
  const button = (label, path, act) =>
    el("button", { type: "button", class: "icon", "aria-label": label, title: label, "data-focus": label, on: { click: act } }, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: path })));
  const shortcuts = store.state?.shortcuts ?? SHORTCUTS;
  return el(
    "div",
    { class: "msg-tools" },
    button("Add a reaction", "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM5.5 9.5q2.5 2.5 5 0M6 6.2v.3m4-.3v.3", (event) => pick(event.currentTarget, (emoji) => react(m, emoji, true))),
    inThread ? null : button("Reply in thread", "M3 4v5h9M9 6l3 3-3 3", () => open(m.ts)),
    shortcuts.map((one) => button(one.name, "M5.5 2h5L14 5.5v5L10.500 14h-5L2 10.500v-5zM5.500 8h5", () => shortcut(m, one))),
  );
}

async function shortcut(m, one) {
  const answer = await post("shortcut", { as: store.me, channel: m.channel, ts: m.ts, callback_id: one.callback_id });
  if (!answer.ok) toast(answer.message || answer.error || "Slack could not run the shortcut.");
}

/** The words of a message, for screen readers. */
export const words = (m) => el("p", {}, ...mrkdwn(m.text ?? "")).textContent;
