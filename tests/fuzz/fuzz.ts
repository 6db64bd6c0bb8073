/**
 * Feeds every reader with inputs that are broken at random. Nothing but an EpsilonError of one clear line may come out;
 * no input may take 2 s of processor time or more than ten times its size in memory; what is accepted must be the same
 * when it is written and read again. `deno task fuzz --inputs 1000000 --seed 7`; a failure prints the case that repeats it.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeFailure } from "../../src/cli/errors.ts";
import { EpsilonError } from "../../src/errors.ts";
import { SeededRandom } from "../seeded_random.ts";
import { AllocationMeter } from "./allocation_meter.ts";
import { Mutator } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";
import { ARCHIVES } from "./targets/archives.ts";
import { JSON_FILES, TOML_FILES } from "./targets/configuration.ts";
import { PREPARED_FILES } from "./targets/prepared.ts";
import { INSTRUMENT_FILES, METRICS, PAUSED_RUNS, RUN_RECORDS } from "./targets/run_folders.ts";
import { SAFETENSORS } from "./targets/safetensors.ts";
import { CSV_TABLES, JSON_LINES, PLAIN_LINES } from "./targets/tables.ts";
import { TOKENIZER_FILES, VOCABULARY_TEXTS } from "./targets/vocabularies.ts";
import { Watchdog } from "./watchdog.ts";

const TARGETS: readonly FuzzTarget[] = [
  SAFETENSORS,
  CSV_TABLES,
  JSON_LINES,
  PLAIN_LINES,
  TOML_FILES,
  JSON_FILES,
  ARCHIVES,
  VOCABULARY_TEXTS,
  TOKENIZER_FILES,
  RUN_RECORDS,
  METRICS,
  INSTRUMENT_FILES,
  PAUSED_RUNS,
  PREPARED_FILES,
];

/** Inputs after each of which a look at the process's memory would take as long as reading them. */
const BLOCK = 32;

/** Longest message that is still one clear line. */
const LONGEST_MESSAGE = 1000;

interface Tally {
  inputs: number;
  accepted: number;
  refused: number;
  processorSeconds: number;
}

/** Reads inputs and judges what comes out. */
class Fuzzer {
  readonly tallies = new Map<string, Tally>();
  readonly failures: string[] = [];
  readonly meter = new AllocationMeter();
  /** Whose inputs the block has. */
  #target = "";
  /** Bytes of the largest input of the block. */
  #largest = 0;
  /** What readers or their libraries wrote to the console, which is no place of theirs. */
  #printed = "";

  constructor(readonly seed: number, readonly folder: string, readonly watchdog: Watchdog) {
    for (const method of ["warn", "error", "info", "debug"] as const) {
      console[method] = (...parts: unknown[]) => void (this.#printed += `${parts.map(String).join(" ")}\n`);
    }
  }

  /** The input of a case, the same each time. */
  async input(target: FuzzTarget, index: number): Promise<Uint8Array<ArrayBuffer>> {
    const random = new SeededRandom(hash(`${target.name}:${this.seed}:${index}`));
    const mutator = new Mutator(random, target.words, target.examples);
    const made = target.generate !== undefined && random.chance(0.5)
      ? await target.generate(mutator)
      : mutator.mutate(random.pick(target.examples));
    return made.slice();
  }

  async run(target: FuzzTarget, index: number): Promise<void> {
    const name = `${target.name}:${this.seed}:${index}`;
    const input = await this.input(target, index);
    const tally = this.tallies.get(target.name) ?? { inputs: 0, accepted: 0, refused: 0, processorSeconds: 0 };
    this.tallies.set(target.name, tally);
    if (index % BLOCK === 0 || this.#target !== target.name) {
      this.#target = target.name;
      this.meter.beginBlock();
      this.#largest = 0;
    }
    this.#largest = Math.max(this.#largest, input.length);
    const begun = this.watchdog.begin(name);
    this.meter.begin();
    this.#printed = "";
    let fault: string | undefined;
    try {
      await target.read(input, this.folder);
      tally.accepted++;
    } catch (error) {
      fault = faultOf(error);
      if (fault === undefined) tally.refused++;
    }
    fault ??= this.meter.excess(input.length);
    if (this.#printed !== "") fault ??= `printed ${JSON.stringify(this.#printed.slice(0, 300))}`;
    if (index % BLOCK === BLOCK - 1) fault ??= this.meter.growth(this.#largest);
    const seconds = this.watchdog.end(begun);
    tally.inputs++;
    tally.processorSeconds += seconds;
    if (fault !== undefined) this.failures.push(`${name}: ${fault}`);
  }
}

/** What is wrong with an error that left a reader; undefined when it is as it must be. */
function faultOf(error: unknown): string | undefined {
  if (!(error instanceof EpsilonError)) {
    return `threw ${error instanceof Error ? error.stack : String(error)}`.slice(0, 1500);
  }
  const { line } = describeFailure(error);
  for (const [part, text] of [["message", error.message], ["hint", error.hint], ["line", line]]) {
    if (text === "" || /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u.test(text)) {
      return `its ${part} is no clear line: ${JSON.stringify(text)}`;
    }
  }
  if (!/^Cannot \S/.test(line)) return `its message does not say what failed: ${JSON.stringify(line)}`;
  return line.length > LONGEST_MESSAGE
    ? `its message has ${line.length} characters: ${JSON.stringify(line.slice(0, 300))}`
    : undefined;
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value;
}

/** Rounds in each of which every target has its turn, so that a run that is stopped early has seen all of them. */
const ROUNDS = 50;

/** Inputs of each target, in the proportion of their weights, round by round. */
function* plan(inputs: number): Generator<[target: FuzzTarget, index: number, round: number]> {
  const total = TARGETS.reduce((sum, { weight }) => sum + weight, 0);
  for (let round = 0; round < ROUNDS; round++) {
    for (const target of TARGETS) {
      const share = Math.ceil(inputs * target.weight / total);
      const end = Math.ceil(share * (round + 1) / ROUNDS);
      for (let index = Math.ceil(share * round / ROUNDS); index < end; index++) yield [target, index, round];
    }
  }
}

async function repeat(text: string, folder: string, watchdog: Watchdog): Promise<Fuzzer> {
  const [, name, seed, index] = /^(.+):(\d+):(\d+)$/.exec(text) ?? [];
  const target = TARGETS.find((own) => own.name === name);
  if (target === undefined) {
    throw new RangeError(`case ${text}, wanted TARGET:SEED:INDEX of ${TARGETS.map((own) => own.name).join(", ")}`);
  }
  const fuzzer = new Fuzzer(Number(seed), folder, watchdog);
  const input = await fuzzer.input(target, Number(index));
  console.log(
    `input of ${input.length} bytes: ${JSON.stringify(new TextDecoder("latin1").decode(input.subarray(0, 2000)))}`,
  );
  await fuzzer.run(target, Number(index));
  return fuzzer;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "1000000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      target: { type: "string" },
      case: { type: "string" },
    },
  });
  // In memory where the system has a place for that: a disk would be worn by millions of small files.
  const memory = await Deno.stat("/dev/shm").then(({ isDirectory }) => isDirectory, () => false);
  const folder = await Deno.makeTempDir({ prefix: "epsilon-fuzz-", ...memory ? { dir: "/dev/shm" } : {} });
  using watchdog = await Watchdog.start();
  try {
    let fuzzer: Fuzzer;
    if (values.case !== undefined) {
      fuzzer = await repeat(values.case, folder, watchdog);
    } else {
      fuzzer = new Fuzzer(Number(values.seed), folder, watchdog);
      console.log(`${values.inputs} inputs, seed ${values.seed}`);
      let stopped = false, last = 0;
      for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stopped = true);
      for (const [target, index, round] of plan(Number(values.inputs))) {
        if (stopped) break;
        if (round > last && round % 10 === 0) {
          console.log(`${round} of ${ROUNDS} rounds, ${fuzzer.failures.length} failed`);
        }
        last = round;
        if (values.target === undefined || values.target === target.name) await fuzzer.run(target, index);
      }
    }
    for (const [name, tally] of fuzzer.tallies) console.log(`${name}: ${JSON.stringify(tally)}`);
    const inputs = [...fuzzer.tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0);
    console.log(
      `${inputs} inputs, ${fuzzer.failures.length} failed; slowest ${watchdog.slowest}; ${fuzzer.meter.largest}`,
    );
    for (const failure of fuzzer.failures.slice(0, 25)) {
      console.log(`${failure}\nAgain: deno task fuzz --case '${/^.+?:\d+:\d+/.exec(failure)?.[0]}'`);
    }
    Deno.exitCode = fuzzer.failures.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(join(folder), { recursive: true });
  }
}
