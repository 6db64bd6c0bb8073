import { basename, dirname, join } from "node:path";
import { UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { makeFolder } from "../files/make_folder.ts";
import { printable } from "../files/printable.ts";
import { makeReport, MOST_RUNS_WITH_STEPS, REPORT_INSTRUMENTS } from "../report/report.ts";
import { readRuns } from "../report/run.ts";
import { jsonDocument } from "./output.ts";
import type { ReportContext } from "./report.ts";

/** The body of `epsilon report`. */
export async function report({ values, positionals, terminal }: ReportContext): Promise<number> {
  const out = values.out ?? "report.html";
  if (!/\.html?$/i.test(out)) {
    throw new UsageError(`Cannot write a report as ${printable(out)}`, "Give a file that ends in .html.");
  }
  const runs = await readRuns(positionals, {
    instruments: REPORT_INSTRUMENTS,
    steps: positionals.length <= MOST_RUNS_WITH_STEPS,
  });
  for (const { notes } of runs) for (const note of notes) terminal.warn(`${note}.`);
  const title = values.title ?? (runs.length === 1 ? runs[0].label : `${runs.length} runs`);
  const folder = `${basename(out).replace(/\.html?$/i, "")}-charts`;
  const { page, specifications } = await makeReport(runs, { title, folder });
  const beside = join(dirname(out), folder);
  if (specifications.size > 0) await makeFolder(beside);
  for (const [name, text] of specifications) await writeFileAtomically(join(beside, name), text);
  await writeFileAtomically(out, page);
  if (values.json) {
    const files = [...specifications.keys()].map((name) => join(beside, name));
    await terminal.write(
      jsonDocument({ page: out, title, runs: runs.map(({ label }) => label), specifications: files }),
    );
  } else {
    terminal.say(`Wrote ${out} and ${specifications.size} specifications in ${beside}`);
  }
  return 0;
}
