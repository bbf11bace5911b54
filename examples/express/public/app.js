import { showAi } from "./about-ai.js";
import { call, newId } from "./api.js";
import { byId, sendsOnEnter } from "./dom.js";
import { showConversations } from "./list.js";
import { refreshPhone, showPhone } from "./phone.js";
import { clearThread, oldestSeq, showMessages } from "./thread.js";

const PAGE_SIZE = 100;
const STORED_NUMBER = "ownline-number";

const state = {
  info: { senders: [], demo: false },
  /** By id, the conversations that were read so far. */
  conversations: new Map(),
  /** The cursor for the next ones, or null. */
  more: null,
  /** The id of the conversation that is shown, or null for a new one. */
  current: null,
  /** The position up to which the shown conversation is known. It moves only when no earlier change can be missing. */
  position: 0,
  joined: false,
  /** The text that was sent and not confirmed. It keeps its id when it is sent again. */
  attempt: null,
};

const socket = globalThis.io({
  transports: ["websocket", "polling"],
  reconnectionDelayMax: 3000,
  timeout: 5000,
  autoConnect: false,
});
const form = byId("composer");
const field = byId("text");
const number = byId("number");
const clearText = sendsOnEnter(field);

/* The live side */

socket.on("connect", async () => {
  showLink("live", "Live");
  await report(refreshList());
  if (state.current !== null) join();
});
socket.on("disconnect", () => {
  state.joined = false;
  showLink("lost", "Reconnecting… nothing is lost");
});
socket.io.on("reconnect_failed", () => showLink("lost", "No connection"));
socket.on("connect_error", () => showLink("lost", "Reconnecting… nothing is lost"));

socket.on("message", (message) => {
  if (message.conversationId !== state.current) return;
  showMessages([message]);
  showFrame();
  state.seen = Math.max(state.seen ?? 0, message.changedSeq);
  if (state.joined) state.position = Math.max(state.position, state.seen);
});

socket.on("conversation", (conversation) => {
  const known = state.conversations.get(conversation.id);
  // The newest text comes with the list. Until then the old one is shown.
  state.conversations.set(conversation.id, { lastMessage: null, ...known, ...conversation });
  showFrame();
  report(refreshList());
});

socket.on("phone", (whose) => {
  if (state.info.demo) report(refreshPhone(whose));
});

/** Asks for every change since the last known position, and for later changes. */
function join() {
  const conversationId = state.current;
  state.seen = state.position;
  state.joined = false;
  socket.emit("join", { conversationId, after: state.position }, (answer) => {
    if (conversationId !== state.current) return;
    if (!answer.ok) {
      showError(answer.reason);
      return;
    }
    state.joined = true;
    state.position = Math.max(state.position, state.seen);
  });
}

/* Reading */

async function refreshList() {
  const { conversations, cursor } = await call("/conversations");
  for (const conversation of conversations) state.conversations.set(conversation.id, conversation);
  if (state.more === null || state.conversations.size <= conversations.length) state.more = cursor;
  showFrame();
}

async function openConversation(id) {
  state.current = id;
  state.joined = false;
  state.attempt = null;
  showError("");
  clearThread();
  const { conversation, messages } = await call(`/conversations/${encodeURIComponent(id)}/messages?limit=${PAGE_SIZE}`);
  if (state.current !== id) return;
  state.conversations.set(id, { ...state.conversations.get(id), ...conversation });
  state.position = conversation.seq;
  history.replaceState(null, "", `#${id}`);
  showMessages(messages);
  byId("earlier").hidden = messages.length < PAGE_SIZE;
  setAs(conversation.paused ? "operator" : "person");
  showFrame();
  byId("app-scroll").scrollTop = byId("app-scroll").scrollHeight;
  if (socket.connected) join();
}

function startConversation() {
  state.current = null;
  state.joined = false;
  state.attempt = null;
  history.replaceState(null, "", location.pathname);
  clearThread();
  showError("");
  byId("earlier").hidden = true;
  setAs("person");
  showFrame();
  number.focus();
}

/* Showing */

function showFrame() {
  const conversations = [...state.conversations.values()].toSorted((a, b) => b.updatedAt - a.updatedAt);
  showConversations(conversations, state.current, (id) => report(openConversation(id)));
  byId("list-more").hidden = state.more === null;

  const current = state.conversations.get(state.current);
  const isNew = state.current === null;
  const paused = current?.paused ?? false;
  byId("app-title").textContent = isNew ? "Your app" : (current?.participant ?? "");
  byId("app-sub").textContent = isNew
    ? "A person types in your app, and gets the answer on their phone."
    : `with your number ${current?.sender ?? ""}${paused ? " · you have taken over, the AI is silent" : ""}`;
  byId("blank").hidden = !isNew;
  byId("start-fields").hidden = !isNew;
  number.required = isNew;
  byId("as").hidden = isNew;
  const takeover = byId("takeover");
  takeover.hidden = isNew;
  takeover.textContent = paused ? "Hand back to the AI" : "Take over";
  takeover.setAttribute("aria-pressed", String(paused));
  const waits = current !== undefined && !paused && current.inboundSeq > current.answeredSeq;
  if (byId("thinking").hidden === waits) {
    byId("thinking").hidden = !waits;
    if (waits) byId("app-scroll").scrollTop = byId("app-scroll").scrollHeight;
  }
  byId("hint").textContent =
    writesAs() === "operator"
      ? "A real SMS from your number to their phone. The AI answers only what the person writes."
      : isNew || !paused
        ? "Stored and answered like a text from the phone. It is not sent as an SMS: you cannot send from their number."
        : "Stored. You have taken over, so the AI does not answer it.";
  if (state.info.demo) {
    report(showPhone(current?.participant ?? "", current?.sender ?? state.info.senders[0]));
  }
}

function showLink(kind, words) {
  byId("link").dataset.state = kind;
  byId("link").textContent = words;
}

function showError(words, { atNumber = false } = {}) {
  byId("error").textContent = words;
  number.setAttribute("aria-invalid", String(atNumber));
}

/** Shows why an action failed. The page keeps working. */
async function report(work) {
  try {
    await work;
  } catch (error) {
    showError(error.message);
  }
}

/* Writing */

function writesAs() {
  return state.current === null ? "person" : new FormData(form).get("as");
}

function setAs(who) {
  for (const radio of form.elements.namedItem("as")) radio.checked = radio.value === who;
}

function requestFor(body) {
  const current = state.conversations.get(state.current);
  if (writesAs() === "operator") return [`/conversations/${encodeURIComponent(state.current)}/messages`, { body }];
  return current === undefined
    ? ["/messages", { from: number.value.trim(), to: byId("sender").value, body }]
    : ["/messages", { from: current.participant, to: current.sender, body }];
}

async function send() {
  const body = field.value;
  if (body.trim() === "") return;
  const [path, content] = requestFor(body);
  const same = JSON.stringify([path, content]);
  if (state.attempt?.same !== same) state.attempt = { same, id: newId() };
  const { id } = state.attempt;
  showError("");
  byId("send").disabled = true;
  byId("send").textContent = "Sending…";
  try {
    const { message } = await call(path, { id, ...content });
    state.attempt = null;
    if (field.value === body) clearText();
    if (state.current === null) {
      localStorage.setItem(STORED_NUMBER, number.value.trim());
      await openConversation(message.conversationId);
    } else if (message.conversationId === state.current) showMessages([message]);
  } catch (error) {
    const atNumber = state.current === null && ["invalid_address", "sender_as_participant"].includes(error.code);
    // The name of the refusing call belongs in a log, and not on the page.
    const said = error.message.replace(/^\w+\(\) refuses its input[.:]\s*/, "");
    const words = said.replace(/^from is not a/, "This is not a").replace(/^from is/, "The phone number is");
    showError(words, { atNumber });
  } finally {
    byId("send").disabled = false;
    byId("send").textContent = "Send";
    (number.getAttribute("aria-invalid") === "true" ? number : field).focus();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("as").addEventListener("change", showFrame);
number.addEventListener("input", () => showError(""));
byId("new").addEventListener("click", startConversation);

async function setPaused(paused) {
  const path = `/conversations/${encodeURIComponent(state.current)}/${paused ? "pause" : "resume"}`;
  const { conversation } = await call(path, {});
  state.conversations.set(conversation.id, { ...state.conversations.get(conversation.id), ...conversation });
  setAs(paused ? "operator" : "person");
  showFrame();
}

byId("takeover").addEventListener("click", () => {
  const paused = state.conversations.get(state.current)?.paused;
  report(setPaused(!paused));
});

async function showEarlier() {
  const path = `/conversations/${encodeURIComponent(state.current)}/messages`;
  const { messages } = await call(`${path}?limit=${PAGE_SIZE}&before=${oldestSeq()}`);
  showMessages(messages);
  byId("earlier").hidden = messages.length < PAGE_SIZE;
}

async function showMore() {
  const { conversations, cursor } = await call(`/conversations?after=${encodeURIComponent(state.more)}`);
  for (const conversation of conversations) state.conversations.set(conversation.id, conversation);
  state.more = cursor;
  showFrame();
}

byId("earlier").addEventListener("click", () => report(showEarlier()));
byId("list-more").addEventListener("click", () => report(showMore()));

/* The start */

/** Disables the inputs while the page starts. Otherwise a person who types then would lose the text. */
function setReady(ready) {
  for (const input of [field, number, byId("send")]) input.disabled = !ready;
}

async function begin() {
  setReady(false);
  state.info = await call("/info");
  showAi(state.info);
  byId("phone").hidden = !state.info.demo;
  byId("panes").classList.toggle("with-phone", state.info.demo);
  byId("blank-sender").textContent = state.info.senders.join(" or ");
  byId("sender").replaceChildren(...state.info.senders.map((sender) => new Option(sender, sender)));
  byId("sender-field").hidden = state.info.senders.length < 2;
  number.value = localStorage.getItem(STORED_NUMBER) ?? (state.info.demo ? "+12345678900" : "");
  await refreshList();
  setReady(true);
  const linked = location.hash.slice(1);
  const newest = [...state.conversations.values()].toSorted((a, b) => b.updatedAt - a.updatedAt)[0];
  if (state.conversations.has(linked)) await openConversation(linked);
  else if (newest !== undefined) await openConversation(newest.id);
  else startConversation();
  socket.connect();
}

report(begin());
