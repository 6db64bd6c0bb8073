import { extname } from "node:path";
import { readBytes } from "../data/byte_streams.ts";
import { loadTokenizer } from "../data/tokenizer.ts";
import { Classifier } from "../engine/classifier.ts";
import { openEngine } from "../engine/open_engine.ts";
import { UsageError } from "../errors.ts";
import { requireVocabulary } from "../model/checkpoint.ts";
import { chooseModel, modelName, nameInTalk } from "./chosen_model.ts";
import type { ClassifyContext } from "./classify.ts";
import { batched } from "./classify_batches.ts";
import { type InputReport, readTexts, type TextFormat, type TextRecord } from "./classify_input.ts";
import { type ResultFormat, ResultWriter } from "./classify_output.ts";
import { warnOfPrecision } from "./half_precision.ts";

/** Bounds of what is in memory at once, and how long, in milliseconds, a text of a slow source waits for company. */
const BATCH_LIMITS = { records: 64, units: 1 << 18, patience: 30 } as const;
/** No text waits for another. */
const STREAM_LIMITS = { records: 1, units: 1, patience: 0 } as const;

/** The body of `epsilon classify`. */
export async function classify({ values, positionals, terminal }: ClassifyContext): Promise<number> {
  const report: InputReport = { replaced: 0 };
  const { format, texts, typed } = openTexts(values, placesOf(values, positionals), report);
  if (typed) terminal.say("Type one text a line; end with Ctrl-D.");
  const [model, tokenizer] = await Promise.all([chooseModel(values.checkpoint), loadTokenizer(values.vocabulary)]);
  const { checkpoint, path } = model;
  requireVocabulary(checkpoint, tokenizer.vocabularyHash, path);
  const { config, state } = checkpoint;
  const engine = await openEngine(config, values);
  try {
    warnOfPrecision(engine, values, terminal);
    const classifier = new Classifier({ engine, config, tokenizer });
    await engine.upload({ weights: state.weights });
    const writer = new ResultWriter({
      format: resultFormat(format, values.json, terminal.interactive),
      explain: values.explain,
      interactive: terminal.interactive,
      safeCells: values.safeCells,
      classes: config.numClasses,
      maxLayers: config.maxLayers,
      model: modelName(model),
    });
    if (model.builtIn) terminal.say(`Using ${nameInTalk(model)}; --checkpoint takes another one.`);
    for await (const records of batched(texts, values.stream ? STREAM_LIMITS : BATCH_LIMITS)) {
      const results = await classifier.classify(records.map(({ text }) => text), values);
      await terminal.write(results.map((result, i) => writer.write(records[i], result)).join(""));
    }
    if (report.replaced > 0) {
      terminal.warn(`${report.replaced} places of the texts were not UTF-8 and became U+FFFD.`);
    }
    return 0;
  } finally {
    await engine.close();
  }
}

interface Texts {
  readonly format: TextFormat;
  readonly texts: AsyncIterable<TextRecord>;
  /** Whether somebody types them. */
  readonly typed: boolean;
}

/** The positional arguments; with --stream, standard input where no place is named. */
function placesOf({ stream, file }: ClassifyContext["values"], positionals: readonly string[]): readonly string[] {
  return stream && file === undefined && positionals.length === 0 ? ["-"] : positionals;
}

/** Where the texts come from; throws UsageError unless there is exactly one such place and it can be understood. */
function openTexts(
  { file, textColumn, textKey }: ClassifyContext["values"],
  positionals: readonly string[],
  report: InputReport,
): Texts {
  if (textColumn !== undefined && textKey !== undefined) {
    throw new UsageError("Cannot read the texts: both --text-column and --text-key were given", "Give one of them.");
  }
  const standardInput = positionals.includes("-");
  if (positionals.length > (standardInput ? 1 : 0) && (standardInput || file !== undefined)) {
    throw new UsageError(
      "Cannot read the texts: more than one place was given",
      "Give texts as arguments, or --file, or - for standard input.",
    );
  }
  if (standardInput && file !== undefined) {
    throw new UsageError("Cannot read the texts: both --file and - were given", "Give one of them.");
  }
  if (file !== undefined) {
    const format = textFormat(textColumn, textKey, extname(file).toLowerCase());
    return { format, texts: readTexts(readBytes(file), format, file, report), typed: false };
  }
  if (standardInput) {
    const format = textFormat(textColumn, textKey, "");
    const texts = readTexts(Deno.stdin.readable, format, "standard input", report);
    return { format, texts, typed: Deno.stdin.isTerminal() };
  }
  if (positionals.length === 0) {
    throw new UsageError("Cannot classify: no text was given", "Give texts, --file PATH, or - for standard input.");
  }
  return { format: { kind: "lines" }, texts: fromArguments(positionals), typed: false };
}

function textFormat(textColumn: string | undefined, textKey: string | undefined, extension: string): TextFormat {
  if (textColumn !== undefined) return { kind: "csv", textColumn, delimiter: extension === ".tsv" ? "\t" : "," };
  if (textKey !== undefined) return { kind: "jsonl", textKey };
  const flag = { ".csv": "--text-column", ".tsv": "--text-column", ".jsonl": "--text-key" }[extension];
  if (flag === undefined) return { kind: "lines" };
  throw new UsageError(`Cannot read the texts: a ${extension} file needs ${flag}`, `Give ${flag} NAME.`);
}

async function* fromArguments(texts: readonly string[]): AsyncGenerator<TextRecord> {
  for (const text of texts) yield { text, columns: [["text", text]] };
}

function resultFormat(format: TextFormat, json: boolean, interactive: boolean): ResultFormat {
  if (json || format.kind === "jsonl") return "jsonl";
  return interactive && format.kind === "lines" ? "people" : "csv";
}
