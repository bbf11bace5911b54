import { isOwnlineError } from "ownline";
import { ConfigError, readConfig } from "./config.ts";
import { startService, WEBHOOK_PATH } from "./service.ts";
import { endOnSignals } from "./signals.ts";

try {
  const config = readConfig(process.env);
  const service = await startService(config);

  const { pathname } = new URL(service.webhookUrl);
  if (pathname.replace(/\/$/, "") !== WEBHOOK_PATH) {
    console.warn(
      `WEBHOOK_URL leads to ${pathname}, and this server takes the provider's requests at ${WEBHOOK_PATH}: correct WEBHOOK_URL, here and at the provider, unless a proxy changes the path.`,
    );
  }

  const url = `http://localhost:${service.port}`;
  const also = service.uiPort === null ? "" : ` and http://localhost:${service.uiPort}`;
  console.log(`The page:     ${url}${also}`);
  console.log(`The webhook:  ${service.webhookUrl}`);
  console.log(`Answered by:  ${service.aiName}`);
  if (config.provider.kind === "emulator") {
    console.log("Texts go to an emulator in this process: no account, no cost. See .env.example for the real thing.");
  } else if (config.port !== 0 && service.port !== config.port) {
    console.warn(
      `PORT ${config.port} is taken: let your tunnel or proxy send Twilio's requests to port ${service.port} now.`,
    );
  }

  endOnSignals(service.stop);
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  // A mistake in the configuration needs no stack trace: its message says what to change.
  console.error(error instanceof ConfigError || isOwnlineError(error) ? error.message : error);
  process.exit(1);
}
