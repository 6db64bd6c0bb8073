import { type CommandContext, type CommandGroup, defineCommand } from "./command.ts";
import { choiceOption, textOption } from "./option.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS, JSON_OPTION, PROGRESS_OPTION } from "./options.ts";

const REVIEW_OPTIONS = {
  ...DATA_OPTIONS,
  split: choiceOption(["train", "test"], { description: "part of the folder or archive", fallback: "train" }),
  threads: DEVICE_OPTIONS.threads,
  ...PROGRESS_OPTION,
  ...JSON_OPTION,
};

const FETCH_OPTIONS = {
  out: textOption({
    placeholder: "file",
    description: "where to put the archive",
    shownDefault: "the user's data folder, where the other commands find it",
  }),
  url: textOption({ placeholder: "url", description: "place to download it from", shownDefault: "its authors' site" }),
  sha256: textOption({
    placeholder: "hex",
    description: "checksum, when --url leads to another archive of reviews; needs --out",
    shownDefault: "size and MD5 as its authors give them",
  }),
  ...PROGRESS_OPTION,
  ...JSON_OPTION,
};

export type ReviewsContext = CommandContext<typeof REVIEW_OPTIONS>;
export type FetchContext = CommandContext<typeof FETCH_OPTIONS>;

/** `epsilon data`: fetches, prepares and describes reviews. */
export const dataCommands: CommandGroup = {
  name: "data",
  summary: "fetch, prepare and describe reviews",
  children: [
    defineCommand({
      name: "fetch",
      summary: "download the Large Movie Review Dataset (84 MB)",
      description: [
        "Downloads the Large Movie Review Dataset v1.0 (84 MB). A broken download is resumed, the checksum verified,",
        "and the file appears as a whole or not at all.",
      ].join(" "),
      options: FETCH_OPTIONS,
      run: async (context) => (await import("./data_fetch_run.ts")).fetchReviews(context),
    }),
    defineCommand({
      name: "prepare",
      summary: "tokenize reviews once and keep the result in the cache",
      options: REVIEW_OPTIONS,
      examples: ["epsilon data prepare --data aclImdb.tar.gz"],
      run: async (context) => (await import("./data_run.ts")).prepareData(context),
    }),
    defineCommand({
      name: "info",
      summary: "describe reviews: counts, lengths, hashes",
      options: REVIEW_OPTIONS,
      examples: ["epsilon data info", "epsilon data info --data reviews.csv --label-column rating --json"],
      run: async (context) => (await import("./data_run.ts")).describeData(context),
    }),
  ],
};
