// The files that were chosen and not sent yet, each with a button to take it out. `keep` is given the others.
export function drawChosen(list, files, keep) {
  list.hidden = files.length === 0;
  list.replaceChildren(...files.map((file) => h("span", { class: "chosen-file", testid: "chosen-file" },
    h("span", {}, file.name),
    iconButton(ICONS.close, `Remove ${file.name}`, () => keep(files.filter((each) => each !== file)), { testid: "chosen-remove" }))));
}

// Where staff type: Enter sends, Shift+Enter begins a new line.

import { attempt, readBase64 } from "./api.js";
import { h, icon, iconButton, ICONS } from "./dom.js";

// `send(text, files)` returns whether it was taken; what was typed is kept when it was not.
export function composer({ testid, sendTestid, label, send }) {
  let files = [];
  const input = h("textarea", { rows: "1", class: "slack-input", testid, "aria-label": label, placeholder: label });
  const picker = h("input", { type: "file", hidden: true, multiple: true, testid: `${testid}-file`, "aria-label": "Attach files" });
  const chosen = h("div", { class: "chosen-files", hidden: true });
  const form = h("form", { class: "slack-composer" }, chosen, input,
    h("div", { class: "composer-row" }, iconButton(ICONS.attach, "Attach files", () => picker.click()), picker,
      h("span", { class: "composer-hint" }, "Enter to send"),
      h("button", { type: "submit", class: "slack-send", testid: sendTestid, "aria-label": "Send" }, icon(ICONS.send))));

  function grow() {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
  }

  function showFiles() {
    drawChosen(chosen, files, (kept) => {
      files = kept;
      showFiles();
      input.focus();
    });
  }

  picker.addEventListener("change", () => {
    files = [...files, ...picker.files];
    picker.value = "";
    showFiles();
  });
  input.addEventListener("input", grow);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text && !files.length) return;
    const given = files;
    input.value = "";
    files = [];
    grow();
    showFiles();
    const taken = await attempt(async () => {
      const uploads = await Promise.all(given.map(async (file) => ({ name: file.name, mime_type: file.type, content: await readBase64(file) })));
      return send(text, uploads);
    });
    if (!taken && !input.value) {
      input.value = text;
      files = given;
      grow();
      showFiles();
    }
  });
  return { form, input, rename: (words) => { input.placeholder = words; input.setAttribute("aria-label", words); } };
}
