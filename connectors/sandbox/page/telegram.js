// What a message on Telegram looks like, on a customer's phone and in the staff's group.

import { attempt, fileUrl, show, toast } from "./api.js";
import { fileNode } from "./chatkit.js";
import { h, safeLink } from "./dom.js";

export function media(side, message) {
  if (message.kind === "text" || !message.media) return null;
  if (message.kind === "location") return h("div", { class: "attachment" }, "📍 ", `${message.media.latitude}, ${message.media.longitude}`);
  if (message.kind === "contact") return h("div", { class: "attachment" }, "👤 ", `${message.media.first_name} ${message.media.phone_number}`);
  if (!message.file) return null;
  const url = fileUrl(`${side}/file/${encodeURIComponent(message.file_id)}`);
  return fileNode({ url, name: message.file.name, type: message.file.type, bytes: message.file.size, alt: message.text });
}

export function keyboard(prefix, message, tap) {
  if (!message.buttons.length) return null;
  let place = 0;
  return h("div", { class: "keyboard" }, message.buttons.map((line) => h("div", { class: "keyboard-row" }, line.map((button) => {
    const at = place;
    place += 1;
    return h("button", { type: "button", testid: `${prefix}-button-${button.callback_data || at}`, onclick: (event) => tap(event.currentTarget, button, at) }, button.text);
  }))));
}

// `press` does the tap; the toast shows what the bot answers within five seconds.
export async function tapped(side, element, button, press) {
  if (button.url) {
    window.open(button.url, "_blank", "noopener,noreferrer");
    return;
  }
  element.classList.add("waiting");
  const made = await press();
  for (let tries = 0; made && made.query && tries < 20; tries += 1) {
    const answer = await attempt(() => show(`${side}/tap_answer`, { query: made.query }));
    if (!answer) break;
    if (answer.answered) {
      if (answer.text) toast(answer.text);
      break;
    }
    await new Promise((resolve) => { setTimeout(resolve, 250); });
  }
  element.classList.remove("waiting");
}

const WRAP = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", spoiler: "span", blockquote: "blockquote", expandable_blockquote: "blockquote" };

// Entities nest, and count in UTF-16 units as JavaScript does.
export function entityNodes(text, entities, from = 0, to = text.length) {
  const nodes = [];
  let at = from;
  const inside = entities.filter((each) => each.offset >= from && each.offset + each.length <= to);
  for (let n = 0; n < inside.length; n += 1) {
    const entity = inside[n];
    if (entity.offset < at) continue;
    const end = entity.offset + entity.length;
    nodes.push(text.slice(at, entity.offset));
    const children = entityNodes(text, inside.slice(n + 1), entity.offset, end);
    const words = text.slice(entity.offset, end);
    if (entity.type === "text_link") nodes.push(safeLink(entity.url, words));
    else if (entity.type === "url") nodes.push(safeLink(/^[a-z]+:/i.test(words) ? words : `https://${words}`, words));
    else if (entity.type === "email") nodes.push(safeLink(`mailto:${words}`, words));
    else if (WRAP[entity.type]) nodes.push(h(WRAP[entity.type], { class: entity.type }, children));
    else nodes.push(h("span", { class: "marked" }, children));
    at = end;
  }
  nodes.push(text.slice(at, to));
  return nodes;
}

export function kindOf(type) {
  if (type.startsWith("image/")) return "photo";
  if (type.startsWith("audio/")) return "voice";
  return type.startsWith("video/") ? "video" : "document";
}
