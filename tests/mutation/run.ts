/**
 * The mutation check: `deno task mutation`. Breaks every backward kernel in one place at a time, and requires that the
 * agreement suite notices. All mutants are compiled into one module, in which a word of memory chooses the living one.
 * Exit code 1 when a mutant survives that EQUIVALENT does not explain, or when it explains one that does not survive.
 */
import { ALL_CASES } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { disagreements, type ExpectedCase, expectedCase } from "../engine/agreement.ts";
import { transientStart } from "../engine/cpu_harness.ts";
import { EQUIVALENT, keyOf } from "./equivalent.ts";
import { compileMutants, mutateKernels, wake } from "./kernels.ts";

/** Bytes behind the model that are filled with NaN before each call, so that no dropped statement finds an old result. */
const POISONED_BYTES = 2 ** 20;
const POISON = 0xffffffff;

/** A case that looks for mutants. */
class Judge {
  readonly #expected: ExpectedCase;
  readonly #module: WebAssembly.Module;
  #engine: CpuEngine | undefined;
  #memory: WebAssembly.Memory | undefined;

  constructor(expected: ExpectedCase, module: WebAssembly.Module) {
    this.#expected = expected;
    this.#module = module;
  }

  /** Whether this case fails while mutant `id` lives. */
  async notices(id: number): Promise<boolean> {
    const engine = this.#engine ?? await this.#open();
    this.#wake(id);
    try {
      return (await disagreements(this.#poisoning(engine), this.#expected)).length > 0;
    } catch {
      await this.close();
      return true;
    } finally {
      this.#wake(0);
    }
  }

  async close(): Promise<void> {
    await this.#engine?.close();
    this.#engine = undefined;
  }

  async #open(): Promise<CpuEngine> {
    const onMemory = (memory: WebAssembly.Memory) => void (this.#memory = memory);
    const options = { threads: 1, module: this.#module, onMemory };
    return this.#engine = await CpuEngine.open(this.#expected.built.config, options);
  }

  #wake(id: number): void {
    if (this.#memory !== undefined) wake(this.#memory, id);
  }

  #poisoning(engine: Engine): Engine {
    const start = transientStart(this.#expected.built);
    const poisoned = <T>(call: () => Promise<T>) => {
      if (this.#memory !== undefined) new Uint32Array(this.#memory.buffer, start, POISONED_BYTES / 4).fill(POISON);
      return call();
    };
    return {
      kind: engine.kind,
      description: engine.description,
      arithmetic: engine.arithmetic,
      upload: (state) => engine.upload(state),
      download: () => engine.download(),
      trainStep: (batch, settings) => poisoned(() => engine.trainStep(batch, settings)),
      gradient: (batch, settings) => poisoned(() => engine.gradient(batch, settings)),
      predict: (batch, settings) => poisoned(() => engine.predict(batch, settings)),
      trace: (batch) => poisoned(() => engine.trace(batch)),
      close: () => engine.close(),
    };
  }
}

const started = performance.now();
const mutated = await mutateKernels();
const module = await compileMutants(mutated);
// Small cases first: most mutants are found at once.
const size = ({ lengths, config }: typeof ALL_CASES[number]) =>
  lengths.reduce((sum, length) => sum + length, 0) * config.dModel * config.maxLayers;
const judges: Judge[] = [];
for (const agreement of [...ALL_CASES].sort((a, b) => size(a) - size(b))) {
  const judge = new Judge(await expectedCase(agreement), module);
  if (await judge.notices(0)) throw new Error(`Without a mutant the engine fails: ${agreement.name}`);
  judges.push(judge);
}
console.log(`${mutated.mutants.length} mutants in ${mutated.kernels.length} kernels, ${judges.length} cases`);

let killed = 0, explained = 0;
const survivors: string[] = [];
const unused = new Set(Object.keys(EQUIVALENT));
for (const mutant of mutated.mutants) {
  let found = false;
  for (const judge of judges) {
    if (!await judge.notices(mutant.id)) continue;
    found = true;
    // What a mutant left behind must not count against the next one.
    if (await judge.notices(0)) await judge.close();
    break;
  }
  const key = keyOf(mutant);
  if (found) killed++;
  else if (EQUIVALENT[key] !== undefined) {
    explained++;
    unused.delete(key);
  } else survivors.push(`${mutant.file}:${mutant.line}: ${key}`);
}
for (const judge of judges) await judge.close();

for (const survivor of survivors) console.log(`survives: ${survivor}`);
for (const key of unused) console.log(`explained without need: ${key}`);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(`${killed} noticed, ${explained} equivalent, ${survivors.length} survive, ${seconds} s`);
if (survivors.length > 0 || unused.size > 0) Deno.exit(1);
