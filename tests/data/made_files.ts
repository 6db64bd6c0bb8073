import { join } from "node:path";

/** Calls `body` with a new folder and removes it afterwards. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes `content` to `name` below `folder`, parent folders included, and returns its path. */
export async function put(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  return path;
}

/** One entry of a made archive; `kind` is the tar type flag, "0" a file, "2" a symbolic link, "5" a folder. */
export interface MadeEntry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly kind?: string;
  /** Size that the header claims; default that of the content. */
  readonly size?: number;
}

/** A ustar archive with `entries`, written by hand so that it can be wrong on purpose. */
export function madeTar(entries: readonly MadeEntry[], end = true): Uint8Array<ArrayBuffer> {
  const blocks = entries.flatMap(({ name, content = "", kind = "0", size }) => {
    const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const padded = new Uint8Array(Math.ceil(body.length / 512) * 512);
    padded.set(body);
    return [header(name, kind, size ?? body.length), padded];
  });
  if (end) blocks.push(new Uint8Array(1024));
  return joined(blocks);
}

function header(name: string, kind: string, size: number): Uint8Array {
  const block = new Uint8Array(512);
  const write = (text: string, place: number) => block.set(new TextEncoder().encode(text), place);
  write(name, 0);
  write("0000644\0", 100);
  write("0000000\0", 108);
  write("0000000\0", 116);
  write(size.toString(8).padStart(11, "0") + "\0", 124);
  write("00000000000\0", 136);
  write("        ", 148);
  write(kind, 156);
  write("ustar\0" + "00", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(sum.toString(8).padStart(6, "0") + "\0 ", 148);
  return block;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** Reviews of a small data set in the Large Movie Review layout, in the order of their names. */
export const SMALL_REVIEWS = [
  { name: "train/neg/0_2.txt", text: "Dull.<br />Flat &amp; dull.", label: 0 },
  { name: "train/neg/10_1.txt", text: "Bad", label: 0 },
  { name: "train/neg/9_1.txt", text: "", label: 0 },
  { name: "train/pos/0_9.txt", text: "Good", label: 1 },
  { name: "train/pos/1_10.txt", text: "Grâce à dieu", label: 1 },
] as const;
