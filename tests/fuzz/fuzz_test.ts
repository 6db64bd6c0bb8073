import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const INPUTS = 20_000;
/** Fixed, so that a failure here is the change's and not the day's. */
const SEED = "20261128";

Deno.test(`${INPUTS} broken inputs are refused in one clear line or read back the same, in little time and memory`, async () => {
  const program = fileURLToPath(new URL("fuzz.ts", import.meta.url));
  // A process of its own, whose time and memory are its own.
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "--inputs", String(INPUTS), "--seed", SEED],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const told = new TextDecoder().decode(stdout);
  assert.ok(success, told + new TextDecoder().decode(stderr));
  assert.ok(Number(/^(\d+) inputs, 0 failed/m.exec(told)?.[1]) >= INPUTS, told);
  const tallies = [...told.matchAll(/^\S+: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json));
  assert.ok(tallies.length >= 14 && tallies.every(({ accepted, refused }) => accepted > 0 && refused > 0), told);
});
