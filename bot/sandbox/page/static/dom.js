// Elements without markup strings: whatever people type reaches the page as text and nothing else.
const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. `props`: attributes; `on` holds listeners, `class` the classes, true is an empty attribute. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else node.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Sets text only where it differs, so that screen readers are not told the same twice. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Brings the children of `parent` in line with `items`; a node is made again only when its item changed. */
export function sync(parent, items, key, make) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const print = JSON.stringify(item);
    let node = old.get(name);
    old.delete(name);
    if (!node || node.shownAs !== print) {
      const fresh = make(item);
      fresh.dataset.key = name;
      fresh.shownAs = print;
      if (node) {
        if (node === at) at = fresh;
        keepFocus(node, fresh);
      }
      node = fresh;
    }
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  for (const node of old.values()) node.remove();
}

// A message that is edited under somebody's fingers keeps the focus on the same button.
function keepFocus(node, fresh) {
  const held = node.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  node.replaceWith(fresh);
  if (held) fresh.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus();
}

/** Keeps a list at its end while it grows or is made smaller, unless the person scrolled away from there. */
export function sticky(list) {
  let at = true;
  const end = () => { list.scrollTop = list.scrollHeight; };
  list.addEventListener("scroll", () => { at = list.scrollHeight - list.scrollTop - list.clientHeight < 40; });
  new ResizeObserver(() => { if (at) end(); }).observe(list);
  return { end: () => { at = true; end(); }, grown: () => { if (at) end(); } };
}

let hiding = 0;

/** A short notice at the foot of the page. */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 6000);
}

/** Tells screen readers something that others see happen. */
export function announce(text) {
  say(byId("said"), text);
}

export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
export const clockSeconds = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

/** `4 s`, `3 min`, `2 h`. */
export function age(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
