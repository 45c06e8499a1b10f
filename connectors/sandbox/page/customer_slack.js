// Slack as the customer has it: a channel shared with us, direct messages with our app, and its assistant's pane.

import { act, attempt, show } from "./api.js";
import { composer } from "./composer.js";
import { avatar, coalesced, dayName, h, icon, iconButton, ICONS, keepAtEnd, menuButton, nearBottom, reconcile, safeLink, toBottom } from "./dom.js";
import { messageNode } from "./messages.js";

const SIDE = "slack-customers";
const PANE = "assistant_app_thread"; // the subtype of the message that begins a chat with the assistant

export function startCustomerSlack(root) {
  const state = { me: "", home: null, place: "shared", thread: null, spaces: {}, mine: null };
  const title = h("strong", {}, "Slack");
  const about = h("span", { class: "chat-state" });
  const places = h("div", { class: "slack-places", role: "group", "aria-label": "Conversations" });
  const back = iconButton(ICONS.back, "Back to the conversation", () => openThread(null), { testid: "cs-back", hidden: true });
  const log = h("div", { class: "slack-log", role: "log", "aria-live": "polite", "aria-label": "Messages", tabindex: "0", testid: "cs-log" });
  const status = h("p", { class: "pane-status", role: "status", hidden: true, testid: "cs-status" });
  const stop = h("button", { type: "button", class: "small-button pane-stop", hidden: true, testid: "cs-stop", onclick: () => attempt(() => call("stop_agent", { thread_ts: state.thread || "" })) }, "Stop");
  const prompts = h("div", { class: "quick-replies", role: "group", "aria-label": "Suggested prompts", hidden: true });
  const field = composer({ testid: "cs-input", sendTestid: "cs-send", label: "Message", send });
  const install = h("div", { class: "install-note", hidden: true, testid: "cs-install" });

  root.append(
    h("div", { class: "phone-head slack-head" }, back, h("div", { class: "chat-title" }, title, about),
      menuButton(iconButton(ICONS.more, "Workspace menu", null, { testid: "cs-menu" }), () => [
        { label: "Remove the app", danger: true, act: () => attempt(() => act(`${SIDE}/uninstall`, { team: state.home.team })), testid: "cs-uninstall" },
      ])),
    places, install, log, status, stop, prompts, field.form);
  keepAtEnd(log);

  // Where the open conversation is: the shared channel stands in our workspace, all else in theirs.
  function where() {
    const space = state.place === "shared" ? state.spaces.ours : state.spaces.theirs;
    const channel = state.place === "shared"
      ? space.channels.find((each) => each.name === state.home.shared)
      : space.channels.find((each) => each.is_im && each.members.includes(state.me));
    return { space, team: state.place === "shared" ? "" : state.home.team, channel };
  }

  function call(name, body = {}) {
    return act(`${SIDE}/${name}`, { team: where().team, user: state.me, channel: where().channel.id, ...body });
  }

  async function send(text, files) {
    await refreshSpaces(); // whoever is quick writes before the first look has come back
    if (!where().channel) {
      await act(`${SIDE}/open_direct`, { team: state.home.team, user: state.me });
      await refreshSpaces();
    }
    await call("post", { text, thread_ts: state.thread || "", files });
    toBottom(log);
    return true;
  }

  function openThread(ts) {
    state.thread = ts;
    log.replaceChildren();
    refresh().then(() => toBottom(log));
  }

  function openPlace(place) {
    state.place = place;
    openThread(null);
    if (place === "direct") attempt(() => act(`${SIDE}/open_home`, { team: state.home.team, user: state.me, tab: "messages" }));
  }

  async function openPane() {
    const made = await attempt(() => act(`${SIDE}/open_pane`, { team: state.home.team, user: state.me }));
    if (!made) return;
    state.place = "direct";
    openThread(made.thread_ts);
  }

  function view(space) {
    const names = {
      user: (id) => {
        const user = [...space.users, ...state.spaces.theirs.users].find((each) => each.id === id);
        return user && (user.real_name || user.name);
      },
      channel: (id) => space.channels.find((each) => each.id === id)?.name,
      isMe: (id) => id === state.me,
    };
    return {
      side: SIDE,
      me: state.me,
      names,
      people: () => space.users.filter((user) => !user.is_bot),
      channels: () => space.channels.filter((channel) => !channel.is_im),
      act: (message, element, block, choice) => attempt(() => call("click", { ts: message.ts, action_id: element.action_id, block_id: block.block_id || "", choice })),
      react: (message, name, mine) => attempt(() => call(mine ? "unreact" : "react", { ts: message.ts, name })),
      edit: null,
      remove: (message) => attempt(() => call("delete", { ts: message.ts })),
      openThread: state.thread ? null : (message) => openThread(message.thread_ts || message.ts),
    };
  }

  async function refreshSpaces() {
    const [ours, theirs] = await Promise.all([show(`${SIDE}/workspace`), show(`${SIDE}/workspace`, { team: state.home.team })]);
    state.spaces = { ours, theirs };
  }

  async function draw(person, home) {
    if (person.slack !== state.me) {
      state.thread = null;
      log.replaceChildren();
    }
    state.me = person.slack;
    state.home = home;
    await refresh();
  }

  const refresh = coalesced(async () => {
    if (!state.me) return;
    const asked = state.me;
    await refreshSpaces();
    const { space, team, channel } = where();
    drawHead(channel);
    install.hidden = state.home.installed;
    install.replaceChildren(h("span", {}, "The app is not in this workspace."),
      state.home.install ? safeLink(state.home.install, "Add to Slack") : h("span", {}, "The product does not run."));
    const { thread, place } = state;
    const found = channel ? await show(`${SIDE}/messages`, { team, user: state.me, channel: channel.id, thread_ts: thread || "" }) : { messages: [], ephemerals: [] };
    const pane = channel && (thread || place === "direct") ? await show(`${SIDE}/pane`, { team, channel: channel.id, thread_ts: thread || "" }) : {};
    if (asked !== state.me || thread !== state.thread || place !== state.place) return;
    drawLog(found, space);
    drawPane(pane, found.messages.some((each) => each.user === state.me));
  });

  function drawHead(channel) {
    title.textContent = state.thread ? "Thread" : state.home.name;
    about.textContent = state.place === "shared" ? `#${state.home.shared} · shared with Brightdesk` : "Brightdesk · app";
    back.hidden = !state.thread;
    const entry = (id, label, symbol) => h("button", {
      type: "button", testid: `cs-${id}`, "aria-pressed": String(state.place === id), onclick: () => openPlace(id),
    }, symbol, h("span", {}, label));
    places.replaceChildren(
      entry("shared", state.home.shared, icon(ICONS.hash)),
      entry("direct", "Brightdesk", avatar("Brightdesk", "avatar avatar-tiny")),
      h("button", { type: "button", testid: "cs-pane", title: "A new chat with the assistant", onclick: openPane }, icon(ICONS.plus), h("span", {}, "Ask")));
    field.rename(state.thread ? "Reply…" : state.place === "shared" ? `Message #${channel?.name || ""}` : "Message Brightdesk");
  }

  function drawLog(found, space) {
    const follow = nearBottom(log) || log.childElementCount === 0;
    const begun = found.messages.filter((each) => !(state.thread && each.subtype === PANE));
    const messages = begun.map((each) => (each.subtype === PANE ? { ...each, text: "_A chat with the assistant_", blocks: [] } : each));
    const all = [...messages, ...found.ephemerals.map((each) => ({ ...each, type: "ephemeral", user: space.bot.id }))];
    all.sort((one, two) => Number(one.ts) - Number(two.ts));
    const rows = [];
    let before = null;
    for (const message of all) {
      const day = dayName(Number(message.ts));
      if (!before || day !== dayName(Number(before.ts))) rows.push({ day });
      const joined = before && before.user === message.user && Number(message.ts) - Number(before.ts) < 300 && rows.at(-1).day === undefined;
      rows.push({ ...message, _head: !joined, _thread: Boolean(state.thread) });
      before = message;
    }
    const kit = view(space);
    reconcile(log, rows, (row) => (row.day ? `day-${row.day}` : row.ts), (row) => (row.day ? h("div", { class: "slack-day" }, h("span", {}, row.day)) : messageNode(row, kit)));
    if (follow) toBottom(log);
  }

  // The prompts stand until the person has said something.
  function drawPane(pane, said) {
    const working = pane.session === "processing";
    const told = pane.status || (working ? "is working…" : "");
    status.hidden = !told;
    status.textContent = told ? `Brightdesk ${told}` : "";
    stop.hidden = !working;
    const offered = said ? [] : pane.prompts || [];
    prompts.hidden = offered.length === 0;
    prompts.replaceChildren(...offered.map((each, n) => h("button", { type: "button", testid: `cs-prompt-${n}`, onclick: () => attempt(() => send(each.message, [])) }, each.title)));
  }

  async function latest(person, home) {
    const [ours, theirs] = await Promise.all([show(`${SIDE}/workspace`), show(`${SIDE}/workspace`, { team: home.team })]);
    const shared = ours.channels.find((each) => each.name === home.shared);
    const direct = theirs.channels.find((each) => each.is_im && each.members.includes(person.slack));
    return [shared && ours.latest[shared.id], direct && theirs.latest[direct.id]].filter(Boolean).sort().at(-1) || "";
  }

  return { draw, latest };
}
