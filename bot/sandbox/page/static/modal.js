// Modals that the bot opened for the person who is looking.
import { isMe, post, store } from "./api.js";
import { render, text } from "./blocks.js";
import { el, toast } from "./dom.js";
import { complain, values } from "./fields.js";

let shown = null; // {key, box}

/** Opens the topmost modal of this person, or takes away the one that is gone. */
export function modals(state) {
  const own = (state.views ?? []).filter((one) => isMe(one.user) && one.view?.type !== "home").at(-1);
  const key = own ? JSON.stringify(own) : null;
  if (shown?.key === key) return;
  const before = shown;
  shown = null;
  before?.box.close(); // gives the focus back
  before?.box.remove();
  if (own) shown = { key, box: open(own) };
}

function open({ id, view }) {
  const name = id ?? view.id;
  const act = async (part, value) => {
    const answer = await post("click", { as: store.me, view: name, action_id: part.action_id, value: value ?? null });
    if (!answer.ok) toast(answer.message || answer.error || "Slack could not do that.");
  };
  const form = el("form", { class: "modal-body", id: "modal-form" }, render(view.blocks, act));
  const close = () => { if (shown?.box === box) shown = null; box.close(); box.remove(); post("close_view", { as: store.me, view: name }); };
  const submit = el("button", { type: "submit", form: "modal-form", class: "b-button primary" }, ...(view.submit ? text(view.submit) : []));
  const box = el(
    "dialog",
    { class: "modal", "aria-labelledby": "modal-title" },
    el("div", { class: "modal-head" }, el("h2", { id: "modal-title" }, ...text(view.title)), el("button", { type: "button", class: "icon", "aria-label": "Close", on: { click: close } }, "✕")),
    form,
    el("div", { class: "modal-foot" }, el("button", { type: "button", class: "b-button", on: { click: close } }, view.close ? text(view.close) : "Cancel"), view.submit ? submit : null),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    const answer = await post("submit", { as: store.me, view: name, values: values(form) });
    submit.disabled = false;
    complain(form, answer.errors);
    if (!answer.ok && !answer.errors) toast(answer.message || answer.error || "Slack could not submit this.");
  });
  box.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  document.body.append(box);
  box.showModal();
  form.querySelector("input:checked, input, textarea, select")?.focus();
  return box;
}
