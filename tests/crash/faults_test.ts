import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** Share of the cases that is tried here; `deno task faults` tries all. */
const SHARE = "0.1";

Deno.test({
  name: "whatever operation on a file fails, earlier or new files are whole, one line tells it, and the work can go on",
  ignore: Deno.build.os === "windows",
  async fn() {
    const program = fileURLToPath(new URL("faults.ts", import.meta.url));
    // A process of its own: it replaces Deno's file functions and moves the cache.
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", program, "--share", SHARE, "--seed", "20261128"],
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const told = new TextDecoder().decode(stdout);
    assert.ok(success, told + new TextDecoder().decode(stderr));
    assert.ok(Number(/^(\d+) cases, 0 failed/m.exec(told)?.[1]) > 100, told);
  },
});
