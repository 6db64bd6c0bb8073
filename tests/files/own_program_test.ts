import assert from "node:assert/strict";
import { ownProgram } from "../../src/files/own_program.ts";
import { VERSION } from "../../src/version.ts";

Deno.test("from a checkout the program starts itself, in any folder", async () => {
  const { command, args } = ownProgram();
  const output = await new Deno.Command(command, {
    args: [...args, "--version"],
    cwd: Deno.env.get("TMPDIR") ?? "/tmp",
  })
    .output();
  assert.equal(new TextDecoder().decode(output.stdout), `${VERSION}\n`);
});
