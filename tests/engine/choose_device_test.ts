import assert from "node:assert/strict";
import { chooseDevice, decideDevice } from "../../src/engine/choose_device.ts";
import { findAdapter, summarize } from "../../src/engine/gpu/adapter.ts";
import { openEngine } from "../../src/engine/open_engine.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";

/** What an adapter says of itself; the names are those of drivers. */
function info(description: string, isFallbackAdapter = false) {
  return { vendor: "4318", architecture: "", device: "9956", description, isFallbackAdapter };
}

const REAL = [
  info("NVIDIA GeForce RTX 4070 Laptop GPU"),
  info("Intel(R) Iris(R) Xe Graphics (TGL GT2)"),
  info("AMD Radeon 780M (RADV GFX1103_R1)"),
  info("Apple M3"),
  info(""),
];

const SOFTWARE = [
  info("llvmpipe (LLVM 15.0.6, 256 bits)", true),
  info("llvmpipe (LLVM 15.0.6, 256 bits)"),
  info("SwiftShader Device (Subzero)"),
  info("Microsoft Basic Render Driver"),
  info("softpipe"),
  info("An unknown imitation", true),
];

Deno.test("auto takes a real GPU, and the CPU where an adapter is software by its name or its own word", () => {
  for (const real of REAL) {
    const { device, reason } = decideDevice(summarize({ info: real }));
    assert.equal(device, "gpu");
    assert(reason.startsWith(real.description === "" ? "4318 9956" : real.description), reason);
  }
  for (const software of SOFTWARE) {
    assert.deepEqual(decideDevice(summarize({ info: software })), {
      device: "cpu",
      reason: `${software.description} is a software adapter`,
    });
  }
  assert.deepEqual(decideDevice(undefined), { device: "cpu", reason: "WebGPU finds no adapter" });
});

Deno.test("auto opens what was decided for this machine's adapter", async () => {
  const adapter = await findAdapter();
  const wanted = decideDevice(adapter === undefined ? undefined : summarize(adapter));
  assert.deepEqual(await chooseDevice({ device: "auto" }), wanted);
  const engine = await openEngine({ ...PAPER_CONFIG, vocabSize: 50 }, { device: "auto", threads: 1 });
  try {
    assert.equal(engine.kind, wanted.device);
  } finally {
    await engine.close();
  }
});

Deno.test("a device that was asked for is not replaced", async () => {
  for (const device of ["cpu", "reference"] as const) {
    assert.deepEqual(await chooseDevice({ device }), { device, reason: `--device ${device}` });
  }
});
