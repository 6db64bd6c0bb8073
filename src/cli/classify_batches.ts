import type { TextRecord } from "./classify_input.ts";

export interface BatchLimits {
  /** Most records in a batch. */
  readonly records: number;
  /** A batch is full once its texts have so many UTF-16 units together. */
  readonly units: number;
  /** Longest time, in milliseconds, for which a record waits for others to come. */
  readonly patience: number;
}

/**
 * Groups records into batches without keeping any waiting: a source that pauses gets its answers at once.
 * Order is kept; batches are never empty. What precedes a failing record is still yielded.
 */
export async function* batched(
  source: AsyncIterable<TextRecord>,
  limits: BatchLimits,
): AsyncGenerator<readonly TextRecord[]> {
  const records = source[Symbol.asyncIterator]();
  let batch: TextRecord[] = [];
  let units = 0;
  let next = settled(records.next());
  try {
    while (true) {
      const got = batch.length === 0 ? await next : await withinPatience(next, limits.patience);
      const record = got?.record;
      if (record !== undefined) {
        batch.push(record);
        units += record.text.length;
        next = settled(records.next());
      }
      const full = batch.length >= limits.records || units >= limits.units;
      if (batch.length > 0 && (record === undefined || full)) {
        yield batch;
        batch = [];
        units = 0;
      }
      if (got?.failure !== undefined) throw got.failure.error;
      if (got !== undefined && record === undefined) return;
    }
  } finally {
    // Not awaited: a source that waits for input ends with the program.
    records.return?.().catch(() => {});
  }
}

/** A record, a failure, or neither at the end. */
interface Outcome {
  readonly record?: TextRecord;
  readonly failure?: { readonly error: unknown };
}

async function settled(next: Promise<IteratorResult<TextRecord>>): Promise<Outcome> {
  try {
    const { done, value } = await next;
    return done ? {} : { record: value };
  } catch (error) {
    return { failure: { error } };
  }
}

async function withinPatience<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), milliseconds));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
