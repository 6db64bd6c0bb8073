import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import type { ReviewSplit } from "./review.ts";

/** Folders of the two classes in the layout of the Large Movie Review Dataset, in the order of their names. */
export const CLASS_FOLDERS = [["neg", 0], ["pos", 1]] as const;

/** Folder that the published archive has above `train` and `test`. */
export const TOP_FOLDER = "aclImdb";

/** A file of the layout, named without what stands above its split. */
export interface LayoutPlace {
  /** `train/pos/0_9.txt` */
  readonly name: string;
  readonly split: ReviewSplit;
  readonly label: 0 | 1;
}

const LAYOUT = new RegExp(String.raw`^(?:\./)?(?:${TOP_FOLDER}/)?((train|test)/(neg|pos)/([^/.][^/]*\.txt))$`);

/** The place of `path` in the layout, undefined when it is no review (other folders, hidden files). */
export function layoutPlace(path: string): LayoutPlace | undefined {
  const match = LAYOUT.exec(path);
  if (match === null) return undefined;
  const [, name, split, folder] = match;
  return { name, split: split === "test" ? "test" : "train", label: folder === "pos" ? 1 : 0 };
}

/** The error for a folder or archive in which split `split` has no reviews. */
export function missingSplit(source: string, split: ReviewSplit): DataError {
  return new DataError(
    `Cannot read the ${split} split of ${printable(source)}: no reviews in ${split}/neg and ${split}/pos`,
    split === "test"
      ? "The published archive has a test split: fetch it with epsilon data fetch."
      : "Give the folder or archive that holds train/neg and train/pos with one .txt a review.",
  );
}
