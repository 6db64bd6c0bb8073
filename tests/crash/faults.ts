/**
 * Each operation on a file fails in turn, in every command that writes one: no space, an input/output error, no
 * permission, a write that takes half of its bytes, a failed flush, a failed rename. The earlier or the new file must be
 * there, whole; the message must be one line and the exit code right; and the command must do its work once the fault is
 * gone. Runs in a process of its own: `deno task faults`, all cases; `--share 0.2 --seed 1`, a part of them.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FileObserver, type FileOperation, type Verdict, watchFiles } from "./file_layer.ts";
import { type Ended, runHere } from "./in_process.ts";
import { SeededRandom } from "../seeded_random.ts";
import { type Scene, SCENES } from "./scenes.ts";
import { fillWorkplace, RUN, tinyTraining } from "./tiny_run.ts";
import { assertToldInOneLine, assertWhole, leftBehind, texts } from "./whole_files.ts";

/** What goes wrong: once at one operation, or, where the disk is full, from there on. */
type Fault = "EIO" | "EACCES" | "ENOSPC" | "short" | "short, then ENOSPC";

interface Reference {
  readonly operations: readonly FileOperation[];
  readonly outputs: ReadonlyMap<string, string>;
}

const NEEDS_SPACE = new Set(["open", "write", "mkdir", "writeFile", "writeTextFile"]);

class FaultProof {
  /** Cases by how they ended. */
  readonly tally: Record<string, number> = {};

  constructor(readonly home: string, readonly server: string) {}

  /** A finished run and one that broke off, for the scenes that need one. */
  async begin(): Promise<void> {
    for (const name of ["finished", "paused"]) {
      const folder = join(this.home, name);
      await Deno.mkdir(folder);
      await fillWorkplace(folder);
      const decide = ({ change }: FileOperation) =>
        name === "paused" && change === 90 ? { code: "EIO" } : "done" as const;
      using _watched = watchFiles(folder, { decide });
      const { code, stderr } = await runHere(tinyTraining(folder, "cpu"));
      assert.equal(code, name === "paused" ? 3 : 0, stderr);
    }
  }

  /** What the command does when nothing fails. */
  async reference(scene: Scene): Promise<Reference> {
    const operations: FileOperation[] = [];
    const folder = await this.#folder(scene);
    const { code, stderr } = await this.#run(scene.args(folder, this.server), folder, {
      after: (operation) => void operations.push(operation),
    });
    assert.equal(code, 0, stderr);
    const outputs = await texts(folder, scene.outputs);
    assert.equal(outputs.size, scene.outputs.length, `${scene.name} wrote ${[...outputs.keys()]}`);
    return { operations: operations.toSorted((a, b) => a.number - b.number), outputs };
  }

  /** One case: the operation of that number suffers `fault`. */
  async check(scene: Scene, number: number, fault: Fault, reference: Reference): Promise<void> {
    const folder = await this.#folder(scene);
    const before = await texts(folder, scene.outputs);
    let struck: FileOperation | undefined;
    const decide = (operation: FileOperation): Verdict => {
      if (operation.number === number) struck = operation;
      return verdict(operation, number, fault);
    };
    const ended = await this.#run(scene.args(folder, this.server), folder, { decide });
    if (struck === undefined) {
      // A server's bytes come in as many pieces as they like.
      assert.equal(ended.code, 0, ended.stderr);
      return this.#count("its operation did not come");
    }
    assertAnswer(ended, scene, struck, fault);
    // What a report lacks is named on its page and in a warning.
    const lacking = struck.change === 0 && /^warning: Cannot read /m.test(ended.stderr);
    if (!lacking) await assertWhole(scene, folder, before, reference.outputs);
    if (!struck.path.endsWith("run.lock") && struck.kind !== "remove") {
      assert.deepEqual(await leftBehind(folder), [], "temporary files are left");
    }
    const begun = await Deno.stat(join(folder, RUN, "run.json")).then(() => true, () => false);
    const again = scene.mend?.(folder, begun) ?? scene.args(folder, this.server);
    const mended = await this.#run(again, folder);
    assert.equal(mended.code, 0, `afterwards: ${mended.stderr}`);
    assert.deepEqual(await texts(folder, scene.outputs), reference.outputs, "afterwards: the results differ");
    this.#count(ended.code === 0 ? "went on" : `exit code ${ended.code}`);
  }

  #count(end: string): void {
    this.tally[end] = (this.tally[end] ?? 0) + 1;
  }

  async #folder(scene: Scene): Promise<string> {
    // The same path for all, since a report names the folder that it shows.
    const folder = join(this.home, "case");
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder);
    await fillWorkplace(folder);
    await scene.prepare?.(folder, join(this.home, "finished"), join(this.home, "paused"));
    return folder;
  }

  async #run(args: readonly string[], folder: string, observer: FileObserver = {}): Promise<Ended> {
    Deno.env.set("XDG_CACHE_HOME", join(folder, "cache"));
    Deno.env.set("XDG_CONFIG_HOME", join(folder, "config"));
    using _watched = watchFiles(folder, observer);
    return await runHere(args);
  }
}

/** The faults that operation can suffer. */
function faultsOf({ kind, change }: FileOperation): readonly Fault[] {
  if (change === 0) return ["EIO", "EACCES"];
  if (kind === "write") return ["ENOSPC", "EIO", "short", "short, then ENOSPC"];
  return NEEDS_SPACE.has(kind) || kind === "sync" || kind === "rename"
    ? ["ENOSPC", "EIO", "EACCES"]
    : ["EIO", "EACCES"];
}

function verdict({ number, kind, change }: FileOperation, struck: number, fault: Fault): Verdict {
  if (number < struck) return "done";
  const full = change > 0 && NEEDS_SPACE.has(kind);
  if (number === struck) return fault.startsWith("short") ? "short" : { code: fault };
  return fault.endsWith("ENOSPC") && full ? { code: "ENOSPC" } : "done";
}

/** One line and code 3 where a file could not be had; what is only a help (the cache, a flushed folder) may fail. */
function assertAnswer({ code, stdout, stderr }: Ended, scene: Scene, struck: FileOperation, fault: Fault): void {
  if (assertToldInOneLine({ code, stdout, stderr })) return;
  if (fault === "short") return;
  const needed = scene.outputs.some((name) => isPartOf(struck.path, name)) ||
    isPartOf(struck.path, `${RUN}/run.json`) && scene.grows;
  const vital = struck.change > 0 && struck.kind !== "remove";
  assert.ok(!(needed && vital), `${struck.kind} of ${struck.path} failed in silence`);
  if (vital && struck.path.includes(".tokens")) assert.match(stderr, /^warning: Prepared data are not kept/m);
}

/** Whether `path` is `name` or its temporary file. */
function isPartOf(path: string, name: string): boolean {
  const [folder, file] = [name.slice(0, name.lastIndexOf("/") + 1), name.slice(name.lastIndexOf("/") + 1)];
  return path === name || path.startsWith(`${folder}.${file}.`);
}

interface Asked {
  /** Part of the cases to try; 1: all. */
  readonly share: number;
  readonly seed: number;
  /** `scene#operation:fault`. */
  readonly only?: string;
}

async function proveAll({ share, seed, only }: Asked): Promise<number> {
  const body = crypto.getRandomValues(new Uint8Array(30_000));
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response(body));
  const home = await Deno.makeTempDir({ prefix: "epsilon-faults-" });
  const failures: string[] = [];
  let cases = 0;
  try {
    const proof = new FaultProof(home, `http://127.0.0.1:${server.addr.port}/ ${sha256}`);
    await proof.begin();
    const random = new SeededRandom(seed);
    for (const scene of SCENES) {
      const reference = await proof.reference(scene);
      for (const operation of reference.operations) {
        for (const fault of faultsOf(operation)) {
          const name = `${scene.name}#${operation.number}:${fault}`;
          if (only === undefined ? !random.chance(share) : only !== name) continue;
          cases++;
          try {
            await proof.check(scene, operation.number, fault, reference);
          } catch (error) {
            const reason = (error instanceof Error ? error.message : String(error)).slice(0, 600);
            failures.push(`${name} (${operation.kind} ${operation.path}): ${reason}`);
          }
        }
      }
      console.log(`${scene.name}: ${reference.operations.length} operations`);
    }
    console.log(`${cases} cases, ${failures.length} failed: ${JSON.stringify(proof.tally)}`);
  } finally {
    await server.shutdown();
    await Deno.remove(home, { recursive: true });
  }
  for (const failure of failures.slice(0, 20)) {
    console.log(`${failure}\nAgain: deno task faults --case '${failure.split(" (")[0]}'`);
  }
  return failures.length;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      share: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      case: { type: "string" },
    },
  });
  const only = values.case === undefined ? {} : { only: values.case };
  Deno.exit(await proveAll({ share: Number(values.share), seed: Number(values.seed), ...only }) === 0 ? 0 : 1);
}
