/** Measures what reading an input takes in memory, by what is asked for and by what the process came to hold. */

/** What any reader may take whatever it reads: its buffers, the tables of a tokenizer, rubbish not yet collected. */
const FREE_BUFFER = 4 * 1024 * 1024;
const FREE_RESIDENT = 160 * 1024 * 1024;
/** Beyond that, ten times the input. */
const FACTOR = 10;

const CONSTRUCTORS = [
  "ArrayBuffer",
  "Uint8Array",
  "Uint16Array",
  "Uint32Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
  "Array",
] as const;

/** Linux's account of this process; elsewhere only what is asked for is measured. */
const STATUS = "/proc/self/status", RESET = "/proc/self/clear_refs";

export class AllocationMeter {
  /** The largest buffer and the greatest growth that were met, in words. */
  get largest(): string {
    return `largest buffer ${this.#largestBuffer} bytes, greatest growth ${this.#greatestGrowth} bytes`;
  }

  #asked = 0;
  #largestBuffer = 0;
  #greatestGrowth = 0;
  #residentBefore = 0;

  constructor() {
    const scope = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
    for (const name of CONSTRUCTORS) {
      const bytes = (scope[name] as unknown as { readonly BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
      scope[name] = new Proxy(scope[name], {
        construct: (target, args, newTarget) => {
          if (args.length === 1 && typeof args[0] === "number") this.#asked = Math.max(this.#asked, args[0] * bytes);
          return Reflect.construct(target, args, newTarget);
        },
      });
    }
  }

  /** A block of inputs is about to be read; call `growth` when they are. */
  beginBlock(): void {
    if (Deno.build.os !== "linux") return;
    // Resets the greatest resident size that the system remembers.
    Deno.writeTextFileSync(RESET, "5");
    this.#residentBefore = resident("VmRSS");
  }

  /** An input is about to be read. */
  begin(): void {
    this.#asked = 0;
  }

  /** What was asked for that is too much for an input of `size` bytes, in words; undefined when nothing was. */
  excess(size: number): string | undefined {
    this.#largestBuffer = Math.max(this.#largestBuffer, this.#asked);
    if (this.#asked <= FREE_BUFFER + FACTOR * size) return undefined;
    return `asked for a buffer of ${this.#asked} bytes for ${size}`;
  }

  /** How far the process grew beyond what a block may take whose largest input has `size` bytes, in words. */
  growth(size: number): string | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const growth = resident("VmHWM") - this.#residentBefore;
    this.#greatestGrowth = Math.max(this.#greatestGrowth, growth);
    return growth > FREE_RESIDENT + FACTOR * size ? `the process grew by ${growth} bytes for ${size}` : undefined;
  }
}

function resident(key: "VmRSS" | "VmHWM"): number {
  return 1024 * Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(Deno.readTextFileSync(STATUS))?.[1] ?? 0);
}
