// Puts the sides together and tells them when something changed.

import { act, attempt, forgetAll, listen, remember, remembered } from "./api.js";
import { confirmed } from "./chatkit.js";
import { iconButton, ICONS, menuButton } from "./dom.js";
import { startFaults } from "./faults.js";
import { startPhones } from "./phones.js";
import { startSlack } from "./slack.js";
import { startTelegramGroup } from "./telegram_group.js";
import { startTour } from "./tour.js";

const byId = (id) => document.getElementById(id);
const unread = { phone: false, slack: false, group: false };
const mark = (name) => (now) => {
  unread[name] = now;
  drawUnread();
};
const phones = startPhones(byId("phone"), mark("phone"));
const slack = startSlack(byId("slack"), mark("slack"));
const group = startTelegramGroup(byId("telegram-staff"), mark("group"));
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

// A tab is marked for what is new behind it; what is open has its marks inside.
function drawUnread() {
  const open = (id) => byId(id).checkVisibility();
  byId("phone-dot").hidden = open("phone") || !unread.phone;
  byId("slack-dot").hidden = open("slack") || !unread.slack;
  byId("group-dot").hidden = open("telegram-staff") || !unread.group;
  byId("staff-dot").hidden = document.querySelector(".staff-side").checkVisibility() || !(unread.slack || unread.group);
}

function refreshAll() {
  drawUnread();
  phones.refresh();
  slack.refresh();
  group.refresh();
}

function showSide(side) {
  document.body.dataset.tab = side;
  for (const each of document.querySelectorAll(".tabs button")) each.setAttribute("aria-pressed", String(each.dataset.side === side));
  refreshAll();
}

for (const tab of document.querySelectorAll(".tabs button")) tab.addEventListener("click", () => showSide(tab.dataset.side));

function openStaff(id) {
  for (const tab of document.querySelectorAll(".staff-tabs button")) {
    const here = tab.dataset.panel === id;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    byId(tab.dataset.panel).hidden = !here;
  }
  remember("staff-tool", id);
  drawUnread();
  (id === "slack" ? slack : group).refresh();
}

for (const tab of document.querySelectorAll(".staff-tabs button")) tab.addEventListener("click", () => openStaff(tab.dataset.panel));
document.querySelector(".staff-tabs").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
  const other = document.querySelector('.staff-tabs [aria-selected="false"]');
  openStaff(other.dataset.panel);
  other.focus();
});
openStaff(remembered("staff-tool", "slack") === "telegram-staff" ? "telegram-staff" : "slack");

const tour = startTour({ showSide, openStaff });
byId("page-menu").replaceWith(menuButton(iconButton(ICONS.more, "More", null, { testid: "page-menu" }), () => [
  { label: "Take the tour", act: tour.begin, testid: "tour-open" },
  { label: "Start over…", danger: true, act: startOver, testid: "start-over" },
]));
tour.beginOnce();

async function startOver() {
  const words = "Every chat, mail and thread is emptied, and the customers are new to the desk. Your organization stays.";
  if (!(await confirmed("Start over?", words, { testid: "start-over", button: "Start over" }))) return;
  if (!(await attempt(() => act("sandbox/start_over")))) return;
  forgetAll(["tour"]);
  window.location.reload();
}
