/** Something whose time is taken. */
export interface TimedTask {
  /** Done before each run, outside the time. */
  readonly prepare?: () => Promise<void>;
  readonly run: () => Promise<unknown>;
}

export interface TimingOptions {
  /** Timed runs of each task. */
  readonly runs: number;
  /** Least milliseconds for which each task runs before its time counts. */
  readonly warmUp: number;
  /** Milliseconds. */
  readonly clock: () => number;
  /** Told after each run and warm-up. */
  readonly onRun: (done: number, total: number) => void;
}

/** Runs without a better time after which a task counts as compiled. */
const SETTLED_RUNS = 3;
/** What counts as better. */
const BETTER = 0.97;
/** A machine whose pace never settles must not hold the warm-up for ever: at most this many times the least. */
const LONGEST_WARM_UP = 10;

/**
 * Milliseconds of each task's runs. Every task is warmed up until its time no longer falls (V8 compiles in tiers, and in
 * the background). Then the tasks take turns, each round from another one on, so that what is compared met the same
 * machine.
 */
export async function timeInterleaved(tasks: readonly TimedTask[], options: TimingOptions): Promise<number[][]> {
  const { runs, clock, onRun } = options;
  const total = tasks.length * (runs + 1);
  let done = 0;
  for (const task of tasks) {
    await warmUp(task, options);
    onRun(++done, total);
  }
  const times: number[][] = tasks.map(() => []);
  for (let round = 0; round < runs; round++) {
    for (let turn = 0; turn < tasks.length; turn++) {
      const place = (round + turn) % tasks.length;
      times[place].push(await timeOf(tasks[place], clock));
      onRun(++done, total);
    }
  }
  return times;
}

async function warmUp(task: TimedTask, { warmUp: least, clock }: TimingOptions): Promise<void> {
  let best = Infinity;
  let settled = 0;
  let spent = 0;
  while ((settled < SETTLED_RUNS || spent < least) && spent <= LONGEST_WARM_UP * least) {
    const time = await timeOf(task, clock);
    settled = time < BETTER * best ? 0 : settled + 1;
    best = Math.min(best, time);
    spent += time;
  }
}

async function timeOf({ prepare, run }: TimedTask, clock: () => number): Promise<number> {
  await prepare?.();
  const started = clock();
  await run();
  return clock() - started;
}
