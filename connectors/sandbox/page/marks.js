// WhatsApp's marks as elements: *bold*, _italic_, ~struck~, `code`, ```block```; and addresses as links.

import { h, safeLink } from "./dom.js";

const TOKEN = /(```[\s\S]+?```)|(`[^`\n]+`)|(?<![\p{L}\p{N}])([*_~])(?=\S)([^\n]*?\S)\3(?![\p{L}\p{N}])|(https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]])/gu;
const WRAP = { "*": "strong", _: "em", "~": "s" };

export function marked(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    nodes.push(text.slice(at, found.index));
    const [whole, block, code, mark, inside, link] = found;
    if (block) nodes.push(h("pre", {}, block.slice(3, -3).replace(/^\n|\n$/g, "")));
    else if (code) nodes.push(h("code", {}, code.slice(1, -1)));
    else if (mark) nodes.push(h(WRAP[mark], {}, marked(inside)));
    else nodes.push(safeLink(link, link));
    at = found.index + whole.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

// Plain text in which only addresses mean something.
export function linked(text) {
  return text.split(/(https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]])/).map((part, n) => (n % 2 ? safeLink(part, part) : part));
}
