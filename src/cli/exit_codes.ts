/** What the program's exit codes mean (interface, "Exit codes"). */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done"],
  [1, "the run failed"],
  [2, "usage"],
  [3, "data or file"],
  [4, "no such device"],
  [5, "verification mismatch"],
  [75, "stopped by SIGTERM or SIGUSR1 after saving"],
  [130, "interrupted"],
];
