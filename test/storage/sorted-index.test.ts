import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparePositions, SortedIndex } from "../../src/storage/memory/sorted-index.ts";

const position = fc.record({ at: fc.nat(50), id: fc.constantFrom("a", "b", "c") });
const change = fc.record({ adds: fc.boolean(), position });

describe("SortedIndex", () => {
  it("holds what a sorted list would hold, read from any place in both directions", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), position, (changes, start) => {
        const index = new SortedIndex<string>();
        const list = new Map<string, { at: number; id: string }>();
        for (const { adds, position: place } of changes) {
          const name = `${place.at}${place.id}`;
          if (adds && !list.has(name)) index.add(place, name);
          if (!adds) index.delete(place);
          if (adds) list.set(name, place);
          else list.delete(name);
        }
        const sorted = [...list].toSorted(([, one], [, other]) => comparePositions(one, other));
        const behind = sorted.filter(([, place]) => comparePositions(place, start) >= 0).map(([name]) => name);
        const ahead = sorted.filter(([, place]) => comparePositions(place, start) < 0).map(([name]) => name);
        expect([...index.from(start)]).toEqual(behind);
        expect([...index.before(start)]).toEqual(ahead.toReversed());
      }),
    );
  });

  it("keeps order through thousands of entries, added and removed in any order", () => {
    const index = new SortedIndex<number>();
    const count = 5_000;
    const shuffled = Array.from({ length: count }, (_, at) => (at * 1_237) % count);
    for (const at of shuffled) index.add({ at, id: "" }, at);
    const first = { at: Number.NEGATIVE_INFINITY, id: "" };
    expect([...index.from(first)]).toEqual(Array.from({ length: count }, (_, at) => at));
    for (const at of shuffled) if (at % 3 !== 0) index.delete({ at, id: "" });
    const left = Array.from({ length: count }, (_, at) => at).filter((at) => at % 3 === 0);
    expect([...index.from(first)]).toEqual(left);
    expect([...index.before({ at: count, id: "" })]).toEqual(left.toReversed());
    expect([...index.from({ at: 2_999, id: "z" })].slice(0, 2)).toEqual([3_000, 3_003]);
  });

  it("forgets nothing when asked to remove what is not there", () => {
    const index = new SortedIndex<string>();
    index.delete({ at: 1, id: "a" });
    index.add({ at: 1, id: "a" }, "kept");
    index.delete({ at: 1, id: "b" });
    index.delete({ at: 2, id: "a" });
    expect([...index.from({ at: 0, id: "" })]).toEqual(["kept"]);
  });
});
