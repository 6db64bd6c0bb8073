import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";

const PIECE = 65_536;
const NEWLINE = 0x0a;

export interface ReadLinesOptions {
  /** Told of a last line without its `\n`: it was being written when its writer died, and is no row. */
  readonly onUnfinishedLine?: (text: string) => void;
}

/** The file's bytes up to its last `\n`, in bounded memory; throws DataError when it cannot be read or is no table. */
export async function* finishedLines(path: string, options: ReadLinesOptions): AsyncGenerator<Uint8Array, void> {
  using file = await Deno.open(path, { read: true }).catch((error) => {
    throw fileError("Cannot read", path, error);
  });
  const buffer = new Uint8Array(PIECE);
  // Bytes of a line whose end is not read yet, at the buffer's start.
  let unfinished = 0;
  while (true) {
    const read = await file.read(buffer.subarray(unfinished)).catch((error) => {
      throw fileError("Cannot read", path, error);
    });
    if (read === null) break;
    const filled = unfinished + read;
    const end = buffer.lastIndexOf(NEWLINE, filled - 1) + 1;
    if (end > 0) yield buffer.slice(0, end);
    buffer.copyWithin(0, end, filled);
    unfinished = filled - end;
    if (unfinished === PIECE) {
      throw new DataError(
        `Cannot read ${printable(path)}: a line is longer than ${PIECE} bytes`,
        "Name a metrics file that epsilon wrote.",
      );
    }
  }
  if (unfinished > 0) options.onUnfinishedLine?.(new TextDecoder().decode(buffer.subarray(0, unfinished)));
}
