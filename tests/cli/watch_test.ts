import assert from "node:assert/strict";
import { FollowedRun } from "../../src/metrics/followed_run.ts";
import { knowsUnicode } from "../../src/cli/watch_display.ts";
import { watchFrame } from "../../src/cli/watch_frame.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import { createRun, inFolder, madeEvents } from "../metrics/made_run.ts";
import { writeRun } from "../report/made_runs.ts";
import { programCommand, programParts, runProgram } from "./run_program.ts";

/** Milliseconds after which what was waited for will not come, on the slowest machine. */
const PATIENCE = 60_000;

/** Text of a stream, read until something stands in it. */
class Reading {
  seen = "";
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async until(text: string): Promise<void> {
    const deadline = setTimeout(() => this.#reader.cancel().catch(() => {}), PATIENCE);
    try {
      while (!this.seen.includes(text)) {
        const { value, done } = await this.#reader.read();
        assert.ok(!done, `${JSON.stringify(text)} in ${JSON.stringify(this.seen)}`);
        this.seen += value;
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  async rest(): Promise<void> {
    for (let piece = await this.#reader.read(); !piece.done; piece = await this.#reader.read()) {
      this.seen += piece.value;
    }
  }
}

Deno.test("a run that has ended is drawn once, at the size of the environment and without escape codes", () =>
  inFolder(async (root) => {
    await writeRun(`${root}/a`, { name: "first", logEvery: 50 });
    const env = { COLUMNS: "40", LINES: "30", LANG: "C.UTF-8" };
    const { code, stdout, stderr } = await runProgram(["watch", `${root}/a`, "--once"], { env });
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assert.ok(lines.length <= 30 && lines.every((line) => [...line].length <= 40), stdout);
    assert.match(stdout, /^finished {2}epoch 3\/3 {2}step 2112 {2}10:00$/m);
    for (const metric of ["loss", "accuracy", "halting depth mean"]) {
      assert.match(stdout, new RegExp(`^${metric}: `, "m"));
    }
    assert.match(stdout, /[\u2801-\u28ff].*●|●.*[\u2801-\u28ff]/);
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f]/);
    const ascii = await runProgram(["watch", `${root}/a`, "--once", "--metrics", "loss"], {
      env: { ...env, LC_ALL: "C" },
    });
    assert.match(ascii.stdout, /^[\x20-\x7e\n]*$/);
    assert.match(ascii.stdout, /loss: /);
    assert.doesNotMatch(ascii.stdout, /accuracy: /);
  }));

Deno.test("off a terminal watch waits for a run, prints a line an epoch as it comes, and ends with the run", () =>
  inFolder(async (root) => {
    const path = `${root}/run`;
    const child = programCommand(["watch", path, "--interval", "0.1"]).spawn();
    const [out, talk] = [new Reading(child.stdout), new Reading(child.stderr)];
    await talk.until("there is no run yet");
    await using folder = await createRun(path);
    for await (const event of recordRun(madeEvents(), folder)) {
      if (event.kind === "epoch") await out.until(`epoch ${event.epoch}/3: step ${event.step}, `);
      if (event.kind === "step" && event.step === 4) assert.ok(!out.seen.includes("epoch 2/"));
    }
    await out.rest();
    await talk.rest();
    assert.equal((await child.status).code, 0);
    const lines = out.seen.trimEnd().split("\n");
    assert.equal(lines.length, 4);
    assert.match(lines[1], /^epoch 2\/3: step 6, .*accuracy 75\.00 %/);
    assert.equal(lines[3], `${path}: finished after 9 steps`);
  }));

Deno.test("--json prints a line at each change, with the latest values of each split", () =>
  inFolder(async (root) => {
    const path = `${root}/run`;
    await using folder = await createRun(path);
    const child = programCommand(["watch", path, "--interval", "0.1", "--json"], { stderr: "null" }).spawn();
    const out = new Reading(child.stdout);
    for await (const event of recordRun(madeEvents(), folder)) {
      if (event.kind === "step" && event.step === 2) await out.until('"step":2');
    }
    await out.rest();
    assert.equal((await child.status).code, 0);
    const states = out.seen.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.ok(states.every(({ version }) => version === 1));
    const { run, outcome, step, epoch, epochs, train, validation } = states.at(-1);
    assert.deepEqual([run, outcome, step, epoch, epochs], [folder.record.run, "finished", 9, 3, 3]);
    assert.deepEqual([validation.accuracy, "tokens_per_second" in train], [0.625, true]);
    assert.ok(states.length > 1);
  }));

Deno.test("what cannot be watched is one line with the remedy", () =>
  inFolder(async (root) => {
    await writeRun(`${root}/a`, { name: "first" });
    await writeRun(`${root}/broken`, { name: "second" });
    await Deno.writeTextFile(`${root}/broken/metrics.csv`, "something else\n");
    const cases: [string[], number, RegExp][] = [
      [[`${root}/none`, "--once"], 3, /there is no run\. Name a folder/],
      [[`${root}/a`, "--metrics", "lss"], 2, /no such metric\. Did you mean loss\?/],
      [[`${root}/a`, "--interval", "0"], 2, /--interval: "0"/],
      [[`${root}/broken`], 3, /metrics\.csv, line 1: header is "something else"/],
      [[], 2, /missing required argument 'run'/],
    ];
    for (const [args, code, pattern] of cases) {
      const { code: found, stdout, stderr } = await runProgram(["watch", ...args]);
      assert.equal(found, code, stderr);
      assert.match(stderr, pattern);
      assert.deepEqual([stdout, stderr.split("\n").length], ["", 2]);
    }
  }));

Deno.test("a frame fits into any window, and a nasty name cannot steer the terminal", () =>
  inFolder(async (root) => {
    await writeRun(`${root}/\x1b[2Ja`, { name: "first", logEvery: 10 });
    const run = new FollowedRun(`${root}/\x1b[2Ja`);
    await run.look();
    for (const [columns, rows] of [[20, 8], [40, 10], [80, 24], [200, 60]]) {
      const metrics = ["loss", "accuracy", "grad_norm", "halting_depth_mean"];
      const lines = watchFrame(run, metrics, { columns, rows, unicode: true });
      // deno-lint-ignore no-control-regex -- the frame's own colours
      const plain = lines.map((line) => line.replaceAll(/\x1b\[\d+m/g, ""));
      assert.ok(plain.length <= Math.max(rows, 9), `${plain.length} lines in ${rows}`);
      for (const line of plain) assert.ok([...line].length <= columns && !line.includes("\x1b"), line);
    }
  }));

Deno.test("the locale says whether more than ASCII is known", () => {
  const known = (variables: Record<string, string>) => knowsUnicode((name) => variables[name]);
  assert.deepEqual([known({}), known({ LANG: "en_GB.UTF-8" }), known({ LC_ALL: "C.utf8", LANG: "C" })], [
    true,
    true,
    true,
  ]);
  assert.deepEqual([known({ LANG: "C" }), known({ LC_ALL: "C", LANG: "en_GB.UTF-8" })], [false, false]);
  assert.equal(known({ LANG: "en_GB.UTF-8", TERM: "dumb" }), false);
});

Deno.test({
  name: "at a terminal Ctrl-C gives the cursor and the screen back, leaves the last frame, and exits 130",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (root) => {
      const path = `${root}/run`;
      await using folder = await createRun(path);
      const { args, env } = programParts(["watch", path, "--interval", "0.1"]);
      const command = `stty cols 60 rows 20; ${args.map((arg) => `'${arg}'`).join(" ")}; echo "code $?"`;
      const child = new Deno.Command("script", {
        args: ["--quiet", "--return", "--command", `bash -c '${command.replaceAll("'", "'\\''")}'`, "/dev/null"],
        env: { ...env, TERM: "xterm", LANG: "C.UTF-8", CI: "" },
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const out = new Reading(child.stdout);
      const writer = child.stdin.getWriter();
      await out.until("\x1b[?1049h\x1b[?25l");
      for await (const event of recordRun(madeEvents(), folder)) {
        if (event.kind !== "step" || event.step !== 5) continue;
        await out.until("step 5");
        await writer.write(new TextEncoder().encode("\x03"));
        await out.until("code 130");
        break;
      }
      await out.rest();
      await writer.close().catch(() => {});
      await child.status;
      const behind = out.seen.slice(out.seen.lastIndexOf("\x1b[?25h\x1b[?1049l"));
      // deno-lint-ignore no-control-regex -- they give the cursor and the screen back
      assert.match(behind, /^\x1b\[\?25h\x1b\[\?1049l.*run.*\r\n(?:.*\r\n)*loss: train/);
      assert.ok(!behind.includes("\x1b[?25l"));
    }),
});
