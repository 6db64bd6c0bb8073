/**
 * Stands between a program and its files: every call of Deno's file functions that touches a watched folder is told,
 * numbered from 1 and, if the caller so decides, fails or is cut short. It replaces Deno's own functions in this
 * process, so that the program itself has no switch that a user could trip.
 */
import { isAbsolute, relative, resolve } from "node:path";

/** One call of a file function. */
export interface FileOperation {
  /** From 1, in the order in which they begin. */
  readonly number: number;
  /** Deno's name of the function: `open`, `write`, `sync`, `rename` … */
  readonly kind: string;
  /** The file, or where a file goes to, relative to the watched folder. */
  readonly path: string;
  /** From 1 among the operations that make, alter, flush, lock or remove something; 0 for one that only reads. */
  readonly change: number;
}

/** What becomes of an operation: done; refused with a system's code; a write that takes only half of its bytes. */
export type Verdict = "done" | "short" | { readonly code: string };

/** Told of each operation. */
export interface FileObserver {
  /** Decides before it is done; by default all are. */
  readonly decide?: (operation: FileOperation) => Verdict;
  /** Told when it is done, or has failed. */
  readonly after?: (operation: FileOperation) => void;
}

type Call = (...args: unknown[]) => unknown;
type Functions = Record<string, Call>;

/** Functions of `Deno`, by what they do to the file that their first argument names. */
const READING = ["stat", "lstat", "readFile", "readTextFile", "realPath"];
const CHANGING = ["mkdir", "remove", "truncate", "writeFile", "writeTextFile", "rename", "copyFile", "create"];
/** Methods of an open file. */
const FILE_READING = ["read", "stat", "seek"];
const FILE_CHANGING = ["write", "truncate", "sync", "syncData", "tryLock", "lock"];
/** Functions whose second argument is the file that appears. */
const TO_SECOND = new Set(["rename", "copyFile"]);

const MESSAGES: Readonly<Record<string, string>> = {
  ENOSPC: "No space left on device (os error 28)",
  EIO: "Input/output error (os error 5)",
  EACCES: "Permission denied (os error 13)",
};

/** Watches the files in folder `root` until it is disposed of. */
export function watchFiles(root: string, observer: FileObserver): Disposable {
  const top = Deno.realPathSync(root);
  const paths = new WeakMap<object, string>();
  let count = 0, changeCount = 0;

  const within = (path: unknown): string | undefined => {
    if (typeof path !== "string") return undefined;
    const place = relative(top, resolve(path));
    return place.startsWith("..") || isAbsolute(place) ? undefined : place;
  };
  const guarded = async (kind: string, path: string, changes: boolean, work: (short: boolean) => unknown) => {
    const operation: FileOperation = { number: ++count, kind, path, change: changes ? ++changeCount : 0 };
    const verdict = observer.decide?.(operation) ?? "done";
    try {
      if (typeof verdict === "object") throw systemError(verdict.code);
      return await work(verdict === "short");
    } finally {
      observer.after?.(operation);
    }
  };

  const patches = new Patches();
  const deno = Deno as unknown as Functions;
  const file = Deno.FsFile.prototype as unknown as Functions;
  for (const kind of [...READING, ...CHANGING]) {
    patches.replace(deno, kind, (original) => (...args) => {
      const path = within(args[TO_SECOND.has(kind) ? 1 : 0]);
      if (path === undefined) return original(...args);
      return guarded(kind, path, CHANGING.includes(kind), () => original(...args));
    });
  }
  patches.replace(deno, "open", (original) => (...args) => {
    const path = within(args[0]);
    if (path === undefined) return original(...args);
    const { create = false, createNew = false, truncate = false } = (args[1] ?? {}) as Deno.OpenOptions;
    return guarded("open", path, create || createNew || truncate, async () => {
      const opened = await original(...args);
      paths.set(opened as object, path);
      return opened;
    });
  });
  patches.replace(deno, "readDir", (original) => (...args) => {
    const path = within(args[0]);
    if (path === undefined) return original(...args);
    return async function* () {
      const entries = await guarded("readDir", path, false, () => original(...args));
      yield* entries as AsyncIterable<Deno.DirEntry>;
    }();
  });
  for (const kind of [...FILE_READING, ...FILE_CHANGING]) {
    patches.replace(file, kind, (original) =>
      function (this: object, ...args: unknown[]) {
        const path = paths.get(this);
        if (path === undefined) return original.apply(this, args);
        return guarded(kind, path, FILE_CHANGING.includes(kind), (short) => {
          const bytes = args[0];
          const cut = short && bytes instanceof Uint8Array ? [bytes.subarray(0, Math.ceil(bytes.length / 2))] : args;
          return original.apply(this, cut);
        });
      });
  }
  return patches;
}

/** Functions replaced for a while. */
class Patches implements Disposable {
  readonly #undo: (() => void)[] = [];

  replace(owner: Functions, name: string, make: (original: Call) => Call): void {
    const original = owner[name];
    owner[name] = make(original);
    this.#undo.push(() => owner[name] = original);
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}

/** The error that Deno throws for a system's refusal. */
function systemError(code: string): Error {
  const message = MESSAGES[code] ?? code;
  const error = code === "EACCES" ? new Deno.errors.PermissionDenied(message) : new Error(message);
  return Object.assign(error, { code });
}
