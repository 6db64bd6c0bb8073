import { parseCsv } from "../../src/libraries/csv.ts";
import type { Workplace } from "./small_training.ts";

/** Starts the program, sends `signal` once it has said `text`, and returns how it ended and what it said. */
export async function stopAfter(place: Workplace, args: readonly string[], text: RegExp, signal: Deno.Signal) {
  const child = place.spawn(args);
  const decoder = new TextDecoder();
  const stdout = new Response(child.stdout).text();
  const used = { atSignal: NaN, atEnd: NaN };
  let stderr = "", polling: ReturnType<typeof setInterval> | undefined;
  for await (const bytes of child.stderr) {
    stderr += decoder.decode(bytes, { stream: true });
    if (polling !== undefined || !text.test(stderr)) continue;
    used.atSignal = await processorSeconds(child.pid) ?? NaN;
    polling = setInterval(async () => used.atEnd = await processorSeconds(child.pid) ?? used.atEnd, 10);
    child.kill(signal);
  }
  const { code } = await child.status;
  clearInterval(polling);
  return { code, stderr, stdout: await stdout, seconds: used.atEnd - used.atSignal };
}

/** Time that a process has spent on processors, which a busy machine does not lengthen; undefined when it has ended. */
async function processorSeconds(pid: number): Promise<number | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  if (stat === undefined) return undefined;
  // Fields 14 and 15 of proc(5), counted from the third behind the name, in hundredths of a second.
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** Rows of a run's metrics: `split/metric/step` and the value. */
export async function metricsOf(place: Workplace, run: string): Promise<[key: string, value: number][]> {
  const rows: [string, number][] = [];
  for await (const { values } of parseCsv(await place.read(run, "metrics.csv"), { name: "metrics.csv" })) {
    const [, step, , split, metric, value] = values;
    if (step !== "step") rows.push([`${split}/${metric}/${step}`, value === "" ? NaN : Number(value)]);
  }
  return rows;
}
