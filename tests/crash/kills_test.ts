import assert from "node:assert/strict";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { killOverAndOver } from "./kills.ts";

/** A fixed seed: operations and moments are the same each time, though where a moment falls is up to the machine. */
const SEED = 20261128;
const ignore = Deno.build.os === "windows";

Deno.test({
  name: "a run killed 50 times, after file operations, within writes and at random moments, resumes to the same bytes",
  ignore,
  async fn() {
    const lives: string[] = [];
    const report = await killOverAndOver({ kills: 50, seed: SEED, device: "cpu", onLife: (line) => lives.push(line) });
    assert.ok(report.kills >= 50, lives.join("\n"));
    assert.ok(
      report.operations > 100 && report.afterOperations > 5 && report.atRandomMoments > 5,
      JSON.stringify(report),
    );
    assert.ok(report.tornWrites > 0, JSON.stringify(report));
  },
});

Deno.test({
  name: "the same holds on the GPU, for 5 kills",
  ignore: ignore || !TEST_GPU,
  async fn() {
    const report = await killOverAndOver({ kills: 5, seed: SEED, device: "gpu" });
    assert.ok(report.kills >= 5, JSON.stringify(report));
  },
});
