import assert from "node:assert/strict";
import { type Page, readPage, readPages, ROOT } from "./markdown.ts";

/** Files and folders of the repository that a page names in code; placeholders have capitals. */
function namedFiles({ prose }: Page): string[] {
  const code = [...prose.matchAll(/`([^`\s]+)`/g)].map(([, text]) => text);
  return code.filter((text) =>
    /^(src|tests|kernels|fixtures|docs)\/[a-z0-9_./-]*$/.test(text) || /^(main|mod)\.ts$|^deno\.json$/.test(text)
  );
}

async function missingFiles(page: Page): Promise<string[]> {
  const missing: string[] = [];
  for (const name of namedFiles(page)) {
    if (!await Deno.stat(`${ROOT}${name}`).then(() => true, () => false)) missing.push(`${page.path}: ${name}`);
  }
  return missing;
}

Deno.test("every file that a page names is there", async () => {
  const pages = await readPages();
  assert.deepEqual((await Promise.all(pages.map(missingFiles))).flat(), []);
  assert.deepEqual(await missingFiles(readPage("x.md", "See `src/cli/verify.ts` and `src/cli/nowhere.ts`.")), [
    "x.md: src/cli/nowhere.ts",
  ]);
});

Deno.test("the checklists for a kernel, an instrument and a command name real files", async () => {
  const page = (await readPages()).find(({ path }) => path === "CONTRIBUTING.md");
  assert.ok(page !== undefined);
  const lists = page.text.split(/^## To add an? /m).slice(1);
  assert.deepEqual(lists.map((text) => text.split("\n")[0]), ["kernel", "instrument", "command"]);
  for (const text of lists) assert.ok(namedFiles(readPage("", text)).length >= 5, text.split("\n")[0]);
});
