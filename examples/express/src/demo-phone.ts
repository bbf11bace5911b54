import express, { type Router } from "express";
import type { TwilioEmulator } from "ownline/testing/node";
import { phoneTextOf } from "./requests.ts";
import { answerErrors } from "./routes.ts";

/** A text as the phone shows it. */
interface PhoneText {
  readonly id: string;
  readonly side: "mine" | "theirs";
  readonly body: string;
  /** Unix milliseconds. */
  readonly at: number;
}

const ARRIVED: ReadonlySet<string> = new Set(["delivered", "read"]);

/**
 * The person's phone, in the demo. It shows the texts that arrived there by the emulator's records, and can text back.
 * Such a text comes as a real one does: through the provider, as a signed webhook.
 */
export function phoneRoutes(emulator: TwilioEmulator): Router {
  const routes = express.Router();
  routes.use(express.json({ limit: "32kb" }));

  routes.get("/:number/messages", (req, res) => {
    const { number } = req.params;
    const messages = emulator.messages.flatMap(({ sid, from, to, body, status, createdAt }): PhoneText[] => {
      if (from === number) return [{ id: sid, side: "mine", body, at: createdAt }];
      return to === number && ARRIVED.has(status) ? [{ id: sid, side: "theirs", body, at: createdAt }] : [];
    });
    res.json({ messages });
  });

  routes.post("/:number/messages", async (req, res) => {
    const { to, body } = phoneTextOf(req.body);
    const { sid, response } = await emulator.text({ from: req.params.number, to, body });
    if (response !== null && response.status >= 300) {
      const message = `The webhook answered HTTP ${response.status}: the server's log says why.`;
      res.status(502).json({ error: { code: "webhook_failed", message } });
      return;
    }
    res.status(201).json({ id: sid });
  });

  routes.use(answerErrors);
  return routes;
}
