import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const MOD = new URL("../mod.ts", import.meta.url);

/** The code of the example in the module's docstring. */
function exampleOf(source: string): string {
  const match = /@example[^\n]*\n \* ```ts\n(.*?)\n \* ```/s.exec(source);
  assert.ok(match !== null, "mod.ts has an example");
  return match[1].replaceAll(/^ \* ?/gm, "");
}

Deno.test("the example in the library's docstring runs as it stands and labels its sentence", async () => {
  const folder = await Deno.makeTempDir({ prefix: "epsilon-test-" });
  try {
    const imports = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url))).imports;
    const config = `${folder}/deno.json`;
    const settings = { imports: { ...imports, "@epsilon/epsilon": MOD.href }, unstable: ["raw-imports"] };
    await Deno.writeTextFile(config, JSON.stringify(settings));
    await Deno.writeTextFile(`${folder}/example.ts`, exampleOf(await Deno.readTextFile(MOD)));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--check", "--config", config, `${folder}/example.ts`],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    assert.equal(code, 0, decoder.decode(stderr));
    const lines = decoder.decode(stdout).trim().split("\n");
    assert.match(lines[0], /^epoch 1: accuracy [01]/);
    assert.match(lines[1], /^epoch 2: accuracy [01]/);
    assert.match(lines[2], /^(negative|positive) \[/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("no public type of the library refers to one that is not exported", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", fileURLToPath(MOD)],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const found = (decoder.decode(stdout) + decoder.decode(stderr)).split("\n");
  assert.ok(found.length > 1, "deno doc has looked");
  assert.deepEqual(found.filter((line) => line.includes("private-type-ref")), []);
});
