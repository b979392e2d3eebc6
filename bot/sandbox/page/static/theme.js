// Light, dark, or as the system says.
import { byId, say } from "./dom.js";

const ORDER = ["auto", "light", "dark"];
const root = document.documentElement;

export function start() {
  const kept = localStorage.getItem("theme");
  set(ORDER.includes(kept) ? kept : "auto");
  byId("theme").addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(root.dataset.theme) + 1) % ORDER.length];
    localStorage.setItem("theme", next);
    set(next);
  });
}

function set(name) {
  root.dataset.theme = name;
  say(byId("theme"), { auto: "◐ Auto", light: "☀ Light", dark: "☾ Dark" }[name]);
  byId("theme").setAttribute("aria-label", `Colours: ${name === "auto" ? "as the system" : name}. Change`);
}
