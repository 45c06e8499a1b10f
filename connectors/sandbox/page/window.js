// The line that tells how long the business may still write what it likes.

import { h } from "./dom.js";

const DAY = 86400;

export function windowLine(testid, closed) {
  const words = h("span", {});
  const bar = h("span", { class: "window-bar", "aria-hidden": "true" }, h("i", {}));
  const element = h("p", { class: "window-line", testid, role: "note" }, words, bar);
  let timer = 0;
  let ends = 0;
  let beside = "";

  function write() {
    const left = ends - Date.now() / 1000;
    const open = left > 0;
    element.dataset.open = String(open);
    words.textContent = (open ? `24 h window: ${lasting(left)} left` : `24 h window closed: ${closed}`) + beside;
    bar.firstChild.style.width = `${Math.max(0, Math.min(1, left / DAY)) * 100}%`;
  }

  return {
    element,
    // `left` is in seconds, at the platform's time. `note` stands behind it.
    draw(left, note = "") {
      beside = note && ` · ${note}`;
      ends = Date.now() / 1000 + left;
      write();
      clearInterval(timer);
      timer = setInterval(write, 30_000);
    },
  };
}

export function lasting(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${minutes} min`;
}
