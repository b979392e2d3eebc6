// The tail of the bot's journal.
import { on } from "./api.js";
import { byId, clockSeconds, el, sticky, sync } from "./dom.js";

export function start() {
  const list = byId("journal");
  const place = sticky(list);
  on("state", (state) => {
    sync(list, state.journal ?? [], (one) => `${one.chain}/${one.seq}`, row);
    place.grown();
  });
}

function row(one) {
  const at = typeof one.at === "number" ? clockSeconds(one.at) : String(one.at ?? "").slice(11, 19);
  return el("li", {}, el("span", { class: "seq" }, `${one.seq}`), el("time", {}, at), el("code", {}, one.type), el("span", { class: "text", title: one.text ?? "" }, one.text ?? ""));
}
