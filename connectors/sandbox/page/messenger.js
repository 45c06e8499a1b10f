// Messenger on the customer's phone: bubbles, buttons, and quick replies that are gone once something was said.

import { act, attempt, fileUrl, show } from "./api.js";
import { ask, chat, fileNode, quoted, REACTIONS, reactionsOf, row, typingTimer } from "./chatkit.js";
import { avatar, clock, h, icon, iconButton, ICONS, menuButton, safeLink } from "./dom.js";
import { linked } from "./marks.js";
import { windowLine } from "./window.js";

export function startMessenger(root, again) {
  const state = { user: "", blocked: false, online: true };
  const kit = chat({
    prefix: "ms", label: "Aa", maxlength: "2000",
    submit: (text, { editing, replyTo }) => (editing ? call("edit", { message_id: editing.id, text }) : call("say", { text, reply_to: replyTo?.id || "" })),
    sendFile: (file, caption) => act("messenger/send_media", { user: state.user, caption, ...file }),
  });
  const subtitle = h("span", { class: "chat-state", testid: "ms-typing" }, "Page");
  const window24 = windowLine("ms-window", "people may write for seven days");
  const replies = h("div", { class: "quick-replies", role: "group", "aria-label": "Quick replies", hidden: true });
  const like = h("button", { type: "button", class: "icon-button like", testid: "ms-like", "aria-label": "Send a thumb", title: "Send a thumb", onclick: () => call("like") }, "👍");
  const start = h("button", { type: "button", class: "wide-button", testid: "ms-start", hidden: true, onclick: () => call("start") }, "Get started");
  const unblock = h("button", { type: "button", class: "wide-button", testid: "ms-unblock", hidden: true, onclick: () => call("block", { blocked: false }) }, "Unblock");
  const more = iconButton(ICONS.more, "Chat menu", null, { testid: "ms-menu" });
  const typing = typingTimer(again, 20500);
  kit.form.append(like);

  root.append(
    h("div", { class: "phone-head" },
      icon(ICONS.back), avatar("Brightdesk", "avatar avatar-round"),
      h("div", { class: "chat-title" }, h("strong", {}, "Brightdesk"), subtitle),
      menuButton(more, () => [
        { label: "Press “Get started”", act: () => call("start"), testid: "ms-get-started" },
        { label: "Come by a link m.me/…?ref=…", act: follow, testid: "ms-follow" },
        state.online
          ? { label: "Switch the phone off", act: () => call("online", { online: false }), testid: "ms-offline" }
          : { label: "Switch the phone on", act: () => call("online", { online: true }), testid: "ms-online" },
        { label: "Block", danger: true, act: () => call("block", { blocked: true }), testid: "ms-block" },
      ])),
    window24.element, kit.log, replies, kit.context, kit.form, start, unblock);

  function call(name, body = {}) {
    return attempt(() => act(`messenger/${name}`, { user: state.user, ...body }));
  }

  async function follow() {
    const ref = await ask("A link to this chat", "What stands behind ?ref=", { testid: "ms-ref", button: "Open" });
    if (ref) await call("follow", { ref });
  }

  async function draw(person) {
    if (person.messenger !== state.user) kit.clear();
    state.user = person.messenger;
    const shown = await show("messenger/chat", { user: person.messenger });
    if (person.messenger !== state.user) return;
    Object.assign(state, { blocked: shown.blocked, online: shown.online });
    const byId = new Map(shown.messages.map((each) => [each.id, each]));
    const lastMine = shown.messages.filter((each) => !each.from_page).at(-1)?.id;
    const messages = shown.messages.map((each) => {
      const original = byId.get(each.reply_to);
      const more = original ? { quoted: { text: original.text || "a file", ours: original.from_page } } : {};
      return { ...each, ...more, seen: each.id === lastMine && each.tick !== "sent" };
    });
    kit.draw(messages, (each) => each.id, (each) => each.at / 1000, bubble);
    drawReplies(shown.messages.at(-1));
    subtitle.textContent = shown.blocked ? "blocked" : !shown.online ? "phone is off" : shown.typing ? "typing…" : "Page · replies instantly";
    subtitle.classList.toggle("busy", shown.typing);
    typing(shown.typing);
    window24.draw(shown.window);
    window24.element.hidden = shown.messages.length === 0;
    kit.form.hidden = shown.blocked || shown.messages.length === 0;
    start.hidden = shown.blocked || shown.messages.length > 0;
    unblock.hidden = !shown.blocked;
    const unread = shown.messages.some((each) => each.from_page && each.tick === "delivered");
    if (unread && shown.online && !document.hidden) await call("read");
  }

  function drawReplies(last) {
    const offered = last && last.from_page ? last.quick_replies : [];
    const print = JSON.stringify([last?.id, offered]);
    if (replies._print === print) return;
    replies._print = print;
    replies.hidden = offered.length === 0;
    replies.replaceChildren(...offered.map((each, at) => h("button", {
      type: "button", testid: `ms-quick-${at}`, onclick: () => call("choose", { message_id: last.id, reply: at }),
    }, each.title)));
  }

  function bubble(message) {
    const mine = !message.from_page;
    const own = message.reactions.find(([who]) => who === "customer");
    const entries = () => [
      { reactions: REACTIONS.messenger, mine: own?.[1], react: (emoji) => call("react", { message_id: message.id, emoji }), testid: "ms-react" },
      { label: "Reply", act: () => kit.setContext("reply", message), testid: "ms-reply" },
      ...(mine && message.text ? [{ label: "Edit", act: () => kit.setContext("edit", message), testid: "ms-edit" }] : []),
    ];
    return row({ prefix: "ms", id: message.id, from: mine ? "user" : "page", mine, name: mine ? "You" : "Brightdesk", entries, data: { tick: message.tick }, below: message.seen ? h("span", { class: "seen" }, "Delivered") : null },
      message.quoted && quoted(message.quoted.ours ? "Brightdesk" : "You", message.quoted.text),
      message.files.filter((each) => each.id).map((each) => fileNode({ url: fileUrl(`messenger/file/${encodeURIComponent(each.id)}`), name: each.name, type: each.type, bytes: each.size })),
      message.text && h("div", { class: "bubble-text" }, linked(message.text)),
      h("span", { class: "stamp" }, message.edits ? "edited " : "", clock(message.at / 1000)),
      message.buttons.length > 0 && h("div", { class: "template-buttons" }, message.buttons.map((each, at) => (each.kind === "web_url"
        ? h("span", { class: "template-button" }, safeLink(each.id, each.title))
        : h("button", { type: "button", class: "template-button", testid: `ms-button-${at}`, onclick: () => call("tap", { message_id: message.id, button: at }) }, each.title)))),
      reactionsOf(message.reactions));
  }

  async function latest(person) {
    const { messages } = await show("messenger/chat", { user: person.messenger });
    return messages.filter((each) => each.from_page).at(-1)?.id ?? "";
  }

  return { draw, latest };
}
