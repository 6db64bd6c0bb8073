import { join } from "node:path";
import { DataError } from "../errors.ts";
import { fileError, systemCode } from "../files/file_error.ts";
import { fileInfo } from "../files/is_there.ts";
import { printable } from "../files/printable.ts";

/** Name of the lock file in a run folder. */
export const LOCK_NAME = "run.lock";

/** File systems (some of clusters) that know no locks: there a run goes on without one. */
const NO_LOCKS = new Set(["ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);

/**
 * Keeps a second writer out of a run folder. The system's own file lock is used: it ends with its process however that
 * dies, so that a lock file left behind by a killed run bars nobody. The file holds the process id, for people.
 */
export class RunLock {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Throws DataError naming the process when another one writes to `folder`, or when the file cannot be made. */
  static async acquire(folder: string): Promise<RunLock> {
    const path = join(folder, LOCK_NAME);
    while (true) {
      const file = await Deno.open(path, { read: true, write: true, create: true }).catch((error) => {
        throw fileError("Cannot write", path, error);
      });
      let locked = false;
      try {
        if (!await tryLock(file)) throw await held(folder, path);
        locked = await isAt(file, path);
        if (locked) {
          await file.truncate();
          await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
          return new RunLock(path, file);
        }
      } catch (error) {
        if (locked) await Deno.remove(path).catch(() => {});
        file.close();
        throw fileError("Cannot lock", path, error);
      }
      // Its holder removed the file between our opening and locking it: try again with the new one.
      file.close();
    }
  }

  /** Removes the lock file, then unlocks: in this order nobody can lock a file that is about to be removed. */
  async release(): Promise<void> {
    await Deno.remove(this.#path).catch(() => {});
    this.#file.close();
  }
}

async function tryLock(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch (error) {
    if (NO_LOCKS.has(systemCode(error) ?? "")) return true;
    throw error;
  }
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const there = await fileInfo(path);
  return there !== undefined && there.ino === (await file.stat()).ino;
}

async function held(folder: string, path: string): Promise<DataError> {
  const owner = (await Deno.readTextFile(path).catch(() => "")).trim();
  const process = /^[0-9]+$/.test(owner) ? `process ${owner}` : "another process";
  return new DataError(
    `Cannot write to the run ${printable(folder)}: ${process} is writing to it`,
    "Wait for that process to end, or choose another --out.",
  );
}
