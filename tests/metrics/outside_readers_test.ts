import assert from "node:assert/strict";
import { join } from "node:path";
import { exportRuns } from "../../src/metrics/export.ts";
import { formatMetricRow, METRICS_HEADER } from "../../src/metrics/metrics_csv.ts";
import { withFolder } from "../cli/run_program.ts";

/** A program that reads CSV: given a file and a column, it prints each value with 17 digits, `nan` where it is missing. */
interface Reader {
  readonly name: string;
  readonly program: string;
  /** Ends with success where the reader is installed. */
  readonly probe: readonly string[];
  readonly read: (path: string, column: string) => readonly string[];
  /** Most steps between neighbouring doubles by which a value may be off. */
  readonly off: bigint;
}

const PANDAS = `import sys, pandas
values = pandas.read_csv(sys.argv[1], float_precision="round_trip")[sys.argv[2]]
print("\\n".join("nan" if value != value else repr(float(value)) for value in values))`;

const R = `given <- commandArgs(TRUE)
values <- read.csv(given[1])[[given[2]]]
cat(ifelse(is.na(values), "nan", sprintf("%.17g", values)), sep = "\\n")`;

const GNUPLOT = (path: string, column: string) =>
  `set datafile separator ","; set table; plot "${path}" using (sprintf("%.17g", column("${column}"))) with table`;

const READERS: readonly Reader[] = [
  ...["python3", "/usr/bin/python3"].map((program): Reader => ({
    name: "pandas",
    program,
    probe: ["-c", "import pandas"],
    read: (path, column) => ["-c", PANDAS, path, column],
    off: 0n,
  })),
  {
    name: "R",
    program: "Rscript",
    probe: ["--version"],
    read: (path, column) => ["-e", R, path, column],
    // R reads decimals by a method of its own, which rounds the last place wrongly now and then.
    off: 1n,
  },
  {
    name: "gnuplot",
    program: "gnuplot",
    probe: ["--version"],
    read: (path, column) => ["-e", GNUPLOT(path, column)],
    off: 0n,
  },
];

const STEPS = 2000;

/** Doubles of every size, with their signs, and the ends of the range; null now and then. */
function values(): (number | null)[] {
  const view = new DataView(new ArrayBuffer(8));
  let state = 42n;
  const random = Array.from({ length: STEPS - 6 }, (_, i) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    view.setBigUint64(0, state);
    const wild = view.getFloat64(0);
    if (i % 7 === 0) return null;
    return i % 2 === 0 && Number.isFinite(wild) ? wild : Number(state >> 11n) / 2 ** 53;
  });
  return [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 ** 53 + 2, -1e21, 1e-7, ...random];
}

async function runs(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: [...args], stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Doubles as integers in their order, so that neighbours differ by one. */
function rank(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigInt64(0);
  return bits < 0n ? -(bits & 0x7fff_ffff_ffff_ffffn) : bits;
}

for (const name of ["pandas", "R", "gnuplot"]) {
  const candidates = READERS.filter((reader) => reader.name === name);
  const installed = [];
  for (const reader of candidates) if (await runs(reader.program, reader.probe) !== undefined) installed.push(reader);
  const [reader] = installed;
  const exactly = candidates[0].off === 0n ? "exactly" : "to the last place";
  const reason = reader === undefined ? ` (skipped: ${name} is not installed)` : "";
  Deno.test({
    name: `${name} reads a wide export ${exactly}, missing values as missing${reason}`,
    ignore: reader === undefined,
    fn: async () => {
      await withFolder(async (folder) => {
        const wanted = values();
        const row = { run: "a", epoch: null, split: "train" as const };
        const rows = wanted.flatMap((value, step) => [
          formatMetricRow({ ...row, step, metric: "loss", value }),
          formatMetricRow({ ...row, step, metric: "grad_norm", value: step }),
        ]);
        await Deno.writeTextFile(join(folder, "metrics.csv"), METRICS_HEADER + rows.join(""));
        const path = join(folder, "wide.csv");
        const wide = await Array.fromAsync(exportRuns([folder], { format: "csv", wide: true }));
        await Deno.writeTextFile(path, wide.join(""));
        const printed = await runs(reader.program, reader.read(path, "loss"));
        const found = (printed ?? "").trim().split("\n").map((text) => text.trim());
        assert.equal(found.length, wanted.length);
        wanted.forEach((value, step) => {
          if (value === null) return assert.match(found[step], /^nan$/i, `step ${step}`);
          const distance = rank(Number(found[step])) - rank(value);
          assert.ok(distance <= reader.off && -distance <= reader.off, `step ${step}: ${value}, found ${found[step]}`);
        });
      });
    },
  });
}
