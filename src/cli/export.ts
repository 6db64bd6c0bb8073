import { writeFileAtomically } from "../files/atomic.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { switchOption, textOption } from "./option.ts";

const OPTIONS = {
  wide: switchOption({ description: "one column for each metric instead of one row for each value" }),
  out: textOption({
    placeholder: "file",
    description: "file to write; JSON lines when it ends in .jsonl",
    shownDefault: "standard output",
  }),
  json: switchOption({ description: "JSON lines instead of CSV" }),
};

/** `epsilon export`: the metrics of runs as one table. */
export const exportCommand = defineCommand({
  name: "export",
  summary: "join the metrics of runs into one CSV or JSON lines file",
  description: "Joins metrics.csv and timing.csv of one or many runs into one table, ordered by run and step.",
  positionals: [{ name: "runs", description: "run folders", required: true, variadic: true }],
  options: OPTIONS,
  examples: ["epsilon export runs/a runs/b > all.csv", "epsilon export runs/a --wide --out a.jsonl"],
  run: exportMetrics,
});

async function exportMetrics({ values, positionals, terminal }: CommandContext<typeof OPTIONS>): Promise<number> {
  const { exportRuns } = await import("../metrics/export.ts");
  const pieces = exportRuns(positionals, {
    format: values.json || values.out?.toLowerCase().endsWith(".jsonl") ? "jsonl" : "csv",
    wide: values.wide,
    onUnfinishedLine: (path) => terminal.warn(`${path} ends in a half-written line, which is left out.`),
  });
  if (values.out === undefined) {
    for await (const piece of pieces) await terminal.write(piece);
  } else {
    await writeFileAtomically(values.out, encoded(pieces));
  }
  return 0;
}

async function* encoded(pieces: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const piece of pieces) yield encoder.encode(piece);
}
