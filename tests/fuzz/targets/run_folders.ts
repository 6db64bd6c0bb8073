import assert from "node:assert/strict";
import { join } from "node:path";
import { EpsilonError } from "../../../src/errors.ts";
import { exportRuns } from "../../../src/metrics/export.ts";
import { cutInstrumentTables, instrumentHeader, readInstrumentRows } from "../../../src/metrics/instrument_csv.ts";
import { formatMetricRow, METRICS_HEADER, readMetrics } from "../../../src/metrics/metrics_csv.ts";
import { PausedRun } from "../../../src/metrics/paused_run.ts";
import { readPredictions } from "../../../src/metrics/predictions_csv.ts";
import { recordRun } from "../../../src/metrics/record_run.ts";
import { readRunJson, writeRunJson } from "../../../src/metrics/run_json.ts";
import { compareRuns } from "../../../src/report/comparison/comparison.ts";
import { comparisonCsv } from "../../../src/report/comparison/records.ts";
import { REPORT_INSTRUMENTS } from "../../../src/report/report.ts";
import { readRuns } from "../../../src/report/run.ts";
import { createRun, inFolder, madeEvents, START } from "../../metrics/made_run.ts";
import type { Mutator } from "../mutate.ts";
import { bytesOf, type FuzzTarget } from "../target.ts";

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The files of a run that was closed after its first checkpoints. */
const FILES: Files = await madeFiles();
const RUN_JSON = file("run.json");
const INSTRUMENTS = {
  "bins.csv":
    "run,step,epoch,split,head,block_step,metric,value\nr,3,1,validation,0,1,active,3\nr,3,1,validation,1,2,entropy,1.5\n",
  "halting.csv": "run,step,epoch,split,token_class,steps,tokens\nr,3,1,validation,all,1,20\nr,3,1,validation,all,2,5\n",
  "tokens.csv":
    'run,step,epoch,split,review,label,predicted,position,token,steps\nr,3,1,validation,0,0,1,0,[CLS],2\nr,3,1,validation,0,0,1,1,"a,b",1\n',
  "predictions.csv": `run,step,epoch,split,data,review,label,predicted,probability\nr,3,1,validation,${
    "1".repeat(12)
  },0,1,1,0.75\nr,3,1,validation,${"1".repeat(12)},1,0,,\n`,
};

async function madeFiles(): Promise<Files> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  await inFolder(async (folder) => {
    {
      await using run = await createRun(`${folder}/run`);
      let events = 0;
      for await (const _ of recordRun(madeEvents(), run)) if (++events === 8) break;
    }
    for await (const { name } of Deno.readDir(`${folder}/run`)) {
      files.set(name, await Deno.readFile(`${folder}/run/${name}`));
    }
  });
  return files;
}

function file(name: string): Uint8Array<ArrayBuffer> {
  const bytes = FILES.get(name);
  if (bytes === undefined) throw new RangeError(`a made run has no ${name}`);
  return bytes;
}

/** A new folder `run` below `folder` with `files`. */
async function fill(folder: string, files: Iterable<readonly [string, string | Uint8Array]>): Promise<string> {
  const run = join(folder, "run");
  await Deno.remove(run, { recursive: true }).catch(() => {});
  await Deno.mkdir(run);
  for (const [name, content] of files) {
    if (typeof content === "string") Deno.writeTextFileSync(join(run, name), content);
    else Deno.writeFileSync(join(run, name), content);
  }
  return run;
}

const ROW_WORDS = ["run", ",", "\n", "train", "validation", "test", "loss", "accuracy", "1", "0.5", '"', "r"];

export const RUN_RECORDS: FuzzTarget = {
  name: "run.json",
  weight: 2,
  words: [...Object.keys(START), "epsilon-run", "finished", "running", "{", "}", "null", '"'],
  examples: [RUN_JSON],
  generate: (mutator) =>
    new TextEncoder().encode(JSON.stringify(mutator.mutateJson(JSON.parse(new TextDecoder().decode(RUN_JSON))))),
  async read(input, folder) {
    const run = await fill(folder, [["run.json", input]]);
    const record = await readRunJson(run);
    await writeRunJson(run, record);
    // JSON knows no negative zero.
    assert.equal(JSON.stringify(await readRunJson(run)), JSON.stringify(record));
  },
};

/** Rows of the right kinds, and what is wrong in one of them. */
function madeMetrics(mutator: Mutator): Uint8Array {
  const { random } = mutator;
  const rows = Array.from({ length: random.below(20) }, (_, i) => {
    const cells = [
      random.chance(0.95) ? "r" : mutator.word(),
      String(random.chance(0.9) ? i : random.below(5)),
      random.pick(["", "", "1", "2"]),
      random.pick(["train", "validation"]),
      random.pick(["loss", "accuracy", "grad_norm", "own_metric"]),
      random.pick(["0.5", "", "-1e-7", "1e300", "5e-324"]),
    ];
    if (random.chance(0.03)) cells[random.below(6)] = mutator.word();
    return `${cells.join(",")}\n`;
  });
  return new TextEncoder().encode(METRICS_HEADER + rows.join("") + (random.chance(0.1) ? "r,99,,tr" : ""));
}

export const METRICS: FuzzTarget = {
  name: "metrics.csv",
  weight: 0.6,
  words: ROW_WORDS,
  examples: [file("metrics.csv"), file("timing.csv")],
  generate: madeMetrics,
  async read(input, folder) {
    const run = await fill(folder, [["metrics.csv", input]]);
    const path = join(run, "metrics.csv");
    const rows = await Array.fromAsync(readMetrics(path));
    for (const wide of [false, true]) {
      const text = (await Array.fromAsync(exportRuns([run], { format: wide ? "jsonl" : "csv", wide }))).join("");
      assert.doesNotMatch(text, /(?:^|[\n,])"?[=+@\t]./, "a formula");
    }
    Deno.writeTextFileSync(path, METRICS_HEADER + rows.map(formatMetricRow).join(""));
    assert.deepEqual(await Array.fromAsync(readMetrics(path)), rows);
  },
};

/** One of the instruments' tables; its name stands in the first line of the input. */
export const INSTRUMENT_FILES: FuzzTarget = {
  name: "instruments",
  weight: 0.5,
  words: [...ROW_WORDS, ...Object.keys(INSTRUMENTS), "all", "active", "[CLS]"],
  examples: bytesOf(...Object.entries(INSTRUMENTS).map(([name, text]) => `${name}\n${text}`)),
  async read(input, folder) {
    const end = input.indexOf(0x0a);
    const name = new TextDecoder().decode(input.subarray(0, Math.max(0, end)));
    const table = Object.keys(INSTRUMENTS).find((own) => own === name) ?? "bins.csv";
    const content = input.subarray(end + 1);
    const run = await fill(folder, [["run.json", RUN_JSON], ["metrics.csv", file("metrics.csv")], [table, content]]);
    const runs = await readRuns([run], { instruments: REPORT_INSTRUMENTS, steps: true });
    for (const note of runs.flatMap(({ notes }) => notes)) assertOneLine(note);
    const comparison = await compareRuns(runs);
    for (const note of comparison.notes) assertOneLine(note);
    comparisonCsv(comparison);
    if (table === "predictions.csv") {
      for await (const { label } of readPredictions(join(run, table))) assert.ok(label >= 0);
    } else {
      const kind = table.replace(".csv", "") as "bins" | "halting" | "tokens";
      const rows = await readInstrumentRows(run, kind);
      await cutInstrumentTables(run, { step: 2 ** 53, epoch: 2 ** 53 });
      const kept = await readInstrumentRows(run, kind) ?? [];
      assert.ok(kept.every((row) => rows?.includes(row)));
      assert.ok((await Deno.readTextFile(join(run, table))).startsWith(instrumentHeader(kind)));
    }
  },
};

/** A run folder of which one file is broken or gone, as lines `NAME\n` before its bytes. */
export const PAUSED_RUNS: FuzzTarget = {
  name: "paused",
  weight: 0.5,
  words: [...ROW_WORDS, "metrics_rows", "timing_rows", "position", "step", "sums"],
  examples: [...FILES].map(([name, bytes]) => Uint8Array.from([...new TextEncoder().encode(`${name}\n`), ...bytes])),
  async read(input, folder) {
    const end = input.indexOf(0x0a);
    const name = new TextDecoder().decode(input.subarray(0, Math.max(0, end)));
    const broken = FILES.has(name) ? [[name, input.subarray(end + 1)] as const] : [];
    const whole = [...FILES].filter(([own]) => broken.length > 0 || own !== "last.safetensors");
    const run = await fill(folder, [...whole, ...broken]);
    const before = await contents(run);
    let position: unknown;
    try {
      await using paused = await PausedRun.open(run);
      position = paused.resumePoint?.position;
    } catch (error) {
      if (error instanceof EpsilonError) {
        assert.deepEqual(await contents(run), before, "what is refused must stay as it is");
      }
      throw error;
    }
    {
      await using paused = await PausedRun.open(run);
      await using _folder = await paused.resume({ codeVersion: "0.1.0", device: "reference" });
    }
    await using again = await PausedRun.open(run);
    assert.deepEqual(again.resumePoint?.position, position);
  },
};

async function contents(run: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(run)) {
    found.set(name, new TextDecoder("latin1").decode(Deno.readFileSync(join(run, name))));
  }
  return new Map([...found].toSorted());
}

function assertOneLine(text: string): void {
  assert.match(text, /^[^\p{Cc}\u2028\u2029]+$/u);
}
