import fc from "fast-check";
import assert from "node:assert/strict";
import { join } from "node:path";
import { prepareDataset, type PrepareProgress } from "../../src/data/prepare.ts";
import { decodePrepared, encodePrepared, type PreparedData } from "../../src/data/prepared_file.ts";
import { loadTokenizer } from "../../src/data/tokenizer.ts";
import { DataError } from "../../src/errors.ts";
import { gzip, inFolder, joined, madeTar, put, SMALL_REVIEWS } from "./made_files.ts";

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test("the built-in sample is prepared without a cache and holds both classes evenly", async () => {
  const { dataset, report } = await prepareDataset();
  assert.equal(report.source, "built-in sample");
  assert.equal(report.cache, "none");
  assert.equal(report.negative, report.positive);
  assert.ok(report.reviews >= 200);
  assert.equal(dataset.labels.length, report.reviews);
  await assert.rejects(prepareDataset({ split: "test" }), DataError);
});

Deno.test("a dataset holds each review's ids, label and name; a folder and its archive give the same", () =>
  inFolder(async (folder) => {
    const cacheFolder = join(folder, "cache");
    for (const { name, text } of SMALL_REVIEWS) await put(folder, `data/${name}`, text);
    const backwards = SMALL_REVIEWS.toReversed().map(({ name, text }) => ({ name: `aclImdb/${name}`, content: text }));
    const archive = await put(folder, "a.tar.gz", await gzip(madeTar(backwards)));
    const { dataset, report } = await prepareDataset({ path: join(folder, "data"), cacheFolder });
    const tokenizer = await loadTokenizer();
    assert.deepEqual(dataset.names, SMALL_REVIEWS.map(({ name }) => name));
    assert.deepEqual(Array.from(dataset.labels), SMALL_REVIEWS.map(({ label }) => label));
    for (const [r, { text }] of SMALL_REVIEWS.entries()) {
      assert.deepEqual(dataset.tokens.slice(dataset.offsets[r], dataset.offsets[r + 1]), tokenizer.encode(text));
    }
    assert.equal(report.empty, 1);
    assert.deepEqual((await prepareDataset({ path: archive, cacheFolder })).dataset, dataset);
  }));

Deno.test("the hash of the data changes with a text, a label and the order of reviews, not with the vocabulary", () =>
  inFolder(async (folder) => {
    const hash = async (csv: string, vocabularyPath?: string) => {
      const path = await put(folder, "a.csv", `text,label\n${csv}`);
      return (await prepareDataset({ path, vocabularyPath, cacheFolder: join(folder, "cache") })).dataset.dataHash;
    };
    const vocabulary = await put(folder, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    const base = await hash("a,0\nb,1\n");
    assert.equal(await hash("a,neg\nb,pos\n", vocabulary), base);
    const others = [await hash("a,0\nc,1\n"), await hash("a,1\nb,0\n"), await hash("b,1\na,0\n")];
    assert.equal(new Set([base, ...others]).size, 4);
  }));

Deno.test("the second time the data come from the cache, the same to the last value", () =>
  inFolder(async (folder) => {
    const path = await put(
      folder,
      "a.csv",
      new Uint8Array([...new TextEncoder().encode("text,label\na,0\nb,1\n"), 0xff]),
    );
    await Deno.writeFile(
      path,
      joined([new TextEncoder().encode("text,label\na"), Uint8Array.of(0xff, 44, 48, 10, 98, 44, 49)]),
    );
    const options = { path, cacheFolder: join(folder, "cache") };
    const first = await prepareDataset(options);
    const second = await prepareDataset(options);
    assert.equal(first.report.cache, "written");
    assert.equal(second.report.cache, "hit");
    assert.deepEqual(second.dataset, first.dataset);
    assert.match(second.report.warnings.join(), /Replaced 1 places in .*a\.csv that are not UTF-8/);
    const others = [{ labelColumn: "label" }, { vocabularyPath: await put(folder, "v.txt", "[UNK]\n[CLS]\n[SEP]\n") }];
    for (const other of others) {
      assert.equal((await prepareDataset({ ...options, ...other })).report.cache, "written");
    }
  }));

Deno.test("a damaged cache is rebuilt and said so", () =>
  inFolder(async (folder) => {
    const path = await put(folder, "a.csv", "text,label\na,0\nb,1\n");
    const options = { path, cacheFolder: join(folder, "cache") };
    const { dataset, report } = await prepareDataset(options);
    const file = report.cacheFile ?? "";
    const whole = await Deno.readFile(file);
    for (
      const damage of [
        whole.slice(0, -1),
        whole.slice(0, 10),
        new Uint8Array(0),
        whole.map((b, i) => i === 200 ? b ^ 1 : b),
      ]
    ) {
      await Deno.writeFile(file, damage);
      const again = await prepareDataset(options);
      assert.equal(again.report.cache, "written");
      assert.match(again.report.warnings.join(), /^Prepared the data anew\. Cannot use the prepared data: /);
      assert.deepEqual(again.dataset, dataset);
      assert.deepEqual(await Deno.readFile(file), whole);
    }
  }));

Deno.test("a cache that cannot be written is a warning", () =>
  inFolder(async (folder) => {
    const path = await put(folder, "a.csv", "text,label\na,0\nb,1\n");
    const cacheFolder = await put(folder, "cache", "a file where the folder should be");
    const { dataset, report } = await prepareDataset({ path, cacheFolder });
    assert.equal(dataset.labels.length, 2);
    assert.equal(report.cache, "none");
    assert.equal(report.cacheFile, undefined);
    assert.match(report.warnings.at(-1) ?? "", /^Prepared data are not kept\. Cannot write /);
  }));

Deno.test("several preparations of the same data at once leave one whole file", () =>
  inFolder(async (folder) => {
    const path = await put(folder, "a.csv", "text,label\n" + "a,0\nb,1\n".repeat(2000));
    const options = { path, cacheFolder: join(folder, "cache"), threads: 1 };
    const results = await Promise.all(Array.from({ length: 4 }, () => prepareDataset(options)));
    for (const { dataset } of results) assert.deepEqual(dataset, results[0].dataset);
    assert.equal(names(options.cacheFolder).length, 1);
    assert.equal((await prepareDataset(options)).report.cache, "hit");
  }));

Deno.test("one class only and two reviews of one name are data errors", () =>
  inFolder(async (folder) => {
    const cacheFolder = join(folder, "cache");
    const path = await put(folder, "a.csv", "text,label\na,1\nb,pos\n");
    for (let times = 0; times < 2; times++) {
      await assert.rejects(
        prepareDataset({ path, cacheFolder }),
        (error) => error instanceof DataError && /0 negative and 2 positive/.test(error.message),
      );
    }
    const twins = madeTar([...SMALL_REVIEWS, SMALL_REVIEWS[0]].map(({ name, text }) => ({ name, content: text })));
    await assert.rejects(
      prepareDataset({ path: await put(folder, "a.tar", twins), cacheFolder }),
      (error) => error instanceof DataError && /two have the name train\/neg\/0_2\.txt$/.test(error.message),
    );
  }));

Deno.test("threads change nothing but the time, and progress rises to the whole", () =>
  inFolder(async (folder) => {
    const words = ["good", "bad", "unaffable", "Zoë", "!", "<br />", "中", "x".repeat(60)];
    const rows = Array.from({ length: 4000 }, (_, r) => {
      const text = Array.from({ length: 100 }, (_, w) => words[(r * 31 + w * w * 7 + r * w) % words.length]).join(" ");
      return `${text},${r % 2}\n`;
    });
    const path = await put(folder, "a.csv", "text,label\n" + rows.join(""));
    const prepare = async (threads: number) => {
      const seen: PrepareProgress[] = [];
      const cacheFolder = join(folder, `cache${threads}`);
      const { dataset } = await prepareDataset({ path, threads, cacheFolder, onProgress: (p) => seen.push(p) });
      return { dataset, seen };
    };
    const [one, three] = [await prepare(1), await prepare(3)];
    assert.deepEqual(three.dataset, one.dataset);
    for (const phase of ["check", "tokenize"]) {
      const done = three.seen.filter((p) => p.phase === phase).map((p) => p.done);
      assert.deepEqual(done, done.toSorted((a, b) => a - b));
      assert.equal(done.at(-1), Deno.statSync(path).size);
    }
  }));

const review = fc.record({
  ids: fc.array(fc.nat(65_535), { minLength: 2, maxLength: 9 }),
  label: fc.constantFrom(0, 1),
  name: fc.string({ unit: "grapheme" }).filter((name) => !/[\n\0]/.test(name)),
});
const made = fc.record({ reviews: fc.array(review, { minLength: 1 }), wide: fc.boolean(), replaced: fc.nat() })
  .map(({ reviews, wide, replaced }): PreparedData => {
    let place = 0;
    return {
      replaced,
      dataset: {
        tokens: Int32Array.from(reviews.flatMap(({ ids }) => wide ? ids.map((id) => id * 16) : ids)),
        offsets: Uint32Array.from([0, ...reviews.map(({ ids }) => place += ids.length)]),
        labels: Uint8Array.from(reviews, ({ label }) => label),
        names: reviews.map(({ name }) => name),
        dataHash: "d",
        vocabularyHash: "v",
        vocabularySize: wide ? 16 * 65_536 : 65_536,
      },
    };
  });

Deno.test("prepared data are read back the same, and no changed byte goes unseen", () => {
  fc.assert(fc.property(made, fc.nat(), fc.integer({ min: 1, max: 255 }), (prepared, place, change) => {
    const bytes = joined([...encodePrepared(prepared, "key")]);
    assert.deepEqual(decodePrepared(bytes, "key"), prepared);
    assert.throws(() => decodePrepared(bytes, "other"), DataError);
    assert.throws(() => decodePrepared(bytes.slice(0, place % bytes.length), "key"), DataError);
    bytes[place % bytes.length] ^= change;
    assert.throws(() => decodePrepared(bytes, "key"), DataError);
  }));
});

const shared = Deno.env.get("EPSILON_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;
const archive = join(shared, "data", "aclImdb-train.tar.gz");
const present = await Deno.stat(archive).then(() => true, () => false);

Deno.test(
  "the 25,000 training reviews are prepared with the published vocabulary",
  { ignore: !present },
  () =>
    inFolder(async (folder) => {
      const { dataset, report } = await prepareDataset({ path: archive, cacheFolder: folder });
      assert.equal(report.negative, 12_500);
      assert.equal(report.positive, 12_500);
      assert.equal(report.replaced, 0);
      assert.equal(dataset.names[0], "train/neg/0_3.txt");
      for (let r = 0; r < report.reviews; r++) {
        assert.equal(dataset.tokens[dataset.offsets[r]], 101);
        assert.equal(dataset.tokens[dataset.offsets[r + 1] - 1], 102);
      }
      await assert.rejects(
        prepareDataset({ path: archive, cacheFolder: folder, split: "test" }),
        (error) => error instanceof DataError && /test split/.test(error.message),
      );
      assert.deepEqual((await prepareDataset({ path: archive, cacheFolder: folder })).dataset, dataset);
    }),
);
