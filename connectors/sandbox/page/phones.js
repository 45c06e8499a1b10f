// The customer's side: one person, and a phone or a program for each channel they write on.

import { act, attempt, remember, remembered, show } from "./api.js";
import { ask } from "./chatkit.js";
import { startCustomerSlack } from "./customer_slack.js";
import { coalesced, h, reconcile } from "./dom.js";
import { startMail } from "./mail.js";
import { startMessenger } from "./messenger.js";
import { startTelegram } from "./phone.js";
import { startWhatsApp } from "./whatsapp.js";

// `id` is what a person's id there is called; `side` is what the live feed calls the platform.
const CHANNELS = [
  { id: "telegram", side: "telegram", label: "Telegram", start: startTelegram },
  { id: "whatsapp", side: "whatsapp", label: "WhatsApp", start: startWhatsApp },
  { id: "messenger", side: "messenger", label: "Messenger", start: startMessenger },
  { id: "email", side: "email", label: "Mail", start: startMail },
  { id: "slack", side: "slack-customers", label: "Slack", start: startCustomerSlack },
];

// `markUnread` is told whether a message waits on a channel that nobody looks at.
export function startPhones(root, markUnread) {
  const state = { name: remembered("customer", ""), open: remembered("channel-of-customer", "telegram"), people: [], home: null, stale: new Set(), seen: remembered("seen", {}) };
  if (!CHANNELS.some((each) => each.id === state.open)) state.open = "telegram";

  const people = h("select", { id: "phone-customer", testid: "phone-customer", onchange: () => choose(people.value) });
  const add = h("button", { type: "button", class: "small-button", testid: "phone-add-customer", onclick: addCustomer }, "Add");
  const tabs = h("div", { class: "channel-tabs", role: "tablist", "aria-label": "Channels" });
  const phones = CHANNELS.map((channel) => {
    const screen = h("div", { class: `phone phone-${channel.id}`, id: `panel-${channel.id}`, role: "tabpanel", "aria-labelledby": `tab-of-${channel.id}`, testid: `panel-${channel.id}` });
    const dot = h("span", { class: "unread-dot", hidden: true, role: "img", "aria-label": "unread" });
    const tab = h("button", {
      type: "button", role: "tab", id: `tab-of-${channel.id}`, "aria-controls": `panel-${channel.id}`, testid: `channel-${channel.id}`, onclick: () => open(channel.id),
    }, h("span", { class: `channel-mark mark-${channel.id}`, "aria-hidden": "true" }), h("span", {}, channel.label), dot);
    tabs.append(tab);
    return { ...channel, screen, tab, dot, view: channel.start(screen, () => draw(channel.id)) };
  });
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = phones.findIndex((each) => each.id === state.open);
    const next = phones[(at + step + phones.length) % phones.length];
    open(next.id);
    next.tab.focus();
  });
  root.append(
    h("div", { class: "phone-owner" }, h("label", { for: "phone-customer" }, "Customer"), people, add),
    tabs, ...phones.map((each) => each.screen));
  showOpen();

  function showOpen() {
    for (const each of phones) {
      const here = each.id === state.open;
      each.screen.hidden = !here;
      each.tab.setAttribute("aria-selected", String(here));
      each.tab.tabIndex = here ? 0 : -1;
    }
  }

  function open(id) {
    state.open = id;
    remember("channel-of-customer", id);
    showOpen();
    draw(id); // at once: whoever is quick writes already
    if (id === "slack") refresh(); // whether the app was added meanwhile, nobody tells
  }

  function choose(name) {
    state.name = name;
    remember("customer", name);
    refresh();
  }

  async function addCustomer() {
    const name = await ask("Add a customer", "Name of the customer", { testid: "new-customer", button: "Add" });
    const made = name && (await attempt(() => act("customers/add", { name })));
    if (made) choose(made.name);
  }

  function person() {
    return state.people.find((each) => each.name === state.name);
  }

  // What is open is drawn; of the others it is only asked whether there is something new.
  const draw = (id) => attempt(async () => {
    const phone = phones.find((each) => each.id === id);
    const who = person();
    if (!who || !who[id]) return;
    if (id === state.open) await phone.view.draw(who, state.home);
    const newest = await phone.view.latest(who, state.home);
    const key = `${who.name}/${id}`;
    const looked = id === state.open && !document.hidden && root.checkVisibility();
    if (looked && state.seen[key] !== newest) {
      state.seen = { ...state.seen, [key]: newest };
      remember("seen", state.seen);
    }
    phone.dot.hidden = looked || !newest || state.seen[key] === newest;
    markUnread(phones.some((each) => !each.dot.hidden));
  });

  const drawStale = coalesced(async () => {
    const stale = [...state.stale];
    state.stale.clear();
    await Promise.all(stale.map(draw));
  });

  async function learnPeople() {
    const known = await show("customers/all");
    state.people = known.customers;
    state.home = known.workspace;
    if (!person()) state.name = state.people[0] ? state.people[0].name : "";
    const who = person();
    if (who && phones.some((each) => !who[each.id])) {
      await act("customers/add", { name: who.name }); // somebody who was on one channel only
      return learnPeople();
    }
    reconcile(people, state.people.map((each) => each.name), (name) => name, (name) => h("option", { value: name }, name));
    people.value = state.name;
    return undefined;
  }

  const refresh = coalesced(() => attempt(async () => {
    await learnPeople();
    await Promise.all(phones.map((each) => draw(each.id)));
  }));

  // News of the live feed. Somebody new, or a changed number, is learnt before anything is drawn.
  function hear(news) {
    const sides = new Set(news.map((each) => each.platform));
    if (sides.has("hello") || sides.has("clock")) return refresh();
    const strangers = news.some((each) => each.user && phones.some((phone) => phone.side === each.platform && phone.id !== "slack" && !state.people.some((who) => who[phone.id] === String(each.user))));
    // With the app added to the workspace, or removed from it, more than messages changes.
    if (strangers || sides.has("slack-customers")) return refresh();
    for (const phone of phones) if (sides.has(phone.side)) state.stale.add(phone.id);
    return state.stale.size ? drawStale() : undefined;
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden && state.home) refresh(); });
  return { hear, refresh };
}
