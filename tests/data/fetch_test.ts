import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fetchArchive, type FetchOptions, LARGE_MOVIE_REVIEWS } from "../../src/data/fetch.ts";
import { DataError } from "../../src/errors.ts";
import { inFolder } from "./made_files.ts";

const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i + (i >> 8)) & 255);
const MD5 = createHash("md5").update(CONTENT).digest("hex");
const PINNED = { size: CONTENT.length, checksum: { algorithm: "md5", hex: MD5 } } as const;

interface ServerBehaviour {
  readonly content?: Uint8Array<ArrayBuffer>;
  readonly ranges?: boolean;
  readonly etag?: () => string;
  /** Bytes after which the connection is cut, by number of the request; undefined lets it finish. */
  readonly cut?: (request: number) => number | undefined;
  readonly status?: (request: number) => number;
}

interface Server {
  readonly url: string;
  /** Range header of each request, null where it had none. */
  readonly ranges: (string | null)[];
}

async function withServer(behaviour: ServerBehaviour, body: (server: Server, folder: string) => Promise<void>) {
  const { content = CONTENT, ranges = true, etag = () => '"one"', cut = () => undefined, status = () => 200 } =
    behaviour;
  const seen: (string | null)[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response() },
    (request) => {
      const number = seen.length;
      const range = request.headers.get("Range");
      seen.push(range);
      if (status(number) !== 200) return new Response("no", { status: status(number) });
      const partial = ranges && range !== null && request.headers.get("If-Range") === etag();
      const from = partial ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
      if (from >= content.length) return new Response(null, { status: 416 });
      const end = cut(number);
      const headers = new Headers({ ETag: etag(), "Content-Length": String(content.length - from) });
      if (partial) headers.set("Content-Range", `bytes ${from}-${content.length - 1}/${content.length}`);
      return new Response(end === undefined ? content.slice(from) : cutAfter(content.slice(from, from + end)), {
        status: partial ? 206 : 200,
        headers,
      });
    },
  );
  try {
    await inFolder((folder) => body({ url: `http://127.0.0.1:${server.addr.port}/a.tar.gz`, ranges: seen }, folder));
  } finally {
    await server.shutdown();
  }
}

/** A body that sends `bytes`, waits until they are on their way, and breaks. */
function cutAfter(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = false;
  return new ReadableStream({
    async pull(controller) {
      if (!sent) controller.enqueue(bytes);
      else {
        await new Promise((resolve) => setTimeout(resolve, 50));
        controller.error(new Error("cut"));
      }
      sent = true;
    },
  });
}

const options = (url: string, folder: string): FetchOptions => ({
  ...PINNED,
  url,
  destination: join(folder, "deep/er/a.tar.gz"),
  backoff: () => 1,
  attempts: 3,
});

const listing = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

async function refused(wanted: FetchOptions, about: RegExp, hint = /./): Promise<void> {
  await assert.rejects(fetchArchive(wanted), (error) => {
    assert.ok(error instanceof DataError, String(error));
    assert.match(error.message, about);
    assert.match(error.hint, hint);
    return true;
  });
}

Deno.test("a file is fetched whole, told as it comes, and not fetched again when it is there", () =>
  withServer({}, async ({ url, ranges }, folder) => {
    const told: number[] = [];
    const wanted: FetchOptions = {
      ...options(url, folder),
      onProgress: (done, total) => {
        told.push(done);
        assert.equal(total, CONTENT.length);
      },
    };
    assert.deepEqual(await fetchArchive(wanted), { bytes: CONTENT.length, resumedFrom: 0, present: false });
    assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
    assert.deepEqual(listing(join(folder, "deep/er")), ["a.tar.gz"]);
    assert.equal(told[0], 0);
    assert.equal(told.at(-1), CONTENT.length);
    assert.deepEqual(await fetchArchive(wanted), { bytes: CONTENT.length, resumedFrom: 0, present: true });
    assert.equal(ranges.length, 1);
  }));

Deno.test("a connection that is cut goes on where it broke", () =>
  withServer({ cut: (request) => request < 3 ? 70_000 : undefined }, async ({ url, ranges }, folder) => {
    const wanted = options(url, folder);
    await fetchArchive(wanted);
    assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
    assert.deepEqual(ranges, [null, "bytes=70000-", "bytes=140000-", "bytes=210000-"]);
  }));

Deno.test("a later process goes on where an earlier one gave up", () =>
  withServer({ cut: (request) => [100_000, 0, 0][request] }, async ({ url, ranges }, folder) => {
    const wanted = options(url, folder);
    await refused(wanted, /^Cannot fetch http:/, /the 100000 bytes that have arrived are kept/);
    assert.deepEqual(listing(join(folder, "deep/er")), ["a.tar.gz.partial", "a.tar.gz.partial.json"]);
    assert.equal((await fetchArchive(wanted)).resumedFrom, 100_000);
    assert.equal(ranges.at(-1), "bytes=100000-");
    assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
    assert.deepEqual(listing(join(folder, "deep/er")), ["a.tar.gz"]);
  }));

Deno.test("a server without ranges sends everything anew", () =>
  withServer({ ranges: false, cut: (request) => request === 0 ? 70_000 : undefined }, async ({ url }, folder) => {
    const wanted = options(url, folder);
    await fetchArchive(wanted);
    assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
  }));

Deno.test("a file that changed on the server is fetched from the start", () => {
  let tag = '"old"';
  const behaviour: ServerBehaviour = { etag: () => tag, cut: (request) => [100_000, 0, 0][request] };
  return withServer(behaviour, async ({ url }, folder) => {
    const wanted = options(url, folder);
    await refused(wanted, /Cannot fetch/);
    tag = '"new"';
    await fetchArchive(wanted);
    assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
  });
});

Deno.test("a damaged part that was kept is thrown away and fetched anew", () =>
  withServer({}, async ({ url, ranges }, folder) => {
    const wanted = options(url, folder);
    await Deno.mkdir(join(folder, "deep/er"), { recursive: true });
    await Deno.writeFile(`${wanted.destination}.partial`, new Uint8Array(1000));
    await Deno.writeTextFile(`${wanted.destination}.partial.json`, JSON.stringify({ url, validator: '"one"' }));
    await fetchArchive(wanted);
    assert.deepEqual(ranges, ["bytes=1000-", null]);
    assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
  }));

Deno.test("a part without a readable note, or longer than the file, is thrown away", () =>
  withServer({}, async ({ url }, folder) => {
    const wanted = { ...options(url, folder), size: undefined };
    await Deno.mkdir(join(folder, "deep/er"), { recursive: true });
    for (const [note, length] of [["{", 500], [JSON.stringify({ url, validator: '"one"' }), 400_000]] as const) {
      await Deno.writeFile(`${wanted.destination}.partial`, new Uint8Array(length));
      await Deno.writeTextFile(`${wanted.destination}.partial.json`, note);
      await Deno.remove(wanted.destination).catch(() => {});
      await fetchArchive(wanted);
      assert.deepEqual(await Deno.readFile(wanted.destination), CONTENT);
    }
  }));

Deno.test("a wrong checksum or length is an error, leaves an earlier file whole and nothing else", () =>
  withServer({ content: CONTENT.map((byte, i) => i === 5 ? byte ^ 1 : byte) }, async ({ url }, folder) => {
    const wanted = options(url, folder);
    await Deno.mkdir(join(folder, "deep/er"), { recursive: true });
    await Deno.writeTextFile(wanted.destination, "earlier");
    await refused(wanted, new RegExp(`its MD5 is [0-9a-f]{32}, wanted ${MD5}$`));
    await refused({ ...wanted, size: 1000 }, /it has 300000 bytes, wanted 1000$/);
    await refused({ ...wanted, size: 400_000 }, /it has 300000 bytes, wanted 400000$/);
    assert.equal(await Deno.readTextFile(wanted.destination), "earlier");
    assert.deepEqual(listing(join(folder, "deep/er")), ["a.tar.gz"]);
  }));

Deno.test("a missing file is told at once, an overloaded server is asked again", async () => {
  await withServer({ status: () => 404 }, async ({ url, ranges }, folder) => {
    await refused(options(url, folder), /the server answered 404$/, /no longer there/);
    assert.equal(ranges.length, 1);
  });
  await withServer({ status: (request) => request < 2 ? 503 : 200 }, async ({ url }, folder) => {
    assert.equal((await fetchArchive(options(url, folder))).bytes, CONTENT.length);
  });
  await withServer({ status: () => 503 }, async ({ url, ranges }, folder) => {
    await refused(options(url, folder), /the server answered 503$/, /Check the network/);
    assert.equal(ranges.length, 3);
  });
});

Deno.test("without a server, with no address, and with a folder in the way there is a clear error", () =>
  inFolder(async (folder) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    await refused(options(`http://127.0.0.1:${port}/a`, folder), /^Cannot fetch http:.*: /, /Check the network/);
    await refused(options("movie reviews", folder), /it is no web address$/);
    await refused({ ...options("http://127.0.0.1/a", folder), destination: folder }, /it is a folder$/);
  }));

Deno.test("a server that falls silent counts as cut", () => {
  const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (c) => c.enqueue(CONTENT.slice(0, 1000)) });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response(silent));
  return inFolder(async (folder) => {
    const wanted = { ...options(`http://127.0.0.1:${server.addr.port}/a`, folder), patience: 100, attempts: 1 };
    await refused(wanted, /nothing arrived for 0\.1 s$/);
    await server.shutdown();
  });
});

Deno.test("a stop keeps what has arrived and throws the signal's reason", () =>
  withServer({ cut: () => 100_000 }, async ({ url }, folder) => {
    const stop = new AbortController();
    const wanted: FetchOptions = {
      ...options(url, folder),
      signal: stop.signal,
      onProgress: (done) => {
        if (done > 0) stop.abort(new Error("stopped"));
      },
    };
    await assert.rejects(fetchArchive(wanted), /stopped/);
    assert.ok(Deno.statSync(`${wanted.destination}.partial`).size > 0);
    await assert.rejects(fetchArchive(wanted), /stopped/);
  }));

Deno.test("two processes do not fetch to one file at a time", () =>
  withServer({}, async ({ url }, folder) => {
    const wanted = options(url, folder);
    await Deno.mkdir(join(folder, "deep/er"), { recursive: true });
    using other = await Deno.open(`${wanted.destination}.partial`, { write: true, create: true });
    await other.lock(true);
    await refused(wanted, /another process is doing it$/);
  }));

Deno.test("the published archive is pinned by length and checksum", () => {
  assert.equal(LARGE_MOVIE_REVIEWS.size, 84_125_825);
  assert.match(LARGE_MOVIE_REVIEWS.checksum?.hex ?? "", /^[0-9a-f]{32}$/);
});
