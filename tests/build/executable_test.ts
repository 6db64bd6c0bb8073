/**
 * The smoke test of an executable, whichever way it was made. Without more it builds the self-unpacking one;
 * EXECUTABLE=dist/epsilon tests that file instead.
 */
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { builtFrom } from "../../.ci/build/bundle.ts";
import { VERSION } from "../../src/version.ts";
import { namesIn, type Start } from "./fake_executable.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a start needs of a system; an executable of one piece needs none of it. */
const TOOLS = "sh tail head gzip tar sha256sum shasum wc mkdir mktemp mv rm find id uname cat sleep sed".split(" ");
const LARGEST_UNPACKED = 130e6;

const GRID = `
seeds = [1]
[options]
limit-batches = 2
epochs = 1
threads = 1
[arms.plain]
[arms.dropped]
dropout = 0.5
[scenarios.swap]
shift = "swap-labels"
shift-at = 1
`;

/** Mesa's software GPU would compile all shaders anew for an empty home, which takes a minute. */
const SHADER_CACHE = {
  MESA_SHADER_CACHE_DIR: Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "", ".cache"),
};

async function whereIs(name: string): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
  return success ? new TextDecoder().decode(stdout).trim() : undefined;
}

/** A folder with nothing but TOOLS: no Deno, no Node. */
async function makeToolFolder(folder: string): Promise<string> {
  const path = join(folder, "tools");
  await Deno.mkdir(path);
  for (const name of TOOLS) {
    const place = await whereIs(name);
    if (place !== undefined) await Deno.symlink(place, join(path, name));
  }
  return path;
}

/** Starts a program in a network of its own that leads nowhere, where this system lets us make one. */
async function withoutNetwork(): Promise<readonly string[]> {
  const unshare = await whereIs("unshare");
  if (unshare === undefined) return [];
  const { success } = await new Deno.Command(unshare, { args: ["-rn", "true"], stderr: "null" }).output();
  return success ? [unshare, "-rn"] : [];
}

async function buildExecutable(folder: string): Promise<string> {
  const given = Deno.env.get("EXECUTABLE");
  if (given !== undefined) return resolve(given);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(ROOT, ".ci/build.ts"), "--way", "self-unpacking", "--out", folder],
    stdin: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const sums = await Deno.readTextFile(join(folder, "SHA256SUMS"));
  assert.match(sums, /^[0-9a-f]{64} {2}epsilon\n$/);
  return join(folder, "epsilon");
}

async function bytesBelow(folder: string): Promise<number> {
  let sum = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    sum += isDirectory ? await bytesBelow(path) : (await Deno.stat(path)).size;
  }
  return sum;
}

Deno.test({
  name: "the executable does its work in an empty folder, without Deno, Node, network or anything in the home",
  ignore: Deno.build.os === "windows",
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "epsilon-executable-" });
    try {
      const executable = await buildExecutable(folder);
      const version = `${VERSION}${await builtFrom(ROOT)}`;
      const [home, work] = [join(folder, "home"), join(folder, "an empty folder")];
      await Deno.mkdir(home);
      await Deno.mkdir(work);
      const PATH = await makeToolFolder(folder);
      const [command, ...before] = [...await withoutNetwork(), executable];
      const run = async (...args: string[]): Promise<Start> => {
        const { code, stdout, stderr } = await new Deno.Command(command, {
          args: [...before, ...args],
          cwd: work,
          clearEnv: true,
          env: { PATH, HOME: home, TMPDIR: folder, NO_COLOR: "1", ...SHADER_CACHE },
          stdin: "null",
        }).output();
        return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
      };
      const done = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await run(...args);
        assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
        return stdout;
      };

      await t.step("ten first starts at once all tell the version", async () => {
        const starts = await Promise.all(Array.from({ length: 10 }, () => run("--version")));
        for (const start of starts) assert.deepEqual(start, { code: 0, stdout: `${version}\n`, stderr: "" });
      });
      await t.step("it takes no more room than it may, and nothing but its folder", async () => {
        assert.ok(await bytesBelow(home) < LARGEST_UNPACKED);
        assert.ok((await Deno.stat(executable)).size < LARGEST_UNPACKED);
        const places = await namesIn(join(home, ".cache"));
        assert.ok(places.length <= 1 && places.every((name) => name === "epsilon"), places.join(" "));
        assert.deepEqual((await namesIn(home)).filter((name) => name !== ".cache"), []);
        assert.deepEqual(await namesIn(work), []);
      });
      let adapters = 0;
      await t.step("doctor", async () => {
        const report = JSON.parse(await done("doctor", "--json"));
        assert.equal(report.epsilon, version);
        assert.equal(report.self_test.failed, 0);
        adapters = report.adapters.length;
      });
      await t.step("verify", async () => {
        assert.match(await done("verify"), /^(\d+) of \1 values of \d+ files agree on CPU/m);
      });
      await t.step("train on the sample", async () => {
        await done("train", "--epochs", "1", "--limit-batches", "3", "--threads", "2", "--out", "run");
        assert.equal(JSON.parse(await Deno.readTextFile(join(work, "run", "run.json"))).codeVersion, version);
      });
      await t.step("classify with the built-in model", async () => {
        const text = "A great, moving drama. The cast is brilliant, and the ending is simply unforgettable.";
        assert.match(await done("classify", "--json", text), /"positive"/);
      });
      await t.step("classify on the GPU, where there is an adapter", async () => {
        if (adapters > 0) assert.match(await done("classify", "--device", "gpu", "A great film."), /positive/);
      });
      await t.step("prepare so many reviews that workers tokenize", async () => {
        const reviews = Array.from({ length: 2000 }, (_, i) => `${"a dull plot ".repeat(30)}${i},${i % 2}\n`);
        await Deno.writeTextFile(join(work, "reviews.csv"), `text,label\n${reviews.join("")}`);
        assert.match(await done("data", "prepare", "--data", "reviews.csv", "--threads", "2"), /^reviews +2000$/m);
      });
      await t.step("export", async () => {
        assert.match(await done("export", "run"), /^run,step,epoch,split,metric,value\n/);
      });
      await t.step("report", async () => {
        await done("report", "run", "--out", "report.html");
        assert.ok((await Deno.stat(join(work, "report.html"))).size > 10_000);
      });
      await t.step("ablate, which starts the program itself", async () => {
        await Deno.writeTextFile(join(work, "grid.toml"), GRID);
        assert.match(await done("ablate", "grid.toml", "--out", "grid"), /^2 of 2 runs are done/m);
      });
      await t.step("configuration of other programs around it does not touch it", async () => {
        for (const place of [home, work]) {
          await Deno.writeTextFile(join(place, "deno.json"), "{ broken");
          await Deno.writeTextFile(join(place, "package.json"), '{"type":"commonjs","dependencies":{"no":"npm:such"}}');
        }
        assert.equal(await done("--version"), `${version}\n`);
      });
      await t.step("a mistyped command fails as it should", async () => {
        const { code, stdout, stderr } = await run("trian");
        assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
        assert.match(stderr, /Did you mean train\?/);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
