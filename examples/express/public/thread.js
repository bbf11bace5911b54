import { byId, element, keepAtEnd, shortTime } from "./dom.js";

const ORIGINS = {
  webhook: "texted from the phone",
  simulated: "typed in the app",
  ai: "AI",
  operator: "operator",
  api: "your service",
  "auto-reply": "auto-reply",
};

const STATUSES = {
  waiting: ["waiting", "◷ waiting to be sent"],
  sending: ["waiting", "◷ sending"],
  unknown: ["waiting", "? not known yet whether it left"],
  accepted: ["", "✓ accepted"],
  sent: ["", "✓ sent"],
  delivered: ["delivered", "✓✓ delivered"],
  undelivered: ["bad", "✕ not delivered"],
  failed: ["bad", "✕ failed"],
  cancelled: ["bad", "✕ not sent"],
  held: ["waiting", "◷ held for a decision"],
};

const thread = byId("thread");
const scroll = byId("app-scroll");
/** The rows by the id of their message. */
const rows = new Map();

export function clearThread() {
  rows.clear();
  thread.replaceChildren();
}

/** Shows new messages, and new states of known ones, in the order of their `seq`. It ignores an older state. */
export function showMessages(messages) {
  keepAtEnd(scroll, () => {
    for (const message of messages) {
      const known = rows.get(message.id);
      if (known !== undefined && known.changedSeq >= message.changedSeq) continue;
      const row = rowOf(message);
      if (known !== undefined) known.row.replaceWith(row);
      else insert(row, message.seq);
      rows.set(message.id, { row, seq: message.seq, changedSeq: message.changedSeq });
    }
  });
}

export function oldestSeq() {
  return Math.min(...[...rows.values()].map(({ seq }) => seq));
}

function insert(row, seq) {
  let next = null;
  for (const other of rows.values()) {
    if (other.seq > seq && (next === null || other.seq < next.seq)) next = other;
  }
  thread.insertBefore(row, next?.row ?? null);
}

function rowOf(message) {
  const mine = message.direction === "inbound";
  const row = element("li", {
    className: `text ${mine ? "mine" : "theirs"} ${message.origin} ${message.status ?? ""}`,
    "data-id": message.id,
  });
  row.append(element("div", { className: "bubble", text: bodyOf(message) }), metaOf(message));
  return row;
}

function bodyOf({ body, media }) {
  const pictures = media.map(({ contentType }) => `[${contentType || "attachment"}]`);
  return [body, ...pictures].filter((line) => line !== "").join("\n");
}

function metaOf(message) {
  const meta = element("p", {
    className: "meta",
    text: `${ORIGINS[message.origin] ?? message.origin} · ${shortTime(message.createdAt)}`,
  });
  if (message.direction === "inbound") {
    if (!message.needsAnswer) meta.append(" · not answered");
    return meta;
  }
  const [kind, words] = STATUSES[message.status] ?? ["", message.status];
  const reason = message.error === null || kind === "delivered" ? "" : `: ${message.error.reason}`;
  meta.append(
    " · ",
    element("span", { className: `status ${kind}`, "data-status": message.status, text: words + reason }),
  );
  return meta;
}
