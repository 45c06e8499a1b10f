// The drawer that makes the platforms misbehave.

import { act, attempt, show } from "./api.js";
import { coalesced, h, icon, ICONS } from "./dom.js";

const WORDS = {
  duplicate: ["Duplicate", "an event comes twice"],
  delay: ["Delay", "an event comes 2 s late"],
  reorder: ["Reorder", "events overtake each other"],
  rate_limited: ["429", "a call is told to slow down"],
  server_error: ["500", "a call fails on their side"],
  reset: ["Connection reset", "a call breaks off before it had any effect"],
  lost_response: ["Lost response", "a call has its effect, the answer never comes"],
  slow: ["Slow", "a call is answered 2 s late"],
};
const NAMES = { telegram: "Telegram", slack: "Slack" };

export function startFaults(drawer, opener, badge) {
  const often = h("select", { id: "fault-probability", testid: "fault-probability" },
    [[1, "always"], [0.5, "every second time"], [0.3, "about one in three"], [0.1, "about one in ten"]].map(([value, label]) =>
      h("option", { value: String(value), selected: value === 0.3 }, label)));
  const body = h("div", { class: "fault-tables" });
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", testid: "faults-close", onclick: () => drawer.close() }, icon(ICONS.close));
  const reset = h("button", { type: "button", class: "quiet-button", testid: "fault-reset", onclick: () => attempt(() => act("faults/clear")) }, "Reset all");
  drawer.append(
    h("header", {}, h("h2", { id: "faults-title" }, "What may go wrong"), close),
    h("p", { class: "drawer-note" }, "Nothing may be lost or answered twice, whatever is switched on here."),
    h("div", { class: "drawer-row" }, h("label", { for: "fault-probability" }, "When on, it happens"), often),
    body,
    h("footer", {}, reset),
  );
  opener.addEventListener("click", () => drawer.showModal());
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer) drawer.close();
  });

  const refresh = coalesced(async () => {
    const plan = await attempt(() => show("faults"));
    if (!plan) return;
    const on = plan.rules.filter((rule) => rule.count === null);
    badge.hidden = plan.rules.length === 0;
    badge.textContent = String(plan.rules.length);
    const print = JSON.stringify(plan);
    if (body._print === print) return;
    body._print = print;
    const focused = document.activeElement?.dataset?.testid;
    body.replaceChildren(...plan.platforms.map((platform) => table(platform, plan, on, often)));
    if (focused) body.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
  });
  return { refresh };
}

function table(platform, plan, on, often) {
  const rows = plan.kinds.map((kind) => {
    const [label, meaning] = WORDS[kind] || [kind, ""];
    const rule = on.find((each) => each.kind === kind && each.platform === platform);
    const waiting = plan.rules.filter((each) => each.count !== null && each.kind === kind && each.platform === platform).length;
    const happened = plan.injected[`${platform}/${kind}`] || 0;
    const id = `fault-${platform}-${kind}`;
    return h("li", {},
      h("input", {
        type: "checkbox", role: "switch", class: "switch", id, testid: id, checked: Boolean(rule),
        onchange: (event) => attempt(() => act("faults/switch", { platform, kind, probability: event.target.checked ? Number(often.value) : 0 })),
      }),
      h("label", { for: id }, h("strong", {}, label), h("span", {}, meaning)),
      h("button", {
        type: "button", class: waiting ? "small-button armed" : "small-button", testid: `fault-next-${platform}-${kind}`, title: `${label}: the next one only`,
        onclick: () => attempt(() => act("faults/add", { platform, kind, count: 1 })),
      }, waiting ? `Next one ×${waiting}` : "Next one"),
      h("output", { class: happened ? "hits" : "hits none", testid: `fault-hits-${platform}-${kind}`, "aria-label": `${label} on ${NAMES[platform]} so far` }, String(happened)),
    );
  });
  return h("section", { "aria-label": NAMES[platform] }, h("h3", {}, NAMES[platform]), h("ul", {}, rows));
}
