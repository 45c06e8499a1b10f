// Building and updating elements. Text always goes in as text: nothing here reads HTML.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "testid") element.dataset.testid = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(path, label = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  if (label) svg.setAttribute("aria-label", label);
  else svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  send: "M4 12 20 4l-5 16-3.5-6.500z M11.5 13.5 20 4",
  attach: "M8 12.5V7a4 4 0 0 1 8 0v9a2.5 2.5 0 0 1-5 0V8.500",
  more: "M12 6v.01M12 12v.01M12 18v.01",
  back: "M14 6l-6 6 6 6",
  close: "M6 6l12 12M18 6 6 18",
  hash: "M10 4 8 20M16 4l-2 16M4.5 9h16M3.5 15h16",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z",
  thread: "M5 5h14v10H11l-4 4v-4H5z",
  edit: "M5 19l1-4L16 5l3 3L9 18z",
  trash: "M5 7h14M9 7V5h6v2M7 7l1 12h8l1-12",
  reply: "M10 7 5 12l5 5M5 12h9a5 5 0 0 1 5 5",
  plus: "M12 5v14M5 12h14",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.500 14a4 4 0 0 0 7 0M9 9.500v.01M15 9.500v.01",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  check: "M5 13l4 4L19 7",
};

// Makes `container` show `items`: what has not changed is left as it is, so that focus, scroll position and
// screen readers are not disturbed. An element whose menu is open changes when it closes.
export function reconcile(container, items, keyOf, build) {
  const old = new Map([...container.children].map((child) => [child.dataset.key, child]));
  let at = container.firstElementChild;
  let added = 0;
  for (const item of items) {
    const key = String(keyOf(item));
    const print = JSON.stringify(item);
    let element = old.get(key);
    old.delete(key);
    const make = () => Object.assign(build(item), { _print: print });
    if (element && element._print !== print && element.querySelector(":popover-open")) {
      whenMenuCloses(element, make, key);
    } else if (!element || element._print !== print) {
      const fresh = make();
      fresh.dataset.key = key;
      if (element) {
        if (element === at) at = fresh;
        element.replaceWith(fresh);
      } else added += 1;
      element = fresh;
    }
    if (element === at) at = at.nextElementSibling;
    else container.insertBefore(element, at);
  }
  for (const left of old.values()) left.remove();
  return added;
}

function whenMenuCloses(element, make, key) {
  const waits = Boolean(element._late);
  element._late = make; // the newest
  if (waits) return;
  element.addEventListener("menu-closed", () => {
    if (!element.isConnected) return;
    const fresh = element._late();
    fresh.dataset.key = key;
    element.replaceWith(fresh);
  }, { once: true });
}

// Runs `work` now; asked again while it runs, it runs once more afterwards, not in parallel.
export function coalesced(work) {
  let running = null;
  let again = false;
  return function run() {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      try {
        do {
          again = false;
          await work();
        } while (again);
      } finally {
        running = null;
      }
    })();
    return running;
  };
}

export function nearBottom(list) {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 80;
}

// Keeps showing the end of a list that was at its end, when the window or a picture in it changes size.
export function keepAtEnd(list) {
  let atEnd = true;
  list.addEventListener("scroll", () => { atEnd = nearBottom(list); }, { passive: true });
  new ResizeObserver(() => {
    if (atEnd) toBottom(list);
  }).observe(list);
  list.addEventListener("load", () => {
    if (atEnd) toBottom(list);
  }, true);
}

export function toBottom(list) {
  list.scrollTop = list.scrollHeight;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function dayName(seconds) {
  const day = new Date(seconds * 1000);
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  const ago = Math.ceil((midnight - day) / 86400000);
  if (ago <= 0) return "Today";
  if (ago === 1) return "Yesterday";
  return day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

const HUES = ["#5b7fa6", "#8a6a9e", "#4f8f7b", "#b0714f", "#7a7fb5", "#a0637a", "#6b8e4e", "#4c8ba3"];

export function avatar(name, className = "avatar") {
  const letters = name.split(/\s+/).map((part) => part[0] || "").join("").slice(0, 2).toUpperCase();
  const element = h("span", { class: className, "aria-hidden": "true" }, letters);
  const sum = [...name].reduce((total, sign) => total + sign.codePointAt(0), 0);
  element.style.backgroundColor = HUES[sum % HUES.length];
  return element;
}

export function iconButton(path, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(path));
}

// In a narrow window a list and what was opened from it take turns: this goes back to the list.
export function backToList(root, label) {
  return iconButton(ICONS.back, label, () => root.classList.remove("in-channel"), { class: "icon-button narrow-only", testid: "back-to-list" });
}

export function safeLink(url, text) {
  const good = /^(https?:|mailto:|tel:)/i.test(url);
  return good ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : h("span", {}, text);
}

// A small menu that closes on Escape, on a click elsewhere, and after a choice. It is shown above everything and follows
// its button, so that no edge cuts it off. An entry is {label, act} or {reactions, mine, react}.
export function menuButton(button, entries, menuClass = "menu") {
  const menu = h("div", { class: menuClass, role: "menu", popover: "manual" });
  const wrap = h("span", { class: "menu-wrap" }, button, menu);
  const isOpen = () => menu.matches(":popover-open");
  const hide = () => {
    if (isOpen()) {
      menu.hidePopover();
      wrap.dispatchEvent(new CustomEvent("menu-closed", { bubbles: true }));
    }
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("click", outside, true);
    document.removeEventListener("scroll", place, true);
    window.removeEventListener("resize", place);
  };
  const place = () => placeBeside(menu, button.getBoundingClientRect());
  const outside = (event) => {
    if (!wrap.contains(event.target)) hide();
  };
  const item = (props, act, ...inside) => h("button", {
    type: "button", role: "menuitem", ...props,
    onclick: () => {
      hide();
      act();
    },
  }, ...inside);
  const line = (entry) => (entry.reactions
    ? h("div", { class: "menu-reactions", role: "group", "aria-label": "React" }, entry.reactions.map((sign) => item({
      role: "menuitemcheckbox", "aria-checked": String(sign === entry.mine), "aria-label": `React ${sign}`, testid: `${entry.testid}-${sign}`,
    }, () => entry.react(sign === entry.mine ? "" : sign), sign)))
    : item({ class: entry.danger ? "danger" : "", testid: entry.testid }, entry.act, entry.label));
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    if (isOpen()) return hide();
    menu.replaceChildren(...entries().map(line));
    menu.showPopover();
    place();
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("click", outside, true);
    document.addEventListener("scroll", place, true);
    window.addEventListener("resize", place);
    menu.querySelector("button")?.focus({ preventScroll: true });
    return undefined;
  });
  wrap.addEventListener("keydown", (event) => {
    if (!isOpen()) return;
    const items = [...menu.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      hide();
      button.focus();
    } else if (event.key === "Tab") hide();
    else if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length].focus();
    }
  });
  return wrap;
}

// Below the button or, without room there, above it; and never beyond the window.
function placeBeside(menu, button) {
  const edge = 8;
  const gap = 4;
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = button.left + button.width / 2 > window.innerWidth / 2 ? button.right - width : button.left;
  const below = button.bottom + gap + height <= window.innerHeight - edge;
  const top = below ? button.bottom + gap : button.top - gap - height;
  menu.style.left = `${Math.max(edge, Math.min(left, window.innerWidth - width - edge))}px`;
  menu.style.top = `${Math.max(edge, Math.min(top, window.innerHeight - height - edge))}px`;
}
