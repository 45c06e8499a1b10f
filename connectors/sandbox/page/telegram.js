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

// The words of a message, as an app shows them.
export function wordsOf(message) {
  if (message.kind === "rich_message") return h("div", { class: "bubble-text rich" }, richNodes(message.media.blocks));
  return message.text && h("div", { class: "bubble-text" }, entityNodes(message.text, message.entities));
}

// A rich message: https://core.telegram.org/bots/api#richmessage. What folds is opened by a tap.
function richNodes(blocks) {
  return blocks.map((block) => {
    switch (block.type) {
      case "heading": return h(`h${Math.min(6, block.size)}`, { class: "rich-heading" }, richText(block.text));
      case "pre": return h("pre", {}, richText(block.text));
      case "divider": return h("hr");
      case "blockquote": return h("blockquote", {}, richNodes(block.blocks));
      case "expandable_blockquote": return foldingQuote(richText(block.text));
      case "details": return h("details", { testid: "rich-details", open: block.is_open }, h("summary", {}, richText(block.summary)), richNodes(block.blocks));
      case "table": return h("table", { class: "rich-table" }, h("tbody", {}, block.cells.map((row) => h("tr", {}, row.map((cell) => h(cell.is_header ? "th" : "td", {}, richText(cell.text || "")))))));
      default: return h("p", {}, richText(block.text));
    }
  });
}

const MARKED = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", subscript: "sub", superscript: "sup", marked: "mark" };

function richText(text) {
  if (typeof text === "string") return [text];
  if (Array.isArray(text)) return text.flatMap(richText);
  const inside = richText(text.text);
  if (text.type === "url") return [safeLink(text.url, inside)];
  if (text.type === "email_address") return [safeLink(`mailto:${text.email_address}`, inside)];
  if (text.type === "phone_number") return [safeLink(`tel:${text.phone_number}`, inside)];
  return [h(MARKED[text.type] || "span", { class: text.type }, inside)];
}

function foldingQuote(inside) {
  const quote = h("blockquote", { class: "expandable_blockquote", testid: "folding-quote", role: "button", tabindex: "0", "aria-expanded": "false", title: "Show all of it" }, inside);
  const turn = (event) => {
    if (event.target.closest("a")) return;
    quote.setAttribute("aria-expanded", String(quote.classList.toggle("open")));
  };
  quote.addEventListener("click", turn);
  quote.addEventListener("keydown", (event) => event.key === "Enter" && turn(event));
  return quote;
}

const WRAP = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", spoiler: "span", blockquote: "blockquote" };

// Entities nest, and count in UTF-16 units as JavaScript does.
function entityNodes(text, entities, from = 0, to = text.length) {
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
    else if (entity.type === "expandable_blockquote") nodes.push(foldingQuote(children));
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
