import assert from "node:assert/strict";
import { compileElementary, compileKernels, headerSource, readKernel } from "../../kernels/build.ts";

const MODULES = {
  fast: () => compileKernels("fast"),
  strict: () => compileKernels("strict"),
  elementary: compileElementary,
};

for (const [name, compile] of Object.entries(MODULES)) {
  Deno.test(`the committed ${name} module is what its sources compile to`, async () => {
    const committed = await Deno.readFile(new URL(`../../kernels/build/${name}.wasm`, import.meta.url));
    const fresh = await compile();
    assert.ok(
      fresh.length === committed.length && fresh.every((byte, i) => byte === committed[i]),
      "run deno task kernels and commit kernels/build",
    );
  });
}

Deno.test("the committed header accessors are what the table of the header says", async () => {
  assert.equal(await readKernel("header.as.ts"), headerSource());
});

Deno.test("a kernel that does not compile is an error with the compiler's message", async () => {
  const broken = compileKernels("strict", (name) => {
    return Promise.resolve(name === "main.as.ts" ? "export function f(): i32 { return missing; }" : null);
  });
  await assert.rejects(broken, /Cannot compile kernels:[\s\S]*Cannot find name 'missing'/);
});
