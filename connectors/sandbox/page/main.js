// Puts the two sides together and tells them when something changed.

import { listen } from "./api.js";
import { startFaults } from "./faults.js";
import { startPhone } from "./phone.js";
import { startSlack } from "./slack.js";

const phone = startPhone(document.getElementById("phone"));
const slack = startSlack(document.getElementById("slack"));
const faults = startFaults(document.getElementById("faults"), document.getElementById("faults-open"), document.getElementById("fault-count"));

const state = document.getElementById("link-state");
listen(
  (news) => {
    const hello = news.some((each) => each.platform === "hello");
    if (hello || news.some((each) => each.platform === "telegram")) phone.refresh();
    if (hello || news.some((each) => each.platform === "slack")) slack.refresh();
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
