export { countSegments, type SegmentCount, type SegmentEncoding } from "./count.ts";
export { type FoldOptions, foldToGsm7 } from "./fold.ts";
export { toPlainText } from "./plain-text.ts";
export { type SplitOptions, splitText } from "./split.ts";
