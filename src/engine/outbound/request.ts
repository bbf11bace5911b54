import type { OutboundMessage } from "../../model/message.ts";
import type { SendRequest } from "../../transport/transport.ts";

/** The request to the provider for one attempt of a message; also the auto-reply's, which rides on the webhook. */
export function requestFor(
  message: OutboundMessage,
  attempt: number,
  line: string,
  more: Pick<SendRequest, "validityMs" | "signal"> = {},
): SendRequest {
  return {
    outboundId: message.id,
    attempt,
    line,
    from: message.from,
    to: message.to,
    body: message.body,
    media: message.media,
    ...more,
  };
}
