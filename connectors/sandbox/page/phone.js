// Telegram on the customer's phone: one person's chat with the bot.

import { act, attempt, show } from "./api.js";
import { chat, quoted, REACTIONS, reactionsOf, row, typingTimer } from "./chatkit.js";
import { avatar, clock, h, icon, iconButton, ICONS, menuButton } from "./dom.js";
import { keyboard, kindOf, media, tapped, wordsOf } from "./telegram.js";

const ACTIONS = { typing: "typing…", upload_photo: "sending a photo…", upload_document: "sending a file…" };

export function startTelegram(root, again) {
  const state = { user: "", blocked: false };
  const kit = chat({
    prefix: "phone",
    submit: (text, { editing, replyTo }) => (editing ? call("edit", { message_id: editing.message_id, text }) : say(text, replyTo?.message_id)),
    sendFile: (file, caption) => act("telegram/send_media", { user: state.user, kind: kindOf(file.mime_type), caption, ...file }),
  });
  const subtitle = h("span", { class: "chat-state", testid: "phone-typing" }, "bot");
  const start = h("button", { type: "button", class: "wide-button", testid: "phone-start", hidden: true, onclick: () => say("/start") }, "Start");
  const unblock = h("button", { type: "button", class: "wide-button", testid: "phone-unblock", hidden: true, onclick: () => call("unblock") }, "Restart bot");
  const more = iconButton(ICONS.more, "Chat menu", null, { testid: "phone-menu" });
  const typing = typingTimer(again, 5200);

  root.append(
    h("div", { class: "phone-head" },
      icon(ICONS.back),
      avatar("Support Desk", "avatar avatar-round"),
      h("div", { class: "chat-title" }, h("strong", {}, "Support"), subtitle),
      menuButton(more, () => [
        state.blocked
          ? { label: "Unblock bot", act: () => call("unblock"), testid: "phone-menu-unblock" }
          : { label: "Block bot", danger: true, act: () => call("block"), testid: "phone-block" },
      ])),
    kit.log, kit.context, kit.form, start, unblock);

  function call(name, body = {}) {
    return attempt(() => act(`telegram/${name}`, { user: state.user, ...body }));
  }

  function say(text, replyTo = null) {
    return call("say", { text, reply_to: replyTo });
  }

  async function draw(person) {
    if (person.telegram !== state.user) kit.clear();
    state.user = person.telegram;
    const shown = await show("telegram/chat", { user: person.telegram });
    if (person.telegram !== state.user) return;
    state.blocked = shown.blocked;
    const byId = new Map(shown.messages.map((each) => [each.message_id, each]));
    const messages = shown.messages.map((each) => {
      const original = byId.get(each.reply_to);
      return original ? { ...each, quoted: { text: original.text || original.kind, from_bot: original.from_bot } } : each;
    });
    kit.draw(messages, (each) => each.message_id, (each) => each.date, bubble);
    subtitle.textContent = shown.typing ? ACTIONS[shown.typing] || "busy…" : shown.blocked ? "blocked" : "bot";
    subtitle.classList.toggle("busy", Boolean(shown.typing));
    typing(shown.typing);
    kit.form.hidden = shown.blocked || shown.messages.length === 0;
    start.hidden = shown.blocked || shown.messages.length > 0;
    unblock.hidden = !shown.blocked;
  }

  function bubble(message) {
    const mine = !message.from_bot;
    const own = message.reactions.find(([who]) => who === "user");
    const entries = () => [
      { reactions: REACTIONS.telegram, mine: own?.[1], react: (emoji) => call("react", { message_id: message.message_id, emoji }), testid: "phone-react" },
      { label: "Reply", act: () => kit.setContext("reply", message), testid: "phone-reply" },
      ...(mine ? [{ label: "Edit", act: () => kit.setContext("edit", message), testid: "phone-edit" }] : []),
      { label: "Delete", danger: true, act: () => call("delete", { message_id: message.message_id }), testid: "phone-delete" },
    ];
    const tap = (element, button, at) => tapped("telegram", element, button, () => call("tap", { message_id: message.message_id, button: at }));
    return row({ prefix: "phone", id: message.message_id, from: mine ? "user" : "bot", mine, name: mine ? "You" : "Support", entries, below: keyboard("phone", message, tap) },
      message.quoted && quoted(message.quoted.from_bot ? "Support" : "You", message.quoted.text),
      media("telegram", message),
      wordsOf(message),
      h("span", { class: "stamp" }, message.edit_date ? "edited " : "", clock(message.date), mine && icon(ICONS.check, "sent")),
      reactionsOf(message.reactions));
  }

  async function latest(person) {
    const { messages } = await show("telegram/chat", { user: person.telegram });
    return String(messages.filter((each) => each.from_bot).at(-1)?.message_id ?? "");
  }

  return { draw, latest };
}
