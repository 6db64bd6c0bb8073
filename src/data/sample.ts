import { readTable } from "./table_reviews.ts";
import type { ReadReport, Review } from "./review.ts";

/** What messages call the sample. */
export const SAMPLE_NAME = "built-in sample";

/** The few hundred short reviews that come with the program, to try it with; see `fixtures/README.md`. */
export async function* readSample(report: ReadReport): AsyncGenerator<Review> {
  const { default: text } = await import("../../fixtures/sample-reviews.csv", { with: { type: "text" } });
  const bytes = new TextEncoder().encode(text);
  const source = async function* () {
    yield await Promise.resolve(bytes);
  };
  yield* readTable(source(), SAMPLE_NAME, "csv", {}, report);
}
