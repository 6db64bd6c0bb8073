import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Files } from "./bundle.ts";

/** A name that the bundler ends in a hash, which depends on the folders around the sources. */
const HASHED = /([\w.-]+)-[A-Z0-9]{8}\.js/g;

/** `files` under names that depend on nothing but what is in them and in the files that they name. */
export function nameByContent(files: Files): Files {
  const texts = new Map([...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
  const labels = labelsOf(texts);
  const renamed = (name: string) => {
    const label = labels.get(name);
    return label === undefined ? name : name.replace(HASHED, `$1-${label.slice(0, 8)}.js`);
  };
  const result = [...texts].map(([path, text]): [string, Uint8Array] => [
    posix.join(posix.dirname(path), renamed(posix.basename(path))),
    new TextEncoder().encode(text.replaceAll(HASHED, renamed)),
  ]);
  return new Map(result.sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * A hash for each file by its name: first of its text without the names in it, then again and again with the hashes
 * of the files that it names, until no more files can be told apart.
 */
function labelsOf(texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const known = new Set([...texts.keys()].map((path) => posix.basename(path)));
  const nodes = [...texts].filter(([path]) => path.search(HASHED) >= 0).map(([path, text]) => ({
    name: posix.basename(path),
    digest: digestOf(text.replaceAll(HASHED, (name, start) => known.has(name) ? start : name)),
    named: [...text.matchAll(HASHED)].map(([name]) => name).filter((name) => known.has(name)),
  }));
  let labels = new Map(nodes.map(({ name, digest }) => [name, digest]));
  for (let told = 0; told < new Set(labels.values()).size;) {
    told = new Set(labels.values()).size;
    labels = new Map(nodes.map(({ name, digest, named }) => [
      name,
      digestOf([digest, ...named.map((other) => labels.get(other))].join()),
    ]));
  }
  return labels;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
