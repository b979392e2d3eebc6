// A small emoji picker with skin tones.
import { el } from "./dom.js";
import { PICKER, TONED, sign } from "./emoji.js";

const TONES = [["", "No skin tone"], ["2", "Light"], ["3", "Medium light"], ["4", "Medium"], ["5", "Medium dark"], ["6", "Dark"]];
let tone = "";

/** Opens beside `anchor`; `done` is called with a name such as `+1::skin-tone-3`. */
export function pick(anchor, done) {
  const named = (name) => (tone && TONED.has(name) ? `${name}::skin-tone-${tone}` : name);
  const grid = el("div", { class: "picker-grid" });
  const draw = () => grid.replaceChildren(...PICKER.map((name) => el("button", { type: "button", class: "icon", "aria-label": name.replaceAll("_", " "), on: { click: () => { box.close(); done(named(name)); } } }, sign(named(name)))));
  const tones = el(
    "div",
    { class: "picker-tones", role: "group", "aria-label": "Skin tone" },
    TONES.map(([key, label]) => el("button", { type: "button", class: "icon", "aria-label": label, title: label, "aria-pressed": key === tone, on: { click: (event) => {
      tone = key;
      for (const one of event.currentTarget.parentElement.children) one.setAttribute("aria-pressed", String(one === event.currentTarget));
      draw();
    } } }, sign(key ? `raised_hand::skin-tone-${key}` : "raised_hand"))),
  );
  const box = el("dialog", { class: "picker", "aria-label": "Add a reaction" }, grid, tones);
  draw();
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => { box.remove(); anchor.focus(); });
  document.body.append(box);
  box.showModal();
  const at = anchor.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(at.right - box.offsetWidth, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${at.bottom + box.offsetHeight + 8 < innerHeight ? at.bottom + 4 : Math.max(8, at.top - box.offsetHeight - 4)}px`;
}
