import type { MongoCollection, MongoDb } from "../../src/storage/mongodb.ts";

/** One command that the ledger is about to give. */
export interface Command {
  /** Without its prefix: `messages`; `session` for a commit. */
  readonly table: string;
  readonly method: string;
  readonly filter: object;
  /** Sort, projection, session. */
  readonly options: object;
  /** Of many writes: the ids of their documents, in order. */
  readonly ids?: readonly unknown[];
}

/** What happens around the commands of a wrapped database. */
export interface Watch {
  /** Before a command reaches the driver, which waits for its promise; what it throws stands for the server's answer. */
  before?(command: Command): unknown;
  /** After a commit has happened; what it throws stands for the answer that was lost. */
  afterCommit?(): void;
  /** When a transaction begins, with its options. */
  begun?(options: object): void;
  /** With what a collection was opened. */
  opened?(options: object): void;
}

/** The same database, whose commands can be watched, and can be made to fail. */
export function wrapped(db: MongoDb, watch: Watch): MongoDb {
  return {
    client: {
      startSession() {
        const session = db.client.startSession();
        const [begin, commit] = [session.startTransaction.bind(session), session.commitTransaction.bind(session)];
        session.startTransaction = (options = {}) => {
          watch.begun?.(options);
          begin(options);
        };
        session.commitTransaction = async () => {
          await watch.before?.({ table: "session", method: "commitTransaction", filter: {}, options: {} });
          await commit();
          watch.afterCommit?.();
        };
        return session;
      },
    },
    collection(name, options = {}) {
      watch.opened?.(options);
      return collectionOf(name.replace("ownline_", ""), db.collection(name, options), watch);
    },
    createCollection: (name) => db.createCollection(name),
    command: (command) => db.command(command),
  };
}

function collectionOf(table: string, real: MongoCollection, watch: Watch): MongoCollection {
  const before = async (method: string, filter: object, options: object = {}) => {
    await watch.before?.({ table, method, filter, options });
  };
  return {
    find: (filter, options) => ({
      async toArray() {
        await before("find", filter, options);
        return real.find(filter, options).toArray();
      },
    }),
    aggregate: (pipeline, options) => ({
      async toArray() {
        await before("aggregate", { _id: "ledger" }, options);
        return real.aggregate(pipeline, options).toArray();
      },
    }),
    async distinct(field, filter, options) {
      await before("distinct", filter, options);
      return real.distinct(field, filter, options);
    },
    async updateOne(filter, update, options) {
      await before("updateOne", filter, options);
      return real.updateOne(filter, update, options);
    },
    async updateMany(filter, update, options) {
      await before("updateMany", filter, options);
      return real.updateMany(filter, update, options);
    },
    async deleteMany(filter, options) {
      await before("deleteMany", filter, options);
      return real.deleteMany(filter, options);
    },
    async bulkWrite(operations, options = {}) {
      const ids = operations.map(idOf);
      await watch.before?.({ table, method: "bulkWrite", filter: { _id: "" }, options, ids });
      return real.bulkWrite(operations, options);
    },
    createIndexes: (indexes) => real.createIndexes(indexes),
  };
}

function idOf(operation: object): unknown {
  if ("updateOne" in operation) return Reflect.get(Object(Reflect.get(Object(operation.updateOne), "filter")), "_id");
  if ("insertOne" in operation) return Reflect.get(Object(Reflect.get(Object(operation.insertOne), "document")), "_id");
  return undefined;
}
