// The staff's Slack: sidebar, channel, thread.

import { act, attempt, remember, remembered, show, toast } from "./api.js";
import { composer } from "./composer.js";
import { avatar, backToList, coalesced, dayName, h, icon, iconButton, ICONS, keepAtEnd, nearBottom, reconcile, toBottom } from "./dom.js";
import { messageNode } from "./messages.js";
import { startModals } from "./modal.js";

// `markUnread` is told whether something new stands in a channel that nobody looks at.
export function startSlack(root, markUnread) {
  const state = { me: remembered("me", null), channel: remembered("channel", null), thread: null, space: null, read: remembered("read", {}) };
  const modals = startModals(document.body);

  const who = h("select", { id: "slack-user", testid: "slack-user", onchange: () => signIn(who.value) });
  const list = h("ul", { class: "channels" });
  const directs = h("ul", { class: "channels" });
  const team = h("strong", { class: "team-name" });
  const title = h("h2", { testid: "slack-channel-title" });
  const about = h("span", { class: "channel-about" });
  const log = h("div", { class: "slack-log", role: "log", "aria-live": "polite", "aria-label": "Messages", tabindex: "0", testid: "slack-log" });
  const main = composer({ testid: "slack-input", sendTestid: "slack-send", label: "Message", send: sendToChannel });
  const threadLog = h("div", { class: "slack-log", role: "log", "aria-live": "polite", "aria-label": "Thread", tabindex: "0" });
  const reply = composer({ testid: "thread-input", sendTestid: "thread-send", label: "Reply…", send: sendToThread });
  const threadWhere = h("span", { class: "channel-about" });
  const thread = h("aside", { class: "thread", testid: "slack-thread", "aria-label": "Thread", hidden: true },
    h("header", { class: "pane-head" }, h("h2", {}, "Thread"), threadWhere, iconButton(ICONS.close, "Close thread", closeThread, { testid: "thread-close" })),
    threadLog, reply.form);

  root.append(
    h("nav", { class: "sidebar", "aria-label": "Channels" },
      h("div", { class: "team" }, team, h("label", { for: "slack-user" }, "Signed in as"), who),
      h("h3", {}, "Channels"), list, h("h3", {}, "Apps"), directs),
    h("div", { class: "channel-pane" }, h("header", { class: "pane-head" }, backToList(root, "Back to the channels"), title, about), log, main.form),
    thread,
  );

  keepAtEnd(log);
  keepAtEnd(threadLog);

  const names = {
    user: (id) => {
      const user = state.space && state.space.users.find((each) => each.id === id);
      if (user) return user.real_name || user.name;
      return { USLACKBOT: "Slackbot" }[id];
    },
    channel: (id) => state.space?.channels.find((each) => each.id === id)?.name,
    isMe: (id) => id === state.me,
  };

  function view(inThread) {
    return {
      me: state.me,
      names,
      people: () => state.space.users.filter((user) => !user.is_bot),
      channels: () => state.space.channels.filter((channel) => !channel.is_im),
      act: async (message, element, block, choice) => {
        const outcome = await attempt(() => act("slack/click", { user: state.me, channel: state.channel, ts: message.ts, action_id: element.action_id, block_id: block.block_id || "", choice }));
        if (outcome && !outcome.taken && !element.url) toast(`The app did not answer (${outcome.reason}).`, true);
      },
      react: (message, name, mine) => attempt(() => act(`slack/${mine ? "unreact" : "react"}`, { user: state.me, channel: state.channel, ts: message.ts, name })),
      edit: (message) => editMessage(message, inThread ? threadLog : log),
      remove: (message) => attempt(() => act("slack/delete", { user: state.me, channel: state.channel, ts: message.ts })),
      openThread: inThread ? null : (message) => openThread(message.thread_ts || message.ts),
    };
  }

  function signIn(id) {
    state.me = id;
    remember("me", id);
    closeThread();
    log.replaceChildren();
    refresh();
  }

  function openChannel(id) {
    root.classList.add("in-channel");
    if (state.channel !== id) {
      state.channel = id;
      remember("channel", id);
      closeThread();
      log.replaceChildren();
    }
    refresh().then(() => main.input.focus({ preventScroll: true }));
  }

  function openThread(ts) {
    if (state.thread !== ts) threadLog.replaceChildren();
    state.thread = ts;
    thread.hidden = false;
    root.classList.add("with-thread");
    refresh().then(() => reply.input.focus({ preventScroll: true }));
  }

  function closeThread() {
    state.thread = null;
    threadLog.replaceChildren();
    thread.hidden = true;
    root.classList.remove("with-thread");
  }

  async function sendToChannel(text, files) {
    const command = text.match(/^(\/[a-z][\w-]*)(?:\s+([\s\S]*))?$/i);
    if (command && !files.length) {
      const outcome = await act("slack/slash", { user: state.me, channel: state.channel, command: command[1], text: command[2] || "" });
      if (!outcome.taken) toast(`${command[1]} failed with the error ${outcome.reason}.`, true);
      return outcome.taken;
    }
    await act("slack/post", { user: state.me, channel: state.channel, text, files });
    toBottom(log);
    return true;
  }

  async function sendToThread(text, files) {
    if (/^\/[a-z]/i.test(text)) throw new Error(`${text.split(/\s/)[0]} is not supported in threads. Sorry!`);
    await act("slack/post", { user: state.me, channel: state.channel, text, thread_ts: state.thread, files });
    toBottom(threadLog);
    return true;
  }

  function editMessage(message, container) {
    const element = container.querySelector(`[data-ts="${CSS.escape(message.ts)}"]`);
    const words = element?.querySelector(".message-text");
    if (!words) return;
    const plain = message.text.replace(/<@(\w+)>/g, (_, id) => `@${state.space.users.find((user) => user.id === id)?.name || id}`).replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
    const box = h("textarea", { class: "slack-input", rows: "2", "aria-label": "Edit message", testid: "slack-edit-input" });
    box.value = plain;
    const stop = () => editor.replaceWith(words);
    const save = async () => {
      const text = box.value.trim();
      stop();
      if (text && text !== plain) await attempt(() => act("slack/edit", { user: state.me, channel: state.channel, ts: message.ts, text }));
    };
    const editor = h("div", { class: "editor" }, box, h("div", { class: "dialog-buttons" },
      h("button", { type: "button", class: "quiet-button", onclick: stop }, "Cancel"),
      h("button", { type: "button", class: "primary-button", testid: "slack-edit-save", onclick: save }, "Save")));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") stop();
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        save();
      }
    });
    words.replaceWith(editor);
    box.focus();
  }

  const refresh = coalesced(() => attempt(async () => {
    state.space = await show("slack/workspace");
    const staff = state.space.users.filter((user) => !user.is_bot);
    if (!staff.some((user) => user.id === state.me)) state.me = staff[0] ? staff[0].id : null;
    if (!state.me) return;
    const mine = state.space.channels.filter((channel) => channel.members.includes(state.me) && !channel.is_archived);
    if (!mine.some((channel) => channel.id === state.channel)) state.channel = mine[0] ? mine[0].id : null;
    drawSidebar(staff, mine);
    if (state.channel) await Promise.all([drawChannel(), drawThread()]);
    modals.draw(await show("slack/modals", { user: state.me }), view(false));
  }));

  function drawSidebar(staff, mine) {
    team.textContent = state.space.team;
    reconcile(who, staff.map((user) => ({ id: user.id, name: user.real_name || user.name })), (user) => user.id, (user) => h("option", { value: user.id }, user.name));
    who.value = state.me;
    if (log.checkVisibility() && !document.hidden) markRead();
    const seen = state.read[state.me] || {};
    const current = log.checkVisibility() ? state.channel : null;
    const rows = mine.map((channel) => ({
      id: channel.id, name: channel.name || "", isPrivate: Boolean(channel.is_private), isDirect: Boolean(channel.is_im),
      current: channel.id === state.channel,
      unread: channel.id !== current && (state.space.latest[channel.id] || "") > (seen[channel.id] || ""),
    }));
    markUnread(rows.some((row) => row.unread));
    reconcile(list, rows.filter((row) => !row.isDirect), (row) => row.id, channelRow);
    const direct = rows.filter((row) => row.isDirect);
    reconcile(directs, direct.length ? direct : [{ id: "direct", isDirect: true }], (row) => row.id, channelRow);
  }

  function channelRow(row) {
    const label = row.isDirect ? state.space.bot.name : row.name;
    const open = async () => {
      if (row.id !== "direct") return openChannel(row.id);
      const made = await attempt(() => act("slack/open_direct", { user: state.me }));
      return made && openChannel(made.channel);
    };
    return h("li", {}, h("button", {
      type: "button", class: row.unread ? "channel unread" : "channel", "aria-current": row.current ? "page" : undefined,
      testid: row.isDirect ? "slack-direct" : `slack-channel-${row.name}`, onclick: open,
    }, row.isDirect ? avatar(label, "avatar avatar-tiny") : icon(row.isPrivate ? ICONS.lock : ICONS.hash), h("span", {}, label),
    row.unread && h("span", { class: "unread-dot", role: "img", "aria-label": "unread" })));
  }

  function markRead() {
    if (!state.channel) return;
    const seen = { ...state.read[state.me], [state.channel]: state.space.latest[state.channel] || "" };
    state.read = { ...state.read, [state.me]: seen };
    remember("read", state.read);
  }

  async function drawChannel() {
    const channel = state.space.channels.find((each) => each.id === state.channel);
    const { me } = state;
    const found = await show("slack/messages", { user: me, channel: channel.id });
    if (channel.id !== state.channel || me !== state.me) return;
    const name = channel.is_im ? state.space.bot.name : channel.name;
    title.replaceChildren(channel.is_im ? "" : icon(channel.is_private ? ICONS.lock : ICONS.hash), name);
    about.textContent = channel.is_im ? "App" : `${channel.members.length} members${channel.topic?.value ? ` · ${channel.topic.value}` : ""}`;
    main.rename(channel.is_im ? `Message ${name}` : `Message #${name}, or /desk …`);
    drawLog(log, found, view(false));
  }

  async function drawThread() {
    if (!state.thread) return;
    const { thread: ts, channel, me } = state;
    const found = await attempt(() => show("slack/messages", { user: me, channel, thread_ts: ts }));
    if (!found || ts !== state.thread) return;
    threadWhere.textContent = names.channel(channel) ? `#${names.channel(channel)}` : "";
    drawLog(threadLog, found, view(true));
  }

  function drawLog(container, found, kit) {
    const begins = container.childElementCount === 0;
    const follow = nearBottom(container) || begins;
    const answer = begins ? undefined : found.ephemerals.findLast((each) => !rowOf(container, `ephemeral-${each.ts}`));
    const all = [...found.messages, ...found.ephemerals.map((each) => ({ ...each, type: "ephemeral", user: state.space.bot.id }))];
    all.sort((one, two) => Number(one.ts) - Number(two.ts));
    const rows = [];
    let before = null;
    for (const message of all) {
      const day = dayName(Number(message.ts));
      if (!before || day !== dayName(Number(before.ts))) rows.push({ day });
      const joined = before && before.user === message.user && before.type === message.type && Number(message.ts) - Number(before.ts) < 300 && rows[rows.length - 1].day === undefined;
      rows.push({ ...message, _head: !joined, _me: state.me });
      before = message;
    }
    if (container.querySelector(".editor")) return; // somebody is in the middle of an edit
    reconcile(container, rows, (row) => (row.day ? `day-${row.day}` : `${row.type}-${row.ts}`), (row) => (row.day ? h("div", { class: "slack-day" }, h("span", {}, row.day)) : messageNode(row, kit)));
    if (follow) toBottom(container);
    if (answer) reveal(rowOf(container, `ephemeral-${answer.ts}`), container);
  }

  function rowOf(container, key) {
    return [...container.children].find((each) => each.dataset.key === key);
  }

  // What one person alone is told answers what they did: they see it, from its first line, wherever they have scrolled to.
  function reveal(row, container) {
    row?.scrollIntoView({ block: row.offsetHeight > container.clientHeight ? "start" : "nearest" });
  }

  return { refresh };
}
