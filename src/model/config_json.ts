import { DataError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { type ModelConfig, PAPER_CONFIG, validateModelConfig } from "./config.ts";

/**
 * A model configuration from a file's JSON value: every key present, none unknown, each of its type and in its range.
 * Throws DataError naming `where` (a file and the place in it) and the key.
 */
export function readModelConfig(value: unknown, where: string): ModelConfig {
  const fail = (details: string, options?: ErrorOptions) =>
    new DataError(
      `Cannot read the model configuration of ${printable(where)}: ${details}`,
      "The file was changed or comes from another version of epsilon; use the version that wrote it.",
      options,
    );
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("wanted a JSON object");
  const found = new Map<string, unknown>(Object.entries(value));
  for (const [key, example] of Object.entries(PAPER_CONFIG)) {
    if (!found.has(key)) throw fail(`${key} is missing`);
    if (typeof found.get(key) !== typeof example) throw fail(`${key} is no ${typeof example}`);
  }
  for (const key of found.keys()) {
    if (!Object.hasOwn(PAPER_CONFIG, key)) throw fail(`unknown key "${printable(key)}"`);
  }
  const config = value as ModelConfig;
  if (config.model !== "epsilon") throw fail(`model "${printable(config.model)}", wanted "epsilon"`);
  if (config.halting !== "exit" && config.halting !== "soft") {
    throw fail(`halting "${printable(config.halting)}", wanted "exit" or "soft"`);
  }
  try {
    return validateModelConfig(config);
  } catch (error) {
    if (error instanceof UsageError) throw fail(error.message, { cause: error });
    throw error;
  }
}
