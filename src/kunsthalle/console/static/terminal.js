// Consoles in an instance's page: the serial line with xterm.js, the screen with noVNC, each loaded when it is opened.
"use strict";

{
const box = document.querySelector("[data-console]");
const frame = box.querySelector("[data-frame]");
const buttons = { serial: box.querySelector("[data-open=serial]"), vnc: box.querySelector("[data-open=vnc]"), take: box.querySelector("[data-take]"), close: box.querySelector("[data-hang-up]") };
const NAMES = { serial: "serial console", vnc: "screen" };
// With this subprotocol the server says in words why a console is not opened, which a browser could not read otherwise.
const WORDS = "words";
const OCCUPIED = 4409;
let session = null;

const said = (text, kind = "info") => {
  const line = box.querySelector("[data-said]");
  line.textContent = text;
  line.dataset.kind = kind;
};

const state = (open, type) => {
  buttons.serial.hidden = open;
  if (buttons.vnc) buttons.vnc.hidden = open;
  buttons.close.hidden = !open;
  frame.hidden = !open;
  box.querySelector("[data-keys]").hidden = !open;
  box.querySelector("[data-output]").hidden = open && type === "serial";
};

const asked = async (type, force) => {
  const form = new URLSearchParams({ form_token: box.dataset.token, console_type: type, force: String(force) });
  const answer = await fetch(box.dataset.console, { method: "POST", body: form, credentials: "same-origin", redirect: "manual" });
  if (answer.status === 401 || answer.type === "opaqueredirect") throw new Error("The session has ended. Sign in again.");
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.message || "The server refused to open the console.");
  const address = new URL(told.address, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
};

const left = () => {
  state(false);
  session = null;
  (buttons.take.hidden ? buttons.serial : buttons.take).focus();
};

const over = (type, event) => {
  if (event.code === OCCUPIED) {
    buttons.take.hidden = false;
    said("Somebody else uses the serial console. To take it over ends their session.", "error");
  } else if (event.code === 1000 || event.code === 1005) said(event.reason || `The ${NAMES[type]} is closed.`);
  else said(event.reason || `The connection to the ${NAMES[type]} broke off. Open it again.`, "error");
  left();
};

const colors = () => {
  const of = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    box.append(probe);
    const color = getComputedStyle(probe).color;
    probe.remove();
    return color;
  };
  return { background: of("--cds-background"), foreground: of("--cds-text-primary"), cursor: of("--cds-text-primary") };
};

const serial = async (address) => {
  const { Terminal, FitAddon } = await import(box.dataset.xterm);
  const terminal = new Terminal({ fontFamily: '"IBM Plex Mono", monospace', fontSize: 14, scrollback: 5000, screenReaderMode: true, theme: colors(), convertEol: "simulated" in box.dataset });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  frame.replaceChildren();
  terminal.open(frame);
  fit.fit();
  const resized = () => fit.fit();
  addEventListener("resize", resized);
  const socket = new WebSocket(address, [WORDS]);
  socket.binaryType = "arraybuffer";
  const bytes = new TextEncoder();
  terminal.onData((text) => { if (socket.readyState === WebSocket.OPEN) socket.send(bytes.encode(text)); });
  terminal.onBinary((text) => { if (socket.readyState === WebSocket.OPEN) socket.send(Uint8Array.from(text, (one) => one.charCodeAt(0))); });
  socket.onopen = () => { said("Connected to the serial console."); box.scrollIntoView({ block: "nearest" }); terminal.focus(); };
  socket.onmessage = (event) => terminal.write(typeof event.data === "string" ? event.data : new Uint8Array(event.data));
  socket.onclose = (event) => {
    removeEventListener("resize", resized);
    terminal.dispose();
    over("serial", event);
  };
  return () => socket.close(1000);
};

const vnc = async (address) => {
  const { default: RFB } = await import(box.dataset.novnc);
  frame.replaceChildren();
  const socket = new WebSocket(address, ["binary", WORDS]);
  socket.binaryType = "arraybuffer";
  let last = { code: 1006, reason: "" };
  socket.addEventListener("close", (event) => { last = event; });
  const viewer = new RFB(frame, socket);
  viewer.scaleViewport = true;
  viewer.background = "transparent";
  viewer.addEventListener("connect", () => { said("Connected to the screen."); box.scrollIntoView({ block: "nearest" }); viewer.focus(); });
  viewer.addEventListener("securityfailure", (event) => said(`The screen refused the connection: ${event.detail.reason || "no reason was given"}.`, "error"));
  viewer.addEventListener("disconnect", () => setTimeout(() => over("vnc", last)));
  return () => viewer.disconnect();
};

const open = async (type, force) => {
  if (session) return;
  buttons.take.hidden = true;
  said(`Opening the ${NAMES[type]} ...`);
  state(true, type);
  session = () => {};
  try {
    const address = await asked(type, force);
    session = await (type === "serial" ? serial : vnc)(address);
  } catch (error) { said(error.message, "error"); left(); }
};

buttons.serial.addEventListener("click", () => open("serial", false));
if (buttons.vnc) buttons.vnc.addEventListener("click", () => open("vnc", false));
buttons.take.addEventListener("click", () => open("serial", true));
buttons.close.addEventListener("click", () => session && session());
// Every other key belongs to the guest; a serial line cannot tell this one from Ctrl+L.
frame.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey && event.shiftKey && event.code === "KeyL")) return;
  event.preventDefault();
  event.stopPropagation();
  buttons.close.focus();
}, true);
addEventListener("pagehide", () => { if (session) session(); });
box.querySelector("[data-scripted]").hidden = false;
}
