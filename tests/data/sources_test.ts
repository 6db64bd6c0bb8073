import assert from "node:assert/strict";
import { join } from "node:path";
import { emptyReport, type ReadOptions, type Review } from "../../src/data/review.ts";
import { readReviews } from "../../src/data/sources.ts";
import { DataError } from "../../src/errors.ts";
import { gzip, inFolder, joined, madeTar, put, SMALL_REVIEWS } from "./made_files.ts";
import { PRIVILEGE_SKIP, PRIVILEGED } from "../privilege.ts";

const read = (path: string, options?: ReadOptions): Promise<Review[]> => Array.fromAsync(readReviews(path, options));
const byName = (reviews: readonly Review[]) => reviews.toSorted((a, b) => a.name < b.name ? -1 : 1);

async function refused(path: string, about: RegExp, options?: ReadOptions): Promise<void> {
  await assert.rejects(read(path, options), (error) => {
    assert.ok(error instanceof DataError, String(error));
    assert.match(error.message, about);
    assert.ok(error.hint.length > 0);
    return true;
  });
}

Deno.test("a folder is read by name, with aclImdb above the split or not; other files are passed over", () =>
  inFolder(async (folder) => {
    for (const { name, text } of SMALL_REVIEWS) await put(folder, `aclImdb/${name}`, text);
    await put(folder, "aclImdb/train/unsup/0_0.txt", "unlabelled");
    await put(folder, "aclImdb/train/pos/.hidden.txt", "hidden");
    await put(folder, "aclImdb/train/pos/notes.md", "notes");
    await Deno.mkdir(join(folder, "aclImdb/train/pos/a.txt"));
    assert.deepEqual(await read(folder), SMALL_REVIEWS);
    assert.deepEqual(await read(join(folder, "aclImdb")), SMALL_REVIEWS);
  }));

Deno.test("the test split is read when asked for and missed only then", () =>
  inFolder(async (folder) => {
    for (const { name, text } of SMALL_REVIEWS) await put(folder, name, text);
    await refused(folder, /^Cannot read the test split of .*: no reviews in test\/neg and test\/pos$/, {
      split: "test",
    });
    await put(folder, "test/neg/1_1.txt", "no");
    await put(folder, "test/pos/1_9.txt", "yes");
    assert.deepEqual((await read(folder, { split: "test" })).map(({ text }) => text), ["no", "yes"]);
  }));

Deno.test("an archive gives the same reviews as the folder, packed or not; links and folders are passed over", () =>
  inFolder(async (folder) => {
    const tar = madeTar([
      { name: "aclImdb/", kind: "5" },
      { name: "aclImdb/README", content: "about" },
      { name: "aclImdb/train/pos/link.txt", kind: "2" },
      { name: "aclImdb/train/pos/device.txt", kind: "3" },
      { name: "aclImdb/train/pos/../../../etc/x.txt", content: "outside" },
      { name: "aclImdb/test/pos/0_9.txt", content: "other split" },
      ...SMALL_REVIEWS.toReversed().map(({ name, text }) => ({ name: `aclImdb/${name}`, content: text })),
    ]);
    for (
      const [name, bytes] of [["a.tar", tar], ["a.tar.gz", await gzip(tar)], ["odd.name", await gzip(tar)]] as const
    ) {
      const path = await put(folder, name, bytes);
      assert.deepEqual(byName(await read(path)), SMALL_REVIEWS);
      assert.deepEqual(await read(path, { split: "test" }), [
        { name: "test/pos/0_9.txt", text: "other split", label: 1 },
      ]);
    }
  }));

Deno.test("truncated, broken, empty and hostile archives are data errors", () =>
  inFolder(async (folder) => {
    const tar = madeTar(SMALL_REVIEWS.map(({ name, text }) => ({ name, content: text })));
    const packed = await gzip(tar);
    await refused(await put(folder, "cut.tar.gz", packed.slice(0, -20)), /is truncated$/);
    await refused(await put(folder, "cut.tar", tar.slice(0, 1500)), /is truncated$/);
    await refused(await put(folder, "no_end.tar", tar.slice(0, -1024)), /is truncated$/);
    // A file that nobody wants, then a review of which a part is missing: this once waited forever.
    const promised = [{ name: "notes.txt", content: "x" }, { name: "train/pos/0_9.txt", content: "x", size: 1 << 20 }];
    await refused(await put(folder, "part.tar", madeTar(promised)), /is truncated$/);
    const tooMuch = [{ name: "train/pos/0_9.txt", content: "x", size: 17 << 20 }];
    await refused(
      await put(folder, "much.tar", madeTar(tooMuch).slice(0, 1024)),
      /at most 16777216 wanted|is truncated$/,
    );
    const bent = packed.slice();
    bent.fill(0x55, 40, 60);
    await refused(await put(folder, "bent.tar.gz", bent), /broken|truncated/);
    await refused(
      await put(folder, "no.tar.gz", await gzip(madeTar([{ name: "README", content: "x" }]))),
      /no reviews in/,
    );
    const huge = madeTar([{ name: "train/pos/big\u001b[31m.txt", content: "x", size: 17 * 1024 * 1024 }]);
    await refused(await put(folder, "huge.tar", huge), /big\\u\{1b\}\[31m\.txt in .* has 17825792 bytes/);
    const binary = madeTar([{ name: "train/pos/a.txt", content: "a\0b" }]);
    await refused(await put(folder, "binary.tar", binary), /a\.txt in .*: it is binary/);
  }));

Deno.test("an archive that expands without measure is refused before it fills memory or time", () =>
  inFolder(async (folder) => {
    const zeros = await gzip(new Uint8Array(80 * 1024 * 1024));
    const start = await gzip(madeTar([{ name: "train/pos/a.txt", content: "x" }], false));
    await refused(await put(folder, "bomb.tar.gz", joined([start, zeros])), /expands more than 200-fold$/);
    const entry = await gzip(madeTar([{ name: "padding", size: 8 ** 10 }], false));
    await refused(await put(folder, "bomb2.tar.gz", joined([entry, zeros])), /expands more than 200-fold$/);
  }));

Deno.test("CSV, TSV and JSONL give the same reviews, gzip-compressed or not", () =>
  inFolder(async (folder) => {
    const wanted = [
      { text: 'He said "no",\nthen left', label: 0, name: "line 2" },
      { text: "Good", label: 1, name: "line 4" },
    ];
    const csv = 'id,Sentiment,Review\n1,negative,"He said ""no"",\nthen left"\n2,Positive,Good\n';
    const path = await put(folder, "a.csv", "\ufeff" + csv);
    assert.deepEqual(await read(path), wanted);
    assert.deepEqual(await read(await put(folder, "a.csv.gz", await gzip(new TextEncoder().encode(csv)))), wanted);
    assert.deepEqual(await read(await put(folder, "a", csv)), wanted);
    const tsv = csv.replaceAll("id,Sentiment,Review", "id\tsentiment\treview").replace("1,neg", "1\tneg")
      .replace('negative,"', 'negative\t"').replace("2,Positive,", "2\tPOS\t");
    assert.deepEqual(await read(await put(folder, "a.tsv", tsv)), wanted);
    assert.deepEqual(await read(await put(folder, "b", tsv)), wanted);
    const jsonl = `\n{"text": "He said \\"no\\",\\nthen left", "label": 0}\r\n\n{"label": "pos", "text": "Good"}`;
    assert.deepEqual(await read(await put(folder, "a.jsonl", jsonl)), wanted);
    assert.deepEqual(await read(await put(folder, "c", jsonl)), wanted);
  }));

Deno.test("columns can be named, and an unknown one is told with those there are", () =>
  inFolder(async (folder) => {
    const path = await put(folder, "a.csv", "text,body,stars,label\nx,good,1,0\n");
    assert.deepEqual(await read(path, { textColumn: "body", labelColumn: "stars" }), [
      { text: "good", label: 1, name: "line 2" },
    ]);
    await refused(path, /Cannot find the label column star in .*: it has text, body, stars, label/, {
      labelColumn: "star",
    });
    const none = await put(folder, "b.csv", "a,b\n1,2\n");
    await refused(none, /Cannot find the text column in .*: it has a, b/);
    await refused(await put(folder, "b.jsonl", '{"text":"x"}\n'), /Cannot find the label column in .*: it has text/);
  }));

Deno.test("broken tables are data errors with their line", () =>
  inFolder(async (folder) => {
    await refused(await put(folder, "a.csv", "text,label\nx,1\ny,0,z\n"), /line 3: wanted 2 fields, found 3$/);
    await refused(await put(folder, "b.csv", "text,label\nx,1\ny,maybe\n"), /line 3: the label is "maybe"$/);
    await refused(await put(folder, "c.jsonl", '{"text":"x","label":1}\n{"text":\n'), /line 2: the JSON is broken$/);
    await refused(await put(folder, "d.jsonl", '{"text":"x","label":1}\n[1]\n'), /line 2: it is no JSON object$/);
    await refused(await put(folder, "e.jsonl", '{"text":"x","label":1}\n{"text":5,"label":1}'), /line 2: text is not/);
    await refused(await put(folder, "f.jsonl", '{"text":"x","label":1}\n{"text":"y"}'), /line 2: the label is nothing/);
    await refused(await put(folder, "g.jsonl", '{"text":"x","label":true}\n'), /line 1: the label is true/);
    await refused(await put(folder, "h.csv", ""), /it is empty$/);
    await refused(await put(folder, "i.csv", "text,label\n"), /it has no reviews$/);
    await refused(await put(folder, "j.csv", new Uint8Array([0x7f, 0x45, 0, 1])), /it is binary, not text$/);
    await refused(await put(folder, "k.csv", "text,label\nx,1\n"), /a table has no splits$/, { split: "test" });
    await refused(join(folder, "absent"), /no such file or folder$/);
    await refused(join(folder, "a.csv", "below"), /not a folder$/);
    await refused(folder, /no reviews in train\/neg and train\/pos$/);
  }));

Deno.test("bytes that are not UTF-8 are replaced and counted, a U+FFFD in the text is not", () =>
  inFolder(async (folder) => {
    const latin = joined([
      new TextEncoder().encode("text,label\ncaf"),
      new Uint8Array([0xe9]),
      new TextEncoder().encode(" \ufffd,1\nplain,0\n"),
    ]);
    const report = emptyReport();
    const reviews = await read(await put(folder, "a.csv", latin), { report });
    assert.equal(reviews[0].text, "caf\ufffd \ufffd");
    assert.equal(report.replaced, 1);
    assert.equal(report.reviews, 2);
    await put(folder, "train/neg/1_1.txt", new Uint8Array([0xff, 0xfe, 0x41]));
    await put(folder, "train/pos/1_9.txt", "\ufffd fine");
    const folderReport = emptyReport();
    await read(folder, { report: folderReport });
    assert.equal(folderReport.replaced, 2);
  }));

Deno.test(
  `a folder that may not be read is a data error${PRIVILEGE_SKIP}`,
  { ignore: PRIVILEGED },
  () =>
    inFolder(async (folder) => {
      for (const { name, text } of SMALL_REVIEWS) await put(folder, name, text);
      await Deno.chmod(join(folder, "train/pos"), 0);
      await refused(folder, /permission denied$/);
      await Deno.chmod(join(folder, "train/pos"), 0o755);
    }),
);

Deno.test("a reader that stops early leaves no file open", () =>
  inFolder(async (folder) => {
    const tar = madeTar(SMALL_REVIEWS.map(({ name, text }) => ({ name, content: text })));
    await put(folder, "train/neg/1_1.txt", "a");
    await put(folder, "train/pos/1_1.txt", "b");
    const csv = await put(folder, "a.csv", "text,label\n" + "x,1\n".repeat(100_000));
    for (const path of [folder, csv, await put(folder, "a.tar.gz", await gzip(tar))]) {
      for await (const review of readReviews(path)) {
        assert.equal(review.text.length > 0, true);
        break;
      }
    }
  }));
