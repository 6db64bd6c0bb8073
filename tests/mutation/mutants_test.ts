import assert from "node:assert/strict";
import { mutateKernels } from "./kernels.ts";
import { mutate } from "./mutants.ts";

Deno.test("every backward kernel has a mutant", async () => {
  const { kernels, mutants } = await mutateKernels();
  const mutated = new Set(mutants.map(({ kernel }) => kernel));
  assert.ok(kernels.length > 25);
  assert.deepEqual(kernels.filter((kernel) => !mutated.has(kernel)), []);
  assert.deepEqual(mutants.map(({ id }) => id), mutants.map((_, m) => m + 1));
});

Deno.test("mutants change backward kernels alone, one at each operation and statement", () => {
  const forward = "export function rowsForward(p: usize): void {\n  v128.store(p, f32x4.add(a, b));\n}\n";
  assert.deepEqual(mutate("a.as.ts", forward, 1), { text: forward, mutants: [], kernels: [] });

  const backward = [
    "function rowsBackward(",
    "  p: usize,",
    "): void {",
    "  const g = madd(a, f32x4.neg(b), c);",
    "  if (first) v128.store(p + 4, g, 16);",
    "  other(",
    "    f32x4.splat(1), 3);",
    "  store<f32>(p, load<f32>(p) + weight * 2);",
    "}",
    "",
  ];
  const { text, mutants, kernels } = mutate("a.as.ts", backward.join("\n"), 7);
  assert.deepEqual(kernels, ["rowsBackward"]);
  assert.deepEqual(text.split("\n").slice(4, 10), [
    "  const g = mutant.madd(7, a, mutant.neg(9, b), c);",
    "  if (first) if (mutant.kept(10)) v128.store(p + 4, mutant.value(11, g), 16);",
    "  if (mutant.kept(12)) other(",
    "    f32x4.splat(1), 3);",
    "  if (mutant.kept(13)) store<f32>(p, mutant.sign(14) * ( load<f32>(p) + mutant.sign(15) * weight * 2));",
    "}",
  ]);
  assert.deepEqual(mutants.map(({ line, change }) => [line, change]), [
    [4, "madd flips its product's sign"],
    [4, "madd drops what it adds to"],
    [4, "neg is dropped"],
    [5, "a statement is dropped"],
    [5, "a stored value's sign is flipped"],
    [6, "a statement is dropped"],
    [8, "a statement is dropped"],
    [8, "a stored value's sign is flipped"],
    [8, "a term's sign is flipped"],
  ]);
});
