import assert from "node:assert/strict";
import { placedCommands } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { Workplace } from "./small_training.ts";

interface Shown {
  readonly command: string;
  readonly user_file: string | null;
  readonly options: Record<string, { value: unknown; origin: string; place: string | null }>;
}

/** A workplace whose user has a file of defaults. */
async function withUserFile(content: string) {
  const place = await Workplace.make();
  const path = `${place.folder}/config/epsilon/config.toml`;
  await Deno.mkdir(`${place.folder}/config/epsilon`, { recursive: true });
  await Deno.writeTextFile(path, content);
  const environment = { XDG_CONFIG_HOME: `${place.folder}/config` };
  return { place, path, run: (...args: string[]) => place.runIn(environment, ...args), environment };
}

Deno.test("config show tells each value of a command and which flag, variable or file gave it", async () => {
  const { place, path, environment } = await withUserFile("seed = 7\nthreads = 1\n[train]\nepochs = 3\npatience = 2\n");
  await using _place = place;
  await Deno.writeTextFile(`${place.folder}/run.toml`, "batch-size = 8\nepochs = 4\n");
  const { code, stdout, stderr } = await place.runIn(
    { ...environment, EPSILON_DROPOUT: "0.2", EPSILON_BATCH_SIZE: "16" },
    ...["config", "show", "train", "--model", "vanilla", "--set", "ffn_dim=9", "--config", "run.toml", "--json"],
  );
  assert.equal(code, 0, stderr);
  const { command, user_file: userFile, options }: Shown = JSON.parse(stdout);
  assert.deepEqual([command, userFile], ["train", path]);
  assert.deepEqual(options.model, { value: "vanilla", origin: "flag", place: "--model" });
  assert.deepEqual(options["ffn-dim"], { value: 9, origin: "flag", place: "--set ffn_dim" });
  assert.deepEqual(options.dropout, { value: 0.2, origin: "environment", place: "EPSILON_DROPOUT" });
  assert.deepEqual(options["batch-size"], { value: 16, origin: "environment", place: "EPSILON_BATCH_SIZE" });
  assert.deepEqual(options.epochs, { value: 4, origin: "file", place: "epochs in run.toml" });
  assert.deepEqual(options.patience, { value: 2, origin: "user file", place: `patience in ${path}` });
  assert.deepEqual(options.seed, { value: 7, origin: "user file", place: `seed in ${path}` });
  // The default of the model that is asked for: the baseline does not warm up.
  assert.deepEqual(options["warmup-steps"], { value: 0, origin: "default", place: null });
  assert.deepEqual(options.data, { value: null, origin: "default", place: null });
});

Deno.test("config show knows every command, and says where the user's defaults would stand", async () => {
  await using place = await Workplace.make();
  const withOptions = placedCommands(COMMANDS).filter(({ command: { optionsOf, declarations } }) =>
    optionsOf === undefined && Object.keys(declarations).length > 0
  );
  const shown = new Set(
    placedCommands(COMMANDS).flatMap(({ command: { optionsOf } }) =>
      optionsOf === undefined ? [] : optionsOf.join(" ")
    ),
  );
  const left = withOptions.map(({ path }) => path.join(" ")).filter((name) => !shown.has(name));
  assert.deepEqual(left, []);
  const { code, stdout, stderr } = await place.run("config", "show", "export");
  assert.equal(code, 0);
  assert.match(stdout, /^option +value +origin +given by\nwide +false +default\nout +\(standard output\) +default\n/);
  assert.match(stderr, /^There is no file of your own defaults, .*config\.toml\.\n$/);
});

Deno.test("the user's defaults hold in every command, in run.json too, and give way to a run's own values", async () => {
  const { place, run } = await withUserFile(
    'progress = "off"\n[train]\nlog-every = 3\n[evaluate]\ndata = "none.csv"\n',
  );
  await using _place = place;
  const trained = await run(
    ...place.trainArguments("run").filter((_, i, all) => !["--log-every", "1"].includes(all[i])),
  );
  assert.deepEqual([trained.code, trained.stderr], [0, ""]);
  const { configuration } = JSON.parse(await place.read("run", "run.json"));
  assert.deepEqual(configuration["log-every"], { value: 3, origin: "user file" });
  // The run has reviews of its own, and its recipe.
  assert.equal((await run("evaluate", "run", "--device", "reference")).code, 0);
  await Deno.writeTextFile(`${place.folder}/config/epsilon/config.toml`, "seed = 5\nepochs = 99\nout = 'elsewhere'\n");
  const resumed = await run("train", "--resume", "run");
  assert.equal(resumed.code, 0, resumed.stderr);
});

Deno.test("a broken file of the user's defaults is one line with its place", async () => {
  const { place, path, run } = await withUserFile("epochs = = 3\n");
  await using _place = place;
  const cases: [string, number, RegExp][] = [
    ["epochs = = 3\n", 3, /config\.toml, line 1, column/],
    ["epoch = 3\n", 2, /config\.toml: unknown key "epoch"\. Did you mean epochs\?/],
    ["[trian]\nepochs = 3\n", 2, /unknown key "trian"\. Did you mean train\?/],
    ["[train]\nepoch = 3\n", 2, /unknown key "epoch"\. Did you mean epochs\?/],
    ["epochs = 0\n", 2, /epochs in .*config\.toml: "0"\. Give a whole number/],
  ];
  for (const [content, code, pattern] of cases) {
    await Deno.writeTextFile(path, content);
    const finished = await run("config", "show", "train");
    assert.equal(finished.code, code, finished.stderr);
    assert.match(finished.stderr, pattern);
    assert.deepEqual([finished.stdout, finished.stderr.split("\n").length], ["", 2]);
  }
  assert.equal((await run("--help")).code, 0);
});
