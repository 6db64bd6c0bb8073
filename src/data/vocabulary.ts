import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import { isTooDeep } from "./json_depth.ts";

/** A vocabulary as it stands in its file; plain data, so that it can be posted to workers. */
export type Vocabulary =
  | {
    readonly kind: "entries";
    /** Where it came from, for messages. */
    readonly name: string;
    /** WordPiece entries in id order. */
    readonly entries: readonly string[];
  }
  | {
    readonly kind: "json";
    readonly name: string;
    /** A parsed `tokenizer.json`, not yet checked. */
    readonly json: unknown;
  };

const LARGEST_FILE = 256 * 1024 * 1024;
const ACTION = "Cannot read the vocabulary";
const HINT = "Give a vocab.txt with one WordPiece entry a line, or a tokenizer.json.";

/**
 * Reads a `vocab.txt` or `tokenizer.json`, told apart by their first character.
 *
 * @throws DataError when the file cannot be read, is not UTF-8 text, or an entry is empty, repeated or missing.
 */
export async function readVocabulary(path: string): Promise<Vocabulary> {
  const name = printable(path);
  const text = await readText(path, name);
  if (text.trimStart().startsWith("{")) {
    if (isTooDeep(text)) throw new DataError(`${ACTION} ${name}: the JSON is nested too deep`, HINT);
    try {
      return { kind: "json", name, json: JSON.parse(text) };
    } catch (error) {
      throw new DataError(`${ACTION} ${name}: the JSON is broken`, HINT, { cause: error });
    }
  }
  const entries = text.replace(/\r?\n$/, "").split(/\r?\n/);
  checkEntries(entries, name);
  return { kind: "entries", name, entries };
}

async function readText(path: string, name: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > LARGEST_FILE) {
      throw new DataError(`${ACTION} ${name}: ${size} bytes, at most ${LARGEST_FILE} wanted`, HINT);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof TypeError) throw new DataError(`${ACTION} ${name}: it is not UTF-8 text`, HINT);
    throw fileError(ACTION, path, error);
  }
}

function checkEntries(entries: readonly string[], name: string): void {
  const lines = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const line = index + 1;
    if (entry === "") throw new DataError(`${ACTION} ${name}, line ${line}: the entry is empty`, HINT);
    const earlier = lines.get(entry);
    if (earlier !== undefined) {
      throw new DataError(
        `${ACTION} ${name}, line ${line}: ${printable(entry)} stands on line ${earlier} already`,
        HINT,
      );
    }
    lines.set(entry, line);
  }
  for (const wanted of ["[UNK]", "[CLS]", "[SEP]"]) {
    if (!lines.has(wanted)) throw new DataError(`${ACTION} ${name}: it has no entry ${wanted}`, HINT);
  }
}
