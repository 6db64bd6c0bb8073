import { type CommandContext, defineCommand } from "./command.ts";
import { grouped, switchOption, textOption } from "./option.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS } from "./options.ts";

const OPTIONS = {
  checkpoint: textOption({
    placeholder: "path",
    description: "the model: a run folder or a .safetensors file",
    shownDefault: "the built-in model",
  }),
  ...grouped("Texts:", {
    file: textOption({ placeholder: "path", description: "file of texts: lines, .csv, .tsv or .jsonl" }),
    textColumn: textOption({ placeholder: "name", description: "reads CSV and takes the text from this column" }),
    textKey: textOption({ placeholder: "name", description: "reads JSON lines and takes the text from this key" }),
    vocabulary: DATA_OPTIONS.vocabulary,
    stream: switchOption({
      description: "answer each text before the next is read; from stdin where no text is given",
    }),
  }),
  ...grouped("Results:", {
    explain: switchOption({ description: "show how many steps each token took" }),
    json: switchOption({ description: "write one JSON object a text" }),
    safeCells: switchOption({
      description: "put ' before the input's CSV cells that a spreadsheet would run as formulas (= + - @)",
    }),
  }),
  ...DEVICE_OPTIONS,
};

export type ClassifyContext = CommandContext<typeof OPTIONS>;

/** `epsilon classify`: labels texts, in their order. */
export const classifyCommand = defineCommand({
  name: "classify",
  summary: "label texts from arguments, a file or stdin",
  description: [
    "Labels texts from the arguments, from --file or, for the argument -, from standard input; order is kept.",
    "Without --checkpoint the built-in model does it: English film reviews, negative or positive.",
    "The results have the input's columns and label, confidence and steps (block applications of [CLS]);",
    "an input column of such a name becomes input_label and so on. Lines for people on a terminal,",
    "else CSV, or JSON lines for such input and with --json.",
  ].join(" "),
  positionals: [{ name: "texts", description: "texts, or - for standard input", required: false, variadic: true }],
  options: OPTIONS,
  examples: [
    'epsilon classify "A quiet film that stays with you."',
    "epsilon classify --file reviews.csv --text-column review > labelled.csv",
    "tail -f reviews.txt | epsilon classify --stream --json",
    "cat reviews.jsonl | epsilon classify --checkpoint runs/first --text-key text -",
  ],
  run: async (context) => (await import("./classify_run.ts")).classify(context),
});
