import assert from "node:assert/strict";

/** A program that is stuck after the first signal. */
const STUCK = `
import { Interruption } from ${JSON.stringify(new URL("../../src/cli/interruption.ts", import.meta.url).href)};
using interruption = new Interruption((signal) => console.log("first", signal));
console.log("ready");
await new Promise((resolve) => setTimeout(resolve, 60_000));
console.log(interruption.exitCode);
`;

/** A program that gives the signals back before it goes on. */
const RELEASED = `
import { Interruption } from ${JSON.stringify(new URL("../../src/cli/interruption.ts", import.meta.url).href)};
{
  using interruption = new Interruption(() => {});
  interruption.signal.throwIfAborted();
}
console.log("ready");
await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

/** Runs `code`, sending SIGTERM at each of the texts; returns the signal that ended it. */
async function terminateAt(code: string, texts: readonly string[]): Promise<Deno.Signal | null> {
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped", stderr: "null" }).spawn();
  const decoder = new TextDecoder();
  const left = [...texts];
  let said = "";
  for await (const bytes of child.stdout) {
    said += decoder.decode(bytes, { stream: true });
    while (left.length > 0 && said.includes(left[0])) {
      left.shift();
      child.kill("SIGTERM");
    }
  }
  assert.deepEqual(left, [], said);
  return (await child.status).signal;
}

Deno.test({
  name: "a second signal ends a program that is stuck in saving",
  ignore: Deno.build.os === "windows",
  async fn() {
    assert.equal(await terminateAt(STUCK, ["ready", "first SIGTERM"]), "SIGTERM");
  },
});

Deno.test({
  name: "after the run, a signal has its usual effect again",
  ignore: Deno.build.os === "windows",
  async fn() {
    assert.equal(await terminateAt(RELEASED, ["ready"]), "SIGTERM");
  },
});
