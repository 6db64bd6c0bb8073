import assert from "node:assert/strict";
import { headerAddress, type HeaderInteger } from "../../kernels/header.ts";
import { buildCase } from "../../src/engine/cases.ts";
import { modelLayout } from "../../src/engine/cpu/layout.ts";
import { compileModule, instantiateKernels } from "../../src/engine/cpu/module.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { TOLERANCES } from "../../src/engine/verification.ts";
import { RunError } from "../../src/errors.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { norm, tensorError, valueError } from "../../src/model/golden.ts";
import { tensorTable } from "../../src/model/tensors.ts";
import { paperCase, vanillaPaperCase, withCpu } from "./cpu_harness.ts";

/** 64 layers reserve much, and halting after two steps touches little of it. */
const DEEP = { maxLayers: 64, haltingBias: 2 } as const;

Deno.test("a batch beyond the first reservation keeps the state and gives the same bytes", async () => {
  const small = buildCase(paperCase("exit", [9, 2, 17], DEEP));
  const { batch } = buildCase(paperCase("exit", [5000, 3], DEEP));
  const run = async (engine: Engine) => {
    const before = await engine.trainStep(small.batch, small.settings);
    const gradient = await engine.gradient(batch, small.settings);
    const step = await engine.trainStep(batch, small.settings);
    const after = await engine.trainStep(small.batch, small.settings);
    return { before, gradient, step, after, state: await engine.download() };
  };
  const [wanted, wantedMemories] = await withCpu(small, { threads: 1 }, async ({ engine, memories }) => {
    return [await run(engine), memories.length];
  });
  const [found, foundMemories] = await withCpu(small, { threads: 2 }, async ({ engine, memories }) => {
    return [await run(engine), memories.length];
  });
  assert.deepEqual([wantedMemories, foundMemories], [1, 2]);
  assert.deepEqual(found, wanted);
});

Deno.test("a sequence of 16,384 tokens agrees with the reference within 1e-4", async () => {
  const built = buildCase(paperCase("exit", [16384], { maxLayers: 2 }));
  const { config, state, batch, settings } = built;
  const reference = new ReferenceEngine(config);
  await reference.upload(state);
  const wanted = await reference.gradient(batch, settings);
  await withCpu(built, { threads: 1 }, async ({ engine }) => {
    const found = await engine.gradient(batch, settings);
    for (const name of ["loss", "taskLoss", "klLoss", "entropyLoss"] as const) {
      assert(valueError(found[name], wanted[name]) <= TOLERANCES.float32, name);
    }
    for (const { name, offset, size } of tensorTable(config).parameters) {
      const [own, expected] = [found.gradient, wanted.gradient].map((slab) => slab.subarray(offset, offset + size));
      const error = tensorError(own, expected, norm(wanted.gradient));
      assert(error <= TOLERANCES.float32, `${name}: ${error}`);
    }
    const everything = await engine.predict(batch, { want: "everything", klScale: 1 });
    assert.deepEqual((await engine.predict(batch, { want: "logits", klScale: 1 })).logits, everything.logits);
  });
});

Deno.test("2,049 tokens through full attention agree with the reference within 1e-4", async () => {
  const built = buildCase(vanillaPaperCase([2049], { maxLayers: 1 }));
  const { config, state, batch, settings } = built;
  const reference = new ReferenceEngine(config);
  await reference.upload(state);
  const wanted = await reference.gradient(batch, settings);
  await withCpu(built, { threads: 1 }, async ({ engine }) => {
    const found = await engine.gradient(batch, settings);
    assert(valueError(found.loss, wanted.loss) <= TOLERANCES.float32);
    for (const { name, offset, size } of tensorTable(config).parameters) {
      const [own, expected] = [found.gradient, wanted.gradient].map((slab) => slab.subarray(offset, offset + size));
      const error = tensorError(own, expected, norm(wanted.gradient));
      assert(error <= TOLERANCES.float32, `${name}: ${error}`);
    }
  });
});

Deno.test("the vanilla model's memory grows with the tokens, not with their square", () => {
  const { config } = vanillaPaperCase([1]);
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65_536, shared: true });
  const kernels = instantiateKernels(compileModule("fast"), memory);
  const { integers } = modelLayout(config, tensorTable(config));
  const header = new DataView(memory.buffer);
  for (const [name, value] of Object.entries(integers)) {
    header.setUint32(headerAddress(name as HeaderInteger), value, true);
  }
  const bytes = (tokens: number) => kernels.workspaceBytes(tokens, 1);
  const perToken = (bytes(4096) - bytes(2048)) / 2048;
  assert.equal((bytes(65_536) - bytes(4096)) / (65_536 - 4096), perToken);
  assert(perToken < 2500, `${perToken} bytes a token`);
});

Deno.test("a vanilla sequence of 4,000,000 tokens is a RunError, and the engine goes on", async () => {
  const small = buildCase(vanillaPaperCase([9, 2]));
  const { batch, settings } = buildCase(vanillaPaperCase([4_000_000]));
  await withCpu(small, { threads: 1 }, async ({ engine, memories }) => {
    const before = await engine.gradient(small.batch, small.settings);
    await assert.rejects(engine.gradient(batch, settings), refused);
    assert.equal(memories.length, 1);
    assert.deepEqual(await engine.gradient(small.batch, small.settings), before);
  });
});

Deno.test("70,000 sequences of one token each give the logits of their token", async () => {
  const built = buildCase(paperCase("exit", new Array(70_000).fill(1), { maxLayers: 2 }));
  const { tokens } = built.batch;
  await withCpu(built, { threads: 2 }, async ({ engine }) => {
    const { logits } = await engine.predict(built.batch, { want: "logits", klScale: 1 });
    const first = new Map<number, number>();
    for (let s = 0; s < tokens.length; s++) {
      const same = first.get(tokens[s]) ?? s;
      first.set(tokens[s], same);
      if (logits[2 * s] !== logits[2 * same] || logits[2 * s + 1] !== logits[2 * same + 1]) {
        assert.fail(`sequence ${s}`);
      }
    }
    assert.equal(first.size, built.config.vocabSize);
  });
});

const refused = (error: unknown) =>
  error instanceof RunError && /^Cannot reserve memory: \d+ MiB wanted, at most 4096 can be had$/.test(error.message);

/** The former wants 4 GiB and a little: 32 bits would make that the little. */
for (const length of [142_184, 400_000]) {
  Deno.test(`a sequence of ${length} tokens in 64 layers is a RunError, and the engine goes on`, async () => {
    const small = buildCase(paperCase("exit", [9, 2, 17], DEEP));
    const { batch, settings } = buildCase(paperCase("exit", [length], DEEP));
    await withCpu(small, { threads: 1 }, async ({ engine, memories }) => {
      const before = await engine.gradient(small.batch, small.settings);
      await assert.rejects(engine.gradient(batch, settings), refused);
      await assert.rejects(engine.trainStep(batch, settings), refused);
      assert.equal(memories.length, 1);
      assert.deepEqual(await engine.gradient(small.batch, small.settings), before);
    });
  });
}

Deno.test("a model beyond 4 GiB is a RunError", async () => {
  const config = { ...PAPER_CONFIG, vocabSize: 16_000_000, dModel: 1024 };
  await assert.rejects(CpuEngine.open(config, { threads: 1 }), refused);
});
