import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtFrom } from "../../.ci/build/bundle.ts";
import { VERSION } from "../../src/version.ts";
import { withFolder } from "../cli/run_program.ts";
import { namesIn, type Start } from "./fake_executable.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SUMS = "SHA256SUMS";

async function build(args: readonly string[], denort: string): Promise<Start> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(ROOT, ".ci/build.ts"), "--way", "compile", ...args],
    env: { DENORT_BIN: denort, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A Linux x64 program of 64 + 56 bytes of header and a few instructions: writes `text` and ends with 0. */
function smallProgram(text: string): Uint8Array {
  const message = new TextEncoder().encode(text);
  const code = [
    ...[0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0], // eax = write, edi = standard output
    ...[0x48, 0x8d, 0x35, 16, 0, 0, 0], // rsi = the text, 16 bytes on
    ...[0xba, message.length, 0, 0, 0, 0x0f, 0x05], // edx = its length
    ...[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05], // exit(0)
  ];
  const bytes = new Uint8Array(120 + code.length + message.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const header: readonly (readonly [offset: number, size: 2 | 4 | 8, value: number])[] = [
    ...[[16, 2, 2], [18, 2, 62], [20, 4, 1], [24, 8, 0x400078], [32, 8, 64], [52, 2, 64], [54, 2, 56], [56, 2, 1]],
    ...[[64, 4, 1], [68, 4, 5], [80, 8, 0x400000], [88, 8, 0x400000], [96, 8, bytes.length], [104, 8, bytes.length]],
    ...[[112, 8, 4096]],
  ] as [number, 2 | 4 | 8, number][];
  for (const [offset, size, value] of header) {
    if (size === 2) view.setUint16(offset, value, true);
    else if (size === 4) view.setUint32(offset, value, true);
    else view.setBigUint64(offset, BigInt(value), true);
  }
  bytes.set(code, 120);
  bytes.set(message, 120 + code.length);
  return bytes;
}

Deno.test("a whole deno in the place of denort compiles into something else: the build runs it and refuses", async () => {
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await build(["--out", folder], Deno.execPath());
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.match(stderr, /^error: Cannot use what was built: .* says "deno .*"\. DENORT_BIN must name denort .*\n$/);
    assert.deepEqual(await namesIn(folder), []);
  });
});

Deno.test({
  name: "a base binary of another platform is refused",
  ignore: Deno.build.target !== "x86_64-unknown-linux-gnu",
  fn: () =>
    withFolder(async (folder) => {
      const { code, stderr } = await build(["--target", "linux-arm64", "--out", folder], Deno.execPath());
      assert.equal(code, 1);
      assert.match(stderr, /^error: Cannot use what was built: it is no program for aarch64-unknown-linux-gnu\. .*\n$/);
      assert.deepEqual(await namesIn(folder), []);
    }),
});

Deno.test("a base binary that is not there, or that is no program, is told in one line", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "denort"), "text");
    for (const denort of [join(folder, "none"), join(folder, "denort")]) {
      const { code, stdout, stderr } = await build(["--out", join(folder, "out")], denort);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.match(stderr, /^error: Cannot compile: deno\S* ended with 1: .*\n$/);
      assert.deepEqual(await namesIn(join(folder, "out")), []);
    }
  });
});

Deno.test({
  name: "what answers with the right version is kept, with its checksum",
  ignore: Deno.build.target !== "x86_64-unknown-linux-gnu",
  fn: () =>
    withFolder(async (folder) => {
      const version = `${VERSION}${await builtFrom(ROOT)}`;
      const denort = join(folder, "denort");
      await Deno.writeFile(denort, smallProgram(`${version}\n`), { mode: 0o755 });
      const out = join(folder, "out");
      const { code, stdout, stderr } = await build(["--out", out], denort);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.match(stdout, /^Built epsilon \S+: .*epsilon for x86_64-unknown-linux-gnu, 4\.\d MB, compiled\n$/);
      assert.deepEqual(await namesIn(out), ["LICENSES.txt", SUMS, "epsilon"]);
      const { success } = await new Deno.Command("sha256sum", { args: ["--check", "--strict", SUMS], cwd: out })
        .output();
      assert.ok(success);
    }),
});

Deno.test("a mistyped argument of the build is a usage error", async () => {
  for (const args of [["--target", "linux"], ["--way", "fast"], ["--no-such"], ["superfluous"]]) {
    const { code, stderr } = await build(args, "");
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, /^error: Cannot build\b.*\n$/);
  }
});
