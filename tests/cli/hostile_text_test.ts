import assert from "node:assert/strict";
import { join } from "node:path";
import { parseCsv } from "../../src/libraries/csv.ts";
import { encodeCheckpoint } from "../../src/model/checkpoint.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { runHere } from "../crash/in_process.ts";
import { copyFolder } from "../metrics/made_run.ts";
import { fillWorkplace, RUN, tinyTraining } from "../crash/tiny_run.ts";
import { runProgram, withFolder } from "./run_program.ts";

/** A name that acts in a spreadsheet, a browser, a Markdown page and a terminal. */
const HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>\u001b[31m\u009b2J\u202e";
/** The same as a path, which holds no slash. */
const HOSTILE_FOLDER = "=x<script>alert(1)<script>\u001b]0;title\u0007\u202e";
const CPU = ["--device", "cpu", "--threads", "1"];

/** Nothing that steers a terminal is bare; tabs only where they stand in a table's text. */
function assertInert(text: string, what: string): void {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  const found = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.exec(text);
  assert.equal(
    found,
    null,
    `${what}: a control character in ${
      JSON.stringify(text.slice(Math.max(0, (found?.index ?? 0) - 60)).slice(0, 120))
    }`,
  );
}

/** No cell is a formula. */
async function assertNoFormula(text: string): Promise<void> {
  for await (const { values } of parseCsv(text, { name: "x" })) {
    for (const value of values) assert.doesNotMatch(value, /^[=+@\t\r]./, text.slice(0, 300));
  }
}

/** A trained run whose files, as another program may have written them, name it `HOSTILE`. */
async function hostileRun(folder: string): Promise<string> {
  await fillWorkplace(folder);
  const { code, stderr } = await runHere(tinyTraining(folder, "cpu"));
  assert.equal(code, 0, stderr);
  const run = join(folder, HOSTILE_FOLDER);
  await Deno.rename(join(folder, RUN), run);
  const { run: name } = JSON.parse(await Deno.readTextFile(join(run, "run.json")));
  for await (const { name: file } of Deno.readDir(run)) {
    if (!file.endsWith(".csv")) continue;
    const text = await Deno.readTextFile(join(run, file));
    await Deno.writeTextFile(join(run, file), text.replaceAll(name, `"${HOSTILE}"`));
  }
  return run;
}

Deno.test({
  name: "names from files act in no terminal, spreadsheet, page, chart or table of any command",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const run = await hostileRun(folder);
      const said = async (...args: string[]) => {
        const { code, stdout, stderr } = await runHere(args);
        assert.equal(code, 0, stderr);
        assertInert(stdout, `${args[0]}'s output`);
        return stdout;
      };
      for (const flags of [[], ["--wide"]]) await assertNoFormula(await said("export", run, ...flags));
      for (const line of (await said("export", run, "--json")).trim().split("\n")) {
        assert.equal(JSON.parse(line).run, HOSTILE);
      }
      await assertNoFormula(await said("compare", run, "--csv"));
      JSON.parse(await said("compare", run, "--json"));
      await said("compare", run);
      assert.doesNotMatch(await said("compare", run, "--markdown"), /(?<!\\)<script/);
      const page = join(folder, "page.html");
      await said("report", run, "--out", page, "--title", HOSTILE);
      const html = await Deno.readTextFile(page);
      assertInert(html, "the report");
      assert.doesNotMatch(html, /<script/i);
      assert.match(html, /&lt;script&gt;/);
      for await (const { name } of Deno.readDir(join(folder, "page-charts"))) {
        const text = await Deno.readTextFile(join(folder, "page-charts", name));
        assertInert(text, name);
        JSON.parse(text);
      }
      // Two runs of one name go by their paths, which a legend shows.
      const twin = join(folder, `${HOSTILE_FOLDER}2`);
      await copyFolder(run, twin);
      const svg = await said("plot", run, twin, "--chart", "loss");
      assert.doesNotMatch(svg, /<script/i);
      await said("plot", run, "--chart", "loss", "--out", join(folder, `${HOSTILE_FOLDER}.svg`), "--json");
    }),
});

Deno.test({
  name: "a checkpoint whose metadata hold hostile text, in a folder of a hostile name, is judged without harm",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const run = await hostileRun(folder);
      const { checkpoint } = await loadCheckpoint(run);
      const path = join(folder, `${HOSTILE_FOLDER}.safetensors`);
      const details = { ...checkpoint.details, run: `${HOSTILE}\n` };
      await Deno.writeFile(path, await encodeCheckpoint({ ...checkpoint, details }));
      const data = ["--data", join(folder, "reviews.csv"), "--vocabulary", join(folder, "vocab.txt"), ...CPU];
      const predictions = join(folder, "said.csv"), tables = join(folder, "tables");
      const commands = [
        ["evaluate", path, ...data, "--predictions", predictions],
        ["evaluate", path, ...data, "--json"],
        ["diagnose", path, ...data, "--out", tables, "--instruments", "tokens,halting"],
        ["classify", "--checkpoint", path, "--vocabulary", join(folder, "vocab.txt"), ...CPU, "--json", HOSTILE],
      ];
      for (const args of commands) {
        const { code, stdout, stderr } = await runHere(args);
        assert.equal(code, 0, stderr);
        assertInert(stdout, args[0]);
      }
      for (const file of [predictions, join(tables, "tokens.csv"), join(tables, "halting.csv")]) {
        const text = await Deno.readTextFile(file);
        assertInert(text, file);
        await assertNoFormula(text);
      }
    }),
});

Deno.test({
  name: "training into a folder of a hostile name, on data of one, talks in plain text; doctor too",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const place = join(folder, HOSTILE_FOLDER);
      await Deno.mkdir(place);
      await fillWorkplace(place);
      for (const progress of ["plain", "json"]) {
        const { code, stdout, stderr } = await runHere([...tinyTraining(place, "cpu"), "--progress", progress]);
        // The second time the folder holds a run.
        assert.equal(code, progress === "plain" ? 0 : 3, stderr);
        assertInert(stdout + stderr, progress);
      }
      const cut = await runHere(["train", "--resume", join(place, "no\u001b[31m"), "--progress", "json"]);
      assertInert(cut.stderr, "a refusal");
      // A process of its own, for its environment.
      for (const flags of [[], ["--markdown"], ["--json"]]) {
        const { code, stdout, stderr } = await runProgram(["doctor", ...flags], { env: { XDG_CACHE_HOME: place } });
        assert.equal(code, 0, stderr);
        assertInert(stdout + stderr, "doctor");
        if (flags[0] === "--markdown") assert.doesNotMatch(stdout, /(?<!\\)<script/);
      }
    }),
});

Deno.test("classify passes the input's cells through as they are, and guards them with --safe-cells", () =>
  withFolder(async (folder) => {
    const file = join(folder, "x.csv");
    await Deno.writeTextFile(file, "text,=id,note\ngood,=1+1,-5\nbad,@x,- a dash\n");
    const classified = async (...flags: string[]) => {
      const { code, stdout, stderr } = await runHere([
        "classify",
        "--file",
        file,
        "--text-column",
        "text",
        ...CPU,
        ...flags,
      ]);
      assert.equal(code, 0, stderr);
      return stdout.split("\n").map((line) => line.split(",").slice(0, 3).join(","));
    };
    assert.deepEqual((await classified()).slice(0, 3), ["text,=id,note", "good,=1+1,-5", "bad,@x,- a dash"]);
    assert.deepEqual((await classified("--safe-cells")).slice(0, 3), [
      "text,'=id,note",
      "good,'=1+1,-5",
      "bad,'@x,'- a dash",
    ]);
  }));
