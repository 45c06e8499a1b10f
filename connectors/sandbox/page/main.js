// Puts the sides together and tells them when something changed.

import { listen, remember, remembered } from "./api.js";
import { startFaults } from "./faults.js";
import { startPhones } from "./phones.js";
import { startSlack } from "./slack.js";
import { startTelegramGroup } from "./telegram_group.js";

const byId = (id) => document.getElementById(id);
const phones = startPhones(byId("phone"));
const slack = startSlack(byId("slack"));
const group = startTelegramGroup(byId("telegram-staff"), byId("group-dot"));
const faults = startFaults(byId("faults"), byId("faults-open"), byId("fault-count"), byId("clock-moved"));

const state = byId("link-state");
listen(
  (news) => {
    const heard = new Set(news.map((each) => each.platform));
    const hello = heard.has("hello");
    phones.hear(news);
    if (hello || heard.has("slack")) slack.refresh();
    if (hello || heard.has("telegram-staff")) group.refresh();
    if (hello || news.length) faults.refresh();
  },
  (now) => {
    state.dataset.state = now;
    state.textContent = now === "live" ? "Live" : "Connecting";
  },
);

for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => {
    document.body.dataset.tab = tab.dataset.side;
    for (const each of document.querySelectorAll(".tabs button")) each.setAttribute("aria-pressed", String(each === tab));
  });
}

function openStaff(id) {
  for (const tab of document.querySelectorAll(".staff-tabs button")) {
    const here = tab.dataset.panel === id;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    byId(tab.dataset.panel).hidden = !here;
  }
  remember("staff-tool", id);
  if (id === "telegram-staff") group.refresh();
}

for (const tab of document.querySelectorAll(".staff-tabs button")) tab.addEventListener("click", () => openStaff(tab.dataset.panel));
document.querySelector(".staff-tabs").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
  const other = document.querySelector('.staff-tabs [aria-selected="false"]');
  openStaff(other.dataset.panel);
  other.focus();
});
openStaff(remembered("staff-tool", "slack") === "telegram-staff" ? "telegram-staff" : "slack");
