import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { METADATA_KEY, shownName } from "./safetensors.ts";

/** What the header says about one tensor; not yet compared with the bytes that follow. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte and byte after the last, counted from the end of the header. */
  readonly offsets: readonly [begin: number, end: number];
}

/** The header's content. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: readonly HeaderEntry[];
}

const MOST_TENSORS = 65_536;
const MOST_DIMENSIONS = 32;
const MOST_METADATA = 4_096;

/**
 * Parses the header's JSON. Not `JSON.parse`, which hides duplicate keys and builds whatever a hostile file asks for:
 * this reader accepts the header's grammar and nothing else, so that depth and size are bounded.
 * Throws DataError naming `fileName` and the character of the header.
 */
export function parseSafetensorsHeader(text: string, fileName: string): SafetensorsHeader {
  return new HeaderParser(text, fileName).parse();
}

class HeaderParser {
  #place = 0;
  readonly #text: string;
  readonly #fileName: string;

  constructor(text: string, fileName: string) {
    this.#text = text;
    this.#fileName = fileName;
  }

  parse(): SafetensorsHeader {
    if (this.#text[0] !== "{") throw this.#error(`wanted "{", found ${this.#found()}`);
    let metadata: ReadonlyMap<string, string> = new Map();
    const entries: HeaderEntry[] = [];
    this.#object((key) => {
      if (key === METADATA_KEY) {
        metadata = this.#metadata();
      } else {
        if (entries.length === MOST_TENSORS) throw this.#error(`more than ${MOST_TENSORS} tensors`);
        entries.push(this.#entry(key));
      }
    });
    this.#space();
    if (this.#place < this.#text.length) throw this.#error(`wanted the header's end, found ${this.#found()}`);
    return { metadata, entries };
  }

  #metadata(): ReadonlyMap<string, string> {
    const metadata = new Map<string, string>();
    this.#object((key) => {
      if (metadata.size === MOST_METADATA) throw this.#error(`more than ${MOST_METADATA} metadata entries`);
      metadata.set(key, this.#string(`the text of metadata ${shownName(key)}`));
    });
    return metadata;
  }

  #entry(name: string): HeaderEntry {
    let dtype: string | undefined;
    let shape: readonly number[] | undefined;
    let offsets: readonly number[] | undefined;
    this.#object((key) => {
      if (key === "dtype") dtype = this.#string(`the dtype of tensor ${shownName(name)}`);
      else if (key === "shape") shape = this.#integers();
      else if (key === "data_offsets") offsets = this.#integers();
      else throw this.#error(`tensor ${shownName(name)} has the unknown key ${shownName(key)}`);
    });
    if (dtype === undefined || shape === undefined || offsets === undefined) {
      throw this.#error(`tensor ${shownName(name)} lacks dtype, shape or data_offsets`);
    }
    if (offsets.length !== 2) {
      throw this.#error(`tensor ${shownName(name)} has ${offsets.length} data_offsets, wanted 2`);
    }
    return { name, dtype, shape, offsets: [offsets[0], offsets[1]] };
  }

  #object(member: (key: string) => void): void {
    this.#take("{");
    if (this.#takeIf("}")) return;
    const keys = new Set<string>();
    do {
      const key = this.#string("a key");
      if (keys.has(key)) throw this.#error(`duplicate key ${shownName(key)}`);
      keys.add(key);
      this.#take(":");
      member(key);
    } while (this.#takeIf(","));
    this.#take("}");
  }

  #integers(): readonly number[] {
    this.#take("[");
    const values: number[] = [];
    if (this.#takeIf("]")) return values;
    do {
      if (values.length === MOST_DIMENSIONS) throw this.#error(`more than ${MOST_DIMENSIONS} dimensions`);
      values.push(this.#integer());
    } while (this.#takeIf(","));
    this.#take("]");
    return values;
  }

  #integer(): number {
    this.#space();
    const digits = this.#match(/(?:0|[1-9][0-9]*)(?![0-9.eE])/y);
    if (digits === undefined) throw this.#error(`wanted a whole number from 0, found ${this.#found()}`);
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) throw this.#error(`number too large: ${digits.slice(0, 32)}`);
    return value;
  }

  #string(what: string): string {
    this.#space();
    const begin = this.#place;
    if (this.#text[begin] !== '"') throw this.#error(`wanted ${what}, found ${this.#found()}`);
    let end = begin + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    try {
      const value: unknown = JSON.parse(this.#text.slice(begin, end + 1));
      if (typeof value === "string") {
        this.#place = end + 1;
        return value;
      }
    } catch {
      // Reported below with its place, which the engine's own message lacks.
    }
    throw this.#error("broken string");
  }

  #take(character: string): void {
    if (!this.#takeIf(character)) throw this.#error(`wanted "${character}", found ${this.#found()}`);
  }

  #takeIf(character: string): boolean {
    this.#space();
    if (this.#text[this.#place] !== character) return false;
    this.#place++;
    return true;
  }

  #space(): void {
    this.#match(/[ \t\n\r]*/y);
  }

  #match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#place;
    const found = sticky.exec(this.#text)?.[0];
    if (found !== undefined) this.#place += found.length;
    return found;
  }

  #found(): string {
    return this.#place < this.#text.length ? shownName(this.#text.slice(this.#place, this.#place + 12)) : "nothing";
  }

  #error(details: string): DataError {
    return new DataError(
      `Cannot read ${printable(this.#fileName)}: safetensors header, character ${this.#place}: ${details}`,
      "The file is damaged or no safetensors file; save or download it again.",
    );
  }
}
