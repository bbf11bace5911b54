import type { NoticeKind } from "../../model/events.ts";

/** How often each kind of notice was emitted. */
export type NoticeCounts = Readonly<Record<NoticeKind, number>>;

/** Counts the notices of this process. */
export interface NoticeCounter {
  count(kind: NoticeKind): void;
  /** A copy of the current counts. */
  counts(): NoticeCounts;
}

const NONE: NoticeCounts = {
  cancelled: 0,
  failed: 0,
  unknown: 0,
  found: 0,
  resent: 0,
  retried: 0,
  held: 0,
  dropped: 0,
  resolved: 0,
  overtaken: 0,
  duplicate: 0,
  superseded: 0,
  silenced: 0,
  "not-answered": 0,
  "unmatched-status": 0,
  recovered: 0,
  swept: 0,
  "not-swept": 0,
};

export function createNoticeCounter(): NoticeCounter {
  const counts: Record<NoticeKind, number> = { ...NONE };
  return {
    count(kind) {
      counts[kind] += 1;
    },
    counts: () => ({ ...counts }),
  };
}
