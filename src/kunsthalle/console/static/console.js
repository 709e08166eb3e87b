// What pages do beyond forms and links: dialogs, live parts, copying, menus. Without it everything still works.
"use strict";

const told = (text) => { document.getElementById("told").textContent = text; };

const fetched = async (address) => {
  const answer = await fetch(address, { credentials: "same-origin", redirect: "follow" });
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : answer.status;
};

// A form that has a page of its own is shown over this page.
const open = async (link) => {
  const page = await fetched(link.href).catch(() => null);
  const body = page instanceof Document && page.querySelector(".dialog-body");
  if (!body) { location.assign(link.href); return; }
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "form-title");
  const form = body.querySelector("form");
  if (form && !form.getAttribute("action")) form.action = link.href;
  dialog.append(document.importNode(body, true));
  for (const other of document.querySelectorAll("dialog")) other.remove();
  document.body.append(dialog);
  dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
  dialog.showModal();
  ready(dialog);
  const first = dialog.querySelector("input:not([type=hidden]):not([type=checkbox]), select, textarea");
  if (first) first.focus();
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (link && plain) { event.preventDefault(); open(link); return; }
  const close = event.target.closest("dialog [data-close]");
  if (close) { event.preventDefault(); close.closest("dialog").close(); return; }
  if (event.target.nodeName === "DIALOG") event.target.close();
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => told("Copied"), () => told("Not copied"));
  for (const menu of document.querySelectorAll("details.more[open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const find = document.getElementById("find");
  const typing = event.target.matches("input, select, textarea, [contenteditable], canvas") || document.querySelector("dialog[open]");
  if (event.key === "/" && find && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); find.focus(); find.select(); }
  const menu = document.querySelector("details.more[open]");
  if (event.key === "Escape" && menu) { menu.open = false; menu.querySelector("summary").focus(); }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A form is sent once, however often its button is pressed. That of a dialog is sent from here, so that a refusal stays
// in the dialog, with what was typed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  const dialog = form.closest("dialog");
  if (dialog) { event.preventDefault(); send(dialog, form, event.submitter); }
});
const send = async (dialog, form, button) => {
  const body = new URLSearchParams(new FormData(form));
  if (button && button.name) body.append(button.name, button.value);
  const asked = { method: "POST", body, credentials: "same-origin", redirect: "manual", headers: { "x-dialog": "yes" } };
  const answer = await fetch(form.getAttribute("action"), asked).catch(() => null);
  const next = answer && answer.headers.get("x-location");
  if (next) { if (new URL(next, location.href).href === location.href) location.reload(); else location.assign(next); return; }
  const page = answer && answer.headers.get("content-type")?.startsWith("text/html") ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const fresh = page && (page.querySelector(".dialog-body") || page.querySelector("main"));
  if (!fresh) { delete form.dataset.sent; told("The server did not answer. Try again."); return; }
  const copied = document.importNode(fresh, true);
  dialog.replaceChildren(...(copied.nodeName === "MAIN" ? copied.childNodes : [copied]));
  dialog.scrollTop = 0;
  ready(dialog);
  const wrong = dialog.querySelector("[aria-invalid], [role=alert]");
  if (!wrong) return;
  if (wrong.getAttribute("role") === "alert") wrong.tabIndex = -1;
  wrong.focus();
};
addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-filter]")) return;
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const row of event.target.closest("[data-pick]").querySelectorAll("[data-row]")) row.hidden = !words.every((word) => row.dataset.row.includes(word));
});

// The text of a chosen file goes into its input.
document.addEventListener("change", async (event) => {
  const box = event.target.closest("[data-loads]");
  if (box && event.target.files[0]) document.getElementById(box.dataset.loads).value = (await event.target.files[0].slice(0, 65536).text()).trim();
});

// A choice that decides what the rest of a page offers: the page is asked for anew, and what was typed stays.
const typed = () => [...document.querySelectorAll("main [name]:not([type=hidden])")].filter((box) => !box.matches("[type=checkbox], [type=radio]") || box.checked).map((box) => [box.name, box.value, box.type]);
const renew = async (box) => {
  const address = new URL(box.form.action);
  address.search = new URLSearchParams(new FormData(box.form));
  const kept = typed(), page = await fetched(address).catch(() => null);
  if (!(page instanceof Document)) { location.assign(address); return; }
  document.querySelector("main").replaceChildren(...document.importNode(page.querySelector("main"), true).childNodes);
  for (const [name, value, type] of kept) for (const other of document.querySelectorAll(`main [name="${CSS.escape(name)}"]`)) {
    if (["checkbox", "radio"].includes(type)) other.checked ||= other.value === value;
    else if (other.nodeName !== "SELECT" || [...other.options].some((one) => one.value === value)) other.value = value;
  }
  history.replaceState(null, "", address);
  ready(document);
  document.getElementById(box.id)?.focus();
};
document.addEventListener("change", (event) => { if (event.target.matches("[data-renew]")) renew(event.target); });

// What a form asks for, beside it and in words.
const chosen = (box) => box.nodeName === "SELECT" ? (box.value ? box.selectedOptions[0].textContent : "") : box.value.trim();
const summarize = () => {
  const list = document.querySelector("[data-summary] dl");
  if (!list) return;
  const lines = new Map();
  for (const box of document.querySelectorAll("[data-summed] :is(input, select, textarea):not([type=hidden])")) {
    const tick = box.matches("[type=checkbox]"), label = tick ? box.closest("fieldset")?.querySelector("legend") : box.labels[0];
    const text = tick ? (box.checked ? box.labels[0].textContent : "") : chosen(box);
    const name = label?.firstChild.textContent.trim();
    if (name && text) lines.set(name, [...(lines.get(name) || []), box.nodeName === "TEXTAREA" ? `${text.split("\n").length} lines` : text]);
  }
  list.replaceChildren(...[...lines].map(([name, texts]) => {
    const fact = document.createElement("div"), term = document.createElement("dt"), told = document.createElement("dd");
    fact.className = "fact"; term.textContent = name; told.textContent = texts.join(", ");
    fact.append(term, told);
    return fact;
  }));
  list.closest("[data-summary]").hidden = !lines.size;
};
for (const kind of ["input", "change"]) document.addEventListener(kind, summarize);

const ready = (root) => {
  summarize();
  for (const box of root.querySelectorAll("[data-unscripted]")) box.hidden = true;
  for (const box of root.querySelectorAll("[data-loads][hidden]")) box.hidden = false;
  for (const search of root.querySelectorAll("[data-filter][hidden]")) search.hidden = false;
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false; };
ready(document);
for (const tab of document.querySelectorAll(".tabs [aria-current]")) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 48;

// A live part asks for itself until the server says, by leaving the mark out, that nothing moves any more.
const busy = (part) => {
  const at = document.activeElement;
  return document.hidden || part.querySelector("details[open].more, details[open].columns, input:checked[form]") || (part.contains(at) && at.matches("input, select, textarea"));
};
const live = async () => {
  for (const part of document.querySelectorAll("[data-live]")) {
    if (busy(part)) continue;
    const address = new URL(location.href);
    address.searchParams.set("part", part.dataset.live);
    const page = await fetched(address).catch(() => null);
    if (page === 401 || page === 404) { location.reload(); return; }
    const fresh = page instanceof Document ? page.body.firstElementChild : null;
    if (!fresh || busy(part) || !part.isConnected) continue;
    if (fresh.innerHTML !== part.innerHTML) {
      const label = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.replaceWith(document.importNode(fresh, true));
      if (!fresh.dataset.live) document.querySelector("main > [data-said] .note.info")?.remove(); // what was under way is over
      ready(document);
      if (label) { const again = document.querySelector(`[href="${CSS.escape(label)}"]`); if (again) again.focus(); }
    }
  }
  setTimeout(live, 1500);
};
setTimeout(live, 1500);
