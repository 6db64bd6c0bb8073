/** Opens engines with workers, moves one to a larger memory, closes it, and ends by itself unless a worker is left. */
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { RunError } from "../../src/errors.ts";
import { paperCase } from "./cpu_harness.ts";
import { MODULE_WITH_UNKNOWN_IMPORT } from "./cpu_modules.ts";

const { config, state, batch, settings } = buildCase(paperCase("exit", [3500, 3], { maxLayers: 64, haltingBias: 20 }));
let memories = 0;
const engine = await CpuEngine.open(config, { threads: 3, onMemory: () => void memories++ });
await engine.upload(state);
await engine.trainStep(batch, settings);
await engine.close();
await engine.close();
if (memories !== 2) throw new Error(`The batch took ${memories} memories, 2 were wanted`);

try {
  await CpuEngine.open(AGREEMENT_CASES[0].config, { threads: 3, module: MODULE_WITH_UNKNOWN_IMPORT });
} catch (error) {
  if (!(error instanceof RunError)) throw error;
}
