import type { ManContext } from "./man.ts";
import { manualPage } from "./manual_page.ts";
import { PROGRAM } from "./program_spec.ts";

/** The body of `epsilon man`. */
export async function printManual({ terminal }: ManContext): Promise<number> {
  await terminal.write(manualPage(PROGRAM, new Date().toISOString().slice(0, 10)));
  return 0;
}
