import assert from "node:assert/strict";
import { PausedRun } from "../../src/metrics/paused_run.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import { createRun, inFolder, madeEvents } from "./made_run.ts";

const PROGRAM = `
  const { createRun, madeEvents } = await import(${JSON.stringify(import.meta.resolve("./made_run.ts"))});
  const { recordRun } = await import(${JSON.stringify(import.meta.resolve("../../src/metrics/record_run.ts"))});
  const folder = await createRun(Deno.args[0]);
  console.log("begun");
  for await (const _ of recordRun(madeEvents(), folder));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

/** Starts a run in another process and kills it so many milliseconds after its folder was made. */
async function killedRun(path: string, milliseconds: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", PROGRAM, path],
    cwd: new URL("../..", import.meta.url),
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  child.kill("SIGKILL");
  await reader.cancel();
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL");
}

Deno.test("a run whose process was killed can be locked again and resumes to the same bytes", {
  ignore: Deno.build.os === "windows",
}, () =>
  inFolder(async (root) => {
    {
      await using folder = await createRun(`${root}/whole`);
      await Array.fromAsync(recordRun(madeEvents(), folder));
    }
    for (const milliseconds of [0, 5, 15, 30, 60]) {
      const path = `${root}/killed-${milliseconds}`;
      await killedRun(path, milliseconds);
      await using paused = await PausedRun.open(path);
      await using folder = await paused.resume({ codeVersion: "0.1.0", device: "reference" });
      await Array.fromAsync(recordRun(madeEvents(paused.resumePoint?.position.step), folder));
      for (const name of ["metrics.csv", "best.safetensors", "last.safetensors"]) {
        assert.deepEqual(await Deno.readFile(`${path}/${name}`), await Deno.readFile(`${root}/whole/${name}`), name);
      }
    }
  }));
