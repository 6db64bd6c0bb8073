import assert from "node:assert/strict";
import { isGiven, readConfigurationFile, resolveOptions, type Sources } from "../../src/cli/configuration.ts";
import { choiceOption, numberOption, switchOption, textOption } from "../../src/cli/option.ts";
import { trainCommand } from "../../src/cli/train.ts";
import { userEntries } from "../../src/cli/user_file.ts";
import { DataError, EpsilonError, UsageError } from "../../src/errors.ts";
import { real, whole } from "../../src/model/range.ts";

const TABLE = {
  batchSize: numberOption({ description: "reviews", fallback: 32, range: whole(1, 100) }),
  learningRate: numberOption({ description: "rate", fallback: 3e-4, range: real(0, 10) }),
  halting: choiceOption(["exit", "soft"], { description: "mode", fallback: "exit" }),
  data: textOption({ description: "path" }),
  json: switchOption({ description: "as JSON" }),
};

function resolve(sources: Partial<Omit<Sources, "environment">> & { environment?: Record<string, string> }) {
  return resolveOptions(TABLE, {
    flags: sources.flags ?? new Map(),
    assignments: sources.assignments ?? [],
    environment: (name) => sources.environment?.[name],
    ...sources.file === undefined ? {} : { file: sources.file },
  });
}

const file = (entries: Record<string, unknown>) => ({ path: "run.toml", entries });

async function withFile(name: string, content: string | Uint8Array, body: (path: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/${name}`;
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("flag beats environment beats file beats default, and the origin is told", () => {
  const flags = new Map([["batchSize", "1"]]);
  const environment = { EPSILON_BATCH_SIZE: "2", EPSILON_LEARNING_RATE: "0.2", EPSILON_DATA: "" };
  const { values, origins } = resolve({
    flags,
    environment,
    file: file({ "batch-size": 3, learning_rate: 0.3, halting: "soft" }),
  });
  assert.deepEqual(values, { batchSize: 1, learningRate: 0.2, halting: "soft", data: undefined, json: false });
  assert.deepEqual(origins, {
    batchSize: "flag",
    learningRate: "environment",
    halting: "file",
    data: "default",
    json: "default",
  });
});

Deno.test("--set counts as a flag and takes any spelling of a key", () => {
  for (const name of ["batch-size", "batch_size", "batchSize"]) {
    const { values, origins } = resolve({ assignments: [`${name}=7`], environment: { EPSILON_BATCH_SIZE: "2" } });
    assert.equal(values.batchSize, 7);
    assert.equal(origins.batchSize, "flag");
  }
});

Deno.test("an unknown key names the nearest one", () => {
  const hint = (pattern: RegExp) => (error: unknown) => error instanceof UsageError && pattern.test(error.hint);
  assert.throws(() => resolve({ assignments: ["lerning-rate=1"] }), hint(/learning-rate/));
  assert.throws(() => resolve({ file: file({ bacth_size: 1 }) }), hint(/batch-size/));
  assert.throws(() => resolve({ file: file({ zzzzzzzz: 1 }) }), hint(/--help/));
  assert.throws(() => resolve({ file: file({ toString: 1 }) }), UsageError);
});

Deno.test("a value of another kind or out of range names its place", () => {
  const says = (pattern: RegExp) => (error: unknown) => error instanceof UsageError && pattern.test(error.message);
  for (const text of ["0", "101", "1.5", "x", "", "0x10", "1e999", "NaN", "-1"]) {
    assert.throws(() => resolve({ flags: new Map([["batchSize", text]]) }), says(/--batch-size/), text);
  }
  assert.throws(() => resolve({ environment: { EPSILON_HALTING: "hard" } }), says(/EPSILON_HALTING: "hard"/));
  assert.throws(() => resolve({ file: file({ "batch-size": [1] }) }), says(/batch-size in run\.toml: a list/));
  assert.throws(() => resolve({ file: file({ "batch-size": { a: 1 } }) }), says(/a table/));
  assert.throws(() => resolve({ assignments: ["batch-size"] }), says(/--set/));
});

Deno.test("a key given twice is refused", () => {
  assert.throws(() => resolve({ assignments: ["batch-size=1", "batch_size=2"] }), UsageError);
  assert.throws(() => resolve({ assignments: ["batch-size=1"], flags: new Map([["batchSize", "2"]]) }), UsageError);
  assert.throws(() => resolve({ file: file({ "batch-size": 1, batch_size: 1 }) }), UsageError);
});

Deno.test("TOML and JSON files are read as tables", async () => {
  await withFile("a.toml", "batch-size = 3\nhalting = 'soft'\n", async (path) => {
    assert.deepEqual({ ...(await readConfigurationFile(path)).entries }, { "batch-size": 3, halting: "soft" });
  });
  await withFile("a.json", '{ "batch-size": 3 }', async (path) => {
    assert.deepEqual({ ...(await readConfigurationFile(path)).entries }, { "batch-size": 3 });
  });
});

Deno.test("a broken configuration file names its line", async () => {
  const broken = async (name: string, content: string | Uint8Array, pattern: RegExp) => {
    await withFile(name, content, async (path) => {
      await assert.rejects(readConfigurationFile(path), (error) => {
        assert.ok(error instanceof DataError);
        assert.match(error.message, pattern);
        return true;
      });
    });
  };
  await broken("a.toml", "a = 1\nb = = 2\n", /line 2, column \d+/);
  await broken("a.json", '{\n "a": 1,\n oops\n}', /line 3/);
  await broken("a.json", "[1]", /a\.json/);
  await broken("a.json", new Uint8Array([0x22, 0xff, 0x22]), /not UTF-8/);
  await broken("a.toml", "#".repeat((1 << 20) + 1), /1048577 bytes/);
  await assert.rejects(readConfigurationFile("missing.toml"), DataError);
  await assert.rejects(readConfigurationFile("run.yaml"), UsageError);
});

Deno.test("the user's file gives way to --config, and what it says was not asked for", () => {
  const userFile = { path: "config.toml", entries: { "batch-size": 4, halting: "soft" } };
  const { values, origins, places } = resolveOptions(TABLE, {
    flags: new Map(),
    assignments: [],
    environment: () => undefined,
    file: file({ "batch-size": 3 }),
    userFile,
  });
  assert.deepEqual([values.batchSize, values.halting, values.learningRate], [3, "soft", 3e-4]);
  assert.deepEqual([origins.batchSize, origins.halting, origins.learningRate], ["file", "user file", "default"]);
  assert.deepEqual([places.batchSize, places.halting], ["batch-size in run.toml", "halting in config.toml"]);
  assert.equal(places.learningRate, undefined);
  assert.deepEqual((["flag", "environment", "file", "user file", "default"] as const).map(isGiven), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("the user's file holds keys for all commands and tables for single ones", () => {
  const command = (declarations: typeof TABLE | Pick<typeof TABLE, "json">, ...path: string[]) => ({
    path,
    command: { ...trainCommand, declarations },
  });
  const commands = [command(TABLE, "train"), command({ json: TABLE.json }, "data", "fetch")];
  const entries = (content: Record<string, unknown>, ...path: string[]) =>
    userEntries({ path: "config.toml", entries: content }, path, commands).entries;
  const content = { json: true, halting: "soft", train: { batch_size: 2, halting: "exit" }, "data-fetch": {} };
  assert.deepEqual(entries(content, "train"), { json: true, batch_size: 2, halting: "exit" });
  assert.deepEqual(entries(content, "data", "fetch"), { json: true });
  const hint = (pattern: RegExp) => (error: unknown) => error instanceof UsageError && pattern.test(error.hint);
  assert.throws(() => entries({ haltign: "soft" }, "data", "fetch"), hint(/Did you mean halting\?/));
  assert.throws(() => entries({ tarin: { halting: "soft" } }, "train"), hint(/Did you mean train\?/));
  // What it says of the command's own keys is checked with all others.
  assert.deepEqual(entries({ train: { haltign: "soft" } }, "train"), { haltign: "soft" });
});

Deno.test("what a configuration file holds stands in one line of a message and cannot steer a terminal", async () => {
  const oneLine = (error: unknown) =>
    error instanceof EpsilonError && /^Cannot [^\p{Cc}]+$/u.test(error.message) && /^[^\p{Cc}]+$/u.test(error.hint);
  await withFile("a.json", '{\n "a": \u001b[31m\n}', (path) => assert.rejects(readConfigurationFile(path), oneLine));
  for (const entries of [{ "\u001b]0;x\u0007": 1 }, { "batch-size": "\u001b[31m\n" }, { "batch-size": [1] }]) {
    assert.throws(() => resolve({ file: { path: "a\n.toml", entries } }), oneLine);
  }
  assert.throws(() => resolve({ assignments: ["a\u001b[2J=1"] }), oneLine);
  assert.throws(() => resolve({ assignments: ["batch-size=\u001b[2J"] }), oneLine);
});
