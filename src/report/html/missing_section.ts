import type { Chart } from "../charts/chart.ts";
import type { ReportRun } from "../run.ts";
import { type Markup, markup } from "./markup.ts";

/** Entries, and runs of an entry, that are told one by one. */
const MOST = 20;

/** What is broken in the runs' folders, and what they lack to be in every chart; undefined when there is nothing. */
export function missingSection(runs: readonly ReportRun[], charts: readonly Chart[]): Markup | undefined {
  const runsOf = new Map<string, string[]>();
  for (const run of runs) {
    for (const line of new Set([...run.notes, ...charts.flatMap((chart) => chart.lack(run) ?? [])])) {
      const labels = runsOf.get(line);
      if (labels === undefined) runsOf.set(line, [run.label]);
      else labels.push(run.label);
    }
  }
  if (runsOf.size === 0) return undefined;
  const entries = [...runsOf];
  return markup`<p>What a run does not have is not shown above.</p>
<ul>${entries.slice(0, MOST).map(([line, labels]) => markup`<li>${names(labels, runs.length)}: ${line}</li>`)}</ul>
${entries.length > MOST ? markup`<p>And ${entries.length - MOST} more such lines.</p>` : null}`;
}

function names(labels: readonly string[], runs: number): string {
  if (labels.length === runs && runs > 1) return "all runs";
  const beyond = labels.length - MOST;
  return `${labels.slice(0, MOST).join(", ")}${beyond > 0 ? ` and ${beyond} more` : ""}`;
}
