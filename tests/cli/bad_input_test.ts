import assert from "node:assert/strict";
import { join } from "node:path";
import { runShell } from "./run_program.ts";
import { reviewsCsv, Workplace } from "./small_training.ts";
import { PRIVILEGE_SKIP, PRIVILEGED } from "../privilege.ts";

const NOT_UTF8 = new Uint8Array([0xff, 0xfe, 0x41]);

/** What stands in a broken file, the flags with it, and what the one line on standard error must say. */
const BROKEN: readonly {
  readonly holds: string;
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly flags?: readonly string[];
  readonly says: RegExp;
}[] = [
  { holds: "nothing", name: "empty.csv", content: "", says: /empty\.csv: it is empty/ },
  { holds: "a header alone", name: "bare.csv", content: "text,label\n", says: /bare\.csv: it has no reviews/ },
  { holds: "binary data", name: "binary.csv", content: new Uint8Array([116, 0, 1, 2, 10]), says: /it is binary/ },
  {
    holds: "no such label column",
    name: "wrong.csv",
    content: "text,label\na,0\nb,1\n",
    flags: ["--label-column", "stars"],
    says: /label column stars in wrong\.csv: it has text, label/,
  },
  {
    holds: "no known column",
    name: "other.csv",
    content: "a,b\n1,2\n",
    says: /text column in other\.csv.*--text-column/,
  },
  { holds: "an unknown label", name: "stars.csv", content: "text,label\na,0\nb,5\n", says: /stars\.csv, line 3.*"5"/ },
  { holds: "one class", name: "one.csv", content: "text,label\na,1\nb,1\n", says: /0 negative and 2 positive/ },
  { holds: "a ragged record", name: "ragged.csv", content: "text,label\na,0\nb\n", says: /ragged\.csv, line 3/ },
  {
    holds: "an open quote",
    name: "quote.csv",
    content: 'text,label\n"a,0\nb,1\n',
    says: /quote\.csv, line 2.*never closed/,
  },
  {
    holds: "broken JSON",
    name: "broken.jsonl",
    content: '{"text":"a","label":0}\n{"tex\n',
    says: /broken\.jsonl, line 2/,
  },
  {
    holds: "a broken archive",
    name: "broken.tar.gz",
    content: new Uint8Array([0x1f, 0x8b, 8, 0, 0]),
    says: /broken\.tar\.gz/,
  },
];

for (const { holds, name, content, flags = [], says } of BROKEN) {
  Deno.test(`training on a file that holds ${holds} is one line with the remedy, exit code 3, and no run folder`, async () => {
    await using place = await Workplace.make();
    await Deno.writeFile(
      join(place.folder, name),
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    const { code, stdout, stderr } = await place.run(
      "train",
      "--device",
      "reference",
      "--data",
      name,
      "--out",
      "run",
      ...flags,
    );
    assert.equal(code, 3, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, says);
    assert.match(stderr, /^error: Cannot [^\n]*\. [A-Z][^\n]*\.\n$/);
    await assert.rejects(Deno.stat(join(place.folder, "run")), Deno.errors.NotFound);
  });
}

Deno.test("a truncated archive is told as such", async () => {
  await using place = await Workplace.make();
  for (const folder of ["neg", "pos"]) {
    await Deno.mkdir(join(place.folder, "train", folder), { recursive: true });
    const noise = crypto.getRandomValues(new Uint8Array(20_000)).toBase64();
    await Deno.writeTextFile(join(place.folder, "train", folder, "0_1.txt"), noise);
  }
  await new Deno.Command("tar", { args: ["-czf", "whole.tar.gz", "train"], cwd: place.folder }).output();
  const bytes = await Deno.readFile(join(place.folder, "whole.tar.gz"));
  await Deno.writeFile(join(place.folder, "cut.tar.gz"), bytes.subarray(0, bytes.length >> 1));
  assert.equal((await place.run("data", "info", "--data", "whole.tar.gz")).code, 0);
  const { code, stderr } = await place.run("data", "info", "--data", "cut.tar.gz");
  assert.equal(code, 3);
  assert.match(stderr, /^error: .*cut\.tar\.gz.*truncated.*\n$/);
});

Deno.test("a missing path, a folder without reviews and a missing test split are told apart", async () => {
  await using place = await Workplace.make();
  await Deno.mkdir(join(place.folder, "bare"));
  const fails = async (pattern: RegExp, ...args: string[]) => {
    const { code, stderr } = await place.run("data", "info", ...args);
    assert.equal(code, 3, stderr);
    assert.match(stderr, pattern);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
  };
  await fails(/missing: no such file or folder/, "--data", "missing");
  await fails(/bare/, "--data", "bare");
  await fails(/test split/, "--data", "reviews.csv", "--split", "test");
  await fails(/test split/, "--split", "test");
});

Deno.test(
  `an unreadable folder is a data error${PRIVILEGE_SKIP}`,
  { ignore: PRIVILEGED },
  async () => {
    await using place = await Workplace.make();
    await Deno.mkdir(join(place.folder, "closed"), { mode: 0o000 });
    const { code, stderr } = await place.run("data", "info", "--data", "closed");
    assert.equal(code, 3);
    assert.match(stderr, /closed: permission denied/);
  },
);

Deno.test("bytes that are not UTF-8 and reviews without tokens are counted, not refused", async () => {
  await using place = await Workplace.make();
  const rows = new TextEncoder().encode('text,label\n"",0\ngood,1\nbad,0\n');
  await Deno.writeFile(
    join(place.folder, "odd.csv"),
    new Uint8Array([...rows, ...NOT_UTF8, ...new TextEncoder().encode(",1\n")]),
  );
  const { code, stdout, stderr } = await place.run("data", "info", "--json", "--data", "odd.csv");
  assert.equal(code, 0, stderr);
  const info = JSON.parse(stdout);
  assert.deepEqual([info.reviews, info.without_tokens, info.not_utf8], [4, 1, 2]);
  assert.match(stderr, /^warning: .*2 places.*UTF-8/);
});

Deno.test("control characters in a file's name are shown, not obeyed", async () => {
  await using place = await Workplace.make();
  const { stderr } = await place.run("data", "info", "--data", "\x1b[31mred.csv");
  assert.ok(!stderr.includes("\x1b"));
});

Deno.test("a full disk fails the run with one line and leaves earlier files as they were", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using place = await Workplace.make();
  const whole = await place.train("first");
  assert.equal(whole.code, 0, whole.stderr);
  const before = await place.snapshot("first");
  await Deno.writeTextFile(join(place.folder, "all.csv"), "earlier");
  // A limit on the size of files acts like a full disk: writing fails half-way.
  const limited = (blocks: number, ...args: string[]) =>
    runShell(`trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`, args, { cwd: place.folder, env: place.environment });
  const trained = await limited(100, ...place.trainArguments("second"));
  assert.equal(trained.code, 3, trained.stderr);
  assert.match(trained.stderr, /^error: Cannot write .*\.safetensors: .*\. [A-Z].*\.$/m);
  const exported = await limited(0, "export", "first", "--out", "all.csv");
  assert.equal(exported.code, 3, exported.stderr);
  assert.equal(await place.read("all.csv"), "earlier");
  assert.deepEqual(await place.snapshot("first"), before);
  const leftovers = (await Array.fromAsync(Deno.readDir(join(place.folder, "second")))).map(({ name }) => name);
  assert.deepEqual(leftovers.filter((name) => name.endsWith(".tmp") || name.endsWith(".safetensors")), []);
});

Deno.test("a place that cannot hold a run folder is refused before anything is trained", async () => {
  await using place = await Workplace.make();
  await Deno.writeTextFile(join(place.folder, "file"), reviewsCsv(2));
  for (const out of ["file", "file/run"]) {
    const { code, stderr } = await place.train(out);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^error: Cannot make the run folder/m);
  }
});
