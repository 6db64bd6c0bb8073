import { styleText } from "node:util";
import { type Classification, className, type TokenDepth } from "../engine/classifier.ts";
import { escapedJson } from "../files/escaped_json.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import type { ModelName } from "./chosen_model.ts";
import type { Column, TextRecord } from "./classify_input.ts";
import { JSON_VERSION, visible } from "./output.ts";

/** How results are written: a table for programs, one JSON object a line, or lines for people. */
export type ResultFormat = "csv" | "jsonl" | "people";

export interface ResultOptions {
  readonly format: ResultFormat;
  /** Whether each token's steps are shown. */
  readonly explain: boolean;
  /** Whether cells of the input that a spreadsheet program would run as formulas are guarded in CSV. */
  readonly safeCells: boolean;
  /** Whether the text goes to a terminal, where control characters are shown instead of obeyed. */
  readonly interactive: boolean;
  readonly classes: number;
  /** L, the most steps that a token can take. */
  readonly maxLayers: number;
  /** Whose results they are; stands in JSON. */
  readonly model: ModelName;
}

const PREDICTED = ["label", "confidence", "steps"] as const;
const JSON_KEYS = ["version", ...PREDICTED, "probabilities", "tokens", "model", "model_sha256"] as const;
const FOR_TOKENS = ["record", "label", "confidence", "position", "token", "steps"] as const;

/** Writes classified records as text, piece by piece; one object serves one output. */
export class ResultWriter {
  readonly #options: ResultOptions;
  #records = 0;

  constructor(options: ResultOptions) {
    this.#options = options;
  }

  /** The text of one record; the first one comes with the header. */
  write(record: TextRecord, result: Classification): string {
    this.#records++;
    switch (this.#options.format) {
      case "people":
        return this.#line(record, result);
      case "jsonl":
        return `${escapedJson(this.#object(record, result))}\n`;
      case "csv":
        return this.#options.explain ? this.#tokenRows(result) : this.#row(record, result);
    }
  }

  #row({ columns }: TextRecord, result: Classification): string {
    const passed = columns.map(([, value]) => this.#shown(value));
    const options = { text: this.#options.safeCells ? "guarded" : "as it is" } as const;
    const row = formatCsvRow([...passed, this.#label(result), confidence(result), result.steps], options);
    const header = renamed(columns, PREDICTED).map(([name]) => this.#shown(name));
    return this.#records > 1 ? row : formatCsvRow([...header, ...PREDICTED], options) + row;
  }

  #tokenRows(result: Classification): string {
    const label = this.#label(result);
    const rows = (result.tokens ?? []).map(({ token, steps }, position) =>
      formatCsvRow([this.#records, label, confidence(result), position, this.#shown(token), steps])
    );
    return (this.#records > 1 ? "" : formatCsvRow(FOR_TOKENS)) + rows.join("");
  }

  #object({ columns }: TextRecord, result: Classification): Record<string, unknown> {
    const { classes, model } = this.#options;
    return {
      version: JSON_VERSION,
      ...Object.fromEntries(renamed(columns, JSON_KEYS)),
      label: this.#label(result),
      confidence: confidence(result),
      probabilities: Object.fromEntries(result.probabilities.map((value, label) => [className(label, classes), value])),
      steps: result.steps,
      ...model,
      ...result.tokens === undefined ? {} : { tokens: result.tokens },
    };
  }

  #line({ text }: TextRecord, result: Classification): string {
    const label = this.#label(result).padEnd("positive".length);
    const share = `${(100 * confidence(result)).toFixed(1).padStart(5)} %`;
    const steps = `${result.steps} ${result.steps === 1 ? "step " : "steps"}`;
    const words = result.tokens === undefined ? visible(text) : this.#tokens(result.tokens);
    return `${styleText(result.label === 1 ? "green" : "red", label)} ${share}  ${steps}  ${words}\n`;
  }

  /** Each token with its steps as a raised number, the deeper the warmer. */
  #tokens(tokens: readonly TokenDepth[]): string {
    return tokens.map(({ token, steps }, i) => {
      const piece = token.startsWith("##") ? token.slice(2) : token;
      const space = i === 0 || token.startsWith("##") ? "" : " ";
      const warmth = Math.min(WARMTH.length - 1, Math.floor(WARMTH.length * (steps - 1) / this.#options.maxLayers));
      return space + styleText(WARMTH[Math.max(0, warmth)], `${visible(piece)}${raised(steps)}`);
    }).join("");
  }

  #label(result: Classification): string {
    return className(result.label, this.#options.classes);
  }

  #shown(value: unknown): string {
    return this.#options.interactive ? visible(String(value)) : String(value);
  }
}

const WARMTH = ["blue", "cyan", "green", "yellow", "magenta", "red"] as const;
const RAISED = [..."⁰¹²³⁴⁵⁶⁷⁸⁹"];

function raised(steps: number): string {
  return [...String(steps)].map((digit) => RAISED[Number(digit)]).join("");
}

function confidence(result: Classification): number {
  return result.probabilities[result.label];
}

/** Input columns whose names the results take become `input_label` and so on. */
function renamed(columns: readonly Column[], results: readonly string[]): Column[] {
  const taken = new Set(results);
  return columns.map(([name, value]) => {
    let free = name;
    while (taken.has(free)) free = `input_${free}`;
    taken.add(free);
    return [free, value];
  });
}
