/**
 * `deno task ok`: format, lint, types and tests. A check that fails does not keep the later ones from running. The last
 * line is `N passed, N failed`, with `, N skipped` where tests were; each of the first three checks counts as one.
 */
import { stripVTControlCharacters } from "node:util";

/** What a check came to. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const CHECKS: readonly (readonly string[])[] = [["fmt", "--check"], ["lint"], ["check", "--frozen"]];
const TESTS = ["task", "test"];

/** The test runner's own last summary, or undefined where it printed none. */
export function testSummary(output: string): Tally | undefined {
  const line = /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(.*)$/gm;
  const last = [...stripVTControlCharacters(output).matchAll(line)].at(-1);
  if (last === undefined) return undefined;
  return {
    passed: Number(last[1]),
    failed: Number(last[2]),
    skipped: Number(/\| (\d+) ignored/.exec(last[3])?.[1] ?? 0),
  };
}

/** What the test runner's output and exit code say: a run that broke off without telling a failure is one. */
export function testTally(output: string, succeeded: boolean): Tally {
  const tally = testSummary(output) ?? { passed: 0, failed: 0, skipped: 0 };
  return succeeded && tally.passed > 0 ? tally : { ...tally, failed: Math.max(1, tally.failed) };
}

/** The sum of several tallies as one line. */
export function summaryLine(tallies: readonly Tally[]): string {
  const sum = (key: keyof Tally) => tallies.reduce((total, tally) => total + tally[key], 0);
  const skipped = sum("skipped");
  return `${sum("passed")} passed, ${sum("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

async function runCheck(args: readonly string[]): Promise<Tally> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" }).spawn();
  const { success } = await child.status;
  console.log(`deno ${args.join(" ")}: ${success ? "ok" : "FAILED"}`);
  return { passed: success ? 1 : 0, failed: success ? 0 : 1, skipped: 0 };
}

async function runTests(): Promise<Tally> {
  const child = new Deno.Command(Deno.execPath(), { args: TESTS, stdin: "null", stdout: "piped" }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const piece of child.stdout) {
    output += decoder.decode(piece, { stream: true });
    for (let written = 0; written < piece.length;) written += Deno.stdout.writeSync(piece.subarray(written));
  }
  return testTally(output, (await child.status).success);
}

if (import.meta.main) {
  const tallies: Tally[] = [];
  for (const args of CHECKS) tallies.push(await runCheck(args));
  tallies.push(await runTests());
  console.log(summaryLine(tallies));
  Deno.exit(tallies.some(({ failed }) => failed > 0) ? 1 : 0);
}
