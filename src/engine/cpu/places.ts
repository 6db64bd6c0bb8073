import type { HeaderInteger } from "../../../kernels/header.ts";
import type { TensorTable } from "../../model/tensors.ts";

/** Every address is a multiple of this many bytes: a cache line. */
export const ALIGNMENT = 64;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Groups of four that hold `count`. */
export const fours = (count: number): number => Math.ceil(count / 4);

/** Hands out consecutive places. */
export class Places {
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  take(floats: number): number {
    const place = this.#next;
    this.#next = aligned(place + 4 * floats);
    return place;
  }

  get end(): number {
    return this.#next;
  }
}

/** A header word that is a place, and how many floats lie there. */
export type Size = readonly [name: HeaderInteger, floats: number];

/** Places for all `sizes`, in their order. */
export function placed(sizes: readonly Size[], where: Places): [name: HeaderInteger, place: number][] {
  return sizes.map(([name, floats]) => [name, where.take(floats)]);
}

/** First element of the tensor `name` in the parameter slab. */
export function tensorPlace(table: TensorTable, name: string): number {
  const spec = table.byName.get(name);
  if (spec === undefined) throw new Error(`The tensor table has no ${name}`);
  return spec.offset;
}
