import type { SeededRandom } from "../seeded_random.ts";

/** Numbers at the edges of what parsers, doubles and allocations take. */
const EXTREMES = [
  "0",
  "-0",
  "-1",
  "1.5",
  "1e309",
  "-1e309",
  "5e-324",
  "1e-400",
  "NaN",
  "Infinity",
  "2147483648",
  "4294967296",
  "9007199254740993",
  "18446744073709551615",
  "99999999999999999999999999999999",
  "0x10",
  "00",
  "1_000",
  "+1",
  "１",
];

/** Text that terminals, spreadsheets, browsers, shells or object prototypes take for more than text. */
export const HOSTILE_TEXTS = [
  "\u001b[31mred\u001b[0m",
  "\u001b]0;title\u0007",
  "\u009b2J",
  "=cmd|' /C calc'!A0",
  "+1+1",
  "@SUM(A1)",
  "<script>alert(1)</script>",
  "\u202egnp.exe",
  "\u2028",
  "\u0000",
  "\ud800",
  "\ufeff",
  "../../../../etc/passwd",
  "/dev/zero",
  "%s%n",
  "\r\n",
  '"',
  "__proto__",
  "constructor",
  "toString",
  "x".repeat(300),
];

/** No mutation makes an input longer than this, so that one costs little. */
const LONGEST = 64 * 1024;

const encoder = new TextEncoder();

/** Breaks examples of a format at random: bytes, words of the format, numbers, and parts of other examples. */
export class Mutator {
  constructor(
    readonly random: SeededRandom,
    /** Words of the format. */
    readonly words: readonly string[],
    /** Examples from which parts are spliced in. */
    readonly examples: readonly Uint8Array[],
  ) {}

  /** `bytes` after one to six changes. */
  mutate(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    let result = bytes.slice();
    for (let changes = 1 + this.random.below(this.random.chance(0.5) ? 1 : 6); changes > 0; changes--) {
      result = this.#change(result).slice(0, LONGEST);
    }
    return result;
  }

  #change(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { random } = this;
    const at = random.below(bytes.length + 1);
    const length = 1 + random.below(random.chance(0.7) ? 8 : Math.max(1, bytes.length));
    switch (random.below(10)) {
      case 0: {
        if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
        return bytes;
      }
      case 1: {
        if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick([0, 0x0a, 0x22, 0x2c, 0x7f, 0x80, 0xff]);
        return bytes;
      }
      case 2:
        return joined(
          bytes.subarray(0, at),
          Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
          bytes.subarray(at),
        );
      case 3:
        return bytes.slice(0, at);
      case 4:
        return joined(bytes.subarray(0, at), bytes.subarray(at + length));
      case 5: {
        const part = bytes.subarray(at, at + length);
        const times = random.chance(0.9) ? 2 : 50;
        return joined(bytes.subarray(0, at), ...Array.from({ length: times }, () => part), bytes.subarray(at + length));
      }
      case 6: {
        const other = random.pick(this.examples);
        return joined(bytes.subarray(0, at), other.subarray(random.below(other.length + 1)));
      }
      case 7:
        return this.#number(bytes);
      default:
        return joined(
          bytes.subarray(0, at),
          encoder.encode(this.word()),
          bytes.subarray(at + (random.chance(0.5) ? 0 : length)),
        );
    }
  }

  /** A word of the format or hostile text. */
  word(): string {
    return this.random.chance(0.7) ? this.random.pick(this.words) : this.random.pick(HOSTILE_TEXTS);
  }

  /** Puts an extreme in the place of a number that stands in the text. */
  #number(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const text = new TextDecoder("latin1").decode(bytes);
    const numbers = [...text.matchAll(/-?[0-9][0-9.]*/g)];
    if (numbers.length === 0) return bytes;
    const { index, 0: { length } } = this.random.pick(numbers);
    return joined(bytes.subarray(0, index), encoder.encode(this.random.pick(EXTREMES)), bytes.subarray(index + length));
  }

  /** A JSON value with one to four of its parts changed. */
  mutateJson(value: unknown): unknown {
    let result = structuredClone(value);
    const changes = this.random.chance(0.6) ? 1 : 1 + this.random.below(4);
    for (let change = 0; change < changes; change++) result = this.#changeJson(result);
    return result;
  }

  #changeJson(value: unknown): unknown {
    const { random } = this;
    const isContainer = typeof value === "object" && value !== null;
    if (!isContainer || random.chance(0.15)) return this.#leaf(value);
    const keys = Object.keys(value);
    if (Array.isArray(value)) {
      if (keys.length === 0 || random.chance(0.2)) return [...value, this.#leaf(undefined)];
      if (random.chance(0.15)) return value.slice(0, random.below(value.length));
      const at = random.below(value.length);
      return value.with(at, this.#changeJson(value[at]));
    }
    const record = value as Record<string, unknown>;
    if (keys.length === 0 || random.chance(0.1)) return withKey(record, this.word(), this.#leaf(undefined));
    const key = random.pick(keys);
    if (random.chance(0.15)) return Object.fromEntries(Object.entries(record).filter(([own]) => own !== key));
    if (random.chance(0.1)) {
      return Object.fromEntries(Object.entries(record).map(([own, part]) => [own === key ? this.word() : own, part]));
    }
    return withKey(record, key, this.#changeJson(record[key]));
  }

  #leaf(value: unknown): unknown {
    const { random } = this;
    switch (random.below(9)) {
      case 0:
        return null;
      case 1:
        return random.pick([-1, 0, 1, 1.5, -0, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, 16_777_215, 16_777_216, 5e-324]);
      case 2:
        return this.word();
      case 3:
        return random.chance(0.5);
      case 4:
        return [value ?? null];
      case 5:
        return { [this.word()]: value ?? null };
      case 6:
        return nested(value ?? null, 1 + random.below(random.chance(0.9) ? 10 : 3000));
      case 7:
        return typeof value === "string" ? value + this.word() : [];
      default:
        return typeof value === "number" ? value * random.pick([-1, 2, 1000, 0.5]) + random.below(3) - 1 : {};
    }
  }
}

function withKey(record: Readonly<Record<string, unknown>>, key: string, value: unknown): Record<string, unknown> {
  // Not by spreading, in which __proto__ would be a key like others.
  return Object.fromEntries([...Object.entries(record).filter(([own]) => own !== key), [key, value]]);
}

function nested(value: unknown, depth: number): unknown {
  let result = value;
  for (let level = 0; level < depth; level++) result = level % 2 === 0 ? [result] : { a: result };
  return result;
}

/** The bytes of `parts`, end to end. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}
