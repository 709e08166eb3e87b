// Sends a file in parts. Each part is asked for again until it is there; what is there is never sent twice.
"use strict";

{
const box = document.querySelector("[data-upload]");
const said = (text) => { box.querySelector("[data-said]").textContent = text; };
const token = box.querySelector("[name=form_token]").value;
const bar = box.querySelector("progress");
const shown = (name, on) => { box.querySelector(`[data-${name}]`).hidden = !on; };
let sending = null;

const size = (bytes) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at += 1; }
  return `${bytes.toFixed(at ? 1 : 0)} ${units[at]}`;
};
const time = (seconds) => {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return `${Math.ceil(seconds)} s left`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
};

const paced = (done, whole, rate) => {
  const far = `${size(done)} of ${size(whole)}`;
  return rate > 0 ? `${far}, ${size(rate)}/s, ${time((whole - done) / rate)}` : far;
};

class Failed extends Error {
  constructor(text, status, field) { super(text); this.status = status; this.field = field; }
}

const ask = async (method, path, body, signal) => {
  const answer = await fetch(`/console/uploads${path}`, {
    method, body, signal, credentials: "same-origin", redirect: "manual",
    headers: { "x-form-token": token, ...(body instanceof Blob ? { "content-type": "application/octet-stream" } : {}) },
  });
  if (answer.status === 401 || answer.type === "opaqueredirect") throw new Failed("The session has ended. Sign in again; the upload goes on with the same file.", 401);
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failed(told.message || "The request was refused.", answer.status, told.field);
  return told;
};

// A connection that breaks, and a server that is restarted or busy, are waited for; a refusal is not.
const again = async (work, signal) => {
  for (let pause = 1; ; pause = Math.min(pause * 2, 30)) {
    try { return await work(); } catch (error) {
      if (signal.aborted || (error instanceof Failed && ![408, 429, 500, 502, 503].includes(error.status))) throw error;
      said(`The connection broke off. Trying again in ${pause} s.`);
      await new Promise((done) => { setTimeout(done, pause * 1000); });
      if (signal.aborted) throw error;
    }
  }
};

const key = (file, bucket) => `kunsthalle upload ${bucket} ${file.name} ${file.size} ${file.lastModified}`;

const known = async (file, bucket, signal) => {
  const id = localStorage.getItem(key(file, bucket));
  if (!id) return null;
  try { return await again(() => ask("GET", `/${id}`, undefined, signal), signal); } catch (error) {
    if (error.status !== 404) throw error;
    localStorage.removeItem(key(file, bucket));
    return null;
  }
};

const begin = async (file, bucket, name, signal) => {
  const there = await known(file, bucket, signal);
  if (there) return there;
  const form = new URLSearchParams({ form_token: token, bucket, object: name, size: String(file.size) });
  const made = await again(() => ask("POST", "", form, signal), signal);
  localStorage.setItem(key(file, bucket), made.id);
  return made;
};

const send = async (file, upload, signal) => {
  const received = new Set(upload.received);
  let done = upload.received_bytes;
  const begun = performance.now(), before = done;
  for (let number = 1; number <= upload.parts; number += 1) {
    if (received.has(number)) continue;
    const part = file.slice((number - 1) * upload.part_size, Math.min(number * upload.part_size, file.size));
    await again(() => ask("PUT", `/${upload.id}/parts/${number}`, part, signal), signal);
    done += part.size;
    const rate = (done - before) / ((performance.now() - begun) / 1000);
    bar.value = done / file.size;
    said(paced(done, file.size, rate));
  }
};

const convert = async (ended, signal) => {
  let phase = "", since = 0, before = 0;
  for (;;) {
    const now = await again(() => ask("GET", `/conversions/${ended.conversion}`, undefined, signal), signal);
    if (now.phase === "failed") throw new Failed(`The file was uploaded and could not be converted. ${now.reason}`, 400);
    if (now.phase === "done") return;
    const moves = now.phase !== "waiting" && now.total_bytes > 0;
    if (moves) bar.value = now.done_bytes / now.total_bytes; else bar.removeAttribute("value");
    if (now.phase !== phase) { phase = now.phase; since = performance.now(); before = now.done_bytes; }
    const words = { waiting: "Waiting for the conversion to QCOW2", receiving: "Reading the file", converting: "Converting to QCOW2", writing: "Writing the image" }[now.phase] || now.phase;
    said(moves ? `${words}: ${paced(now.done_bytes, now.total_bytes, (now.done_bytes - before) / ((performance.now() - since) / 1000))}` : words);
    await new Promise((wait) => { setTimeout(wait, 1000); });
  }
};

const wrong = (error) => {
  said("");
  const note = box.querySelector("[data-wrong]");
  note.hidden = false;
  note.querySelector("p").textContent = error.message;
  note.focus();
};

const run = async (file) => {
  const controls = box.querySelector("form").elements;
  const bucket = controls.bucket.value, name = file.name;
  const stop = new AbortController();
  sending = { stop, id: "", file, bucket };
  shown("wrong", false); shown("sending", true); shown("choosing", false);
  bar.value = 0;
  try {
    said(`Preparing ${name}`);
    const upload = await begin(file, bucket, name, stop.signal);
    sending.id = upload.id;
    bar.value = upload.received_bytes / file.size;
    await send(file, upload, stop.signal);
    const ended = await again(() => ask("POST", `/${upload.id}/complete`, new URLSearchParams({ form_token: token }), stop.signal), stop.signal);
    localStorage.removeItem(key(file, bucket));
    sending.id = "";
    if (ended.conversion) await convert(ended, stop.signal);
    const query = new URLSearchParams({ bucket: ended.bucket, object: ended.object });
    sending = null;
    location.assign(`/console/images/custom/import?${query}`);
  } catch (error) {
    const cancelled = stop.signal.aborted;
    sending = null;
    shown("sending", false); shown("choosing", true);
    if (cancelled) said("The upload is cancelled."); else wrong(error);
  }
};

const cancel = async () => {
  const now = sending;
  if (!now) return;
  now.stop.abort();
  localStorage.removeItem(key(now.file, now.bucket));
  if (now.id) await ask("POST", `/${now.id}/cancel`, new URLSearchParams({ form_token: token })).catch(() => null);
};

const input = box.querySelector("input[type=file]");
box.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  if (input.files.length) run(input.files[0]);
  else wrong(new Failed("Choose a file.", 400));
});
box.querySelector("[data-cancel]").addEventListener("click", cancel);
for (const name of ["dragover", "dragenter"]) box.addEventListener(name, (event) => { event.preventDefault(); box.classList.add("over"); });
for (const name of ["dragleave", "drop"]) box.addEventListener(name, () => box.classList.remove("over"));
box.addEventListener("drop", (event) => {
  event.preventDefault();
  if (sending || !event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  said(`${input.files[0].name}, ${size(input.files[0].size)}`);
});
input.addEventListener("change", () => { if (input.files.length) said(`${input.files[0].name}, ${size(input.files[0].size)}`); });
addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
shown("choosing", true);
}
