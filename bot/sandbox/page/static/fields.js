// Input blocks of a modal, and what was put into them.
import { el } from "./dom.js";
import { plain } from "./mrkdwn.js";

let counter = 0;

/** An input block with its label and hint. */
export function field(block) {
  const part = block.element ?? {};
  const id = `field-${(counter += 1)}`;
  const hint = block.hint ? el("p", { class: "hint", id: `${id}-hint` }, ...plain(block.hint)) : null;
  const optional = block.optional ? el("span", { class: "optional" }, " (optional)") : null;
  const choices = /radio|checkboxes|multi_static/.test(part.type ?? "");
  const data = { "data-block": block.block_id, "data-action": part.action_id, "data-kind": part.type };
  if (choices) {
    const legend = el("legend", {}, ...plain(block.label), optional);
    return el("fieldset", { class: "b-input", ...data, "aria-describedby": hint?.id }, legend, boxes(part, id), hint);
  }
  const control = part.type === "static_select" ? menu(part, id, hint) : typed(part, id, block, hint);
  return el("div", { class: "b-input", ...data }, el("label", { for: id }, ...plain(block.label), optional), control, hint);
}

function typed(part, id, block, hint) {
  const props = { id, maxlength: part.max_length, required: !block.optional, "aria-describedby": hint?.id };
  const node = part.multiline ? el("textarea", { ...props, rows: 3 }) : el("input", { ...props, type: "text" });
  node.value = part.initial_value ?? "";
  node.placeholder = part.placeholder?.text ?? "";
  return node;
}

function menu(part, id, hint) {
  const initial = part.initial_option?.value;
  const options = all(part).map((one) => el("option", { value: one.value, selected: one.value === initial }, one.text.text));
  return el("select", { id, "aria-describedby": hint?.id }, initial ? null : el("option", { value: "" }, "Choose"), options);
}

function boxes(part, id) {
  const type = part.type === "radio_buttons" ? "radio" : "checkbox";
  const chosen = new Set([part.initial_option, ...(part.initial_options ?? [])].filter(Boolean).map((one) => one.value));
  return el(
    "div",
    { class: type === "radio" ? "boxes" : "boxes tight" },
    all(part).map((one) =>
      el(
        "label",
        { class: "box" },
        el("input", { type, name: id, value: one.value, checked: chosen.has(one.value) }),
        el("span", {}, ...plain(one.text)),
      ),
    ),
  );
}

const all = (part) => [...(part.options ?? []), ...(part.option_groups ?? []).flatMap((group) => group.options)];

/** The values of every input, by action_id: text, an option's value, or a list of them. */
export function values(form) {
  const found = {};
  for (const box of form.querySelectorAll(".b-input")) {
    const { action, kind } = box.dataset;
    const picked = [...box.querySelectorAll("input:checked")].map((one) => one.value);
    if (kind === "radio_buttons") found[action] = picked[0] ?? null;
    else if (/multi_|checkboxes/.test(kind)) found[action] = picked;
    else found[action] = box.querySelector("input, textarea, select")?.value || null;
    if (found[action] === null || found[action]?.length === 0) delete found[action];
  }
  return found;
}

/** Shows what Slack answered about single fields, by block_id. */
export function complain(form, errors) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const [block, words] of Object.entries(errors ?? {})) {
    form.querySelector(`[data-block="${CSS.escape(block)}"]`)?.append(el("p", { class: "field-error", role: "alert" }, String(words)));
  }
}
