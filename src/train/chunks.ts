/** Milliseconds after which progress moves and a signal is heard. */
const WANTED_MS = 250;

/** Most batches of a chunk: they wait in memory. */
const MOST = 128;

/** How many steps or batches are handed to an engine at once, where it takes several: as many as take a moment. */
export class ChunkSize {
  #steps = 1;

  get steps(): number {
    return this.#steps;
  }

  /** Learns from a chunk of `steps` that took `milliseconds`; grows in doublings, since the first ones tell little. */
  learn(steps: number, milliseconds: number): void {
    const fitting = milliseconds > 0 ? Math.floor(WANTED_MS * steps / milliseconds) : MOST;
    this.#steps = Math.max(1, Math.min(fitting, 2 * this.#steps, MOST));
  }
}

/** Steps from `step` on to the next multiple of `every`; no bound where `every` is 0. */
export function stepsToMultiple(step: number, every: number): number {
  return every > 0 ? every - step % every : Infinity;
}

/** Steps from `step` on to step `place`; no bound where there is none or it is past. */
export function stepsTo(place: number | undefined, step: number): number {
  return place !== undefined && place > step ? place - step : Infinity;
}
