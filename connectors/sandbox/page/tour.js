// A short tour for whoever is here for the first time: what stands where, and what to try first.

import { remember, remembered } from "./api.js";
import { h } from "./dom.js";

// `at` is what a step points at; `side` is shown first, where the window is too narrow for both.
// `low`: what one shall press or write in stands at the bottom, so that in a narrow window the box stands at the top.
const STEPS = [
  { side: "phone", at: ".phone", low: true, title: "You are the customer", words: "This is Maya's phone. Press Start below, then ask “How do I invite my team?”, and an agent answers from an article." },
  { side: "phone", at: ".channel-tabs", title: "On every channel", words: "Maya can also write by WhatsApp, Messenger, mail and Slack. A dot marks what she has not read yet." },
  { side: "phone", at: ".phone .composer, .phone .wide-button", low: true, title: "Call for people", words: "Write “I was charged twice this month”. A rule of the agent hands that to a team." },
  { side: "staff", at: ".slack-side", title: "You are the staff", words: "Sign in as Hugo Martin and open billing-escalations. Press Take on the card and answer in its thread: Maya reads it five seconds later." },
  { side: "phone", at: "#faults-open", title: "Make trouble", words: "Let the platforms fail, repeat themselves or lose answers, and move the clock of WhatsApp. Nothing may be lost." },
];

export function startTour({ showSide, openStaff }) {
  let at = -1;
  const title = h("h2", { id: "tour-title" });
  const words = h("p", { id: "tour-words" });
  const count = h("span", { class: "tour-count" });
  const back = h("button", { type: "button", class: "quiet-button", testid: "tour-back", onclick: () => go(at - 1) }, "Back");
  const next = h("button", { type: "button", class: "primary-button", testid: "tour-next", onclick: () => (at + 1 < STEPS.length ? go(at + 1) : end()) });
  const skip = h("button", { type: "button", class: "text-button", testid: "tour-skip", onclick: end }, "Skip the tour");
  const box = h("section", {
    class: "tour", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-words", testid: "tour", popover: "manual",
    onkeydown: (event) => { if (event.key === "Escape") end(); },
  }, h("header", {}, title, count), words, h("div", { class: "dialog-buttons" }, skip, back, next));
  document.body.append(box);
  window.addEventListener("resize", () => { if (at >= 0) place(); });

  function target() {
    return [...document.querySelectorAll(STEPS[at].at)].find((each) => each.checkVisibility());
  }

  function go(to) {
    unmark();
    at = to;
    const step = STEPS[at];
    showSide(step.side);
    if (step.side === "staff") openStaff("slack");
    title.textContent = step.title;
    words.textContent = step.words;
    count.textContent = `${at + 1} of ${STEPS.length}`;
    back.hidden = at === 0;
    next.textContent = at + 1 === STEPS.length ? "Done" : "Next";
    if (!box.matches(":popover-open")) box.showPopover();
    target()?.classList.add("tour-target");
    place();
    next.focus({ preventScroll: true });
  }

  function unmark() {
    document.querySelector(".tour-target")?.classList.remove("tour-target");
  }

  // Beside or below what it points at; where there is no room, at the top or the bottom of the window.
  function place() {
    const edge = 12;
    const { offsetWidth: width, offsetHeight: height } = box;
    const shown = target()?.getBoundingClientRect();
    let left = (window.innerWidth - width) / 2;
    let top = STEPS[at].low ? edge : window.innerHeight - height - edge;
    if (shown && shown.right + width + 2 * edge <= window.innerWidth) [left, top] = [shown.right + edge, shown.top + 2 * edge];
    else if (shown && shown.left - width - 2 * edge >= 0) [left, top] = [shown.left - width - edge, shown.top + 2 * edge];
    else if (shown && shown.bottom + height + 2 * edge <= window.innerHeight) [left, top] = [shown.left, shown.bottom + edge];
    box.style.left = `${Math.max(edge, Math.min(left, window.innerWidth - width - edge))}px`;
    box.style.top = `${Math.max(edge, Math.min(top, window.innerHeight - height - edge))}px`;
  }

  function end() {
    unmark();
    at = -1;
    if (box.matches(":popover-open")) box.hidePopover();
    remember("tour", "seen");
  }

  return {
    begin: () => go(0),
    beginOnce: () => { if (remembered("tour", "") !== "seen") go(0); },
  };
}
