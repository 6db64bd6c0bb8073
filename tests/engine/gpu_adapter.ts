import { findAdapter, summarize } from "../../src/engine/gpu/adapter.ts";

const FORCED = Deno.env.get("CI") === "true";
const found = await findAdapter();

if (found === undefined) {
  const consequence = FORCED ? "the GPU tests fail" : "the GPU tests are skipped";
  console.error(`WebGPU finds no adapter, ${consequence}: install mesa-vulkan-drivers for a software one`);
}

/** Whether the GPU tests run; in CI they run without an adapter too, and fail. */
export const TEST_GPU = found !== undefined || FORCED;

/** Whether tests take on the GPU what costs hours on a software adapter too (EPSILON_GPU_FULL=1). */
export const FULL_GPU = Deno.env.get("EPSILON_GPU_FULL") === "1";

/** Whether the adapter is a software one, whose memory is the system's. */
export const SOFTWARE_GPU = found !== undefined && summarize(found).software;
