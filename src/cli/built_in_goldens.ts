import epsilonExitBinfreq3 from "../../fixtures/goldens/epsilon-exit-binfreq3.json" with { type: "text" };
import epsilonExit from "../../fixtures/goldens/epsilon-exit.json" with { type: "text" };
import epsilonNoiseEmbedding from "../../fixtures/goldens/epsilon-noise-embedding.json" with { type: "text" };
import epsilonNoiseState from "../../fixtures/goldens/epsilon-noise-state.json" with { type: "text" };
import epsilonRepeat3 from "../../fixtures/goldens/epsilon-repeat-3.json" with { type: "text" };
import epsilonSoftOdd from "../../fixtures/goldens/epsilon-soft-odd.json" with { type: "text" };
import trajectoryExit from "../../fixtures/goldens/trajectory-exit.json" with { type: "text" };
import vanillaOdd from "../../fixtures/goldens/vanilla-odd.json" with { type: "text" };

/** The golden files that are built into the program, by name, as text. */
export const BUILT_IN_GOLDENS: ReadonlyMap<string, string> = new Map([
  ["epsilon-exit-binfreq3.json", epsilonExitBinfreq3],
  ["epsilon-exit.json", epsilonExit],
  ["epsilon-noise-embedding.json", epsilonNoiseEmbedding],
  ["epsilon-noise-state.json", epsilonNoiseState],
  ["epsilon-repeat-3.json", epsilonRepeat3],
  ["epsilon-soft-odd.json", epsilonSoftOdd],
  ["trajectory-exit.json", trajectoryExit],
  ["vanilla-odd.json", vanillaOdd],
]);
