import assert from "node:assert/strict";
import { join } from "node:path";
import { reviewsCsv, Workplace } from "./small_training.ts";

Deno.test("train fills a run folder, prints its summary on stdout and talks on stderr", async () => {
  await using place = await Workplace.make();
  const { code, stdout, stderr } = await place.train("run");
  assert.equal(code, 0, stderr);
  const files = [...(await place.snapshot("run")).keys()].toSorted();
  assert.deepEqual(files, ["best.safetensors", "last.safetensors", "metrics.csv", "run.json", "timing.csv"]);
  assert.match(stdout, /outcome +finished after 2 epochs, 14 steps/);
  assert.doesNotMatch(stdout, /epoch 1\/2/);
  assert.match(stderr, /epoch 2\/2: loss/);
});

Deno.test("--json prints one document that agrees with metrics.csv", async () => {
  await using place = await Workplace.make();
  const { code, stdout } = await place.train("run", "--json");
  assert.equal(code, 0);
  const summary = JSON.parse(stdout);
  assert.deepEqual([summary.outcome, summary.epochs, summary.steps], ["finished", 2, 14]);
  const rows = (await place.read("run", "metrics.csv")).trimEnd().split("\n").map((row) => row.split(","));
  assert.deepEqual(rows[0], ["run", "step", "epoch", "split", "metric", "value"]);
  const accuracies = rows.filter(([, , epoch, split, metric]) =>
    epoch !== "" && split === "validation" && metric === "accuracy"
  ).map((row) => Number(row[5]));
  assert.equal(accuracies.length, 2);
  assert.equal(summary.best.accuracy, Math.max(...accuracies));
  assert.equal(summary.best.epoch, accuracies.indexOf(Math.max(...accuracies)) + 1);
  const stepLosses = rows.filter(([, , epoch, , metric]) => epoch === "" && metric === "loss");
  assert.deepEqual(stepLosses.map((row) => Number(row[1])), Array.from({ length: 14 }, (_, i) => i + 1));
});

Deno.test("the same seed gives the same metrics to the byte, another seed gives others", async () => {
  await using place = await Workplace.make();
  await place.train("a");
  await place.train("b");
  await place.train("c", "--seed", "7");
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((run) => place.read(run, "metrics.csv")));
  assert.equal(a, b);
  assert.notEqual(a, c);
  const [first, second] = [await place.snapshot("a"), await place.snapshot("b")];
  for (const name of ["best.safetensors", "last.safetensors"]) assert.equal(first.get(name), second.get(name));
});

Deno.test("run.json says what was trained and where each value came from", async () => {
  await using place = await Workplace.make();
  await Deno.writeTextFile(join(place.folder, "run.toml"), "dropout = 0.2\npatience = 9\n");
  await place.train("run", "--config", "run.toml", "--patience", "5");
  const record = JSON.parse(await place.read("run", "run.json"));
  assert.equal(record.outcome, "finished");
  assert.deepEqual(record.configuration.dropout, { value: 0.2, origin: "file" });
  assert.deepEqual(record.configuration.patience, { value: 5, origin: "flag" });
  assert.deepEqual(record.configuration["alpha-res"], { value: 0.25, origin: "default" });
  assert.equal(record.seed, 42);
  assert.match(record.dataSha256, /^[0-9a-f]{64}$/);
});

Deno.test("without --data the built-in sample is used, and stderr says so and how to get the real set", async () => {
  await using place = await Workplace.make();
  const args = place.trainArguments("run", "--epochs", "1", "--limit-batches", "1");
  const { code, stderr } = await place.run(...args.filter((arg) => arg !== "--data" && arg !== "reviews.csv"));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /built-in sample/);
  assert.match(stderr, /epsilon data fetch/);
});

Deno.test("without --out the run gets a folder of its own under runs", async () => {
  await using place = await Workplace.make();
  const args = place.trainArguments("x", "--epochs", "1", "--limit-batches", "1").filter((arg) =>
    arg !== "--out" && arg !== "x"
  );
  await place.run(...args);
  await place.run(...args);
  assert.equal((await place.snapshot("runs")).size, 2);
});

Deno.test("a loss that is not finite ends with code 1 and names the last good checkpoint, which is whole", async () => {
  await using place = await Workplace.make();
  const { code, stderr, stdout } = await place.train(
    "run",
    "--learning-rate",
    "1000",
    "--weight-decay",
    "1000",
    "--epochs",
    "30",
  );
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^error: Training stopped: the .* is not finite after \d+ optimizer steps; the last good checkpoint is run.last\.safetensors\. /m,
  );
  assert.equal(JSON.parse(await place.read("run", "run.json")).outcome, "failed");
  const evaluated = await place.run("evaluate", "run/last.safetensors", "--device", "reference", "--json");
  assert.equal(evaluated.code, 0, evaluated.stderr);
});

Deno.test("a run folder that is in use is left as it was", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const before = await place.snapshot("run");
  const { code, stderr } = await place.train("run");
  assert.equal(code, 3);
  assert.match(stderr, /^error: .*holds a run already.*--resume/m);
  assert.deepEqual(await place.snapshot("run"), before);
});

/** A bad input, its exit code, and what the one line of the error names. */
const BAD: readonly {
  readonly name: string;
  readonly make?: (folder: string) => Promise<void>;
  readonly flags: readonly string[];
  readonly code: number;
  readonly names: RegExp;
}[] = [
  { name: "an empty file", make: put("bad.csv", ""), flags: ["--data", "bad.csv"], code: 3, names: /bad\.csv/ },
  {
    name: "a binary file",
    make: put("bad.csv", new Uint8Array(5000).map((_, i) => (i * 37) % 256)),
    flags: ["--data", "bad.csv"],
    code: 3,
    names: /bad\.csv/,
  },
  {
    name: "a wrong label column",
    flags: ["--data", "reviews.csv", "--label-column", "stars"],
    code: 3,
    names: /stars/,
  },
  {
    name: "one class only",
    make: put("bad.csv", "text,label\ngood,1\nbetter,1\nbest,1\n"),
    flags: ["--data", "bad.csv"],
    code: 3,
    names: /negative/,
  },
  { name: "a missing path", flags: ["--data", "nowhere"], code: 3, names: /nowhere/ },
  {
    name: "a truncated archive",
    make: async (folder) => {
      const half = await new Response(
        new Blob([new Uint8Array(4096).map((_, i) => (i * i) % 251)]).stream().pipeThrough(
          new CompressionStream("gzip"),
        ),
      ).bytes();
      await Deno.writeFile(join(folder, "bad.tar.gz"), half.subarray(0, half.length / 2));
    },
    flags: ["--data", "bad.tar.gz"],
    code: 3,
    names: /bad\.tar\.gz/,
  },
  { name: "a flag out of range", flags: ["--dropout", "1.5"], code: 2, names: /dropout/ },
  { name: "heads that do not divide the state", flags: ["--num-heads", "3"], code: 2, names: /numHeads|num-heads/ },
  { name: "a mistyped flag", flags: ["--epoch", "3"], code: 2, names: /--epochs/ },
  { name: "a model that this version has not", flags: ["--model", "lstm"], code: 2, names: /epsilon or vanilla/ },
  { name: "a folder that cannot be made", flags: ["--out", "reviews.csv/run"], code: 3, names: /reviews\.csv/ },
];

function put(name: string, content: string | Uint8Array): (folder: string) => Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return (folder) => Deno.writeFile(join(folder, name), bytes);
}

for (const { name, make, flags, code, names } of BAD) {
  Deno.test(`${name} gives one line with the remedy and code ${code}, and no run folder`, async () => {
    await using place = await Workplace.make();
    await make?.(place.folder);
    const result = await place.train("run", ...flags);
    assert.equal(result.code, code, result.stderr);
    assert.equal(result.stdout, "");
    const errors = result.stderr.split("\n").filter((line) => line.startsWith("error:"));
    assert.equal(errors.length, 1, result.stderr);
    assert.match(errors[0], names);
    assert.doesNotMatch(result.stderr, /^\s+at /m);
    await assert.rejects(Deno.stat(join(place.folder, "run")), Deno.errors.NotFound);
  });
}

Deno.test("bytes that are not UTF-8 are replaced, counted and said, and training goes on", async () => {
  await using place = await Workplace.make();
  const text = new TextEncoder().encode(reviewsCsv());
  await Deno.writeFile(join(place.folder, "latin.csv"), text.map((byte) => byte === 0x6a ? 0xff : byte));
  const { code, stderr } = await place.train("run", "--data", "latin.csv", "--epochs", "1");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning: .*UTF-8/);
});

Deno.test("the CPU engine gives the same results to the byte with 1, 2 and 4 threads", async () => {
  await using place = await Workplace.make();
  for (const threads of ["1", "2", "4"]) {
    const { code, stderr } = await place.train(threads, "--device", "cpu", "--threads", threads);
    assert.equal(code, 0, stderr);
  }
  const [one, two, four] = await Promise.all(["1", "2", "4"].map((run) => place.snapshot(run)));
  for (const name of ["metrics.csv", "best.safetensors", "last.safetensors"]) {
    assert.equal(two.get(name), one.get(name), name);
    assert.equal(four.get(name), one.get(name), name);
  }
});
