import { call, hasSecret, setSecret, takeSecretFromAddress } from "./api.js";
import { byId, element, shortTime } from "./dom.js";
import { follow } from "./live.js";
import { clearThread, oldestSeq, showMessages } from "./thread.js";

const PAGE_SIZE = 100;
const REFRESH_MS = 10_000;
const field = byId("text");
const number = byId("number");

const state = {
  /** By id, the conversations that were read so far. */
  conversations: new Map(),
  /** The cursor for the next ones, or null. */
  more: null,
  /** The id of the conversation that is shown, or null for a new one. */
  current: null,
  /** The text that was sent and not confirmed. It keeps its id when it is sent again. */
  attempt: null,
};
let unfollow = () => {};

/* Reading */

async function refreshList() {
  const { conversations, cursor } = await call("/conversations");
  for (const conversation of conversations) state.conversations.set(conversation.id, conversation);
  if (state.more === null || state.conversations.size <= conversations.length) state.more = cursor;
  showFrame();
}

async function showMore() {
  const { conversations, cursor } = await call(`/conversations?after=${encodeURIComponent(state.more)}`);
  for (const conversation of conversations) state.conversations.set(conversation.id, conversation);
  state.more = cursor;
  showFrame();
}

async function openConversation(id) {
  unfollow();
  state.current = id;
  state.attempt = null;
  clearThread();
  showError("");
  const { conversation, messages, cursor } = await call(`${pathOf(id)}?limit=${PAGE_SIZE}`);
  if (state.current !== id) return;
  state.conversations.set(id, conversation);
  history.replaceState(null, "", `#${id}`);
  showMessages(messages);
  byId("earlier").hidden = cursor === null;
  showFrame();
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
  unfollow = follow(id, conversation.seq, { onMessage: (message) => showMessages([message]), onState: showLink });
}

async function showEarlier() {
  const { messages, cursor } = await call(`${pathOf(state.current)}?limit=${PAGE_SIZE}&before=${oldestSeq()}`);
  showMessages(messages);
  byId("earlier").hidden = cursor === null;
}

function startConversation() {
  unfollow();
  state.current = null;
  state.attempt = null;
  history.replaceState(null, "", location.pathname);
  clearThread();
  showError("");
  showLink("");
  byId("earlier").hidden = true;
  showFrame();
  number.focus();
}

const pathOf = (id) => `/conversations/${encodeURIComponent(id)}/messages`;

/* Showing */

function showFrame() {
  const conversations = [...state.conversations.values()].toSorted((a, b) => b.updatedAt - a.updatedAt);
  byId("list-empty").hidden = conversations.length > 0;
  byId("list-more").hidden = state.more === null;
  byId("conversations").replaceChildren(
    ...conversations.map(({ id, participant, updatedAt }) => {
      const button = element(
        "button",
        { type: "button", "aria-current": String(id === state.current) },
        element("span", { text: participant }),
        element("time", { className: "soft", text: shortTime(updatedAt) }),
      );
      button.addEventListener("click", () => report(openConversation(id)));
      return element("li", {}, button);
    }),
  );
  const current = state.conversations.get(state.current);
  byId("app-title").textContent = current?.participant ?? "Your app";
  byId("app-sub").textContent = current
    ? `with your number ${current.sender}`
    : "A person types in your app, and gets the answer on their phone.";
  byId("number-field").hidden = current !== undefined;
  number.required = current === undefined;
}

function showLink(kind) {
  byId("link").dataset.state = kind;
  byId("link").textContent = { live: "Live", lost: "Reconnecting… nothing is lost" }[kind] ?? "";
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
    if (error.status === 401) showSignIn(error.message);
    else showError(error.message);
  }
}

/* Writing */

async function send() {
  const body = field.value;
  if (body.trim() === "") return;
  const current = state.conversations.get(state.current);
  const text = current ? { from: current.participant, to: current.sender, body } : { from: number.value.trim(), body };
  const same = JSON.stringify(text);
  if (state.attempt?.same !== same) state.attempt = { same, id: newId() };
  showError("");
  byId("send").disabled = true;
  try {
    const { message } = await call("/messages", { id: state.attempt.id, ...text });
    state.attempt = null;
    if (field.value === body) field.value = "";
    if (state.current === null) {
      await openConversation(message.conversationId);
      await refreshList();
    } else if (message.conversationId === state.current) showMessages([message]);
  } catch (error) {
    const atNumber = state.current === null && ["invalid_address", "sender_as_participant"].includes(error.code);
    // The name of the refusing call belongs in a log, and not on the page.
    const said = error.message.replace(/^\w+\(\) refuses its input[.:]\s*/, "");
    showError(said.replace(/^from is/, "The phone number is"), { atNumber });
  } finally {
    byId("send").disabled = false;
    field.focus();
  }
}

/** The page's own id for a text, so that sending it twice stores it once. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("composer").requestSubmit();
});
number.addEventListener("input", () => showError(""));
byId("new").addEventListener("click", startConversation);
byId("earlier").addEventListener("click", () => report(showEarlier()));
byId("list-more").addEventListener("click", () => report(showMore()));

/* The start */

function showSignIn(words) {
  byId("panes").hidden = true;
  byId("sign-in").hidden = false;
  byId("sign-in-error").textContent = words;
  byId("secret").focus();
}

async function begin() {
  const { ai } = await call("/info");
  byId("ai").textContent = ai.isModel ? `Answered by ${ai.name}` : "Answered by offline rules, no AI model";
  await refreshList();
  // Shown only now. Otherwise a person who types while the page starts would lose the text.
  byId("sign-in").hidden = true;
  byId("panes").hidden = false;
  const wanted = location.hash.slice(1);
  if (wanted !== "") await openConversation(wanted);
  else startConversation();
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  setSecret(byId("secret").value.trim());
  report(begin());
});

takeSecretFromAddress();
if (hasSecret()) report(begin());
else showSignIn("");
setInterval(() => {
  if (!document.hidden && !byId("panes").hidden) report(refreshList());
}, REFRESH_MS);
