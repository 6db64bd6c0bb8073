import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { RUNTIME_ARGUMENTS } from "../../src/files/own_program.ts";
import { withFolder } from "../cli/run_program.ts";
import { type Environment, namesIn, start, writeFakeExecutable } from "./fake_executable.ts";

/** The launcher is a shell script for Linux and macOS. */
const ignore = Deno.build.os === "windows";

function launcherTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore, fn: () => withFolder(body) });
}

/** Folder of the programs of a cache folder, and the folder of the one that is unpacked there. */
async function unpackedIn(cache: string): Promise<string> {
  const names = await namesIn(join(cache, "epsilon", "program"));
  assert.equal(names.length, 1, names.join(" "));
  return join(cache, "epsilon", "program", names[0]);
}

async function shellsHere(): Promise<string[]> {
  const found: string[] = [];
  for (const shell of ["sh", "dash", "bash", "ksh", "mksh", "yash", "busybox"]) {
    const there = await new Deno.Command("sh", { args: ["-c", `command -v ${shell}`], stdout: "null" }).output();
    if (there.success) found.push(shell);
  }
  return found;
}

launcherTest("the first start unpacks the program, every start hands on its arguments as they are", async (folder) => {
  const place = join(folder, "a folder, with 'spaces' & more");
  await Deno.mkdir(place);
  const path = await writeFakeExecutable(place);
  const given = ["a b", "", "*", "--x=$HOME", "'q'", "é\\n", "--version"];
  for (const shell of [[], ...(await shellsHere()).map((name) => name === "busybox" ? [name, "sh"] : [name])]) {
    const cache = join(place, `cache ${shell.join("")}`);
    const env = { XDG_CACHE_HOME: cache };
    for (const round of ["first", "second"]) {
      const { code, stdout, stderr } = await start([...shell, path, ...given], env);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, `${shell} ${round}`);
      const program = await unpackedIn(cache);
      assert.deepEqual(stdout.split("\n"), [
        join(program, "epsilon"),
        ...RUNTIME_ARGUMENTS,
        "--allow-run",
        join(program, "app", "main.js"),
        ...given,
        "",
      ]);
    }
  }
});

launcherTest("the program may start itself and nothing else", async (folder) => {
  const path = await writeFakeExecutable(folder);
  const cache = join(folder, "cache with spaces");
  const { stdout } = await start([path], { HOME: folder, XDG_CACHE_HOME: cache });
  assert.ok(stdout.split("\n").includes(`--allow-run=${join(await unpackedIn(cache), "epsilon")}`), stdout);
});

launcherTest("without XDG_CACHE_HOME, or with a relative one, it unpacks below the home", async (folder) => {
  const path = await writeFakeExecutable(folder);
  const environments: readonly Environment[] = [{ HOME: folder }, { HOME: folder, XDG_CACHE_HOME: "relative" }];
  for (const env of environments) {
    assert.equal((await start([path], env)).code, 0);
    await unpackedIn(join(folder, ".cache"));
  }
});

launcherTest("a tampered or shortened file is refused in one line and leaves nothing", async (folder) => {
  const path = await writeFakeExecutable(folder);
  const bytes = await Deno.readFile(path);
  const tampered = bytes.slice();
  tampered[bytes.length - 1000] ^= 1;
  const cases = [tampered, bytes.slice(0, -1), bytes.slice(0, bytes.length - 1500), new Uint8Array([...bytes, 0])];
  for (const content of cases) {
    await Deno.writeFile(path, content);
    const { code, stdout, stderr } = await start([path, "--version"], { HOME: folder });
    assert.deepEqual({ code, stdout }, { code: 3, stdout: "" });
    assert.match(stderr, /^error: Cannot run \S+: it is damaged or was changed \(SHA-256 .*\)\. Copy it again\.\n$/);
    assert.deepEqual(await namesIn(join(folder, ".cache")), []);
  }
});

launcherTest("a half-written cache is made whole", async (folder) => {
  const path = await writeFakeExecutable(folder);
  const cache = join(folder, "cache");
  const env = { XDG_CACHE_HOME: cache };
  assert.equal((await start([path], env)).code, 0);
  const program = await unpackedIn(cache);
  const damages: readonly (() => Promise<void>)[] = [
    () => Deno.truncate(join(program, "epsilon"), 20),
    () => Deno.truncate(join(program, "app", "src", "worker.js"), 0),
    () => Deno.remove(join(program, "app", "main.js")),
    () => Deno.chmod(join(program, "epsilon"), 0o644),
    () => Deno.remove(program, { recursive: true }).then(() => Deno.mkdir(program)),
    () => Deno.remove(program, { recursive: true }).then(() => Deno.writeTextFile(program, "a file")),
  ];
  for (const damage of damages) {
    await damage();
    const { code, stdout, stderr } = await start([path, "x"], env);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, String(damage));
    assert.ok(stdout.startsWith(join(program, "epsilon")), String(damage));
    assert.equal(await unpackedIn(cache), program);
    assert.equal((await Deno.stat(join(program, "app", "src", "worker.js"))).size, 2000);
  }
});

launcherTest("ten that start at once with an empty cache all run, and one of them unpacks", async (folder) => {
  const path = await writeFakeExecutable(folder, { ballast: 2_000_000 });
  const checks = join(folder, "checks");
  const env = { XDG_CACHE_HOME: join(folder, "cache"), CHECKS: checks };
  const starts = await Promise.all(Array.from({ length: 10 }, (_, i) => start([path, `start ${i}`], env)));
  const program = await unpackedIn(join(folder, "cache"));
  starts.forEach(({ code, stdout, stderr }, i) => {
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.ok(stdout.startsWith(`${program}/epsilon\n`) && stdout.endsWith(`\nstart ${i}\n`), stdout);
  });
  assert.equal(await Deno.readTextFile(checks), "checked\n");
});

launcherTest("ten that unpack at once, each for itself, agree on one folder", async (folder) => {
  const path = await writeFakeExecutable(folder, { ballast: 2_000_000 });
  // Without the lock all unpack, as they do where it cannot be trusted.
  const bytes = await Deno.readFile(path);
  const line = new TextEncoder().encode('take_lock "$1/.$name.lock" "$1/$name" ||');
  const place = bytes.findIndex((_, i) => line.every((byte, k) => bytes[i + k] === byte));
  bytes.set(new TextEncoder().encode(":".padEnd(line.length - 2)), place);
  await Deno.writeFile(path, bytes);
  const env = { XDG_CACHE_HOME: join(folder, "cache"), CHECKS: join(folder, "checks") };
  const starts = await Promise.all(Array.from({ length: 10 }, () => start([path, "x"], env)));
  for (const { code, stdout, stderr } of starts) {
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.ok(stdout.endsWith("\nx\n"), stdout);
  }
  await unpackedIn(join(folder, "cache"));
  assert.ok((await Deno.readTextFile(join(folder, "checks"))).split("\n").length > 2);
});

launcherTest("what a killed start left behind neither stops the next one nor stays", async (folder) => {
  const path = await writeFakeExecutable(folder);
  assert.equal((await start([path], { HOME: folder })).code, 0);
  const program = await unpackedIn(join(folder, ".cache"));
  await Deno.remove(program, { recursive: true });
  const lock = join(dirname(program), `.${basename(program)}.lock`);
  const dead = await new Deno.Command("sh", { args: ["-c", "echo $$"] }).output();
  const host = await new Deno.Command("uname", { args: ["-n"] }).output();
  const decoder = new TextDecoder();
  await Deno.mkdir(lock);
  await Deno.writeTextFile(
    join(lock, "holder"),
    `${decoder.decode(host.stdout).trim()} ${decoder.decode(dead.stdout).trim()}`,
  );
  const left = join(dirname(program), ".unpacking-AAAAAAAA");
  await Deno.mkdir(left);
  await Deno.utime(left, 0, 0);
  assert.equal((await start([path], { HOME: folder })).code, 0);
  assert.equal(await unpackedIn(join(folder, ".cache")), program);
});

launcherTest(
  "a start waits for one that is unpacking, on another machine too, for five minutes at most",
  async (folder) => {
    const path = await writeFakeExecutable(folder);
    assert.equal((await start([path], { HOME: folder })).code, 0);
    const program = await unpackedIn(join(folder, ".cache"));
    const kept = join(folder, "kept");
    await Deno.rename(program, kept);
    const lock = join(dirname(program), `.${basename(program)}.lock`);
    await Deno.mkdir(lock);
    await Deno.writeTextFile(join(lock, "holder"), "another-machine 1");
    const waiting = start([path, "x"], { HOME: folder });
    const first = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, "waits"))]);
    assert.equal(first, "waits");
    await Deno.rename(kept, program);
    assert.equal((await waiting).code, 0);
    assert.deepEqual(await namesIn(dirname(program)), [basename(lock), basename(program)].sort());

    await Deno.remove(program, { recursive: true });
    await Deno.utime(lock, 0, 0);
    assert.equal((await start([path], { HOME: folder })).code, 0);
    assert.equal(await unpackedIn(join(folder, ".cache")), program);
  },
);

launcherTest(
  "where the cache cannot be used the program lies in a folder for temporary files, and says so",
  async (folder) => {
    const path = await writeFakeExecutable(folder);
    const environments: readonly Environment[] = [{ XDG_CACHE_HOME: "/dev/null" }, { HOME: "/dev/null" }, {}];
    for (const env of environments) {
      const temporary = await Deno.makeTempDir({ dir: folder });
      const first = await start([path, "x"], { ...env, TMPDIR: temporary });
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stderr, /^warning: epsilon lies in .* for now: .*\n$/);
      assert.ok(first.stdout.startsWith(temporary), first.stdout);
      const [own] = await namesIn(temporary);
      assert.equal(((await Deno.stat(join(temporary, own))).mode ?? 0) & 0o777, 0o700);
      assert.deepEqual(await start([path, "x"], { ...env, TMPDIR: temporary }), { ...first, stderr: "" });
    }
  },
);

launcherTest("a folder for temporary files that somebody else laid is not used", async (folder) => {
  const path = await writeFakeExecutable(folder);
  const trap = await Deno.makeTempDir({ dir: folder });
  await Deno.symlink(trap, join(folder, `epsilon-${Deno.uid()}`));
  const { code, stdout, stderr } = await start([path], { XDG_CACHE_HOME: "/dev/null", TMPDIR: folder });
  assert.deepEqual({ code, stdout }, { code: 3, stdout: "" });
  assert.match(
    stderr,
    /^error: Cannot unpack epsilon: .*; .* cannot be made or is somebody else's\. Set XDG_CACHE_HOME .*\n$/,
  );
  assert.deepEqual(await namesIn(trap), []);
});

launcherTest("without room it says so and leaves nothing", async (folder) => {
  const path = await writeFakeExecutable(folder, { ballast: 200_000 });
  const env = { XDG_CACHE_HOME: join(folder, "cache"), TMPDIR: folder };
  const { code, stdout, stderr } = await start(["sh", "-c", 'trap "" XFSZ; ulimit -f 100; "$@"', "sh", path], env);
  assert.deepEqual({ code, stdout }, { code: 3, stdout: "" });
  assert.match(stderr, /^error: Cannot unpack epsilon: \S+ has no room for \d+ bytes; .*\n$/);
  assert.deepEqual(await namesIn(join(folder, "cache", "epsilon", "program")), []);
});

launcherTest("on a machine of another kind the first start names it", async (folder) => {
  const path = await writeFakeExecutable(folder, { runtime: "#!/no/such/interpreter\n" });
  const { code, stdout, stderr } = await start([path], { HOME: folder, TMPDIR: folder });
  assert.deepEqual({ code, stdout }, { code: 3, stdout: "" });
  assert.match(
    stderr,
    /^error: .*a program for x86_64-unknown-linux-gnu does not start from .* on this machine \(.*\n$/,
  );
});

async function placeWithoutPrograms(folder: string): Promise<void> {
  const path = await writeFakeExecutable(folder);
  const [cache, temporary] = [join(folder, "cache"), join(folder, "temporary")];
  await Deno.mkdir(cache);
  await Deno.mkdir(temporary);
  const script = 'mount -t tmpfs -o noexec none "$XDG_CACHE_HOME" && "$@"';
  const inNamespace = (TMPDIR: string) =>
    start(["unshare", "-rm", "sh", "-c", script, "sh", path, "x"], { XDG_CACHE_HOME: cache, TMPDIR });
  const moved = await inNamespace(temporary);
  assert.equal(moved.code, 0, moved.stderr);
  assert.match(
    moved.stderr,
    /^warning: epsilon lies in .*: a program for \S+ does not start from .*Permission denied\n$/,
  );
  const refused = await inNamespace(cache);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /^error: Cannot unpack epsilon: (a program for .* does not start from .*){2}\n$/);
}

Deno.test({
  name: "where programs may not be started it says so, and takes another place (where this user may mount)",
  ignore: ignore || !await mayMount(),
  fn: () => withFolder(placeWithoutPrograms),
});

async function mayMount(): Promise<boolean> {
  const args = ["-rm", "sh", "-c", "mount -t tmpfs none /mnt"];
  const output = await new Deno.Command("unshare", { args }).output().catch(() => undefined);
  return output?.success ?? false;
}

launcherTest("without a tool for SHA-256 nothing is unpacked", async (folder) => {
  const path = await writeFakeExecutable(folder);
  const tools = join(folder, "tools");
  await Deno.mkdir(tools);
  for (const name of ["sh", "tail", "id", "uname"]) {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
    await Deno.symlink(new TextDecoder().decode(stdout).trim(), join(tools, name));
  }
  const { code, stderr } = await start([path], { HOME: folder, PATH: tools });
  assert.equal(code, 3);
  assert.equal(
    stderr,
    "error: Cannot check the program: there is no sha256sum, shasum or openssl. Install one of them.\n",
  );
  assert.deepEqual(await namesIn(join(folder, ".cache")), []);
});
