// A thread's workspace, handed out piece by piece: nothing is ever given back before the next sequence.

let cursor: usize = 0;

/** Starts anew at `base` (a multiple of 64). */
export function openArena(base: usize): void {
  cursor = base;
}

/** Reserves `bytes` (rounded up to 64) behind what was reserved before. */
export function take(bytes: usize): usize {
  const start = cursor;
  cursor = (cursor + bytes + 63) & ~63;
  return start;
}

/** First byte that is still free. */
export function taken(): usize {
  return cursor;
}

// @ts-ignore: decorator
@inline
export function tilesOf(tokens: i32): i32 {
  return (tokens + 7) >> 3;
}
