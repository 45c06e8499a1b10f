// The drawer that makes the platforms misbehave, and lets time pass for Meta's.

import { act, attempt, show } from "./api.js";
import { coalesced, h, icon, ICONS } from "./dom.js";
import { lasting } from "./window.js";

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
const TROUBLES = {
  batches: ["Webhook batches", "what is ready leaves in one request"],
  receipts_shuffled: ["Receipts out of order", "read before delivered before sent"],
  window_expired: ["Window expired", "free text is refused, whenever they wrote"],
  token_expired: ["Token expired", "every call is told to log in again"],
  account_throttled: ["Account throttled", "the business has used its calls up"],
  media_expired: ["Media expired", "files can no longer be fetched"],
  url_expired: ["Download link expired", "a link that was just given has run out"],
  hash_mismatch: ["Broken download", "other bytes than were announced"],
  upload_failed: ["Upload fails", "what we send cannot be read"],
};
const NAMES = { telegram: "Telegram", slack: "Slack", whatsapp: "WhatsApp", messenger: "Messenger", email: "Mail" };
const STEPS = [["+1 h", 3600, "hour"], ["+24 h", 86400, "day"], ["+7 d", 604800, "week"]];

export function startFaults(drawer, opener, badge, moved) {
  const often = h("select", { id: "fault-probability", testid: "fault-probability" },
    [[1, "always"], [0.5, "every second time"], [0.3, "about one in three"], [0.1, "about one in ten"]].map(([value, label]) =>
      h("option", { value: String(value), selected: value === 0.3 }, label)));
  const body = h("div", { class: "fault-tables" });
  const time = h("output", { class: "clock-now", testid: "clock-now" });
  const back = h("button", { type: "button", class: "small-button", testid: "clock-back", onclick: () => attempt(() => act("clock/back")) }, "Back to now");
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", testid: "faults-close", onclick: () => drawer.close() }, icon(ICONS.close));
  const reset = h("button", { type: "button", class: "quiet-button", testid: "fault-reset", onclick: () => attempt(() => act("faults/clear")) }, "Reset all");
  drawer.append(
    h("header", {}, h("h2", { id: "faults-title" }, "What may go wrong"), close),
    h("p", { class: "drawer-note" }, "Nothing may be lost or answered twice, whatever is switched on here."),
    h("section", { class: "clock-box", "aria-label": "The clock of WhatsApp and Messenger" },
      h("h3", {}, "Clock of WhatsApp and Messenger"), time,
      h("div", { class: "drawer-row" },
        STEPS.map(([label, seconds, name]) => h("button", { type: "button", class: "small-button", testid: `clock-${name}`, onclick: () => attempt(() => act("clock/move", { seconds })) }, label)), back),
      h("p", { class: "drawer-note" }, "Their windows close; the product keeps its own time and finds out.")),
    h("div", { class: "drawer-row" }, h("label", { for: "fault-probability" }, "When on, it happens"), often),
    body,
    h("footer", {}, reset),
  );
  opener.addEventListener("click", () => drawer.showModal());
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer) drawer.close();
  });

  const refresh = coalesced(async () => {
    const plan = await attempt(() => show("faults/plan"));
    if (!plan) return;
    drawClock(plan.clock);
    const troubled = Object.values(plan.troubles).reduce((sum, on) => sum + Object.keys(on).length, 0);
    badge.hidden = plan.rules.length + troubled === 0;
    badge.textContent = String(plan.rules.length + troubled);
    const print = JSON.stringify([plan.rules, plan.injected, plan.troubles]);
    if (body._print === print) return;
    body._print = print;
    const focused = document.activeElement?.dataset?.testid;
    const closed = new Set([...body.querySelectorAll("details:not([open])")].map((each) => each.dataset.platform));
    body.replaceChildren(...plan.platforms.map((platform) => table(platform, plan, often, !closed.has(platform))));
    if (focused) body.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
  });

  function drawClock(clock) {
    const ahead = clock.moved >= 1 ? span(clock.moved) : "";
    time.textContent = `${new Date(clock.now * 1000).toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })}${ahead ? `, ${ahead} ahead` : ", as here"}`;
    back.disabled = !ahead;
    moved.hidden = !ahead;
    moved.textContent = `Meta's clock: +${ahead}`;
  }
  return { refresh };
}

function span(seconds) {
  const days = Math.floor(seconds / 86400);
  const rest = seconds % 86400;
  return [days && `${days} d`, rest >= 60 && lasting(rest)].filter(Boolean).join(" ");
}

function table(platform, plan, often, open) {
  const rows = plan.kinds.map((kind) => faultRow(platform, kind, plan, often));
  const own = plan.troubles[platform];
  if (own) rows.push(...plan.trouble_kinds.map((kind) => troubleRow(platform, kind, own)));
  const on = plan.rules.filter((rule) => rule.platform === platform).length + Object.keys(own || {}).length;
  return h("details", { open, data: { platform } },
    h("summary", { testid: `faults-of-${platform}` }, h("h3", {}, NAMES[platform]), on > 0 && h("span", { class: "fault-count" }, String(on))),
    h("ul", {}, rows));
}

function faultRow(platform, kind, plan, often) {
  const rule = plan.rules.find((each) => each.count === null && each.kind === kind && each.platform === platform);
  const waiting = plan.rules.filter((each) => each.count !== null && each.kind === kind && each.platform === platform).length;
  const happened = plan.injected[`${platform}/${kind}`] || 0;
  return faultLine(`${platform}-${kind}`, WORDS[kind] || [kind, ""], {
    on: Boolean(rule),
    change: (on) => act("faults/switch", { platform, kind, probability: on ? Number(often.value) : 0 }),
    waiting,
    next: () => act("faults/add", { platform, kind, count: 1 }),
    last: ([label]) => h("output", { class: happened ? "hits" : "hits none", testid: `fault-hits-${platform}-${kind}`, "aria-label": `${label} on ${NAMES[platform]} so far` }, String(happened)),
  });
}

function troubleRow(platform, kind, own) {
  return faultLine(`${platform}-${kind}`, TROUBLES[kind] || [kind, ""], {
    on: own[kind] === null,
    change: (on) => act("faults/switch_trouble", { platform, kind, on }),
    waiting: own[kind] || 0,
    next: () => act("faults/switch_trouble", { platform, kind, on: true, times: (own[kind] || 0) + 1 }),
    last: () => h("span", {}),
  });
}

function faultLine(name, [label, meaning], { on, change, waiting, next, last }) {
  const id = `fault-${name}`;
  return h("li", {},
    h("input", { type: "checkbox", role: "switch", class: "switch", id, testid: id, checked: on, onchange: (event) => attempt(() => change(event.target.checked)) }),
    h("label", { for: id }, h("strong", {}, label), h("span", {}, meaning)),
    h("button", {
      type: "button", class: waiting ? "small-button armed" : "small-button", testid: `fault-next-${name}`, title: `${label}: the next one only`, onclick: () => attempt(next),
    }, waiting ? `Next one ×${waiting}` : "Next one"),
    last([label, meaning]));
}
