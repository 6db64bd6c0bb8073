import { DataError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import {
  applicableKeys,
  HALTING_MODES,
  type ModelConfig,
  MODELS,
  PAPER_CONFIG,
  validateModelConfig,
} from "./config.ts";

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
  const model = oneOf(MODELS, found.get("model"));
  if (model === undefined) throw fail(`model "${printable(String(found.get("model")))}", wanted ${listed(MODELS)}`);
  const halting = oneOf(HALTING_MODES, found.get("halting"));
  const keys = applicableKeys({ model, halting: halting ?? PAPER_CONFIG.halting });
  for (const key of keys) {
    if (!found.has(key)) throw fail(`${key} is missing`);
    const example = PAPER_CONFIG[key];
    if (typeof found.get(key) !== typeof example) throw fail(`${key} is no ${typeof example}`);
  }
  for (const key of found.keys()) {
    if (!Object.hasOwn(PAPER_CONFIG, key)) throw fail(`unknown key "${printable(key)}"`);
  }
  const config: ModelConfig = { ...PAPER_CONFIG, ...Object.fromEntries(keys.map((key) => [key, found.get(key)])) };
  if (keys.includes("halting") && halting === undefined) {
    throw fail(`halting "${printable(config.halting)}", wanted ${listed(HALTING_MODES)}`);
  }
  try {
    return validateModelConfig(config);
  } catch (error) {
    if (error instanceof UsageError) throw fail(error.message, { cause: error });
    throw error;
  }
}

function oneOf<Choice extends string>(choices: readonly Choice[], value: unknown): Choice | undefined {
  return choices.find((choice) => choice === value);
}

function listed(choices: readonly string[]): string {
  return choices.map((choice) => `"${choice}"`).join(" or ");
}
