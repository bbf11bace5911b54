import { byId, element, shortTime } from "./dom.js";

const STATUSES = {
  waiting: ["", "waiting to be sent"],
  sending: ["", "sending"],
  unknown: ["", "not known yet whether it left"],
  delivered: ["delivered", "delivered"],
  undelivered: ["bad", "not delivered"],
  failed: ["bad", "failed"],
  cancelled: ["bad", "not sent"],
  held: ["", "held for a decision"],
};

const thread = byId("thread");
const scroll = byId("scroll");
/** The rows by their message's id. */
const rows = new Map();

export function clearThread() {
  rows.clear();
  thread.replaceChildren();
}

/** The place of the oldest text on the page. */
export function oldestSeq() {
  return Math.min(...[...rows.values()].map(({ seq }) => seq));
}

/**
 * Shows new messages, and new states of known ones, in the order of their `seq`. It ignores an older state.
 */
export function showMessages(messages) {
  const wasAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  for (const message of messages) {
    const known = rows.get(message.id);
    if (known !== undefined && known.changedSeq >= message.changedSeq) continue;
    const row = rowOf(message);
    if (known === undefined) insert(row, message.seq);
    else known.row.replaceWith(row);
    rows.set(message.id, { row, seq: message.seq, changedSeq: message.changedSeq });
  }
  if (wasAtEnd) scroll.scrollTop = scroll.scrollHeight;
}

function insert(row, seq) {
  const later = [...rows.values()].filter((other) => other.seq > seq).toSorted((a, b) => a.seq - b.seq);
  thread.insertBefore(row, later[0]?.row ?? null);
}

function rowOf({ id, direction, origin, body, media, status, createdAt, needsAnswer }) {
  const inbound = direction === "inbound";
  const pictures = media.map(({ contentType }) => `[${contentType || "attachment"}]`);
  const lines = [body, ...pictures].filter((line) => line !== "");
  const meta = element("p", { className: "meta", text: `${origin} · ${shortTime(createdAt)}` });
  if (inbound && !needsAnswer) meta.append(" · not answered");
  if (!inbound) {
    const [className, text] = STATUSES[status] ?? ["", status];
    meta.append(" · ", element("span", { className, text, "data-status": status }));
  }
  const bubble = element("div", { className: "bubble", text: lines.join("\n") });
  return element("li", { className: `text ${inbound ? "mine" : "theirs"}`, "data-id": id }, bubble, meta);
}
