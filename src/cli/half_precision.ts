import type { Engine } from "../engine/engine.ts";
import { type Precision, precisionOf } from "../engine/precision.ts";
import type { Terminal } from "./output.ts";

/** Warns where half precision was asked for and `engine` has none: where `--device auto` has taken the CPU. */
export function warnOfPrecision(
  { arithmetic }: Pick<Engine, "arithmetic">,
  { precision }: { readonly precision?: Precision | undefined },
  terminal: Terminal,
): void {
  if (precision !== "f16" || precisionOf(arithmetic) === "f16") return;
  terminal.warn("--precision f16 needs a GPU: computing in single precision on the CPU.");
}
