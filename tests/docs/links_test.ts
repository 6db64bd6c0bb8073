import assert from "node:assert/strict";
import { posix } from "node:path";
import { anchorsOf, linksOf, type Page, readPage, readPages, ROOT } from "./markdown.ts";

const pages = await readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));

/** What is wrong with the links of `page`; nothing is asked of the network. */
async function brokenLinks(page: Page): Promise<string[]> {
  const broken: string[] = [];
  for (const link of linksOf(page)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [file, anchor] = link.split("#", 2);
    const path = file === "" ? page.path : posix.normalize(posix.join(posix.dirname(page.path), decodeURI(file)));
    const isThere = await Deno.stat(`${ROOT}${path}`).then(() => true, () => false);
    const target = byPath.get(path) ?? (path === page.path ? page : undefined);
    const names = anchor === undefined || (target !== undefined && anchorsOf(target).has(anchor));
    if (!isThere && path !== page.path || !names) broken.push(`${page.path} → ${link}`);
  }
  return broken;
}

Deno.test("every relative link and anchor of every page leads somewhere", async () => {
  assert.ok(byPath.has("README.md"));
  assert.deepEqual((await Promise.all(pages.map(brokenLinks))).flat(), []);
});

Deno.test("a link to a missing file or heading is noticed", async () => {
  const text = "# A title, twice\n# A title, twice\n[a](#a-title-twice-1) [b](#b) [c](nowhere.md) ![d](docs/no.svg)\n";
  assert.deepEqual(await brokenLinks(readPage("x.md", text)), ["x.md → #b", "x.md → nowhere.md", "x.md → docs/no.svg"]);
});

Deno.test("every page of docs is reached from the README, by however many links", () => {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    const page = byPath.get(path);
    if (page === undefined) continue;
    for (const link of linksOf(page)) {
      if (!/^[a-z]+:/.test(link)) reached.add(posix.normalize(posix.join(posix.dirname(path), link.split("#")[0])));
    }
  }
  assert.deepEqual(pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && !reached.has(path)), []);
});
