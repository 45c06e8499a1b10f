// The customer's mail program: conversations, quotes folded away, and replies as the usual programs write them.

import { act, attempt, fileUrl, readBase64, remember, remembered, show, toast } from "./api.js";
import { fileNode } from "./chatkit.js";
import { drawChosen } from "./composer.js";
import { avatar, clock, coalesced, dayName, h, icon, iconButton, ICONS, menuButton, reconcile } from "./dom.js";
import { linked } from "./marks.js";

const PROGRAMS = { gmail: "Gmail", outlook: "Outlook", apple: "Apple Mail", thunderbird: "Thunderbird", yahoo: "Yahoo", plain: "plain text", bare: "nothing quoted" };
const PREFIX = /^\s*((re|aw|sv|fwd?|wg)\s*(\[\d+\])?\s*:\s*)+/i;

export function startMail(root) {
  const state = { user: "", letters: [], support: "", open: null, programs: ["gmail"], seen: remembered("mail", {}) };
  const title = h("strong", { testid: "mail-title" });
  const back = iconButton(ICONS.back, "Back to the inbox", () => go(null), { testid: "mail-back" });
  const fresh = h("button", { type: "button", class: "small-button", testid: "mail-new", onclick: () => go("new") }, "New mail");
  const more = menuButton(iconButton(ICONS.more, "Mailbox menu", null, { testid: "mail-menu" }), () => [
    { label: "Send the last mail back as undeliverable", act: () => bounce(), testid: "mail-bounce" },
    { label: "Be unknown from now on (550)", act: () => refuse("550 5.1.1 No such user here"), testid: "mail-550" },
    { label: "Take no mail for now (451)", act: () => refuse("451 4.2.1 The mailbox is busy, try again later"), testid: "mail-451" },
    { label: "Take mail again", act: () => refuse(""), testid: "mail-take" },
  ]);
  const list = h("ul", { class: "mail-list", testid: "mail-list", "aria-label": "Inbox" });
  const empty = h("p", { class: "mail-empty" }, "No mail yet.");
  const page = h("div", { class: "mail-page", tabindex: "0" });
  const reply = writer({ prefix: "mail-reply", label: "Reply…", button: "Reply", send: sendReply });
  const subject = h("input", { class: "mail-field", testid: "mail-subject", "aria-label": "Subject", placeholder: "Subject", maxlength: "200" });
  const copies = h("input", { class: "mail-field", testid: "mail-cc", "aria-label": "Cc", placeholder: "Cc", maxlength: "300" });
  const to = h("p", { class: "mail-to" });
  const letter = writer({ prefix: "mail-new", label: "Write…", button: "Send", send: sendNew });
  const forged = h("input", { type: "checkbox", testid: "mail-forged" });
  const sheet = h("div", { class: "mail-new" }, to, copies, subject,
    h("label", { class: "mail-forged" }, forged, "From somewhere else: SPF, DKIM and DMARC fail"), letter.form);

  root.append(
    h("div", { class: "phone-head mail-head" }, back, h("div", { class: "chat-title" }, title), fresh, more),
    h("div", { class: "mail-box" }, list, empty), page, sheet, reply.form);

  function writer({ prefix, label, button, send }) {
    let files = [];
    const text = h("textarea", { class: "mail-text", rows: "3", testid: `${prefix}-text`, "aria-label": label, placeholder: label });
    const program = h("select", { testid: `${prefix}-program`, "aria-label": "Written in", title: "Written in" });
    const picker = h("input", { type: "file", multiple: true, hidden: true, testid: `${prefix}-file`, "aria-label": "Attach files" });
    const chosen = h("div", { class: "chosen-files", hidden: true });
    const form = h("form", { class: "mail-writer" }, text, chosen,
      h("div", { class: "mail-tools" }, iconButton(ICONS.attach, "Attach files", () => picker.click()), picker, program,
        h("button", { type: "submit", class: "primary-button", testid: `${prefix}-send` }, button)));
    const showFiles = () => drawChosen(chosen, files, (kept) => {
      files = kept;
      showFiles();
      text.focus();
    });
    picker.addEventListener("change", () => {
      files = [...files, ...picker.files];
      picker.value = "";
      showFiles();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    program.addEventListener("change", () => remember("mail-program", program.value));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const submit = form.querySelector("[type=submit]");
      if (submit.disabled || (!text.value.trim() && !files.length)) return;
      submit.disabled = true;
      const done = await attempt(async () => {
        const uploads = await Promise.all(files.map(async (file) => ({ name: file.name, mime_type: file.type, content: await readBase64(file) })));
        return send({ text: text.value, program: program.value || "gmail", files: uploads });
      });
      submit.disabled = false;
      if (!done) return;
      text.value = "";
      files = [];
      showFiles();
    });
    return {
      form,
      text,
      offer: () => {
        if (program.childElementCount === state.programs.length) return;
        program.replaceChildren(...state.programs.map((name) => h("option", { value: name }, PROGRAMS[name] || name.replaceAll("_", " "))));
        program.value = remembered("mail-program", "gmail");
      },
    };
  }

  async function sendNew(mail) {
    const sent = await act("email/write", { user: state.user, subject: subject.value.trim(), cc: copies.value.trim(), verdict: forged.checked ? "fail" : "pass", ...mail });
    const about = subject.value.trim();
    subject.value = "";
    copies.value = "";
    forged.checked = false;
    await refresh();
    go(keyOf(about));
    return sent;
  }

  async function sendReply(mail) {
    const letters = threads().find((each) => each.key === state.open)?.letters || [];
    const answered = letters.filter((each) => each.folder === "inbox").at(-1) || letters.at(-1);
    const others = answered.to.length > 1;
    return act("email/reply", { user: state.user, message_id: answered.id, all: others, ...mail });
  }

  function bounce() {
    const last = state.letters.filter((each) => each.folder === "inbox").at(-1);
    if (last) attempt(() => act("email/bounce", { user: state.user, message_id: last.id }));
    else toast("There is no mail to send back.", true);
  }

  function refuse(words) {
    attempt(() => act("email/refuse", { user: state.user, words }));
  }

  function go(where) {
    state.open = where;
    if (where) seen(where);
    render();
    if (where === "new") subject.focus();
    else if (where) page.scrollTop = page.scrollHeight;
  }

  function seen(key) {
    const thread = threads().find((each) => each.key === key);
    if (!thread || document.hidden) return;
    state.seen = { ...state.seen, [`${state.user}/${key}`]: thread.letters.at(-1).id };
    remember("mail", state.seen);
  }

  function threads() {
    const found = new Map();
    for (const each of state.letters) {
      const key = keyOf(each.subject);
      found.set(key, [...(found.get(key) || []), each]);
    }
    return [...found].map(([key, letters]) => ({ key, letters })).sort((one, two) => two.letters.at(-1).at - one.letters.at(-1).at);
  }

  const refresh = coalesced(async () => {
    const asked = state.user;
    const box = await show("email/box", { user: asked });
    if (state.programs.length === 1) state.programs = await show("email/programs");
    if (asked !== state.user) return;
    state.letters = box.letters;
    state.support = box.support;
    if (state.open && !root.hidden) seen(state.open);
    render();
  });

  async function draw(person) {
    if (person.email !== state.user) state.open = null;
    state.user = person.email;
    await refresh();
  }

  function render() {
    const all = threads();
    const current = all.find((each) => each.key === state.open);
    const writing = state.open === "new";
    title.textContent = writing ? "New mail" : current ? bare(current.letters[0].subject) : "Inbox";
    back.hidden = !current && !writing;
    fresh.hidden = Boolean(current) || writing;
    list.parentElement.hidden = Boolean(current) || writing;
    empty.hidden = all.length > 0;
    page.hidden = !current;
    reply.form.hidden = !current;
    sheet.hidden = !writing;
    to.replaceChildren("From ", h("b", {}, state.user), h("br"), "To ", h("b", {}, state.support));
    reply.offer();
    letter.offer();
    reconcile(list, all.map(({ key, letters }) => {
      const last = letters.at(-1);
      const unread = last.folder === "inbox" && state.seen[`${state.user}/${key}`] !== last.id;
      return { key, subject: bare(last.subject), count: letters.length, name: last.folder === "sent" ? "You" : last.from.name || last.from.address, face: last.from.name || last.from.address, at: last.at, start: preview(last.text), files: last.files.length, unread };
    }), (each) => each.key, listRow);
    if (current) {
      const count = page.childElementCount;
      reconcile(page, current.letters, (each) => each.id, letterNode);
      if (page.childElementCount > count) page.scrollTop = page.scrollHeight;
    } else page.replaceChildren();
  }

  function listRow(each) {
    return h("li", {}, h("button", { type: "button", class: each.unread ? "mail-row unread" : "mail-row", testid: "mail-thread", onclick: () => go(each.key) },
      avatar(each.face, "avatar avatar-round"),
      h("span", { class: "mail-row-main" },
        h("span", { class: "mail-row-top" }, h("strong", {}, each.name, each.count > 1 && h("small", {}, ` ${each.count}`)), h("time", {}, dayName(each.at) === "Today" ? clock(each.at) : dayName(each.at))),
        h("span", { class: "mail-row-subject" }, each.subject, each.files > 0 && icon(ICONS.attach, "has attachments")),
        h("span", { class: "mail-row-start" }, each.start)),
      each.unread && h("span", { class: "unread-dot", role: "img", "aria-label": "unread" })));
  }

  async function latest(person) {
    const box = await show("email/box", { user: person.email });
    return box.letters.filter((each) => each.folder === "inbox").at(-1)?.id ?? "";
  }

  return { draw, latest };
}

function letterNode(letter) {
  const mine = letter.folder === "sent";
  const name = mine ? "You" : letter.from.name || letter.from.address;
  const words = h("div", { class: "mail-words" }, folded(letter.text).map((part) => (part.quote ? quoteNode(part.text) : h("div", {}, linked(part.text.trim())))));
  const design = letter.design && h("button", {
    type: "button", class: "text-button", testid: "mail-design", "aria-pressed": "false",
    onclick: (event) => {
      const on = event.target.getAttribute("aria-pressed") !== "true";
      event.target.setAttribute("aria-pressed", String(on));
      event.target.textContent = on ? "As text" : "As designed";
      if (on) words.after(h("iframe", { class: "mail-design", src: fileUrl(`email/file/${encodePath(letter.design)}`), sandbox: "", title: `The mail of ${name} as designed` }));
      else words.nextElementSibling.remove();
      words.hidden = on;
    },
  }, "As designed");
  return h("article", { class: mine ? "letter mine" : "letter", testid: "mail-letter", data: { from: mine ? "user" : "support" }, "aria-label": name },
    h("header", {}, avatar(letter.from.name || letter.from.address, "avatar avatar-square"),
      h("div", {}, h("strong", {}, name), letter.automatic && h("span", { class: "badge" }, "AUTO"), h("span", { class: "mail-address" }, mine ? `to ${letter.to.join(", ")}` : letter.from.address)),
      h("time", {}, clock(letter.at))),
    words,
    letter.files.length > 0 && h("div", { class: "files" }, letter.files.map((file) => fileNode({ url: fileUrl(`email/file/${encodePath(file.path)}`), name: file.name, type: file.type, bytes: file.size }))),
    design);
}

function quoteNode(text) {
  const quote = h("blockquote", { hidden: true, testid: "mail-quoted" }, text.trim());
  const button = h("button", {
    type: "button", class: "quote-button", "aria-expanded": "false", "aria-label": "Show what is quoted", title: "Show what is quoted", testid: "mail-quote",
    onclick: () => {
      quote.hidden = !quote.hidden;
      button.setAttribute("aria-expanded", String(!quote.hidden));
    },
  }, "•••");
  return h("div", {}, button, quote);
}

// A mail in parts: what is new, and what it quotes, with the line that says so.
export function folded(text) {
  const lines = text.split("\n");
  const parts = [];
  const add = (quote, line) => {
    const last = parts.at(-1);
    if (last && last.quote === quote) last.text += `\n${line}`;
    else parts.push({ quote, text: line });
  };
  let rest = false;
  lines.forEach((line, n) => {
    const next = lines.slice(n + 1).find((each) => each.trim()) || "";
    rest ||= /^\s*-{3,}\s*(original|ursprüngliche|message d'origine|mensaje original)/i.test(line) || (/^_{10,}\s*$/.test(line) && /^\S{1,12}( \S{1,9})?\s*:/.test(next)) || (/^(From|Von|De|Da|Van)\s*:/.test(line) && /^(Sent|Gesendet|Envoyé|Enviado|Inviato|Verzonden|Date|Datum)\b.*:/.test(next));
    const introduces = !line.startsWith(">") && next.startsWith(">") && /(:|-{2,})\s*$/.test(`${line}${lines[n + 1]?.startsWith(">") ? "" : lines[n + 1] || ""}`) && line.trim() !== "";
    const between = !line.trim() && parts.at(-1)?.quote && next.startsWith(">");
    add(Boolean(rest || line.startsWith(">") || introduces || between), line);
  });
  return parts.filter((part) => part.text.trim());
}

function preview(text) {
  return folded(text).filter((part) => !part.quote).map((part) => part.text).join(" ").replace(/\s+/g, " ").trim().slice(0, 90);
}

function bare(subject) {
  return subject.replace(PREFIX, "").trim() || "(no subject)";
}

function keyOf(subject) {
  return `t:${bare(subject).toLowerCase()}`;
}

function encodePath(path) {
  return path.split("/").map(encodeURIComponent).join("/");
}
