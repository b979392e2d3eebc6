// Block Kit, the blocks that messages and modals use, as Slack shows them.
import { el } from "./dom.js";
import { field } from "./fields.js";
import { mrkdwn, plain } from "./mrkdwn.js";

/** The nodes of a message's blocks; `act(element, value)` is called when something is pressed or chosen. */
export function render(blocks, act) {
  return (blocks ?? []).map((block) => one(block, act)).filter(Boolean);
}

/** A text object of either kind. */
export function text(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text ?? "") : plain(object);
}

function one(block, act) {
  switch (block.type) {
    case "header":
      return el("h3", { class: "b-header" }, ...text(block.text));
    case "section":
      return section(block, act);
    case "context":
      return el("div", { class: "b-context" }, (block.elements ?? []).map((part) => el("span", {}, ...text(part))));
    case "divider":
      return el("hr", { class: "b-divider" });
    case "actions":
      return el("div", { class: "b-actions" }, (block.elements ?? []).map((part) => element(part, act)));
    case "input":
      return field(block);
    case "rich_text":
      return el("div", { class: "b-text" }, rich(block.elements ?? []));
    case "markdown":
      return el("div", { class: "b-text" }, ...mrkdwn(block.text ?? ""));
    default:
      return null;
  }
}

function section(block, act) {
  const parts = [];
  if (block.text) parts.push(el("div", { class: "b-text" }, ...text(block.text)));
  if (block.fields) parts.push(el("div", { class: "b-fields" }, block.fields.map((part) => el("div", {}, ...text(part)))));
  const body = el("div", { class: "b-body" }, parts);
  if (!block.accessory) return el("div", { class: "b-section" }, body);
  return el("div", { class: "b-section with" }, body, element(block.accessory, act));
}

function element(part, act) {
  if (part.type === "button") return button(part, act);
  if (!/select|overflow|radio|checkboxes/.test(part.type ?? "")) return null;
  return choice(part, act);
}

function button(part, act) {
  const press = async () => {
    if (part.confirm && !(await confirmed(part.confirm))) return;
    act(part, part.value);
  };
  return el(
    "button",
    {
      type: "button",
      class: `b-button ${part.style ?? ""}`,
      "aria-label": part.accessibility_label,
      "data-focus": part.action_id,
      on: { click: press },
    },
    ...text(part.text),
  );
}

function choice(part, act) {
  const options = [...(part.options ?? []), ...(part.option_groups ?? []).flatMap((group) => group.options)];
  const label = part.placeholder?.text ?? (part.type === "overflow" ? "More" : "Choose");
  const menu = el(
    "select",
    { class: "b-select", "aria-label": label, "data-focus": part.action_id, on: { change: () => act(part, menu.value) } },
    el("option", { value: "" }, label),
    options.map((option) => el("option", { value: option.value }, option.text.text)),
  );
  return menu;
}

// What Slack derives from a person's message: sections of text, links, people, emoji.
function rich(elements) {
  return elements.flatMap((part) => {
    if (part.elements) return el(part.type === "rich_text_preformatted" ? "pre" : "div", {}, rich(part.elements));
    const words = part.text ?? part.url ?? (part.name ? `:${part.name}:` : part.user_id ? `<@${part.user_id}>` : "");
    const nodes = part.text === undefined ? mrkdwn(words) : [words];
    return part.style?.bold ? el("strong", {}, nodes) : part.style?.code ? el("code", {}, nodes) : nodes;
  });
}

/** Slack's confirm dialog of a button. Answers whether the person went on. */
export function confirmed(confirm) {
  return new Promise((done) => {
    const close = (answer) => () => { box.close(answer); };
    const box = el(
      "dialog",
      { class: "modal small", "aria-label": confirm.title?.text ?? "Are you sure?" },
      el("h2", {}, ...text(confirm.title)),
      el("div", { class: "b-text" }, ...text(confirm.text)),
      el(
        "div",
        { class: "modal-foot" },
        el("button", { type: "button", class: "b-button", on: { click: close("") } }, confirm.deny?.text ?? "Cancel"),
        el(
          "button",
          { type: "button", class: `b-button ${confirm.style ?? "primary"}`, on: { click: close("yes") } },
          confirm.confirm?.text ?? "Yes",
        ),
      ),
    );
    box.addEventListener("close", () => { box.remove(); done(box.returnValue === "yes"); });
    document.body.append(box);
    box.showModal();
  });
}
