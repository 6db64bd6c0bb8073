import assert from "node:assert/strict";
import { join } from "node:path";
import { INSTRUMENT_TABLES } from "../../src/diagnose/instruments/table.ts";
import { Workplace } from "./small_training.ts";

const TABLES = Object.keys(INSTRUMENT_TABLES).map((table) => `${table}.csv`);
const REFERENCE = ["--device", "reference"];

/** Rows of a table of a run, as objects. */
async function rowsOf(place: Workplace, ...path: string[]): Promise<Record<string, string>[]> {
  const [header, ...rows] = (await place.read(...path)).trimEnd().split("\n").map((row) => row.split(","));
  return rows.map((row) => Object.fromEntries(header.map((column, i) => [column, row[i]])));
}

Deno.test("diagnose fills every table of a run, and again the same to the byte", async () => {
  await using place = await Workplace.make();
  const trained = JSON.parse((await place.train("run", "--json")).stdout);
  const { code, stdout, stderr } = await place.run("diagnose", "run", "--json", ...REFERENCE);
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout);
  assert.deepEqual(
    result.files,
    TABLES.map((table) => join("run", table)).filter((file) => result.files.includes(file)),
  );
  assert.equal(result.files.length, TABLES.length);
  assert.equal(result.reviews, 6);
  assert.equal(result.summary.calibration_accuracy, trained.best.accuracy);
  const halting = await rowsOf(place, "run", "halting.csv");
  assert.ok(
    halting.every(({ run, epoch, split }) =>
      run === trained.run && epoch === String(trained.best.epoch) && split === "validation"
    ),
  );
  const before = await place.snapshot("run");
  const again = await place.run("diagnose", "run", ...REFERENCE);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /jacobian spectral radius step 1 +[0-9.]+\n/);
  assert.deepEqual(await place.snapshot("run"), before);
});

Deno.test("train reads instruments after each epoch; diagnose takes the place of its epoch's rows alone", async () => {
  await using place = await Workplace.make();
  const trained = JSON.parse((await place.train("run", "--json", "--instruments", "halting,calibration")).stdout);
  const epochs = async () => (await rowsOf(place, "run", "calibration.csv")).map(({ epoch }) => epoch);
  const before = await epochs();
  assert.deepEqual(new Set(before), new Set(["1", "2"]));
  await assert.rejects(place.read("run", "bins.csv"), Deno.errors.NotFound);
  const { code, stderr } = await place.run("diagnose", "run", "--instruments", "calibration", ...REFERENCE);
  assert.equal(code, 0, stderr);
  const after = await epochs();
  assert.deepEqual(after.toSorted(), before.toSorted());
  assert.equal(after.at(-1), String(trained.best.epoch));
});

Deno.test("other reviews, a folder of one's own, few reviews, and the temperature still fitted on validation", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const own = ["--out", "tables", "--split", "train", "--limit-reviews", "10", "--instruments", "calibration,tokens"];
  const { code, stderr } = await place.run("diagnose", "run", ...own, ...REFERENCE);
  assert.equal(code, 0, stderr);
  const metrics = await rowsOf(place, "tables", "calibration.csv");
  assert.equal(metrics.find(({ metric }) => metric === "reviews")?.value, "10");
  const tokens = await rowsOf(place, "tables", "tokens.csv");
  assert.equal(new Set(tokens.map(({ review }) => review)).size, 10);
  assert.ok(tokens.filter(({ position }) => position === "0").every(({ token }) => token === "[CLS]"));
});

Deno.test("a name that is no instrument, none at all, and a checkpoint away from its run are refused", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const refused = async (code: number, message: RegExp, ...args: string[]) => {
    const found = await place.run(...args);
    assert.equal(found.code, code, found.stderr);
    assert.match(found.stderr, message);
    assert.equal(found.stdout, "");
  };
  await refused(2, /there is no "halti". Did you mean halting\?/, "diagnose", "run", "--instruments", "halti");
  await refused(2, /no instrument was named/, "diagnose", "run", "--instruments", "none");
  await refused(2, /there is no "bin"/, "train", "--data", "reviews.csv", "--instruments", "halting,bin");
  await refused(3, /Cannot read nowhere: no such file/, "diagnose", "nowhere");
  await Deno.copyFile(join(place.folder, "run/best.safetensors"), join(place.folder, "alone.safetensors"));
  await refused(2, /alone.safetensors lies in no run folder.*--out/, "diagnose", "alone.safetensors", ...REFERENCE);
  await Deno.writeTextFile(join(place.folder, "run/bins.csv"), "my,own,numbers\n");
  const before = await place.snapshot("run");
  await refused(3, /bins.csv: its header is "my,own,numbers"/, "diagnose", "run", ...REFERENCE);
  assert.deepEqual(await place.snapshot("run"), before);
  await Deno.writeFile(join(place.folder, "run/best.safetensors"), new Uint8Array(20));
  await refused(3, /Cannot read run\/best.safetensors/, "diagnose", "run", ...REFERENCE);
});

Deno.test("the vanilla model is read as far as it can be, and one line says what it has not", async () => {
  await using place = await Workplace.make();
  const trained = await place.train("run", "--model", "vanilla", "--epochs", "1");
  assert.equal(trained.code, 0, trained.stderr);
  const { code, stdout, stderr } = await place.run("diagnose", "run", "--json", ...REFERENCE);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /nothing is read of: halting, bins, attention, exits, tokens, jacobian\.\n/);
  const names = ["calibration.csv", "reliability.csv", "confusion.csv"];
  assert.deepEqual(JSON.parse(stdout).files, names.map((name) => join("run", name)));
});
