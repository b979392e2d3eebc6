// Slack's mrkdwn as nodes. Hostile text is harmless: everything ends in text nodes.
import { person, room, store } from "./api.js";
import { el } from "./dom.js";
import { sign } from "./emoji.js";

const FENCE = /```([\s\S]*?)```/;
const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    ":([a-z0-9_+-]+(?:::skin-tone-[2-6])?):",
    "(?<![\\w*])\\*(?!\\s)([^*\\n]+?)(?<!\\s)\\*(?![\\w*])",
    "(?<!\\w)_(?!\\s)([^_\\n]+?)(?<!\\s)_(?!\\w)",
    "(?<![\\w~])~(?!\\s)([^~\\n]+?)(?<!\\s)~(?!\\w)",
  ].join("|"),
);

/** The nodes of a mrkdwn text. */
export function mrkdwn(text) {
  const parts = text.split(FENCE);
  return parts.flatMap((part, index) => (index % 2 ? [el("pre", {}, plainEntities(part.replace(/^\n|\n$/g, "")))] : lines(part)));
}

/** The nodes of a plain_text object: emoji when it asks for them, nothing else. */
export function plain(object) {
  const text = object?.text ?? "";
  return object?.emoji === false ? [text] : emojiOnly(text);
}

function lines(text) {
  if (!text) return [];
  const nodes = [];
  const rows = text.split("\n");
  rows.forEach((row, index) => {
    const last = index === rows.length - 1;
    const bullet = /^\s*[•▪◦] ?/.exec(row);
    const quote = /^(?:&gt;|>) ?/.exec(row);
    if (bullet) nodes.push(el("span", { class: "bullet" }, ...inline(row.slice(bullet[0].length))));
    else if (quote) nodes.push(el("span", { class: "quote" }, ...inline(row.slice(quote[0].length))));
    else nodes.push(...inline(row), ...(last ? [] : [el("br")]));
  });
  return nodes;
}

function inline(text) {
  const nodes = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    if (found.index) nodes.push(plainEntities(rest.slice(0, found.index)));
    nodes.push(...piece(found));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) nodes.push(plainEntities(rest));
  return nodes;
}

function piece([whole, code, angle, emoji, bold, italic, struck]) {
  if (code) return [el("code", {}, plainEntities(code))];
  if (angle) return [angled(angle)];
  if (emoji) return [emojiNode(emoji, whole)];
  if (bold) return [el("strong", {}, ...inline(bold))];
  if (italic) return [el("em", {}, ...inline(italic))];
  return [el("s", {}, ...inline(struck))];
}

function emojiNode(name, whole) {
  const found = sign(name);
  return found ? el("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " ") }, found) : whole;
}

function emojiOnly(text) {
  return text.split(/(:[a-z0-9_+-]+(?:::skin-tone-[2-6])?:)/).map((part, i) => (i % 2 ? emojiNode(part.slice(1, -1), part) : part));
}

function angled(inside) {
  const [target, label] = split(inside, "|");
  if (target.startsWith("@")) return mention(`@${person(target.slice(1))?.name ?? label ?? target.slice(1)}`, target.slice(1));
  if (target.startsWith("#")) return mention(`#${room(target.slice(1))?.name ?? label ?? target.slice(1)}`);
  if (target.startsWith("!subteam^")) return mention(`@${(label ?? groupName(target.slice(9))).replace(/^@/, "")}`);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!")) return mention(`@${label ?? target.slice(1)}`);
  return link(target, label);
}

const groupName = (id) => store.state?.groups?.find((one) => one.id === id)?.handle ?? id.replace(/^S0?/, "").toLowerCase();

function mention(words, id) {
  const mine = id && person(store.me)?.id === id;
  return el("span", { class: mine ? "mention mine" : "mention" }, plainEntities(words));
}

function link(target, label) {
  const url = plainEntities(target);
  const words = label ? inline(label) : [url];
  if (!/^(https?:|mailto:)/.test(url)) return el("span", {}, ...words);
  const ours = /\.slack\.com\/archives\/(\w+)\/p(\d{10})(\d{6})/.exec(url);
  if (!ours) return el("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, ...words);
  const [, channel, seconds, micros] = ours;
  const ts = new URL(url).searchParams.get("thread_ts") ?? `${seconds}.${micros}`;
  return el("button", { type: "button", class: "link", "data-open": `${channel}/${ts}` }, ...words);
}

// <!date^UNIX^{date_short_pretty} {time}^link|fallback>, in the reader's own zone, as Slack shows it.
function date(target, label) {
  const [, unix, form] = target.split("^");
  const at = new Date(Number(unix) * 1000);
  if (Number.isNaN(at.getTime()) || !form) return el("span", {}, plainEntities(label ?? ""));
  const today = at.toDateString() === new Date().toDateString();
  const day = (style) => at.toLocaleDateString([], style);
  const shown = {
    date_num: day({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date: day({ year: "numeric", month: "long", day: "numeric" }),
    date_short: day({ year: "numeric", month: "short", day: "numeric" }),
    date_long: day({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    date_pretty: today ? "today" : day({ year: "numeric", month: "long", day: "numeric" }),
    date_short_pretty: today ? "today" : day({ year: "numeric", month: "short", day: "numeric" }),
    date_long_pretty: today ? "today" : day({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    time: at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
    time_secs: at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: at.toLocaleString(),
  };
  const words = form.replace(/\{(\w+)\}/g, (whole, name) => shown[name] ?? whole);
  return el("time", { datetime: at.toISOString(), title: label ?? "" }, words);
}

function split(text, at) {
  const index = text.indexOf(at);
  return index < 0 ? [text, null] : [text.slice(0, index), text.slice(index + 1)];
}

/** Slack escapes three characters and no more. */
export function plainEntities(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
