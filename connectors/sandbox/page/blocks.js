// Block Kit as elements: https://docs.slack.dev/reference/block-kit

import { emoji, emojiText } from "./emoji.js";
import { h, icon, ICONS, menuButton, safeLink } from "./dom.js";
import { dateWords, mrkdwn } from "./mrkdwn.js";

// `view` says how to name people and channels, who they are, and what to do when an element is used:
// {names, people(), channels(), act(element, block, choice)}.
export function renderBlocks(blocks, view) {
  return blocks.map((block) => {
    const element = blockNode(block, view);
    element.dataset.blockId = block.block_id || "";
    return element;
  });
}

export function textNodes(text, names) {
  if (!text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text, names) : [plain(text)];
}

function plain(text) {
  return text.emoji === false ? text.text : emojiText(text.text);
}

function blockNode(block, view) {
  switch (block.type) {
    case "header":
      return h("h4", { class: "block-header" }, plain(block.text));
    case "divider":
      return h("hr", { class: "block-divider" });
    case "section":
      return section(block, view);
    case "context":
      return h("div", { class: "block-context" }, block.elements.map((each) =>
        (each.type === "image" ? picture(each, "context-image") : h("span", {}, textNodes(each, view.names)))));
    case "actions":
    case "context_actions":
      return h("div", { class: "block-actions" }, block.elements.map((each) => control(each, block, view)));
    case "image":
      return h("figure", { class: "block-image" }, block.title && h("figcaption", {}, plain(block.title)), picture(block, "block-picture"));
    case "rich_text":
      return h("div", { class: "block-rich" }, block.elements.map((each) => richNode(each, view)));
    case "markdown":
      return h("div", { class: "block-section" }, mrkdwn(block.text, view.names));
    case "input":
      return inputBlock(block, view);
    case "container":
      return container(block, view);
    case "data_table":
      return dataTable(block, view);
    default:
      return h("div", { class: "block-unknown" }, `A ${block.type} block`);
  }
}

// What a reader opened or folded stays so when its message is drawn anew.
const opened = new Map();

function container(block, view) {
  const title = block.rich_text_title ? block.rich_text_title.elements.map((each) => richNode(each, view)) : plain(block.title);
  const head = [h("strong", {}, title), block.subtitle && h("span", { class: "container-subtitle" }, textNodes(block.subtitle, view.names))];
  const inside = h("div", { class: "container-inside" }, renderBlocks(block.child_blocks, view));
  const name = `block-container container-${block.width || "standard"}`;
  if (!block.is_collapsible) return h("section", { class: name }, h("div", { class: "container-head" }, head), inside);
  const fold = h("details", { class: name, testid: "container" }, h("summary", { class: "container-head" }, head), inside);
  const key = `${view.message || ""}/${fold.firstChild.textContent}`;
  fold.open = opened.get(key) ?? !block.default_collapsed;
  fold.firstChild.addEventListener("click", () => opened.set(key, !fold.open)); // it turns after the click
  return fold;
}

function cell(each, view) {
  if (each.type === "rich_text") return each.elements.map((part) => richNode(part, view));
  return each.text ?? String(each.value ?? "");
}

// A table of data: pages of rows, sorted by the column whose heading was pressed.
function dataTable(block, view) {
  const [head, ...rows] = block.rows;
  const size = block.page_size || 5;
  const state = { page: 0, by: -1, down: false };
  const body = h("tbody");
  const pages = h("div", { class: "table-pages" });
  const headings = head.map((each, n) => h("th", { scope: "col" }, h("button", { type: "button", onclick: () => sortBy(n) }, cell(each, view))));
  const words = (row, n) => String(row[n].text ?? row[n].value ?? "");

  function sortBy(n) {
    state.down = state.by === n && !state.down;
    state.by = n;
    rows.sort((one, two) => words(one, n).localeCompare(words(two, n)) * (state.down ? -1 : 1));
    draw();
  }

  function draw() {
    const last = Math.ceil(rows.length / size) - 1;
    headings.forEach((each, n) => each.setAttribute("aria-sort", n !== state.by ? "none" : state.down ? "descending" : "ascending"));
    const key = block.row_header_column_index || 0;
    body.replaceChildren(...rows.slice(state.page * size, (state.page + 1) * size).map((row) =>
      h("tr", {}, row.map((each, n) => h(n === key ? "th" : "td", n === key ? { scope: "row" } : {}, cell(each, view))))));
    const turn = (step, label) => h("button", { type: "button", class: "small-button", disabled: state.page + step < 0 || state.page + step > last, onclick: () => { state.page += step; draw(); } }, label);
    pages.replaceChildren(turn(-1, "Previous"), h("span", {}, `${state.page + 1} of ${last + 1}`), turn(1, "Next"));
    pages.hidden = last === 0;
  }

  draw();
  return h("div", { class: "block-table", testid: "data-table" },
    h("div", { class: "table-scroll", tabindex: "0" }, h("table", {}, h("caption", {}, block.caption), h("thead", {}, h("tr", {}, headings)), body)), pages);
}

function section(block, view) {
  const words = block.text && h("div", { class: "section-text" }, textNodes(block.text, view.names));
  const fields = block.fields && h("div", { class: "section-fields" }, block.fields.map((field) => h("div", {}, textNodes(field, view.names))));
  return h("div", { class: "block-section" }, h("div", { class: "section-main" }, words, fields), block.accessory && h("div", { class: "section-accessory" }, control(block.accessory, block, view)));
}

function picture(image, className) {
  const url = image.image_url || "";
  // The page loads nothing from outside: a picture elsewhere is named, not fetched.
  if (url.startsWith(`${location.origin}/`)) return h("img", { class: className, src: url, alt: image.alt_text });
  return h("span", { class: `${className} picture-named`, title: url }, image.alt_text || "picture");
}

function control(element, block, view) {
  const use = (choice) => confirmed(element.confirm, view, () => view.act(element, block, choice));
  const name = { testid: `${element.type === "button" ? "button" : "select"}-${element.action_id}`, "aria-label": element.accessibility_label };
  switch (element.type) {
    case "button": {
      const button = h("button", { type: "button", class: `kit-button ${element.style || ""}`, ...name }, plain(element.text));
      button.addEventListener("click", async () => {
        if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener,noreferrer");
        button.classList.add("waiting");
        await use(null);
        button.classList.remove("waiting");
      });
      return button;
    }
    case "overflow":
      return menuButton(
        h("button", { type: "button", class: "kit-button kit-overflow", ...name, "aria-label": "More actions" }, icon(ICONS.more)),
        () => element.options.map((option) => ({ label: plain(option.text), act: () => use(option.value), testid: `option-${option.value}` })));
    case "image":
      return picture(element, "accessory-image");
    default:
      return field(element, view, { ...name, onpick: use });
  }
}

function choices(element, view) {
  if (/users_select$/.test(element.type) || element.type === "conversations_select") return view.people().map((user) => [user.id, user.real_name || user.name]);
  if (/channels_select$/.test(element.type)) return view.channels().map((channel) => [channel.id, `#${channel.name}`]);
  const options = element.options || (element.option_groups || []).flatMap((group) => group.options);
  return options.map((option) => [option.value, plain(option.text)]);
}

function initial(element) {
  if (element.initial_option) return [element.initial_option.value];
  if (element.initial_options) return element.initial_options.map((option) => option.value);
  const other = element.initial_users || element.initial_user || element.initial_channel || element.initial_channels || element.initial_conversation;
  return other === undefined ? [] : [other].flat();
}

// An input of any kind. `onpick` is told each choice; without it the value is read when the view is submitted.
function field(element, view, { onpick, ...props }) {
  const chosen = initial(element);
  const kind = element.type;
  if (/select$/.test(kind)) {
    const many = kind.startsWith("multi_");
    const select = h("select", { class: "kit-select", multiple: many, size: many ? String(Math.min(6, choices(element, view).length || 1)) : undefined, ...props },
      !many && h("option", { value: "", disabled: Boolean(onpick), selected: chosen.length === 0 }, element.placeholder ? plain(element.placeholder) : "Choose"),
      choices(element, view).map(([value, label]) => h("option", { value, selected: chosen.includes(value) }, label)));
    select._read = () => (many ? [...select.selectedOptions].map((option) => option.value) : select.value || null);
    if (onpick) select.addEventListener("change", () => onpick(select._read()));
    return select;
  }
  if (kind === "checkboxes" || kind === "radio_buttons") return boxes(element, chosen, onpick, props);
  const tag = element.multiline ? "textarea" : "input";
  const type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local", number_input: "number", email_text_input: "email", url_text_input: "url" }[kind] || "text";
  const box = h(tag, {
    class: "kit-input", type: tag === "input" ? type : undefined, rows: tag === "textarea" ? "4" : undefined,
    placeholder: element.placeholder ? plain(element.placeholder) : undefined, maxlength: element.max_length, ...props,
  });
  box.value = element.initial_value ?? element.initial_date ?? element.initial_time ?? "";
  box._read = () => (kind === "datetimepicker" ? (box.value ? Math.floor(new Date(box.value) / 1000) : null) : box.value || null);
  if (onpick) box.addEventListener("change", () => onpick(box._read()));
  return box;
}

function boxes(element, chosen, onpick, props) {
  const one = element.type === "radio_buttons";
  const group = `${element.action_id}-${Math.random().toString(36).slice(2)}`;
  const inputs = element.options.map((option) => h("input", { type: one ? "radio" : "checkbox", name: group, value: option.value, checked: chosen.includes(option.value) }));
  const wrap = h("div", { class: "kit-boxes", role: one ? "radiogroup" : "group", ...props }, element.options.map((option, n) => h("label", {}, inputs[n], plain(option.text))));
  wrap._read = () => {
    const values = inputs.filter((input) => input.checked).map((input) => input.value);
    return one ? values[0] || null : values;
  };
  if (onpick) wrap.addEventListener("change", () => onpick(wrap._read()));
  return wrap;
}

function inputBlock(block, view) {
  const { element } = block;
  const id = `field-${block.block_id}-${element.action_id}`;
  const props = { id, testid: `input-${element.action_id}`, "aria-describedby": `${id}-error` };
  const box = field(element, view, block.dispatch_action ? { ...props, onpick: (choice) => view.act(element, block, choice) } : props);
  const label = h("label", { for: id }, plain(block.label), block.optional && h("span", { class: "optional" }, " (optional)"));
  const wrap = h("div", { class: "block-input" }, label, box, block.hint && h("p", { class: "hint" }, plain(block.hint)),
    h("p", { class: "field-error", id: `${id}-error`, role: "alert", testid: `modal-error-${block.block_id}`, hidden: true }));
  wrap._value = () => [block.block_id, element.action_id, box._read()];
  return wrap;
}

export function readInputs(form) {
  const values = {};
  for (const element of form.querySelectorAll(".block-input")) {
    const [block, action, value] = element._value();
    values[block] = { ...values[block], [action]: value };
  }
  return values;
}

// Asks as the platform's own confirmation dialog does, then does it.
function confirmed(confirm, view, go) {
  if (!confirm) return go();
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "small-dialog", testid: "confirm-dialog", "aria-label": confirm.title.text },
      h("h3", {}, plain(confirm.title)),
      h("p", {}, textNodes(confirm.text, view.names)),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "quiet-button", testid: "confirm-no", onclick: () => dialog.close() }, plain(confirm.deny)),
        h("button", { type: "button", class: confirm.style === "danger" ? "danger-button" : "primary-button", testid: "confirm-yes", onclick: () => dialog.close("yes") }, plain(confirm.confirm))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? go() : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function richNode(element, view) {
  const inside = () => element.elements.map((each) => richInline(each, view));
  switch (element.type) {
    case "rich_text_preformatted":
      return h("pre", {}, inside());
    case "rich_text_quote":
      return h("blockquote", {}, inside());
    case "rich_text_list": {
      const list = h(element.style === "ordered" ? "ol" : "ul", {}, element.elements.map((each) => h("li", {}, richNode(each, view))));
      list.style.marginInlineStart = `${(element.indent || 0) * 1.4}em`;
      return list;
    }
    default:
      return h("div", { class: "rich-section" }, inside());
  }
}

function richInline(element, view) {
  const style = element.style || {};
  let node = richWords(element, view);
  if (style.code) node = h("code", {}, node);
  if (style.bold) node = h("strong", {}, node);
  if (style.italic) node = h("em", {}, node);
  if (style.strike) node = h("s", {}, node);
  if (style.underline) node = h("u", {}, node);
  return node;
}

function richWords(element, view) {
  switch (element.type) {
    case "text":
      return element.text;
    case "link":
      return safeLink(element.url, element.text || element.url);
    case "emoji":
      return emoji(element.name) || `:${element.name}:`;
    case "user":
      return h("span", { class: view.names.isMe(element.user_id) ? "mention mention-me" : "mention" }, `@${view.names.user(element.user_id) || "someone"}`);
    case "channel":
      return h("span", { class: "mention" }, `#${view.names.channel(element.channel_id) || "channel"}`);
    case "broadcast":
      return h("span", { class: "mention mention-me" }, `@${element.range}`);
    case "date":
      return dateWords(new Date(element.timestamp * 1000), element.format);
    case "color":
      return element.value;
    default:
      return element.fallback || "";
  }
}
