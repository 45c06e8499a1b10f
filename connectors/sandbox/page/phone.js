// The customer's phone: one person's chat with the bot.

import { act, attempt, fileUrl, readBase64, remember, remembered, show, toast } from "./api.js";
import { avatar, clock, coalesced, dayName, h, icon, iconButton, ICONS, keepAtEnd, menuButton, nearBottom, reconcile, safeLink, toBottom } from "./dom.js";

const ACTIONS = { typing: "typing…", upload_photo: "sending a photo…", upload_document: "sending a file…" };

export function startPhone(root) {
  const state = { user: remembered("customer", null), users: [], messages: [], editing: null, replyTo: null };

  const people = h("select", { id: "phone-customer", testid: "phone-customer", onchange: () => choose(people.value) });
  const add = h("button", { type: "button", class: "small-button", testid: "phone-add-customer", onclick: addCustomer }, "Add");
  const log = h("div", { class: "chat", role: "log", "aria-live": "polite", "aria-label": "Chat", tabindex: "0", testid: "phone-chat" });
  const subtitle = h("span", { class: "chat-state", testid: "phone-typing" }, "bot");
  const context = h("div", { class: "composer-context", hidden: true });
  const input = h("textarea", { rows: "1", id: "phone-input", testid: "phone-input", placeholder: "Message", "aria-label": "Message", maxlength: "4096" });
  const picker = h("input", { type: "file", hidden: true, testid: "phone-file", "aria-label": "Attach a file" });
  const send = h("button", { type: "submit", class: "send-button", testid: "phone-send", "aria-label": "Send" }, icon(ICONS.send));
  const composer = h("form", { class: "composer" },
    iconButton(ICONS.attach, "Attach a file", () => picker.click(), { testid: "phone-attach" }), input, send, picker);
  const start = h("button", { type: "button", class: "wide-button", testid: "phone-start", hidden: true, onclick: () => say("/start") }, "Start");
  const unblock = h("button", { type: "button", class: "wide-button", testid: "phone-unblock", hidden: true, onclick: () => deed("unblock") }, "Restart bot");
  const more = iconButton(ICONS.more, "Chat menu", null, { testid: "phone-menu" });

  root.append(
    h("div", { class: "phone-owner" }, h("label", { for: "phone-customer" }, "Customer"), people, add),
    h("div", { class: "phone" },
      h("div", { class: "phone-head" },
        icon(ICONS.back),
        avatar("Support Desk", "avatar avatar-round"),
        h("div", { class: "chat-title" }, h("strong", {}, "Support"), subtitle),
        menuButton(more, () => [
          state.blocked
            ? { label: "Unblock bot", act: () => deed("unblock"), testid: "phone-menu-unblock" }
            : { label: "Block bot", danger: true, act: () => deed("block"), testid: "phone-block" },
        ])),
      log, context, composer, start, unblock),
  );

  keepAtEnd(log);
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") setContext(null, null);
  });
  input.addEventListener("input", grow);
  picker.addEventListener("change", sendFile);

  function grow() {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 120)}px`;
  }

  function deed(name, body = {}) {
    return attempt(() => act(`telegram/${name}`, { user: String(state.user), ...body }));
  }

  function say(text, replyTo = null) {
    return deed("say", { text, reply_to: replyTo });
  }

  async function submit() {
    const text = input.value.trim();
    if (!text) return;
    const { editing, replyTo } = state;
    input.value = "";
    grow();
    setContext(null, null);
    const done = editing ? await deed("edit", { message_id: editing, text }) : await say(text, replyTo);
    if (done) toBottom(log);
    else if (!input.value) input.value = text; // what was written is not lost with the connection
  }

  async function sendFile() {
    const file = picker.files[0];
    picker.value = "";
    if (!file) return;
    const kind = file.type.startsWith("image/") ? "photo" : file.type.startsWith("audio/") ? "voice" : file.type.startsWith("video/") ? "video" : "document";
    await attempt(async () => act("telegram/send_media", {
      user: String(state.user), kind, name: file.name, mime_type: file.type, content: await readBase64(file), caption: input.value.trim(),
    }));
    input.value = "";
    toBottom(log);
  }

  function setContext(mode, message) {
    state.editing = mode === "edit" ? message.message_id : null;
    state.replyTo = mode === "reply" ? message.message_id : null;
    context.hidden = !mode;
    if (!mode) return;
    context.replaceChildren(
      icon(mode === "edit" ? ICONS.edit : ICONS.reply),
      h("span", {}, h("strong", {}, mode === "edit" ? "Edit message" : "Reply"), h("span", {}, message.text || message.kind)),
      iconButton(ICONS.close, "Cancel", () => setContext(null, null)));
    if (mode === "edit") input.value = message.text;
    grow();
    input.focus();
  }

  function addCustomer() {
    const name = h("input", { id: "new-customer", testid: "new-customer-name", required: true, maxlength: "60", autocomplete: "off" });
    const dialog = h("dialog", { class: "small-dialog", "aria-label": "Add a customer" },
      h("form", {
        method: "dialog",
        onsubmit: async (event) => {
          event.preventDefault();
          const user = await attempt(() => act("telegram/user", { name: name.value.trim() }));
          dialog.close();
          if (user) choose(user.id);
        },
      },
      h("label", { for: "new-customer" }, "Name of the customer"), name,
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "quiet-button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { type: "submit", class: "primary-button", testid: "new-customer-add" }, "Add"))));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function choose(id) {
    state.user = String(id);
    remember("customer", state.user);
    setContext(null, null);
    log.replaceChildren();
    refresh();
  }

  const refresh = coalesced(async () => {
    await attempt(async () => {
      state.users = await show("telegram/users");
      if (!state.users.some((user) => String(user.id) === String(state.user))) state.user = state.users[0] ? String(state.users[0].id) : null;
      reconcile(people, state.users.map((user) => ({ id: user.id, name: user.name })), (user) => user.id, (user) => h("option", { value: String(user.id) }, user.name));
      if (state.user === null) return;
      people.value = state.user;
      const asked = state.user;
      const chat = await show("telegram/chat", { user: asked });
      if (asked === state.user) draw(chat);
    });
  });

  function draw(chat) {
    const follow = nearBottom(log);
    state.messages = chat.messages;
    state.blocked = chat.blocked;
    const rows = [];
    let day = "";
    for (const message of chat.messages) {
      const name = dayName(message.date);
      if (name !== day) rows.push({ day: name });
      day = name;
      const original = message.reply_to && chat.messages.find((each) => each.message_id === message.reply_to);
      rows.push(original ? { ...message, quoted: { text: original.text || original.kind, from_bot: original.from_bot } } : message);
    }
    reconcile(log, rows, (row) => (row.day ? `day-${row.day}` : row.message_id), (row) => (row.day ? h("div", { class: "day" }, row.day) : bubble(row)));
    subtitle.textContent = chat.typing ? ACTIONS[chat.typing] || "busy…" : chat.blocked ? "blocked" : "bot";
    subtitle.classList.toggle("busy", Boolean(chat.typing));
    clearTimeout(state.typingEnds);
    if (chat.typing) state.typingEnds = setTimeout(refresh, 5200);
    composer.hidden = chat.blocked || chat.messages.length === 0;
    start.hidden = chat.blocked || chat.messages.length > 0;
    unblock.hidden = !chat.blocked;
    if (follow) toBottom(log);
  }

  function bubble(message) {
    const mine = !message.from_bot;
    const entries = () => [
      { label: "Reply", act: () => setContext("reply", message), testid: "phone-reply" },
      { label: message.reactions.some(([who]) => who === "user") ? "Take 👍 back" : "React 👍", act: () => deed("react", { message_id: message.message_id, emoji: message.reactions.some(([who]) => who === "user") ? "" : "👍" }), testid: "phone-react" },
      ...(mine ? [{ label: "Edit", act: () => setContext("edit", message), testid: "phone-edit" }] : []),
      { label: "Delete", danger: true, act: () => deed("delete", { message_id: message.message_id }), testid: "phone-delete" },
    ];
    const tools = menuButton(iconButton(ICONS.more, "Message menu", null, { class: "icon-button bubble-menu", testid: "phone-message-menu" }), entries);
    const body = h("div", { class: "bubble" },
      message.quoted && h("div", { class: "quoted" }, h("strong", {}, message.quoted.from_bot ? "Support" : "You"), h("span", {}, message.quoted.text)),
      media(message),
      message.text && h("div", { class: "bubble-text" }, entityNodes(message.text, message.entities)),
      h("span", { class: "stamp" }, message.edit_date ? "edited " : "", clock(message.date), mine && icon(ICONS.check, "sent")),
      message.reactions.length > 0 && h("div", { class: "bubble-reactions" }, message.reactions.map(([, emoji]) => h("span", {}, emoji))));
    const element = h("article", {
      class: mine ? "row mine" : "row theirs", testid: "phone-message",
      data: { from: mine ? "user" : "bot", id: String(message.message_id) },
      "aria-label": mine ? "You" : "Support",
    }, h("div", { class: "bubble-line" }, body, tools), keyboard(message));
    longPress(body, () => tools.querySelector("button").click());
    return element;
  }

  function keyboard(message) {
    if (!message.buttons.length) return null;
    let place = 0;
    return h("div", { class: "keyboard" }, message.buttons.map((row) => h("div", { class: "keyboard-row" }, row.map((button) => {
      const at = place;
      place += 1;
      return h("button", { type: "button", testid: `phone-button-${button.callback_data || at}`, onclick: (event) => tap(event.currentTarget, message, button, at) }, button.text);
    }))));
  }

  async function tap(element, message, button, at) {
    if (button.url) return window.open(button.url, "_blank", "noopener,noreferrer");
    element.classList.add("waiting");
    const made = await deed("tap", { message_id: message.message_id, button: at });
    for (let tries = 0; made && made.query && tries < 20; tries += 1) {
      const answer = await attempt(() => show("telegram/tap_answer", { query: made.query }));
      if (!answer) break;
      if (answer.answered) {
        if (answer.text) toast(answer.text);
        break;
      }
      await new Promise((resolve) => { setTimeout(resolve, 250); });
    }
    element.classList.remove("waiting");
    return undefined;
  }

  return { refresh };
}

function longPress(element, act) {
  let timer = 0;
  element.addEventListener("touchstart", () => { timer = setTimeout(act, 500); }, { passive: true });
  for (const end of ["touchend", "touchmove", "touchcancel"]) element.addEventListener(end, () => clearTimeout(timer), { passive: true });
}

function media(message) {
  if (message.kind === "text") return null;
  if (message.kind === "location") return h("div", { class: "attachment" }, "📍 ", `${message.media.latitude}, ${message.media.longitude}`);
  if (message.kind === "contact") return h("div", { class: "attachment" }, "👤 ", `${message.media.first_name} ${message.media.phone_number}`);
  const url = fileUrl(`telegram/file/${encodeURIComponent(message.file_id)}`);
  if (message.file && message.file.type.startsWith("image/")) return h("img", { class: "picture", src: url, alt: message.text || message.file.name, loading: "lazy" });
  const name = message.file ? message.file.name : message.kind;
  return h("a", { class: "attachment", href: url, download: name }, icon(ICONS.file), h("span", {}, h("strong", {}, name), h("span", {}, size(message.file ? message.file.size : 0))));
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

const WRAP = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", spoiler: "span", blockquote: "blockquote", expandable_blockquote: "blockquote" };

// Entities nest, and count in UTF-16 units as JavaScript does.
function entityNodes(text, entities, from = 0, to = text.length) {
  const nodes = [];
  let at = from;
  const inside = entities.filter((each) => each.offset >= from && each.offset + each.length <= to);
  for (let n = 0; n < inside.length; n += 1) {
    const entity = inside[n];
    if (entity.offset < at) continue;
    const end = entity.offset + entity.length;
    nodes.push(text.slice(at, entity.offset));
    const children = entityNodes(text, inside.slice(n + 1), entity.offset, end);
    const words = text.slice(entity.offset, end);
    if (entity.type === "text_link") nodes.push(safeLink(entity.url, words));
    else if (entity.type === "url") nodes.push(safeLink(/^[a-z]+:/i.test(words) ? words : `https://${words}`, words));
    else if (entity.type === "email") nodes.push(safeLink(`mailto:${words}`, words));
    else if (WRAP[entity.type]) nodes.push(h(WRAP[entity.type], { class: entity.type }, children));
    else nodes.push(h("span", { class: "marked" }, children));
    at = end;
  }
  nodes.push(text.slice(at, to));
  return nodes;
}
