/** The passes that have numbers of their own, in the order in which these lie in the uniform buffer. */
const OWNERS = ["sequenceUniform", "reduceUniform", "jitterUniform", "adamwUniform"] as const;
export type UniformName = typeof OWNERS[number];

/** Enough for every uniform structure of the shaders. */
export const UNIFORM_BYTES = 256;

/** Any device can bind at multiples of this many bytes. */
export const BINDING_ALIGNMENT = 256;

const STEP_BYTES = OWNERS.length * BINDING_ALIGNMENT;

/** The uniforms of several steps: [step][owner], each at a place where it can be bound. */
export class Uniforms {
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(steps: number) {
    this.bytes = new Uint8Array(steps * STEP_BYTES);
  }

  set(step: number, name: UniformName, values: ArrayBuffer): void {
    this.bytes.set(new Uint8Array(values), uniformOffset(step, name));
  }
}

/** Bytes before the uniform `name` of a step. */
export function uniformOffset(step: number, name: string): number {
  const place = OWNERS.findIndex((owner) => owner === name);
  if (place < 0) throw new Error(`There is no uniform ${name}`);
  return step * STEP_BYTES + place * BINDING_ALIGNMENT;
}
