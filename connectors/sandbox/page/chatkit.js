// What the phones have in common: a log, a field to write in, and bubbles with a menu.

import { attempt, readBase64 } from "./api.js";
import { drawChosen } from "./composer.js";
import { dayName, h, icon, iconButton, ICONS, keepAtEnd, menuButton, nearBottom, reconcile, toBottom } from "./dom.js";

// `submit(text, {editing, replyTo})` and `sendFile(upload, caption)` tell whether it was done; what was written
// is kept when it was not. `editing` and `replyTo` are messages as they were given to `setContext`.
export function chat({ prefix, label = "Message", maxlength = "4096", submit, sendFile }) {
  const state = { editing: null, replyTo: null };
  const log = h("div", { class: "chat", role: "log", "aria-live": "polite", "aria-label": "Chat", tabindex: "0", testid: `${prefix}-chat` });
  const context = h("div", { class: "composer-context", hidden: true });
  const input = h("textarea", { rows: "1", id: `${prefix}-input`, testid: `${prefix}-input`, placeholder: label, "aria-label": label, maxlength });
  const picker = h("input", { type: "file", hidden: true, testid: `${prefix}-file`, "aria-label": "Attach a file" });
  const send = h("button", { type: "submit", class: "send-button", testid: `${prefix}-send`, "aria-label": "Send" }, icon(ICONS.send));
  const chosen = h("div", { class: "chosen-files", hidden: true });
  let file = null;
  const form = h("form", { class: "composer", hidden: true }, chosen, // until it is known whether one may write
    iconButton(ICONS.attach, "Attach a file", () => picker.click(), { testid: `${prefix}-attach` }), input, send, picker);

  keepAtEnd(log);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submitNow();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submitNow();
    } else if (event.key === "Escape") setContext(null, null);
  });
  input.addEventListener("input", grow);
  picker.addEventListener("change", () => {
    if (picker.files[0]) choose(picker.files[0]);
    picker.value = "";
    input.focus();
  });

  function choose(given) {
    file = given;
    drawChosen(chosen, file ? [file] : [], () => {
      choose(null);
      input.focus();
    });
  }

  function grow() {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 120)}px`;
  }

  async function submitNow() {
    const text = input.value.trim();
    if (!text && !file) return;
    const given = { ...state };
    const attached = file;
    input.value = "";
    choose(null);
    grow();
    setContext(null, null);
    const done = attached ? await attempt(async () => sendFile({ name: attached.name, mime_type: attached.type, content: await readBase64(attached) }, text)) : await submit(text, given);
    if (done) return toBottom(log);
    if (input.value || file) return undefined;
    input.value = text; // what was written is not lost with the connection
    choose(attached);
    return undefined;
  }

  function setContext(mode, message) {
    state.editing = mode === "edit" ? message : null;
    state.replyTo = mode === "reply" ? message : null;
    context.hidden = !mode;
    if (!mode) return;
    context.replaceChildren(
      icon(mode === "edit" ? ICONS.edit : ICONS.reply),
      h("span", {}, h("strong", {}, mode === "edit" ? "Edit message" : "Reply"), h("span", {}, message.text || message.kind || "")),
      iconButton(ICONS.close, "Cancel", () => setContext(null, null)));
    if (mode === "edit") input.value = message.text;
    grow();
    input.focus();
  }

  // `build` makes the element of one message; a line is put between days.
  function draw(messages, keyOf, secondsOf, build) {
    const follow = nearBottom(log) || log.childElementCount === 0;
    const rows = [];
    let day = "";
    for (const message of messages) {
      const name = dayName(secondsOf(message));
      if (name !== day) rows.push({ day: name });
      day = name;
      rows.push(message);
    }
    reconcile(log, rows, (row) => (row.day ? `day-${row.day}` : keyOf(row)), (row) => (row.day ? h("div", { class: "day" }, row.day) : build(row)));
    if (follow) toBottom(log);
  }

  function clear() {
    setContext(null, null);
    choose(null);
    log.replaceChildren();
  }

  return { log, context, form, input, setContext, draw, clear };
}

// One row of a chat. `entries` fill the menu of the bubble, which has none without; `below` stands under it.
export function row({ prefix, id, from, mine, name, entries, data = {}, below = null }, ...inside) {
  const tools = entries && menuButton(iconButton(ICONS.more, "Message menu", null, { class: "icon-button bubble-menu", testid: `${prefix}-message-menu` }), entries);
  const body = h("div", { class: "bubble" }, ...inside);
  const element = h("article", {
    class: mine ? "row mine" : "row theirs", testid: `${prefix}-message`, data: { from, id: String(id), ...data }, "aria-label": name,
  }, h("div", { class: "bubble-line" }, body, tools), below);
  if (tools) longPress(body, () => tools.querySelector("button").click());
  return element;
}

function longPress(element, act) {
  let timer = 0;
  element.addEventListener("touchstart", () => { timer = setTimeout(act, 500); }, { passive: true });
  for (const end of ["touchend", "touchmove", "touchcancel"]) element.addEventListener(end, () => clearTimeout(timer), { passive: true });
}

export function quoted(name, text) {
  return h("div", { class: "quoted" }, h("strong", {}, name), h("span", {}, text));
}

// What Telegram's, WhatsApp's and Messenger's own menus offer first. `react("")` takes the reaction back.
export const REACTIONS = {
  telegram: ["👍", "👎", "❤", "🙏", "🎉", "👀"],
  whatsapp: ["👍", "👎", "❤️", "😂", "😮", "🙏"],
  messenger: ["❤", "😆", "😮", "😢", "👍", "👎"],
};

export function reactionsOf(pairs) {
  return pairs.length > 0 && h("div", { class: "bubble-reactions" }, pairs.map(([, emoji]) => h("span", {}, emoji)));
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

// A file in a bubble: a picture, something to listen to or look at, or a name to save it by.
export function fileNode({ url, name, type, bytes, alt = "" }) {
  if (type.startsWith("image/")) return h("img", { class: "picture", src: url, alt: alt || name, loading: "lazy" });
  return h("a", { class: "attachment", href: url, download: name || "file" }, icon(ICONS.file),
    h("span", {}, h("strong", {}, name || type), h("span", {}, size(bytes))));
}

// Calls `again` once typing must have ended: nobody tells of that.
export function typingTimer(again, milliseconds) {
  let timer = 0;
  return (typing) => {
    clearTimeout(timer);
    if (typing) timer = setTimeout(again, milliseconds);
  };
}

// Resolves to whether the person is sure.
export function confirmed(title, words, { testid, button }) {
  return new Promise((resolve) => {
    let sure = false;
    const dialog = h("dialog", { class: "small-dialog", "aria-label": title },
      h("form", { method: "dialog", onsubmit: () => { sure = true; } },
        h("h3", {}, title), h("p", {}, words),
        h("div", { class: "dialog-buttons" },
          h("button", { type: "button", class: "quiet-button", testid: `${testid}-no`, onclick: () => dialog.close() }, "Cancel"),
          h("button", { type: "submit", class: "danger-button", testid: `${testid}-yes` }, button))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(sure);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function ask(title, label, { value = "", testid = "ask", button = "Send" } = {}) {
  return new Promise((resolve) => {
    const field = h("input", { id: "asked", testid: `${testid}-field`, required: true, maxlength: "200", autocomplete: "off" });
    field.value = value;
    let given = null;
    const dialog = h("dialog", { class: "small-dialog", "aria-label": title },
      h("form", { method: "dialog", onsubmit: () => { given = field.value.trim(); } },
        h("h3", {}, title), h("label", { for: "asked" }, label), field,
        h("div", { class: "dialog-buttons" },
          h("button", { type: "button", class: "quiet-button", onclick: () => dialog.close() }, "Cancel"),
          h("button", { type: "submit", class: "primary-button", testid: `${testid}-ok` }, button))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
