import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Folders without pages of the project. */
const OUTSIDE = new Set([".git", "node_modules", "runs", "dist", "goldens"]);

/** A fenced block of a page. */
export interface Block {
  /** The first word behind the fence: `sh`, `text`, `python` … */
  readonly language: string;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

/** A Markdown file of the repository. */
export interface Page {
  /** Relative to the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The text without its fenced blocks, line for line. */
  readonly prose: string;
}

/** The page `text` in its parts. Throws when a fence is not closed. */
export function readPage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open:
    | { readonly fence: string; readonly language: string; readonly line: number; readonly lines: string[] }
    | undefined;
  text.split("\n").forEach((line, i) => {
    const fence = /^ *(`{3,})(\S*)/.exec(line);
    if (open === undefined && fence !== null) {
      open = { fence: fence[1], language: fence[2], line: i + 1, lines: [] };
    } else if (open !== undefined && line.trim() === open.fence) {
      blocks.push({ language: open.language, line: open.line, text: `${open.lines.join("\n")}\n` });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line);
    }
    prose.push(open === undefined && fence === null ? line : "");
  });
  if (open !== undefined) throw new Error(`${path}, line ${open.line}: the block is not closed`);
  return { path, text, blocks, prose: prose.join("\n") };
}

/** All pages of the repository, ordered by path. */
export async function readPages(): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const path of markdownFiles(ROOT)) {
    pages.push(readPage(relative(ROOT, path).replaceAll("\\", "/"), await Deno.readTextFile(path)));
  }
  return pages.toSorted((a, b) => a.path < b.path ? -1 : 1);
}

async function* markdownFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && !OUTSIDE.has(name)) yield* markdownFiles(join(folder, name));
    if (name.endsWith(".md")) yield join(folder, name);
  }
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf({ prose }: Page): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of prose.matchAll(/^#{1,6} +(.+?)\s*$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-");
    let anchor = slug;
    for (let copy = 1; anchors.has(anchor); copy++) anchor = `${slug}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Targets of a page's links and pictures. */
export function linksOf({ prose }: Page): string[] {
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(([, target]) => target);
  const html = [...prose.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, target]) => target);
  return [...inline, ...html];
}
