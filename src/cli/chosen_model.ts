import { printable } from "../files/printable.ts";
import type { Checkpoint } from "../model/checkpoint.ts";
import { loadCheckpoint, type LoadedCheckpoint, type LoadOptions } from "../model/checkpoint_file.ts";
import { loadShippedModel } from "../model/shipped_model.ts";
import type { Terminal } from "./output.ts";

/** The model that a command works with. */
export interface ChosenModel extends LoadedCheckpoint {
  /** Whether it is the one that comes with the program. */
  readonly builtIn: boolean;
}

/** How JSON results name their model. */
export interface ModelName {
  /** Its run, or its file where that does not say. */
  readonly model: string;
  /** SHA-256 (hex) of its file. */
  readonly model_sha256: string;
}

/** The checkpoint at `path`, or the built-in model when none is given. Throws DataError as `loadCheckpoint`. */
export async function chooseModel(path: string | undefined, options: LoadOptions = {}): Promise<ChosenModel> {
  if (path === undefined) return { ...await loadShippedModel(), builtIn: true };
  return { ...await loadCheckpoint(path, options), builtIn: false };
}

/** Says so where a checkpoint holds weights alone, to which the paper's configuration is given. */
export function warnOfBareWeights({ vocabularyHash }: Checkpoint, path: string, terminal: Terminal): void {
  if (vocabularyHash !== undefined) return;
  terminal.warn(`${path} holds no configuration: the paper's is taken, and the vocabulary is not checked.`);
}

export function modelName({ checkpoint: { details }, path, sha256 }: LoadedCheckpoint): ModelName {
  return { model: details.run ?? path, model_sha256: sha256 };
}

/** How talk names it: what it is, and its run. */
export function nameInTalk({ checkpoint: { details }, path }: LoadedCheckpoint): string {
  return details.run === undefined ? printable(path) : `${printable(path)}, ${printable(details.run)}`;
}
