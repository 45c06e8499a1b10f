// One message in Slack, as it stands in a channel or in a thread.

import { fileUrl } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { avatar, clock, h, icon, iconButton, ICONS, menuButton } from "./dom.js";
import { emoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { size } from "./chatkit.js";

const QUICK = ["+1", "white_check_mark", "eyes"];
const MORE = ["+1", "-1", "heart", "pray", "tada", "joy", "eyes", "white_check_mark"];

// `view` is what blocks.js needs, and {me, react, edit, remove, openThread, side}; the last four may be missing.
export function messageNode(message, view) {
  const isWhisper = message.type === "ephemeral";
  const fromApp = Boolean(message.bot_id) || isWhisper;
  const name = message.username || view.names.user(message.user) || "Someone";
  const seconds = Number(message.ts);
  const own = message.user === view.me && !fromApp;
  return h("article", {
    class: `message${isWhisper ? " whisper" : ""}${message._head ? "" : " follows"}`,
    testid: "slack-message", data: { ts: message.ts, user: message.user || "", ephemeral: String(isWhisper) }, "aria-label": name,
  },
  avatar(name, "avatar avatar-square"),
  h("div", { class: "message-body" },
    isWhisper && h("p", { class: "only-you", testid: "slack-ephemeral" }, "Only visible to you"),
    h("p", { class: "message-head" }, h("strong", {}, name), fromApp && h("span", { class: "badge" }, "APP"), h("time", { datetime: new Date(seconds * 1000).toISOString() }, clock(seconds))),
    content(message, view, fromApp),
    files(message, view.side || "slack"),
    reactions(message, view),
    view.openThread && message.reply_count > 0 && threadLine(message, view)),
  !isWhisper && message.subtype !== "tombstone" && tools(message, view, own));
}

function content(message, view, fromApp) {
  if (message.subtype === "tombstone") return h("p", { class: "tombstone" }, "This message was deleted.");
  const edited = message.edited && h("span", { class: "edited", testid: "slack-edited" }, " (edited)");
  const kit = { ...view, message: message.ts, act: (element, block, choice) => view.act(message, element, block, choice) };
  const attached = (message.attachments || []).map((each) => attachment(each, kit));
  // A person's rich text says the same as the text, which has the mentions resolved.
  if (fromApp && message.blocks && message.blocks.length) return h("div", { class: "blocks" }, renderBlocks(message.blocks, kit), edited, attached);
  return h("div", { class: "message-text" }, mrkdwn(message.text || "", view.names), edited, attached);
}

function attachment(given, kit) {
  const inner = given.blocks ? renderBlocks(given.blocks, kit) : [given.title && h("strong", {}, given.title), h("div", {}, mrkdwn(given.text || given.fallback || "", kit.names))];
  const box = h("div", { class: "attached" }, inner);
  if (/^#?[0-9a-f]{6}$/i.test(given.color || "")) box.style.borderColor = `#${given.color.replace("#", "")}`;
  return box;
}

function files(message, side) {
  if (!message.files || !message.files.length) return null;
  return h("div", { class: "files" }, message.files.map((file) => {
    const url = fileUrl(`${side}/file/${encodeURIComponent(file.id)}?type=${encodeURIComponent(file.mimetype)}`);
    if (/^image\/(png|jpeg|gif|webp)$/.test(file.mimetype)) return h("a", { href: url, target: "_blank", rel: "noopener" }, h("img", { class: "file-picture", src: url, alt: file.name, loading: "lazy" }));
    return h("a", { class: "attachment", href: url, download: file.name }, icon(ICONS.file), h("span", {}, h("strong", {}, file.name), h("span", {}, size(file.size))));
  }));
}

function reactions(message, view) {
  if (!message.reactions || !message.reactions.length) return null;
  return h("div", { class: "reactions" }, message.reactions.map((each) => {
    const mine = each.users.includes(view.me);
    const who = each.users.map((user) => view.names.user(user) || "someone").join(", ");
    return h("button", {
      type: "button", class: mine ? "reaction mine" : "reaction", testid: `reaction-${each.name}`, "aria-pressed": String(mine),
      title: `${who} reacted with :${each.name}:`, "aria-label": `${each.name}, ${each.count}`, onclick: () => view.react(message, each.name, mine),
    }, emoji(each.name) || `:${each.name}:`, h("span", {}, String(each.count)));
  }));
}

function threadLine(message, view) {
  const people = (message.reply_users || []).slice(0, 4).map((user) => avatar(view.names.user(user) || "?", "avatar avatar-tiny"));
  const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return h("button", { type: "button", class: "thread-line", testid: "open-thread", onclick: () => view.openThread(message) },
    h("span", { class: "tiny-avatars" }, people), h("strong", {}, count), h("span", {}, `Last reply ${clock(Number(message.latest_reply))}`));
}

function tools(message, view, own) {
  const isMine = (name) => (message.reactions || []).some((each) => each.name === name && each.users.includes(view.me));
  const react = QUICK.map((name) => {
    const mine = isMine(name);
    return h("button", { type: "button", class: "icon-button", title: `React :${name}:`, "aria-label": `React ${name}`, testid: `react-${name}`, onclick: () => view.react(message, name, mine) }, emoji(name));
  });
  const pick = (name) => view.react(message, name, isMine(name));
  return h("div", { class: "message-tools", role: "group", "aria-label": "Message actions" }, react,
    menuButton(iconButton(ICONS.smile, "Add a reaction", null, { testid: "add-reaction" }), () => [
      { reactions: MORE.map(emoji), react: (sign) => pick(MORE.find((name) => emoji(name) === sign)), testid: "pick" },
    ]),
    view.openThread && iconButton(ICONS.thread, "Reply in thread", () => view.openThread(message), { testid: "reply-in-thread" }),
    own && view.edit && iconButton(ICONS.edit, "Edit message", () => view.edit(message), { testid: "slack-edit" }),
    own && view.remove && iconButton(ICONS.trash, "Delete message", () => view.remove(message), { testid: "slack-delete" }));
}
