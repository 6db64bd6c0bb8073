import type { Engine } from "../engine/engine.ts";
import { precisionOf } from "../engine/precision.ts";
import { openEngine } from "../engine/open_engine.ts";
import { TOLERANCES, type VerificationRow, verifyGolden } from "../engine/verification.ts";
import { DataError, UsageError, VerificationError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { type Golden, goldenPaths, parseGolden, readGolden } from "../model/golden.ts";
import { learningRateAt } from "../train/schedule.ts";
import { warnOfPrecision } from "./half_precision.ts";
import { jsonDocument, type Terminal, visible, writeLast } from "./output.ts";
import type { VerifyContext } from "./verify.ts";

/** What was verified, and where. */
interface Verified {
  readonly device: string;
  readonly rows: readonly VerificationRow[];
}

/** The body of `epsilon verify`: golden values, unless a run is named. */
export async function verify(context: VerifyContext): Promise<number> {
  const { values, positionals: [run], terminal } = context;
  requireMeaning(context);
  if (run !== undefined) return await (await import("./verify_repetition.ts")).verifyRepetition(context, run);
  const verified = await verifyDevice(values, terminal);
  await writeLast(terminal, values.json ? jsonDocument(summary(verified)) : table(verified));
  requireAgreement(verified.rows);
  return 0;
}

/** Throws UsageError for an option that bears on the other of the two things that are verified. */
function requireMeaning({ origins, positionals: [run] }: VerifyContext): void {
  const idle = run === undefined ? ["steps", "data"] as const : ["goldens"] as const;
  const given = idle.find((key) => origins[key] === "flag");
  if (given === undefined) return;
  throw new UsageError(
    `Cannot use --${given} ${run === undefined ? "without" : "with"} a run`,
    run === undefined ? "Name the run folder that is to be repeated." : "Golden values are compared without one.",
  );
}

/** Throws VerificationError (exit code 5) that names the worst of the rows that fail, if any does. */
export function requireAgreement(rows: readonly VerificationRow[]): void {
  const failures = rows.filter(({ pass }) => !pass);
  if (failures.length === 0) return;
  const worst = failures.reduce((a, b) => excess(b) > excess(a) ? b : a);
  throw new VerificationError(
    `Verification failed: ${failures.length} of ${rows.length} values; the worst is ${worst.quantity} of ` +
      `${worst.file}, error ${shown(worst.error)}, tolerance ${shown(worst.tolerance)}`,
    "Run it with --device reference as well, to tell a fault of the device from one of the files.",
  );
}

type GoldenOptions = Pick<
  VerifyContext["values"],
  "goldens" | "tolerance" | "device" | "threads" | "numerics" | "adapter" | "precision"
>;

/** Computes all golden values on the device. Throws DataError when there is none, or a file is broken. */
export async function verifyDevice(
  { goldens, tolerance, device, threads, numerics, adapter, precision }: GoldenOptions,
  terminal: Terminal,
): Promise<Verified> {
  const rows: VerificationRow[] = [];
  let description = "";
  for await (const golden of readGoldens(goldens)) {
    const engine = await openEngine(golden.config, { device, threads, numerics, adapter, precision });
    if (description === "") warnOfPrecision(engine, { precision }, terminal);
    description = engine.description;
    rows.push(
      ...await verifyGolden(golden, () => Promise.resolve(engine), {
        tolerance: tolerance > 0 ? tolerance : allowedError(engine),
        learningRate: (step, { learningRate, warmupSteps, totalSteps }) =>
          learningRateAt(step, { peak: learningRate, warmupSteps, totalSteps }),
      }),
    );
  }
  if (rows.length === 0) {
    throw new DataError(
      `Cannot verify: no golden file in ${printable(goldens ?? "the program")}`,
      "Give a folder with golden files of kind epsilon, trajectory or vanilla.",
    );
  }
  return { device: description, rows };
}

function allowedError({ kind, arithmetic }: Engine): number {
  if (kind === "reference") return TOLERANCES.float64;
  return precisionOf(arithmetic) === "f16" ? TOLERANCES.float16 : TOLERANCES.float32;
}

async function* readGoldens(folder: string | undefined): AsyncGenerator<Golden> {
  if (folder === undefined) {
    const { BUILT_IN_GOLDENS } = await import("./built_in_goldens.ts");
    for (const [file, text] of BUILT_IN_GOLDENS) yield parseGolden(text, file);
    return;
  }
  for (const path of await goldenPaths(folder)) yield await readGolden(path);
}

function summary({ device, rows }: Verified): Record<string, unknown> {
  return { device, pass: rows.every(({ pass }) => pass), values: rows };
}

/** The worst row of each quantity over all files, in the order of their first appearance. */
function worstByQuantity(rows: readonly VerificationRow[]): VerificationRow[] {
  const worst = new Map<string, VerificationRow>();
  for (const row of rows) {
    const before = worst.get(row.quantity);
    if (before === undefined || excess(row) > excess(before)) worst.set(row.quantity, row);
  }
  return [...worst.values()];
}

function table({ device, rows }: Verified): string {
  const worst = worstByQuantity(rows);
  const width = Math.max(...worst.map(({ quantity }) => quantity.length));
  const lines = worst.map(({ quantity, error, tolerance, file, pass }) =>
    [quantity.padEnd(width), shown(error), shown(tolerance), pass ? "ok  " : "FAIL", visible(file)].join("  ")
  );
  const files = new Set(rows.map(({ file }) => file)).size;
  const failures = rows.filter(({ pass }) => !pass).length;
  return [
    ["worst error of".padEnd(width), "error  ", "allowed", "    ", "file"].join("  "),
    ...lines,
    `${rows.length - failures} of ${rows.length} values of ${files} files agree on ${device}`,
    "",
  ].join("\n");
}

/** How far a row is beyond its tolerance; an error that is no number is the farthest. */
function excess({ error, tolerance }: VerificationRow): number {
  return Number.isNaN(error) ? Infinity : error - tolerance;
}

function shown(value: number): string {
  return value.toExponential(1).padEnd("1.0e-10".length);
}
