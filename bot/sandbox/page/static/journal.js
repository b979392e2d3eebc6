// The tail of the bot's journal.
import { on } from "./api.js";
import { byId, clockSeconds, el, sync } from "./dom.js";

export function start() {
  on("state", (state) => {
    const list = byId("journal");
    const low = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
    sync(list, state.journal ?? [], (one) => `${one.chain}/${one.seq}`, row);
    if (low) list.scrollTop = list.scrollHeight;
  });
}

function row(one) {
  const at = typeof one.at === "number" ? clockSeconds(one.at) : String(one.at ?? "").slice(11, 19);
  return el("li", {}, el("span", { class: "seq" }, `${one.seq}`), el("time", {}, at), el("code", {}, one.type), el("span", { class: "text" }, one.text ?? ""));
}
