import { call } from "./api.js";

const AGAIN_MS = 2000;

/**
 * Follows one conversation from a position on, without a gap after a reconnect: the browser reports by itself up to
 * where it has read (Last-Event-ID). If the browser gives up, for example because its pass has expired, this function
 * gets a new pass and continues from the last position.
 *
 * @returns a function that ends it
 */
export function follow(conversationId, after, { onMessage, onState }) {
  let position = after;
  let source = null;
  let timer = null;
  let ended = false;

  const again = () => {
    source?.close();
    if (!ended) timer = setTimeout(open, AGAIN_MS);
  };

  async function open() {
    try {
      await call("/session", {});
    } catch {
      onState("lost");
      again();
      return;
    }
    if (ended) return;
    source = new EventSource(`/conversations/${encodeURIComponent(conversationId)}/events?after=${position}`);
    source.addEventListener("open", () => onState("live"));
    source.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      position = Math.max(position, message.changedSeq);
      onMessage(message);
    });
    source.addEventListener("error", () => {
      if (ended) return;
      onState("lost");
      if (source.readyState === EventSource.CLOSED) again();
    });
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    source?.close();
  };
}
