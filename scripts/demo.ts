import { buildIfStale } from "./build.ts";
import { linkSelf } from "./link-self.ts";

linkSelf();
buildIfStale("js");
// In this process, so that Ctrl-C and SIGTERM reach the server itself.
await import("../examples/express/src/server.ts");
