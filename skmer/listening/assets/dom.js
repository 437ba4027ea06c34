// Elements, and how times and shares are written.

/** Create an HTML element; attributes that are null are left out, and functions are listeners. */
function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Create an SVG element. */
function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);

/** The content of the page, which is stored in it as JSON. */
const readContent = () => JSON.parse(byId("content").textContent);

/** Minutes and seconds, with tenths unless they are whole. */
function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  const text = `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}`;
  return tenths % 10 ? `${text}.${tenths % 10}` : text;
}

const share = (value) => `${Math.round(100 * value)}\u00a0%`;

const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A patch of colour and a name. */
function chip(name, colour) {
  return h("span", { class: "chip" }, h("i", { style: `background:${colour}` }), String(name));
}

/** A button with the key that does the same: null, a letter, or `{name, label}`. */
function keyButton(text, attributes, key = null) {
  const shortcut = key ? h("kbd", {}, key.label ?? key) : null;
  return h("button", { type: "button", "aria-keyshortcuts": key?.name ?? key, ...attributes }, text, shortcut);
}

/** Tell the user, and a screen reader, what has happened. */
function announce(text) {
  const message = byId("message");
  message.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => (message.textContent = ""), 8000);
}

/** Whether a key belongs to the element that has the focus, such as a letter typed into a field. */
function keyIsTaken(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  const element = event.target;
  if (element.matches("input:not([type=checkbox], [type=range]), select, textarea")) return event.key !== "Escape";
  const acts = [" ", "Enter"].includes(event.key) && element.matches("button, a, summary, input:not([type=range]), audio");
  const moves = event.key.startsWith("Arrow") && element.matches("input, audio");
  return acts || moves;
}

/** Offer a text as a file to save. */
function saveFile(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
