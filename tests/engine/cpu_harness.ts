import { HEADER_ADDRESS, HEADER_FLOATS, HEADER_INTEGERS } from "../../kernels/header.ts";
import type { AgreementCase, BuiltCase } from "../../src/engine/cases.ts";
import { AGREEMENT_CASES } from "../../src/engine/cases.ts";
import { VANILLA_CASES } from "../../src/engine/vanilla_cases.ts";
import { modelLayout } from "../../src/engine/cpu/layout.ts";
import { CpuEngine, type CpuEngineOptions } from "../../src/engine/cpu_engine.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import type { HaltingMode } from "../../src/model/config.ts";
import { tensorTable } from "../../src/model/tensors.ts";

/** An engine with a case's state, and the memories that it reserved, the present one last. */
export interface OpenedCpu {
  readonly engine: CpuEngine;
  readonly memories: readonly WebAssembly.Memory[];
}

/** Runs `work` with an engine that holds the state of `built`; closes it whatever happens. */
export async function withCpu<T>(
  { config, state }: Pick<BuiltCase, "config" | "state">,
  options: Partial<CpuEngineOptions>,
  work: (opened: OpenedCpu) => Promise<T>,
): Promise<T> {
  const memories: WebAssembly.Memory[] = [];
  const onMemory = (memory: WebAssembly.Memory) => void memories.push(memory);
  const engine = await CpuEngine.open(config, { threads: 1, onMemory, ...options });
  try {
    await engine.upload(state);
    return await work({ engine, memories });
  } finally {
    await engine.close();
  }
}

/** The first case in `mode` at the paper's sizes, with sequences of `lengths` and, when given, other settings. */
export function paperCase(
  mode: HaltingMode,
  lengths: readonly number[],
  { maxLayers = 8, vocabSize = 37, binUpdateFrequency = 1, haltingBias = -1, dropout = 0.1 } = {},
): AgreementCase {
  const base = AGREEMENT_CASES[0];
  const config = { ...base.config, halting: mode, maxLayers, vocabSize, binUpdateFrequency };
  return { ...base, name: `${mode} n${lengths.join("+")}`, config, lengths, haltingBias, dropout };
}

/** The vanilla model at the paper's sizes, with sequences of `lengths` and, when given, other settings. */
export function vanillaPaperCase(
  lengths: readonly number[],
  { maxLayers = 8, vocabSize = 37, dropout = 0.1 } = {},
): AgreementCase {
  const base = VANILLA_CASES[0];
  const config = { ...base.config, maxLayers, vocabSize };
  return { ...base, name: `vanilla n${lengths.join("+")}`, config, lengths, dropout };
}

/** Sequence `s` of `batch` alone. */
export function single({ tokens, offsets, labels }: PackedBatch, s: number): PackedBatch {
  const ids = tokens.slice(offsets[s], offsets[s + 1]);
  return { tokens: ids, offsets: Uint32Array.of(0, ids.length), labels: labels.slice(s, s + 1) };
}

/** First byte behind everything that must last from call to call. */
export function transientStart({ config }: Pick<BuiltCase, "config">): number {
  return modelLayout(config, tensorTable(config)).end;
}

/** The word of the header called `name`. */
export function headerWord(memory: WebAssembly.Memory, name: typeof HEADER_INTEGERS[number]): number {
  return new Uint32Array(memory.buffer, HEADER_ADDRESS, HEADER_INTEGERS.length + HEADER_FLOATS.length)[
    HEADER_INTEGERS.indexOf(name)
  ];
}
