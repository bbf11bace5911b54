import type { Server as HttpServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Conversation, Ownline } from "ownline";
import { Server, type Socket } from "socket.io";
import * as z from "zod";
import type { Access } from "./access.ts";

/** Live updates for the page. */
export interface Live {
  attach(server: HttpServer): void;
  /** Shows a conversation's new state on every page. */
  conversationChanged(id: string): Promise<void>;
  /** Notifies every page that a text came to, or left, a phone of the demo. */
  phoneChanged(number: string): void;
  close(): Promise<void>;
}

const joinRequest = z.object({ conversationId: z.string(), after: z.int() });
type Join = z.infer<typeof joinRequest>;
type Joined = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const ROOM = "conversation:";
/** How often the server reads the list for changes by other processes of the service. */
const WATCH_MS = 1000;
const WATCH_PAGE = 30;
const MOST_KNOWN = 10_000;

/**
 * A Socket.IO room for each conversation. A page joins with the last position that it knows. It gets every later change
 * from the ledger, so that it misses none after a lost connection. Then it gets new changes as they happen.
 */
export function createLive(sms: Ownline, access: Pick<Access, "refusalOf">): Live {
  const io = new Server({
    serveClient: true,
    // Web sockets have no same-origin rule, so this must refuse the pages of other sites.
    allowRequest: ({ headers }, allow) => allow(null, access.refusalOf(headers) === null),
  });
  const feeds = new Map<string, AbortController>();

  /** One reader of the ledger for each room, for all pages in it. It sees the changes of all processes. */
  function follow(conversationId: string, after: number): void {
    const room = ROOM + conversationId;
    if (feeds.has(room)) return;
    const feed = new AbortController();
    feeds.set(room, feed);
    const run = async () => {
      for await (const message of sms.events({ conversationId, after, signal: feed.signal })) {
        io.to(room).emit("message", message);
      }
    };
    run().catch((error: unknown) => {
      console.error("a live view ended, its pages join again:", error);
      io.in(room).disconnectSockets();
    });
  }

  io.of("/").adapter.on("delete-room", (room: string) => {
    feeds.get(room)?.abort();
    feeds.delete(room);
  });

  async function join(socket: Socket, { conversationId, after }: Join): Promise<Joined> {
    const conversation = await sms.conversation(conversationId);
    if (conversation === null) return { ok: false, reason: "There is no such conversation." };
    for (const room of socket.rooms) if (room.startsWith(ROOM)) await socket.leave(room);
    await socket.join(ROOM + conversationId);
    follow(conversationId, conversation.seq);
    // The page joins the room first and then gets the past. A change in between comes twice, and the page knows a
    // message by its id.
    let position = after;
    while (position < conversation.seq) {
      const page = await sms.changes({ conversationId, after: position });
      for (const message of page) socket.emit("message", message);
      position = page.at(-1)?.changedSeq ?? conversation.seq;
    }
    return { ok: true };
  }

  io.on("connection", (socket) => {
    socket.on("join", (request: unknown, answer: unknown) => {
      if (typeof answer !== "function") return;
      const { data, success } = joinRequest.safeParse(request);
      if (!success) {
        answer({ ok: false, reason: "join takes { conversationId, after }" });
        return;
      }
      join(socket, data).then(
        (joined) => answer(joined),
        (error: unknown) => {
          console.error("a page could not join:", error);
          answer({ ok: false, reason: "The server failed; its log says why." });
        },
      );
    });
  });

  const known = new Map<string, string>();
  const stopped = new AbortController();

  /** Shows a conversation in a state that no page has shown yet. */
  function show(conversation: Conversation): void {
    const { id, seq, answeredSeq, paused } = conversation;
    const state = `${seq} ${answeredSeq} ${paused}`;
    if (known.get(id) === state) return;
    // Forgetting a state means that a page may get one update twice.
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(id, state);
    io.emit("conversation", conversation);
  }

  /**
   * Reads the newest conversations again and again, because other processes of this service change them in the ledger.
   */
  async function watch(): Promise<void> {
    let horizon = Number.POSITIVE_INFINITY;
    while (!stopped.signal.aborted) {
      try {
        let page = await sms.conversations({ limit: WATCH_PAGE });
        const newest = page.conversations[0]?.updatedAt ?? 0;
        for (;;) {
          page.conversations.forEach(show);
          const oldest = page.conversations.at(-1)?.updatedAt ?? 0;
          if (page.cursor === null || oldest < horizon - WATCH_MS) break;
          page = await sms.conversations({ limit: WATCH_PAGE, after: page.cursor });
        }
        horizon = newest;
      } catch (error) {
        console.error("the list of conversations is not up to date:", error);
      }
      await sleep(WATCH_MS, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
    }
  }

  const live: Live = {
    attach: (server) => void io.attach(server),
    async conversationChanged(id) {
      const conversation = await sms.conversation(id);
      if (conversation !== null) show(conversation);
    },
    phoneChanged: (number) => void io.emit("phone", number),
    async close() {
      stopped.abort();
      await watching;
      for (const feed of feeds.values()) feed.abort();
      io.disconnectSockets(true);
      await io.close();
    },
  };

  const changed = ({ conversationId }: { readonly conversationId: string }) => live.conversationChanged(conversationId);
  sms.on("message", changed);
  sms.on("turn", changed);
  const watching = watch();
  return live;
}
