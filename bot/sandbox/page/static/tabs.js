// On a phone the parts of the page are tabs; on a wide screen all of them are there.
import { byId, el } from "./dom.js";

const TABS = [["slack", "Slack"], ["surfaces", "Surfaces"], ["journal", "Journal"], ["faults", "Break it"]];

export function tab(name) {
  document.body.dataset.tab = name;
  for (const button of byId("tabs").children) button.setAttribute("aria-pressed", String(button.dataset.name === name));
}

export function start() {
  byId("tabs").append(...TABS.map(([name, label]) => el("button", { type: "button", "data-name": name, on: { click: () => tab(name) } }, label)));
  tab("slack");
}
