import assert from "node:assert/strict";
import { Workplace } from "./small_training.ts";

const ENDLESS = ["--epochs", "100000"];

interface Stopped {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Sends each signal as soon as the text before it was said; returns how the program ended. */
async function stop(child: Deno.ChildProcess, signals: readonly (readonly [string, Deno.Signal])[]): Promise<Stopped> {
  const decoder = new TextDecoder();
  const stdout = new Response(child.stdout).text();
  const left = [...signals];
  let stderr = "";
  for await (const bytes of child.stderr) {
    stderr += decoder.decode(bytes, { stream: true });
    while (left.length > 0 && stderr.includes(left[0][0])) {
      const [next] = left.splice(0, 1);
      child.kill(next[1]);
    }
  }
  return { code: (await child.status).code, stdout: await stdout, stderr };
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 75], ["SIGUSR1", 75]] as const) {
  Deno.test({
    name: `${signal} saves a checkpoint, says how to go on, and exits ${code}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using place = await Workplace.make();
      const child = place.spawn(place.trainArguments("run", ...ENDLESS));
      const stopped = await stop(child, [["epoch 1/", signal]]);
      assert.equal(stopped.code, code, stopped.stderr);
      assert.match(stopped.stdout, /to go on +epsilon train --resume run/);
      assert.doesNotMatch(stopped.stderr, /error:/);
      const record = JSON.parse(await place.read("run", "run.json"));
      assert.equal(record.outcome, "interrupted");
      assert.ok(!(await place.snapshot("run")).has("run.lock"));
      const evaluated = await place.run("evaluate", "run/last.safetensors", "--device", "reference", "--json");
      assert.equal(evaluated.code, 0, evaluated.stderr);
    },
  });
}

Deno.test("a progress display off a terminal writes neither control characters nor anything to stdout", async () => {
  await using place = await Workplace.make();
  const { stdout, stderr } = await place.train("run");
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  for (const text of [stdout, stderr]) assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f]/);
});

Deno.test("--progress json writes objects to stderr, --progress off only warnings and errors", async () => {
  await using place = await Workplace.make();
  const json = await place.train("a", "--progress", "json");
  const kinds = json.stderr.trimEnd().split("\n").map((line) => JSON.parse(line).kind);
  assert.deepEqual(kinds.filter((kind) => kind !== "progress"), ["start", "epoch", "epoch"]);
  const off = await place.train("b", "--progress", "off");
  assert.equal(off.stderr, "");
});
