/** A document as it is stored. */
export type MongoDocument = Readonly<Record<string, unknown>>;

/**
 * The part of the official driver's `Db` that the ledger calls.
 * @see https://mongodb.github.io/node-mongodb-native/7.0/classes/Db.html
 */
export interface MongoDb {
  readonly client: MongoClientLike;
  collection(name: string, options?: object): MongoCollection;
  createCollection(name: string): Promise<unknown>;
  command(command: object): Promise<MongoDocument>;
}

/** @see https://mongodb.github.io/node-mongodb-native/7.0/classes/MongoClient.html */
export interface MongoClientLike {
  /** The options of the client. The ledger uses fewer connections than `maxPoolSize` if the pool is small. */
  readonly options?: { readonly maxPoolSize?: number };
  startSession(): MongoSession;
}

/** @see https://mongodb.github.io/node-mongodb-native/7.0/classes/ClientSession.html */
export interface MongoSession {
  startTransaction(options?: object): void;
  commitTransaction(): Promise<void>;
  abortTransaction(): Promise<void>;
  endSession(): Promise<void>;
}

/** One write of a bulk write. */
export type MongoWrite =
  | { readonly insertOne: { readonly document: MongoDocument } }
  | { readonly updateOne: { readonly filter: MongoDocument; readonly update: MongoUpdate; readonly upsert?: boolean } };

export interface MongoUpdate {
  readonly $set?: MongoDocument;
  readonly $unset?: Readonly<Record<string, "">>;
  readonly $inc?: Readonly<Record<string, number>>;
  readonly $max?: Readonly<Record<string, number>>;
}

/** How many documents the filters of a bulk write matched, and how many documents it inserted by upsert. */
export interface MongoWritten {
  readonly matchedCount: number;
  readonly upsertedCount: number;
}

/** @see https://mongodb.github.io/node-mongodb-native/7.0/classes/Collection.html */
export interface MongoCollection {
  find(filter: object, options?: object): { toArray(): Promise<readonly MongoDocument[]> };
  aggregate(pipeline: object[], options?: object): { toArray(): Promise<readonly MongoDocument[]> };
  distinct(field: string, filter: object, options: object): Promise<readonly unknown[]>;
  updateOne(filter: object, update: object, options?: object): Promise<unknown>;
  updateMany(filter: object, update: object, options?: object): Promise<unknown>;
  deleteMany(filter: object, options?: object): Promise<{ readonly deletedCount: number }>;
  /** Inserts and updates, in the form that the driver takes. */
  bulkWrite(operations: readonly object[], options?: object): Promise<MongoWritten>;
  createIndexes(indexes: object[]): Promise<unknown>;
}
