// The app's modals: the topmost view of the person who is signed in.

import { act, attempt } from "./api.js";
import { readInputs, renderBlocks } from "./blocks.js";
import { h, icon, ICONS } from "./dom.js";

export function startModals(host) {
  let dialog = null;
  let shown = "";

  function close() {
    if (dialog) {
      const old = dialog;
      dialog = null;
      old.close();
      old.remove();
    }
    shown = "";
  }

  // `view` is what blocks.js needs, without `act`, and `me`.
  function draw(views, view) {
    const top = views[views.length - 1];
    if (!top) return close();
    const print = `${view.me} ${top.id} ${JSON.stringify(top.blocks)} ${JSON.stringify(top.title)}`;
    if (print === shown) return undefined; // what was typed stays
    close();
    shown = print;
    dialog = build(top, view);
    host.append(dialog);
    dialog.showModal();
    dialog.querySelector(".modal-body input, .modal-body select, .modal-body textarea")?.focus();
    return undefined;
  }

  function build(top, view) {
    const kit = {
      ...view,
      act: (element, block, choice) => attempt(() => act("slack/click_in_view", { user: view.me, view_id: top.id, action_id: element.action_id, block_id: block.block_id || "", choice })),
    };
    const leave = () => attempt(() => act("slack/close_view", { user: view.me, view_id: top.id }));
    const problem = h("p", { class: "modal-problem", role: "alert", testid: "modal-problem", hidden: true });
    const submit = top.submit && h("button", { type: "submit", class: "primary-button", testid: "modal-submit" }, top.submit.text);
    const form = h("form", { method: "dialog", novalidate: true },
      h("header", {}, h("h3", {}, top.title ? top.title.text : ""), h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: leave }, icon(ICONS.close))),
      h("div", { class: "modal-body blocks" }, renderBlocks(top.blocks, kit)),
      problem,
      h("footer", {}, h("button", { type: "button", class: "quiet-button", testid: "modal-close", onclick: leave }, top.close ? top.close.text : submit ? "Cancel" : "Close"), submit));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!submit) return;
      submit.disabled = true;
      const outcome = await attempt(() => act("slack/submit_view", { user: view.me, view_id: top.id, values: readInputs(form) }));
      submit.disabled = false;
      if (outcome) showErrors(form, problem, outcome);
    });
    const made = h("dialog", { class: "modal", testid: "modal", "aria-label": top.title ? top.title.text : "Dialog" }, form);
    made.addEventListener("cancel", (event) => {
      event.preventDefault();
      leave();
    });
    return made;
  }

  return { draw };
}

function showErrors(form, problem, outcome) {
  for (const note of form.querySelectorAll(".field-error")) note.hidden = true;
  for (const [block, sentence] of Object.entries(outcome.errors)) {
    const note = form.querySelector(`[data-testid="${CSS.escape(`modal-error-${block}`)}"]`);
    if (note) {
      note.textContent = sentence;
      note.hidden = false;
    }
  }
  const unexplained = !outcome.taken && Object.keys(outcome.errors).length === 0;
  problem.hidden = !unexplained;
  if (unexplained) problem.textContent = "We had some trouble connecting. Try again?";
  form.querySelector(".field-error:not([hidden])")?.parentElement.querySelector("input, select, textarea")?.focus();
}
