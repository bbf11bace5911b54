import { createServer } from "node:http";
import express from "express";
import { ownline } from "ownline";
import { toExpress } from "ownline/http/express";
import { createAccess } from "./access.ts";
import { createAi } from "./ai.ts";
import type { Config } from "./config.ts";
import { phoneRoutes } from "./demo-phone.ts";
import { close, listen } from "./listen.ts";
import { createLive } from "./live.ts";
import { page } from "./page.ts";
import { createProvider } from "./provider.ts";
import { apiRoutes } from "./routes.ts";
import { openStorage } from "./storage.ts";

/** The running example. */
export interface Service {
  readonly port: number;
  readonly uiPort: number | null;
  readonly webhookUrl: string;
  readonly aiName: string;
  /** Finishes the work under way or gives it back, and then closes all connections. */
  stop(): Promise<void>;
}

/** The path for all requests of the provider. The path of `WEBHOOK_URL` leads here, unless a proxy changes it. */
export const WEBHOOK_PATH = "/api/webhooks/sms";
/** People type on this page and wait for the answer, so a burst ends sooner than by default. */
const QUIET_MS = 1000;
const STOP_MS = 5000;

/** One log line for each text, with masked numbers. `debug` would show numbers and texts. */
const logger = { ...console, debug: () => {} };

/** Starts the server, the service and the page. Resolves when they are ready. */
export async function startService(config: Config): Promise<Service> {
  const app = express();
  app.disable("x-powered-by");
  let open: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  // The emulator must know the port, so the server listens first. Early requests wait until the service is ready.
  app.use((_req, _res, next) => void opened.then(() => next()));
  const server = createServer(app);
  const port = await listen(server, config.port, config.host);
  const webhookUrl = config.webhookUrl ?? `http://localhost:${port}${WEBHOOK_PATH}`;

  const { transport, emulator } = createProvider(config, webhookUrl);
  const ai = createAi(config);
  const { storage, close: closeStorage } = await openStorage(config.storage);
  const sms = ownline({
    senders: config.senders,
    transport,
    storage,
    ai,
    burst: { quietMs: QUIET_MS },
    logger,
  });
  const access = createAccess(config);
  const live = createLive(sms, access);

  // All requests of the provider: texts, status callbacks, fallbacks.
  app.use(WEBHOOK_PATH, toExpress(sms, { logger }));
  app.use("/api", access.api);
  if (emulator !== null) {
    app.use("/api/phone", phoneRoutes(emulator));
    emulator.onMessage(({ from, to, direction }) => live.phoneChanged(direction === "inbound" ? (from ?? "") : to));
  }
  const isModel = config.ai.kind !== "offline";
  app.use(
    "/api",
    apiRoutes(sms, live, { senders: config.senders, ai: { name: ai.name, isModel }, demo: emulator !== null }),
  );
  app.use(access.page, page());

  const servers = [server];
  let uiPort: number | null = null;
  if (config.uiPort !== null) {
    const second = createServer(app);
    uiPort = await listen(second, config.uiPort, config.host);
    servers.push(second);
  }
  for (const one of servers) live.attach(one);
  await sms.start();
  open?.();

  return {
    port,
    uiPort,
    webhookUrl,
    aiName: isModel ? ai.name : "offline rules, no model",
    async stop() {
      await Promise.all([live.close(), ...servers.map(close)]);
      await sms.stop({ timeoutMs: STOP_MS });
      await sms[Symbol.asyncDispose]();
      await closeStorage();
      await emulator?.close();
    },
  };
}
