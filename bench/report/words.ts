/** `1,274` or `0.28`, as figures are written in sentences. */
export function figure(value: number, digits = 0): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `0.57 of what X does`, `6.1 times what X does`: how a rate compares with another's. */
export function besides(rate: number, other: number, name: string): string {
  const ratio = rate / other;
  return ratio < 1 ? `${figure(ratio, 2)} of what ${name} does` : `${figure(ratio, 1)} times what ${name} does`;
}
