import { createServer, connect as dial, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { BSON } from "mongodb";

/*
 * A proxy between the processes and the server that speaks MongoDB's protocol. MongoDB aborts every transaction after
 * `transactionLifetimeLimitSeconds`, even if its client has crashed, stands still or is slow. The server of these tests
 * never does, so the transaction's locks would stay for ever. This proxy aborts such a transaction in the server's
 * place, after the same time. It passes all other messages on unchanged.
 */

export interface MongodbProxy extends AsyncDisposable {
  /** The URL for the clients of a database. */
  urlOf(database: string): string;
  /** Breaks every connection and accepts no new one, as when a primary is lost. Its transactions end at once. */
  cut(): void;
  /** Accepts connections again. */
  restore(): void;
}

export interface MongodbProxyOptions {
  /** The server, `mongodb://host:port/…`. Its options are used too. */
  readonly url: string;
  /** The longest life of a transaction: `transactionLifetimeLimitSeconds`. */
  readonly lifetimeMs: number;
}

/** A transaction that has begun, and has neither committed nor aborted. */
interface Transaction {
  readonly lsid: unknown;
  readonly txnNumber: unknown;
  /** The connection of its last command. */
  connection: Socket;
  readonly startedAt: number;
  /** Aborts the transaction when it is too old. */
  timer?: NodeJS.Timeout;
}

/**
 * The server has 20 connections to its database. It uses one for each transaction, and one more for a write beside it.
 */
const MOST_TRANSACTIONS = 10;
const HEADER_BYTES = 16;
/** @see https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg */
const OP_MSG = 2013;

export async function mongodbProxy({ url, lifetimeMs }: MongodbProxyOptions): Promise<MongodbProxy> {
  const server = new URL(url);
  const clients = new Set<Socket>();
  /** By session. */
  const open = new Map<string, Transaction>();
  const admission: (() => void)[] = [];
  let isCut = false;

  const ended = (session: string): void => {
    clearTimeout(open.get(session)?.timer);
    if (open.delete(session)) admission.shift()?.();
  };

  const dialled = (): Socket => {
    const socket = dial(Number(server.port), server.hostname);
    socket.on("error", () => {});
    return socket;
  };

  function serve(client: Socket): void {
    const upstream = dialled();
    clients.add(client);
    /** The session of the last command, which the server may still execute. */
    let last: string | null = null;
    const pass = async (message: Buffer): Promise<void> => {
      const command = commandOf(message);
      const session = command === null ? null : sessionOf(command);
      if (command !== null && session !== null && command.autocommit === false) {
        if (command.startTransaction === true) {
          while (open.size >= MOST_TRANSACTIONS) await new Promise<void>((resolve) => admission.push(resolve));
          const { lsid, txnNumber } = command;
          const begun: Transaction = { lsid, txnNumber, connection: client, startedAt: Date.now() };
          begun.timer = setTimeout(() => abort(session, begun, null), lifetimeMs);
          open.set(session, begun);
        }
        const transaction = open.get(session);
        if (transaction !== undefined) transaction.connection = client;
        if ("commitTransaction" in command || "abortTransaction" in command) ended(session);
      }
      last = session;
      upstream.write(message);
    };
    let passed = Promise.resolve();
    onMessage(client, (message) => {
      passed = passed.then(() => pass(message));
    });
    client.on("error", () => {});
    upstream.pipe(client, { end: false });
    upstream.once("close", () => client.destroy());
    client.once("close", () => {
      clients.delete(client);
      // No client reads the server's further answers. They must be read all the same, or the server would block.
      upstream.resume();
      void passed.then(() => abandon(client, upstream, last));
    });
  }

  /**
   * `upstream`: the connection of the transaction's own command, if the server may still execute it; otherwise another
   * connection.
   */
  function abort(session: string, transaction: Transaction, upstream: Socket | null): void {
    if (open.get(session) !== transaction) return;
    const { lsid, txnNumber } = transaction;
    const message = messageOf({ abortTransaction: 1, lsid, txnNumber, autocommit: false, $db: "admin" });
    if (upstream !== null) upstream.write(message);
    // A command of another transaction may wait until this one ends.
    else dialled().resume().end(message);
    ended(session);
  }

  /**
   * A transaction whose client has disconnected waits until it is too old, unless the server has lost its connections.
   */
  async function abandon(client: Socket, upstream: Socket, last: string | null): Promise<void> {
    const left = [...open].filter(([, { connection }]) => connection === client);
    await Promise.all(
      left.map(async ([session, transaction]) => {
        clearTimeout(transaction.timer);
        await wait(isCut ? 0 : Math.max(0, transaction.startedAt + lifetimeMs - Date.now()));
        abort(session, transaction, session === last ? upstream : null);
      }),
    );
    upstream.end();
  }

  const proxy = createServer((client) => (isCut ? client.resetAndDestroy() : serve(client)));
  const port = await new Promise<number>((resolve, reject) => {
    proxy.once("error", reject);
    proxy.listen(0, "127.0.0.1", () => {
      const address = proxy.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
  const own = new URL(server);
  own.hostname = "127.0.0.1";
  own.port = String(port);
  return {
    urlOf(database) {
      const named = new URL(own);
      named.pathname = `/${database}`;
      return named.href;
    },
    cut() {
      isCut = true;
      // Reset the connection: the driver (7.9) can miss a normal close of a connection that it is about to write to. If
      // the driver polls its server, as it does here, it then waits for an answer for ever, and never connects again.
      for (const client of clients) client.resetAndDestroy();
    },
    restore() {
      isCut = false;
    },
    async [Symbol.asyncDispose]() {
      isCut = true;
      for (const client of clients) client.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** Whole messages, however the network splits them. */
function onMessage(socket: Socket, take: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= HEADER_BYTES && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}

/** The command in a message: its first section, without the documents that follow. */
function commandOf(message: Buffer): BSON.Document | null {
  const bodyAt = HEADER_BYTES + 4;
  if (message.readInt32LE(12) !== OP_MSG || message[bodyAt] !== 0) return null;
  const body = message.subarray(bodyAt + 1, bodyAt + 1 + message.readInt32LE(bodyAt + 1));
  return BSON.deserialize(body, { useBigInt64: true });
}

function sessionOf({ lsid }: BSON.Document): string | null {
  const id: unknown = lsid?.id;
  return id instanceof BSON.Binary ? id.toString("hex") : null;
}

function messageOf(command: BSON.Document): Buffer {
  const body = BSON.serialize(command);
  const header = Buffer.alloc(HEADER_BYTES + 5);
  header.writeInt32LE(header.length + body.length, 0);
  header.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([header, body]);
}
