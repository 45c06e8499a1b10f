// The staff's group on Telegram: topics on the left, one of them on the right.

import { act, attempt, remember, remembered, show } from "./api.js";
import { chat, quoted, REACTIONS, reactionsOf, row } from "./chatkit.js";
import { avatar, backToList, clock, coalesced, h, icon, ICONS, reconcile } from "./dom.js";
import { keyboard, kindOf, media, tapped, wordsOf } from "./telegram.js";

const SIDE = "telegram-staff";
const COLORS = { 7322096: "#6fb9f0", 16766590: "#ffd67e", 13338331: "#cb86db", 9367192: "#8eee98", 16749490: "#ff93b2", 16478047: "#fb6f5f" };

// `markUnread` is told whether something new stands in a topic that nobody looks at.
export function startTelegramGroup(root, markUnread) {
  const state = { me: remembered("staff-me", ""), topic: null, groups: [], messages: [], read: remembered("topics", {}) };
  const who = h("select", { id: "ts-user", testid: "ts-user", onchange: () => signIn(who.value) });
  const group = h("strong", { class: "team-name" });
  const topics = h("ul", { class: "channels" });
  const title = h("h2", { testid: "ts-title" });
  const about = h("span", { class: "channel-about" });
  const closed = h("p", { class: "topic-closed", hidden: true }, "This topic is closed.");
  const kit = chat({
    prefix: "ts",
    submit: (text, { editing, replyTo }) => (editing ? call("edit", { message_id: editing.message_id, text }) : call("say", { text, topic: state.topic, reply_to: replyTo?.message_id ?? null })),
    sendFile: (file, caption) => act(`${SIDE}/send_media`, { user: state.me, group: groupId(), topic: state.topic, kind: kindOf(file.mime_type), caption, ...file }),
  });

  root.append(
    h("nav", { class: "sidebar telegram-sidebar", "aria-label": "Topics" },
      h("div", { class: "team" }, group, h("label", { for: "ts-user" }, "Signed in as"), who), h("h3", {}, "Topics"), topics),
    h("div", { class: "channel-pane" }, h("header", { class: "pane-head" }, backToList(root, "Back to the topics"), title, about), kit.log, kit.context, closed, kit.form));

  function groupId() {
    return String(state.groups[0].id);
  }

  function call(name, body = {}) {
    return attempt(() => act(`${SIDE}/${name}`, { user: state.me, group: groupId(), ...body }));
  }

  function signIn(id) {
    state.me = id;
    remember("staff-me", id);
    kit.clear();
    refresh();
  }

  function openTopic(id) {
    root.classList.add("in-channel");
    if (state.topic !== id) kit.clear();
    state.topic = id;
    refresh().then(() => kit.input.focus({ preventScroll: true }));
  }

  const refresh = coalesced(() => attempt(async () => {
    state.groups = await show(`${SIDE}/groups`);
    const found = state.groups[0];
    root.classList.toggle("empty", !found);
    if (!found) return;
    if (!found.members.some((each) => String(each.id) === state.me)) state.me = String(found.members[0]?.id ?? "");
    const all = [{ id: 0, name: "General", latest: found.latest || 0, closed: false }, ...found.topics.filter((each) => !each.deleted)];
    if (!all.some((each) => each.id === state.topic)) state.topic = all[all.length - 1].id;
    group.textContent = found.title;
    reconcile(who, found.members, (each) => each.id, (each) => h("option", { value: String(each.id) }, each.name));
    who.value = state.me;
    const current = all.find((each) => each.id === state.topic);
    const looked = !document.hidden && kit.log.checkVisibility();
    if (looked) {
      state.read = { ...state.read, [`${state.me}/${current.id}`]: current.latest };
      remember("topics", state.read);
    }
    const rows = all.map((each) => ({
      ...each,
      current: each.id === state.topic,
      unread: !(looked && each.id === state.topic) && each.latest > (state.read[`${state.me}/${each.id}`] || 0),
    }));
    markUnread(rows.some((each) => each.unread));
    if (root.hidden) return;
    reconcile(topics, [...rows].sort((one, two) => two.latest - one.latest), (each) => each.id, topicRow);
    await drawTopic(current, found);
  }));

  function topicRow(each) {
    const mark = h("span", { class: "topic-mark", "aria-hidden": "true" }, each.id ? "" : "#");
    if (each.id) mark.style.backgroundColor = COLORS[each.icon_color] || "#6fb9f0";
    return h("li", {}, h("button", {
      type: "button", class: each.unread ? "channel unread" : "channel", "aria-current": each.current ? "page" : undefined,
      testid: `ts-topic-${each.id}`, onclick: () => openTopic(each.id),
    }, mark, h("span", {}, each.name), each.closed && icon(ICONS.lock, "closed"), each.unread && h("span", { class: "unread-dot", role: "img", "aria-label": "unread" })));
  }

  async function drawTopic(topic, found) {
    const shown = await show(`${SIDE}/topic`, { group: groupId(), topic: String(topic.id), user: state.me });
    if (topic.id !== state.topic) return;
    title.textContent = topic.name;
    about.textContent = `${found.members.length} members and a bot`;
    const byId = new Map(shown.messages.map((each) => [each.message_id, each]));
    const messages = shown.messages.map((each) => {
      const original = byId.get(each.reply_to);
      return { ...each, me: state.me, quoted: original && { text: original.text || original.kind, name: nameOf(original) } };
    });
    kit.draw(messages, (each) => each.message_id, (each) => each.date, bubble);
    closed.hidden = !topic.closed;
    kit.form.hidden = topic.closed;
  }

  function nameOf(message) {
    return message.from_bot ? "Desk" : message.sender || "Somebody";
  }

  function bubble(message) {
    const alone = message.ephemeral > 0; // nobody else sees it, so that there is nothing to do with it
    const mine = !message.from_bot && String(message.sender_id) === state.me;
    const own = message.reactions.find(([by]) => by === state.me);
    const entries = () => [
      { reactions: REACTIONS.telegram, mine: own?.[1], react: (emoji) => call("react", { message_id: message.message_id, emoji }), testid: "ts-react" },
      { label: "Reply", act: () => kit.setContext("reply", message), testid: "ts-reply" },
      ...(mine ? [{ label: "Edit", act: () => kit.setContext("edit", message), testid: "ts-edit" }] : []),
      { label: "Delete", danger: true, act: () => call("delete", { message_id: message.message_id }), testid: "ts-delete" },
    ];
    const tap = (element, button, at) => tapped(SIDE, element, button, () => call("tap", { message_id: message.message_id, button: at }));
    return row({ prefix: "ts", id: message.message_id, from: message.from_bot ? "bot" : mine ? "me" : "member", mine, name: nameOf(message), entries: alone ? null : entries, data: { ephemeral: String(alone) }, below: keyboard("ts", message, tap) },
      alone && h("span", { class: "only-you", testid: "ts-ephemeral" }, "Only visible to you"),
      !mine && h("span", { class: "sender" }, !message.from_bot && avatar(nameOf(message), "avatar avatar-tiny"), nameOf(message)),
      message.quoted && quoted(message.quoted.name, message.quoted.text),
      media(SIDE, message),
      wordsOf(message),
      h("span", { class: "stamp" }, message.edit_date && !message.from_bot ? "edited " : "", clock(message.date)),
      reactionsOf(message.reactions));
  }

  return { refresh };
}
