/** The command line: arguments → command → exit code (see src/cli/program.ts). The only place that ends the process. */
import { processTerminal, reportFailure } from "./src/cli/output.ts";
import { runProgram } from "./src/cli/program.ts";

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  Deno.exit(reportFailure(event.reason));
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  Deno.exit(reportFailure(event.error ?? event.message));
});

Deno.exit(await runProgram(Deno.args, processTerminal));
