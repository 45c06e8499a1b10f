// Slack's mrkdwn as elements: https://docs.slack.dev/messaging/formatting-message-text

import { emoji } from "./emoji.js";
import { h, safeLink } from "./dom.js";

export function unescaped(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

// `names` has user(id) and channel(id): the words shown for a mention.
export function mrkdwn(text, names) {
  const nodes = [];
  for (const [at, part] of text.split(/```\n?([\s\S]*?)\n?```/).entries()) {
    if (at % 2) nodes.push(h("pre", {}, plainTokens(part)));
    else nodes.push(...lines(part, names));
  }
  return nodes;
}

function lines(text, names) {
  const nodes = [];
  let quote = [];
  const endQuote = () => {
    if (quote.length) nodes.push(h("blockquote", {}, quote));
    quote = [];
  };
  const all = text.split("\n");
  all.forEach((line, n) => {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      if (quote.length) quote.push(h("br"));
      quote.push(...inline(quoted[1], names));
      return;
    }
    const afterQuote = quote.length > 0;
    endQuote();
    if (n > 0 && !afterQuote) nodes.push(h("br"));
    nodes.push(...inline(line, names));
  });
  endQuote();
  return nodes;
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\s][^<>]*)>",
    ":([a-z0-9_+'-]+(?:::skin-tone-\\d)?):",
    "(?<![\\w*])\\*(?=\\S)([^\\n]*?\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^\\n]*?\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^\\n]*?\\S)~(?![\\w~])",
  ].join("|"),
  "g",
);

function inline(text, names) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    nodes.push(unescaped(text.slice(at, found.index)));
    const [whole, code, token, short, bold, italic, strike] = found;
    if (code !== undefined) nodes.push(h("code", {}, plainTokens(code)));
    else if (token !== undefined) nodes.push(tokenNode(token, names));
    else if (short !== undefined) nodes.push(emoji(short) || whole);
    else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold, names)));
    else if (italic !== undefined) nodes.push(h("em", {}, inline(italic, names)));
    else nodes.push(h("s", {}, inline(strike, names)));
    at = found.index + whole.length;
  }
  nodes.push(unescaped(text.slice(at)));
  return nodes;
}

function plainTokens(text) {
  return unescaped(text.replace(/<([^<>|\s]+)\|([^<>]+)>/g, "$2").replace(/<((?:https?|mailto):[^<>|\s]+)>/g, "$1"));
}

function tokenNode(token, names) {
  const [target, label] = split(token, "|");
  if (target.startsWith("@")) return h("span", { class: names.isMe(target.slice(1)) ? "mention mention-me" : "mention" }, `@${names.user(target.slice(1)) || label || "someone"}`);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${label || names.channel(target.slice(1)) || "channel"}`);
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, label || "@group");
  if (target.startsWith("!")) return h("span", { class: "mention mention-me" }, `@${target.slice(1)}`);
  return safeLink(unescaped(target), unescaped(label || target));
}

function split(text, sign) {
  const at = text.indexOf(sign);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

const DATES = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
};
const TIMES = { time: { hour: "2-digit", minute: "2-digit" }, time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit" } };

function dateNode(token, fallback) {
  const [, stamp, format, link] = token.split("^");
  const moment = new Date(Number(stamp) * 1000);
  if (!format || Number.isNaN(moment.getTime())) return fallback || token;
  const words = dateWords(moment, format);
  const element = h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, words);
  return link ? safeLink(link, words) : element;
}

export function dateWords(moment, format) {
  return format.replace(/\{(\w+)\}/g, (whole, name) => {
    const pretty = name.endsWith("_pretty");
    const plain = name.replace(/_pretty$/, "");
    if (pretty) {
      const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / 86400000);
      const near = { 0: "today", 1: "yesterday", "-1": "tomorrow" }[days];
      if (near) return near;
    }
    if (DATES[plain]) return moment.toLocaleDateString([], DATES[plain]);
    if (TIMES[plain]) return moment.toLocaleTimeString([], TIMES[plain]);
    if (name === "ago") return ago(moment);
    return whole;
  });
}

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, length] = steps.find(([, size]) => Math.abs(seconds) >= size) || ["second", 1];
  return new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(Math.round(seconds / length), unit);
}
