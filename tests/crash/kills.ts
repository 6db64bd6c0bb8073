/**
 * A training run is killed with SIGKILL over and over: at random moments from outside, and by itself right after a file
 * operation or in the middle of a write. Each time it is resumed; when it has come to its end, its files must be those of
 * the run that nobody killed. At length: `deno task kills --kills 1000 --device cpu --seed 1`.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readRunJson } from "../../src/metrics/run_json.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { programCommand } from "../cli/run_program.ts";
import { type DeathPlan, PLAN_VARIABLE } from "./preload.ts";
import { SeededRandom } from "../seeded_random.ts";
import { fillWorkplace, nextCommand, RESULTS, RUN } from "./tiny_run.ts";

export interface KillOptions {
  /** Kills to reach; the run that is being killed then is still brought to its end. */
  readonly kills: number;
  readonly seed: number;
  readonly device: "cpu" | "gpu";
  /** Only this chain of kills, from 0: to repeat a failure. */
  readonly chain?: number;
  /** Told of each life of a run. */
  readonly onLife?: (line: string) => void;
}

export interface KillReport {
  kills: number;
  afterOperations: number;
  tornWrites: number;
  atRandomMoments: number;
  /** Runs brought to their end and compared. */
  runs: number;
  /** Operations that change a file in a run that nobody kills. */
  operations: number;
}

/** How a life is meant to end. */
type Death = Pick<DeathPlan, "operation" | "torn"> | { readonly milliseconds: number };

interface Whole {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly operations: readonly string[];
  readonly milliseconds: number;
}

const PRELOAD = fileURLToPath(new URL("preload.ts", import.meta.url));

/** Kills and resumes until `kills` are reached; throws where a result differs, naming seed and chain. */
export async function killOverAndOver(options: KillOptions): Promise<KillReport> {
  const { kills, seed, device, chain: only, onLife = () => {} } = options;
  const home = await Deno.makeTempDir({ prefix: "epsilon-kills-" });
  try {
    const harness = new Harness(home, device);
    const whole = await harness.whole();
    const report: KillReport = {
      kills: 0,
      afterOperations: 0,
      tornWrites: 0,
      atRandomMoments: 0,
      runs: 0,
      operations: whole.operations.length,
    };
    for (let chain = only ?? 0; only === undefined ? report.kills < kills : chain === only; chain++) {
      try {
        await harness.chain(chain, new SeededRandom(seed * 1_000_003 + chain), whole, report, onLife);
      } catch (error) {
        throw new Error(
          `seed ${seed}, chain ${chain}: ${error instanceof Error ? error.message : error}\n` +
            `Again: deno task kills --device ${device} --seed ${seed} --chain ${chain}`,
          { cause: error },
        );
      }
      report.runs++;
    }
    return report;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

class Harness {
  constructor(readonly home: string, readonly device: KillOptions["device"]) {}

  /** A run that nobody kills. */
  async whole(): Promise<Whole> {
    const folder = await this.#workplace("whole");
    const log = join(this.home, "operations");
    // The first start compiles what later ones find in the caches of Deno and of the GPU's driver.
    await this.#liveOn(await this.#workplace("cold"));
    const begun = performance.now();
    await this.#liveOn(folder, { root: folder, operation: 0, torn: false, log });
    const milliseconds = performance.now() - begun;
    const operations = (await Deno.readTextFile(log)).trimEnd().split("\n");
    return { files: await results(folder), operations, milliseconds };
  }

  /** One run from its start to its end, killed on the way as often as `random` says. */
  async chain(
    chain: number,
    random: SeededRandom,
    whole: Whole,
    report: KillReport,
    onLife: (line: string) => void,
  ): Promise<void> {
    const folder = await this.#workplace(`chain-${chain}`);
    for (let life = 0;; life++) {
      const death = life === 0 ? firstDeath(chain, random, whole) : chooseDeath(random, whole);
      const killed = "operation" in death
        ? await this.#liveOn(folder, { root: folder, ...death })
        : await this.#liveOn(folder, undefined, death.milliseconds);
      onLife(`chain ${chain}, life ${life}: ${describe(death, whole)}: ${killed ? "killed" : "came to its end"}`);
      if (!killed) break;
      report.kills++;
      if (!("operation" in death)) report.atRandomMoments++;
      else if (death.torn) report.tornWrites++;
      else report.afterOperations++;
      await assertWholeFiles(folder);
    }
    await assertSameEnd(folder, whole.files);
    await Deno.remove(folder, { recursive: true });
  }

  async #workplace(name: string): Promise<string> {
    const folder = join(this.home, name);
    await Deno.mkdir(folder);
    await fillWorkplace(folder);
    return folder;
  }

  /** Starts or resumes the run in `folder`; returns whether the process was killed. Throws when it failed. */
  async #liveOn(folder: string, plan?: DeathPlan, milliseconds?: number): Promise<boolean> {
    const env = {
      XDG_CACHE_HOME: join(folder, "cache"),
      MESA_SHADER_CACHE_DIR: join(this.home, "shaders"),
      DENO_DIR: await denoFolder,
      ...plan === undefined ? {} : { [PLAN_VARIABLE]: JSON.stringify(plan) },
    };
    const child = programCommand(await nextCommand(folder, this.device), { env, stdout: "null" }, [
      "--preload",
      PRELOAD,
    ])
      .spawn();
    const timer = milliseconds === undefined ? undefined : setTimeout(() => tryKill(child), milliseconds);
    const [said, { code, signal }] = await Promise.all([new Response(child.stderr).text(), child.status]);
    clearTimeout(timer);
    assert.doesNotMatch(said, /^(?:warning|error):/m);
    if (signal === "SIGKILL") return true;
    assert.equal(code, 0, said);
    return false;
  }
}

function tryKill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has come to its end in this moment.
  }
}

/** First lives end by each operation in turn, far apart in successive chains; later ones mostly at any moment. */
function firstDeath(chain: number, random: SeededRandom, { operations: { length } }: Whole): Death {
  let stride = Math.round(0.618 * length);
  while (commonDivisor(stride, length) > 1) stride++;
  return { operation: 1 + (chain + 1) * stride % length, torn: random.chance(1 / 3) };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

function chooseDeath(random: SeededRandom, { operations, milliseconds }: Whole): Death {
  if (random.chance(0.7)) return { milliseconds: Math.round((0.2 + 0.9 * random.next()) * milliseconds) };
  return { operation: 1 + random.below(operations.length), torn: random.chance(1 / 3) };
}

function describe(death: Death, { operations }: Whole): string {
  if (!("operation" in death)) return `after ${death.milliseconds} ms`;
  const name = `operation ${death.operation} (in a first life: ${operations[death.operation - 1]})`;
  return death.torn ? `within ${name}` : `after ${name}`;
}

/** Whatever moment it was: a file that is there is whole. */
async function assertWholeFiles(folder: string): Promise<void> {
  const run = join(folder, RUN);
  const names = await Array.fromAsync(Deno.readDir(run), ({ name }) => name).catch((): string[] => []);
  if (names.includes("run.json")) await readRunJson(run);
  for (const name of names.filter((name) => /^(?:best|last)\.safetensors$/.test(name))) {
    await loadCheckpoint(join(run, name));
  }
}

async function assertSameEnd(folder: string, wanted: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const run = join(folder, RUN);
  for (const [name, bytes] of await results(folder)) assert.deepEqual(bytes, wanted.get(name), `${name} differs`);
  assert.equal((await readRunJson(run)).outcome, "finished");
  const names = await Array.fromAsync(Deno.readDir(run), ({ name }) => name);
  assert.deepEqual(names.toSorted(), [...RESULTS, "run.json", "timing.csv"].toSorted());
}

async function results(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of RESULTS) files.set(name, await Deno.readFile(join(folder, RUN, name)));
  return files;
}

/** Where Deno keeps packages: a program with a cache folder of its own must not fetch them again. */
const denoFolder: Promise<string> = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()
  .then(({ stdout }) => JSON.parse(new TextDecoder().decode(stdout)).denoDir);

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "1000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      device: { type: "string", default: "cpu" },
      chain: { type: "string" },
    },
  });
  const device = values.device === "gpu" ? "gpu" : "cpu";
  console.log(`${values.kills} kills on the ${device}, seed ${values.seed}`);
  const report = await killOverAndOver({
    kills: Number(values.kills),
    seed: Number(values.seed),
    device,
    ...values.chain === undefined ? {} : { chain: Number(values.chain) },
    onLife: console.log,
  });
  console.log(JSON.stringify(report));
}
