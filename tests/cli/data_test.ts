import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { reviewsCsv, Workplace } from "./small_training.ts";

/** A local server that sends `bytes`, at first cut off after half of them. */
function serveCutOnce(bytes: Uint8Array<ArrayBuffer>): Deno.HttpServer<Deno.NetAddr> {
  let cut = true;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const status = from > 0 ? 206 : 200;
    const headers = {
      "content-length": String(bytes.length - from),
      "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      etag: '"one"',
    };
    if (!cut) return new Response(bytes.slice(from), { status, headers });
    cut = false;
    const half = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.slice(0, bytes.length >> 1));
        setTimeout(() => controller.error(new Error("cut")), 100);
      },
    });
    return new Response(half, { status, headers });
  });
}

Deno.test("info describes the built-in sample, and says on stderr that it is one", async () => {
  await using place = await Workplace.make();
  const { code, stdout, stderr } = await place.run("data", "info", "--json");
  assert.equal(code, 0);
  assert.match(stderr, /^Using the built-in sample of 400 reviews.*epsilon data fetch/);
  const info = JSON.parse(stdout);
  assert.deepEqual([info.reviews, info.negative, info.positive], [400, 200, 200]);
  assert.equal(info.vocabulary_sha256, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3");
  assert.ok(info.tokens_median <= info.tokens_p90 && info.tokens_p90 <= info.tokens_longest);
});

Deno.test("prepare keeps the tokens, and a damaged cache is rebuilt and said", async () => {
  await using place = await Workplace.make();
  const prepare = async () => {
    const { code, stdout, stderr } = await place.run("data", "prepare", "--data", "reviews.csv", "--json");
    assert.equal(code, 0, stderr);
    return { ...JSON.parse(stdout), stderr };
  };
  const first = await prepare();
  assert.equal(first.cache, "prepared now");
  assert.equal(first.reviews, 60);
  assert.ok(first.cache_file.startsWith(place.folder));
  assert.equal((await prepare()).cache, "prepared before");
  const bytes = await Deno.readFile(first.cache_file);
  bytes[bytes.length >> 1] ^= 1;
  await Deno.writeFile(first.cache_file, bytes);
  const rebuilt = await prepare();
  assert.equal(rebuilt.cache, "prepared now");
  assert.match(rebuilt.stderr, /^warning: .*anew/);
  assert.equal((await prepare()).cache, "prepared before");
});

Deno.test("the same reviews have the same hash as a table, a folder and an archive", async () => {
  await using place = await Workplace.make();
  const texts = ["a dull mess", "a moving film", "a waste", "a joy"];
  await Deno.writeTextFile(
    join(place.folder, "same.csv"),
    `review,sentiment\n${texts.map((t, i) => `${t},${i % 2}\n`).join("")}`,
  );
  await Deno.writeTextFile(
    join(place.folder, "same.jsonl"),
    texts.map((text, i) => `${JSON.stringify({ text, label: i % 2 ? "pos" : "neg" })}\n`).join(""),
  );
  const hash = async (path: string) =>
    JSON.parse((await place.run("data", "info", "--json", "--data", path)).stdout).data_sha256;
  assert.equal(await hash("same.csv"), await hash("same.jsonl"));
  for (const [folder, label] of [["neg", 0], ["pos", 1]] as const) {
    await Deno.mkdir(join(place.folder, "aclImdb", "train", folder), { recursive: true });
    for (const i of [0, 1]) {
      await Deno.writeTextFile(join(place.folder, "aclImdb", "train", folder, `${i}_1.txt`), texts[2 * i + label]);
    }
  }
  const packed = await new Deno.Command("tar", {
    args: ["-czf", "a.tar.gz", "--sort=name", "aclImdb"],
    cwd: place.folder,
  }).output();
  assert.ok(packed.success);
  const wanted = await hash("aclImdb");
  assert.match(wanted, /^[0-9a-f]{64}$/);
  assert.equal(await hash("a.tar.gz"), wanted);
});

Deno.test("fetch goes on after a cut, verifies the checksum and keeps what was there when it is wrong", async () => {
  await using place = await Workplace.make();
  const bytes = new TextEncoder().encode(reviewsCsv(500));
  await using server = serveCutOnce(bytes);
  const url = `http://127.0.0.1:${server.addr.port}/reviews.csv`;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const fetch = (...more: string[]) =>
    place.run("data", "fetch", "--json", "--url", url, "--out", "fetched.csv", ...more);
  const fetched = await fetch("--sha256", sha256);
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.equal(JSON.parse(fetched.stdout).bytes, bytes.length);
  assert.deepEqual(await Deno.readFile(join(place.folder, "fetched.csv")), bytes);
  assert.equal(JSON.parse((await fetch("--sha256", sha256)).stdout).was_there, true);
  const wrong = await fetch("--sha256", "0".repeat(64));
  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /^error: Cannot use what .*SHA256 is/);
  assert.deepEqual(await Deno.readFile(join(place.folder, "fetched.csv")), bytes);
  const official = await fetch();
  assert.equal(official.code, 3, "another address must still give the published archive");
  assert.match(official.stderr, /wanted 84125825/);
});

Deno.test("fetch refuses addresses and checksums that are none, and another archive without a place", async () => {
  await using place = await Workplace.make();
  for (
    const [args, pattern] of [
      [["--url", "ftp://a/b"], /--url: "ftp:\/\/a\/b"/],
      [["--sha256", "12"], /64 hexadecimal digits/],
      [["--sha256", "0".repeat(64)], /--url and --out/],
    ] as const
  ) {
    const { code, stderr } = await place.run("data", "fetch", ...args);
    assert.equal(code, 2);
    assert.match(stderr, pattern);
  }
});
