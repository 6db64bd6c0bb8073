import { DataError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { applicableKeys, HALTING_MODES, type ModelConfig, PAPER_CONFIG, validateModelConfig } from "./config.ts";

/**
 * A model configuration from a file's JSON value: every key that bears on the model present, none unknown, each of its
 * type and in its range; the keys that do not bear on it take the paper's values.
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
  const halting = HALTING_MODES.find((mode) => mode === found.get("halting"));
  const keys = applicableKeys({ halting: halting ?? PAPER_CONFIG.halting });
  for (const key of keys) {
    if (!found.has(key)) throw fail(`${key} is missing`);
    const example = PAPER_CONFIG[key];
    if (typeof found.get(key) !== typeof example) throw fail(`${key} is no ${typeof example}`);
  }
  for (const key of found.keys()) {
    if (!Object.hasOwn(PAPER_CONFIG, key)) throw fail(`unknown key "${printable(key)}"`);
  }
  const config: ModelConfig = { ...PAPER_CONFIG, ...Object.fromEntries(keys.map((key) => [key, found.get(key)])) };
  if (config.model !== "epsilon") throw fail(`model "${printable(config.model)}", wanted "epsilon"`);
  if (halting === undefined) {
    const wanted = HALTING_MODES.map((mode) => `"${mode}"`).join(" or ");
    throw fail(`halting "${printable(config.halting)}", wanted ${wanted}`);
  }
  try {
    return validateModelConfig(config);
  } catch (error) {
    if (error instanceof UsageError) throw fail(error.message, { cause: error });
    throw error;
  }
}
