// WhatsApp on the customer's phone: ticks, buttons and lists, and the window in which the business may write.

import { act, attempt, fileUrl, show } from "./api.js";
import { ask, chat, fileNode, quoted, REACTIONS, reactionsOf, row, typingTimer } from "./chatkit.js";
import { avatar, clock, h, icon, iconButton, ICONS, menuButton, safeLink } from "./dom.js";
import { marked } from "./marks.js";
import { windowLine } from "./window.js";

const TICKS = { waiting: ["🕓", "waiting"], sent: ["✓", "sent"], delivered: ["✓✓", "delivered"], read: ["✓✓", "read"], failed: ["!", "not sent"] };

export function startWhatsApp(root, again) {
  const state = { user: "", blocked: false, online: true };
  const kit = chat({
    prefix: "wa",
    submit: (text, { replyTo }) => call("say", { text, reply_to: replyTo?.id || "" }),
    sendFile: (file, caption) => act("whatsapp/send_media", { user: state.user, caption, voice: file.mime_type.startsWith("audio/"), ...file }),
  });
  const subtitle = h("span", { class: "chat-state", testid: "wa-typing" }, "business account");
  const window24 = windowLine("wa-window", "only approved templates arrive");
  const typing = typingTimer(again, 25500);
  const more = iconButton(ICONS.more, "Chat menu", null, { testid: "wa-menu" });
  const unblock = h("button", { type: "button", class: "wide-button", hidden: true, testid: "wa-unblock", onclick: () => call("block", { blocked: false }) }, "Unblock");

  root.append(
    h("div", { class: "phone-head" },
      icon(ICONS.back), avatar("Brightdesk", "avatar avatar-round"),
      h("div", { class: "chat-title" }, h("strong", {}, "Brightdesk ", h("span", { class: "verified", "aria-label": "verified" }, "✓")), subtitle),
      menuButton(more, () => [
        { label: "Send a location", act: () => call("location", { latitude: 53.5461, longitude: 9.9937, name: "Harbor Coffee" }), testid: "wa-location" },
        { label: "Call, and nobody answers", act: () => call("call"), testid: "wa-call" },
        { label: "Send a contact", act: () => call("contact", { name: "Jonas Weber", phone: "+49 151 5550000" }), testid: "wa-contact" },
        state.online
          ? { label: "Switch the phone off", act: () => call("online", { online: false }), testid: "wa-offline" }
          : { label: "Switch the phone on", act: () => call("online", { online: true }), testid: "wa-online" },
        { label: "Change the number…", act: changeNumber, testid: "wa-number" },
        { label: "Block", danger: true, act: () => call("block", { blocked: true }), testid: "wa-block" },
      ])),
    window24.element, kit.log, kit.context, kit.form, unblock);

  function call(name, body = {}) {
    return attempt(() => act(`whatsapp/${name}`, { user: state.user, ...body }));
  }

  async function changeNumber() {
    const number = await ask("A new number", "It keeps the chat; the business is told.", { value: `+${state.user}`, testid: "wa-new-number", button: "Change" });
    if (number && (await call("change_number", { number }))) again();
  }

  async function draw(person) {
    if (person.whatsapp !== state.user) kit.clear();
    state.user = person.whatsapp;
    const shown = await show("whatsapp/chat", { user: person.whatsapp });
    if (person.whatsapp !== state.user) return;
    Object.assign(state, { blocked: shown.blocked, online: shown.online });
    const byId = new Map(shown.messages.map((each) => [each.id, each]));
    const messages = shown.messages.map((each) => {
      const original = byId.get(each.reply_to);
      return original ? { ...each, quoted: { text: original.text || original.kind, ours: original.from_business } } : each;
    });
    kit.draw(messages, (each) => each.id, (each) => each.at, bubble);
    subtitle.textContent = shown.blocked ? "blocked" : !shown.online ? "phone is off" : shown.typing ? "typing…" : "business account";
    subtitle.classList.toggle("busy", shown.typing);
    typing(shown.typing);
    window24.draw(shown.window, shown.billed ? `${shown.billed} billed` : "");
    kit.form.hidden = shown.blocked;
    unblock.hidden = !shown.blocked;
    const unread = shown.messages.some((each) => each.from_business && each.tick === "delivered");
    if (unread && shown.online && !document.hidden) await call("read");
  }

  function bubble(message) {
    const mine = !message.from_business;
    const own = message.reactions.find(([who]) => who === "customer");
    const entries = () => [
      { reactions: REACTIONS.whatsapp, mine: own?.[1], react: (emoji) => call("react", { message_id: message.id, emoji }), testid: "wa-react" },
      { label: "Reply", act: () => kit.setContext("reply", message), testid: "wa-reply" },
      ...(mine ? [{ label: "Delete for everyone", danger: true, act: () => call("delete", { message_id: message.id }), testid: "wa-delete" }] : []),
    ];
    const [tick, meaning] = TICKS[message.tick] || TICKS.sent;
    return row({
      prefix: "wa", id: message.id, from: mine ? "user" : "business", mine, name: mine ? "You" : "Brightdesk", entries,
      data: { tick: message.tick }, below: choices(message),
    },
    message.kind === "template" && h("span", { class: "template-mark" }, `Template · ${message.category}`),
    message.quoted && quoted(message.quoted.ours ? "Brightdesk" : "You", message.quoted.text),
    message.header && h("strong", { class: "bubble-header" }, message.header),
    content(message),
    message.text && h("div", { class: "bubble-text" }, marked(message.text)),
    message.footer && h("div", { class: "bubble-footer" }, message.footer),
    h("span", { class: "stamp" }, clock(message.at), mine && h("span", { class: `tick ${message.tick}`, "aria-label": meaning, testid: "wa-tick" }, tick)),
    reactionsOf(message.reactions));
  }

  // Up to three buttons stand below the text; a list has one button, which opens a sheet.
  function choices(message) {
    const rows = message.choices.filter((each) => each.kind === "row");
    const buttons = message.choices.filter((each) => each.kind !== "row");
    if (!message.choices.length) return null;
    return h("div", { class: "choices" },
      buttons.map((each, at) => (each.kind === "url"
        ? h("span", { class: "choice" }, safeLink(each.id, each.title))
        : h("button", { type: "button", class: "choice", testid: `wa-button-${at}`, onclick: () => call("tap", { message_id: message.id, button: each.id || each.title }) }, each.title))),
      rows.length > 0 && h("button", { type: "button", class: "choice", testid: "wa-list-open", onclick: () => openList(message, rows) }, h("span", { "aria-hidden": "true" }, "☰ "), message.menu || "Choose"));
  }

  function openList(message, rows) {
    const sections = [...new Set(rows.map((each) => each.section))];
    const option = (each) => {
      const id = `wa-row-${rows.indexOf(each)}`;
      return h("label", { class: "sheet-row", for: id },
        h("span", {}, h("strong", {}, each.title), each.description && h("span", {}, each.description)),
        h("input", { type: "radio", name: "wa-row", id, value: each.id, testid: `wa-list-row-${rows.indexOf(each)}`, required: true }));
    };
    const form = h("form", { method: "dialog" },
      h("header", {}, h("h3", {}, message.menu || "Choose"), iconButton(ICONS.close, "Close", () => sheet.close())),
      sections.map((name) => h("fieldset", {}, name && h("legend", {}, name), rows.filter((each) => each.section === name).map(option))),
      h("button", { type: "submit", class: "sheet-send", testid: "wa-list-send" }, "Send"));
    const sheet = h("dialog", { class: "sheet", "aria-label": message.menu || "Choose", testid: "wa-list" }, form);
    form.addEventListener("submit", () => call("choose", { message_id: message.id, row: new FormData(form).get("wa-row") }));
    sheet.addEventListener("close", () => sheet.remove());
    root.append(sheet);
    const screen = root.getBoundingClientRect(); // a sheet of the phone, not of the window
    Object.assign(sheet.style, { left: `${screen.left + 7}px`, width: `${screen.width - 14}px`, bottom: `${window.innerHeight - screen.bottom + 7}px` });
    sheet.showModal();
  }

  async function latest(person) {
    const { messages } = await show("whatsapp/chat", { user: person.whatsapp });
    return messages.filter((each) => each.from_business).at(-1)?.id ?? "";
  }

  return { draw, latest };
}

function content(message) {
  if (message.kind === "location" && message.content) {
    return h("div", { class: "attachment" }, "📍 ", message.content.name || `${message.content.latitude}, ${message.content.longitude}`);
  }
  if (message.contacts.length) return message.contacts.map((each) => h("div", { class: "attachment" }, "👤 ", each.name?.formatted_name || "Contact"));
  if (!message.file_id || !message.file.id) return null;
  const url = fileUrl(`whatsapp/file/${encodeURIComponent(message.file_id)}`);
  return fileNode({ url, name: message.file_name || message.file.name, type: message.file.type, bytes: message.file.size, alt: message.text });
}
