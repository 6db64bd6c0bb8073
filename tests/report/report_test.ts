import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { makeReport, type Report, REPORT_INSTRUMENTS } from "../../src/report/report.ts";
import { readRuns, type ReportRun } from "../../src/report/run.ts";
import { withFolder } from "../cli/run_program.ts";
import { ALL_INSTRUMENTS, type MadeRun, writeRun } from "./made_runs.ts";

const OPTIONS = { title: "A & <B>", folder: "report charts" };

async function withReport(
  made: readonly MadeRun[],
  body: (report: Report, runs: readonly ReportRun[], folders: readonly string[]) => void | Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const folders = made.map((_, i) => join(folder, `run-${i}`));
    for (const [i, run] of made.entries()) await writeRun(folders[i], run);
    const runs = await read(folders);
    await body(await makeReport(runs, OPTIONS), runs, folders);
  });
}

function read(folders: readonly string[]): Promise<ReportRun[]> {
  return readRuns(folders, { instruments: REPORT_INSTRUMENTS, steps: true });
}

/** What a reader sees, without tags. */
function textOf(page: string): string {
  const body = page.slice(page.indexOf("<body>")).replaceAll(/<[^>]*>/g, " ");
  const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };
  return body.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity]).replaceAll(/\s+/g, " ");
}

Deno.test("a page is one document that loads nothing, and its policy allows its style sheet alone", async () => {
  await withReport([{ name: "a", instruments: ALL_INSTRUMENTS, logEvery: 100 }], async ({ page, specifications }) => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1].replaceAll("&#39;", "'");
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1];
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    const hash = new Uint8Array(digest).toBase64();
    assert.equal(policy, `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
    assert.doesNotMatch(page, /<script|<link|<iframe|<img|javascript:| on[a-z]+=| style=/i);
    assert.deepEqual(
      [...page.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, to]) => to).toSorted(),
      [
        ...specifications.keys(),
      ].map((name) => `report%20charts/${name}`).toSorted(),
    );
    assert.doesNotMatch(page, /https?:\/\/(?!www\.w3\.org\/)/);
    assert.match(page, /<title>A &amp; &lt;B&gt;<\/title>/);
  });
});

Deno.test("the same runs make the same bytes, apart from the charts' ids", async () => {
  await withReport([{ name: "a", instruments: ALL_INSTRUMENTS }, { name: "b" }], async ({ page }, runs) => {
    const ids = (text: string) => text.replaceAll(/\b(clip|gradient_?)\d+/g, "$1");
    assert.equal(ids((await makeReport(runs, OPTIONS)).page), ids(page));
  });
});

Deno.test("figures, means and intervals on the page are those of the files", async () => {
  const made = [42, 43, 44].map((seed, i) => ({ name: `run-${seed}`, seed, shift: i, epochs: 2 }));
  await withReport([...made, { name: "soft", halting: "soft", epochs: 2 }], ({ page }) => {
    const text = textOf(page);
    // Accuracy is 0.9 − 0.3/epoch, less 0.01 in odd epochs and 0.01 for each seed: 0.75, 0.74, 0.73.
    assert.match(text, /run-42 epsilon-exit 42 75\.00 2 75\.00/);
    // t(0.975, 2) = 4.302653, so that the interval is 74 ± 4.302653 · 1/√3.
    assert.match(text, /epsilon-exit 3 74\.00 ± 1\.00 \[71\.52, 76\.48\]/);
    assert.match(text, /halting exit soft/);
    assert.match(text, /4 runs, 2 configurations/);
  });
});

Deno.test("names and tokens from files are text on the page", async () => {
  const name = `<script>alert(1)</script>"'&\u202e\u0000`;
  await withReport([{ name, instruments: ALL_INSTRUMENTS }], ({ page }) => {
    assert.doesNotMatch(page, /<script/i);
    assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u{202e}"));
    assert.ok(page.includes(`title="2">&lt;script&gt;alert(1)&lt;/script&gt;</i>`));
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    assert.doesNotMatch(page, /[\u0000\u202e]/);
  });
});

Deno.test("word pieces are joined, and a review that is taken wrongly is marked", async () => {
  await withReport([{ name: "a", instruments: ["tokens"], epochs: 2 }], ({ page }) => {
    assert.match(page, / <i class="d\d" title="4">mov<\/i><i class="d\d" title="5">ing<\/i> /);
    assert.equal(page.split("<b>wrongly</b>").length - 1, 1);
    assert.match(textOf(page), /3 of 3 reviews in tokens\.csv, validation, epoch 2/);
  });
});

Deno.test("what a run lacks or has broken is named, and the rest is shown", async () => {
  await withReport([{ name: "a", instruments: ALL_INSTRUMENTS }, { name: "b", seed: 43 }], async (_, __, [a, b]) => {
    const first = await Deno.readTextFile(join(a, "bins.csv"));
    await Deno.writeTextFile(join(a, "bins.csv"), first.replace(",0,1,active_bins,", ",0,one,active_bins,"));
    await Deno.writeTextFile(join(a, "exits.csv"), "run,step,epoch,split,block_step,metric,value\na,1,1,val");
    await Deno.writeTextFile(join(b, "run.json"), "{");
    await Deno.writeTextFile(join(b, "metrics.csv"), "b,2112,3,train,lo", { append: true });
    const text = textOf((await makeReport(await read([a, b]), OPTIONS)).page);
    const missing = text.slice(text.indexOf("What a run does not have"));
    for (
      const told of [
        `a: Cannot read ${a}/bins.csv, line 2: block_step is "one", wanted a whole number`,
        "a: no readable bins.csv",
        `a: ${a}/exits.csv ends in a half-written line, which is left out`,
        "a: no such rows in exits.csv",
        `b: ${b}/metrics.csv ends in a half-written line, which is left out`,
        `b: Cannot read ${b}/run.json`,
        `b: no halting.csv: run epsilon diagnose ${b} --instruments halting`,
        "all runs: no step rows of the loss",
      ]
    ) assert.ok(missing.includes(told), `${told}\n${missing}`);
    assert.match(text, /Tokens by halting step .* 1 of 2 runs are not in it/);
    assert.doesNotMatch(text, /Bins in use/);
  });
});

Deno.test("a run without any epoch makes a page that says so", async () => {
  await withReport([{ name: "bare", epochs: 0 }], ({ page, specifications }) => {
    assert.equal(specifications.size, 0);
    assert.match(textOf(page), /epochs 0 of 1 [\s\S]*no epoch that has ended/);
    assert.doesNotMatch(page, /<figure/);
  });
});

Deno.test("ten runs of 25 epochs make a page below 2 MB, with less than 3 s of work", async () => {
  const made = Array.from({ length: 10 }, (_, i): MadeRun => ({
    name: `epsilon-exit-seed${i}-0badcafe`,
    seed: i,
    epochs: 25,
    logEvery: 50,
    instruments: ALL_INSTRUMENTS,
    shift: i,
  }));
  await withFolder(async (folder) => {
    const folders = made.map(({ name }) => join(folder, name));
    for (const [i, run] of made.entries()) await writeRun(folders[i], run);
    // Test files share this process's clock, and others the machine: the best of a few attempts is what a report takes.
    let least = Infinity;
    for (let attempt = 0; attempt < 3 && least >= 3; attempt++) {
      const before = process.cpuUsage(), began = performance.now();
      const { page } = await makeReport(await read(folders), OPTIONS);
      const { user, system } = process.cpuUsage(before);
      assert.ok(page.length < 2e6, `${page.length} bytes`);
      least = Math.min(least, (user + system) / 1e6, (performance.now() - began) / 1e3);
    }
    assert.ok(least < 3, `${least} s`);
  });
});

Deno.test("hundreds of runs of several configurations are all in the summary, and share colours by configuration", async () => {
  const made = Array.from({ length: 240 }, (_, i): MadeRun => ({
    name: `run-${String(i).padStart(3, "0")}`,
    seed: i,
    halting: i % 2 === 0 ? "exit" : "soft",
    epochs: 2,
    instruments: ["halting", "bins"],
  }));
  await withReport(made, ({ page }) => {
    const text = textOf(page);
    assert.match(text, /240 runs, 2 configurations/);
    for (const { name } of made) assert.ok(text.includes(name));
    assert.match(text, /epsilon-exit 120 /);
    assert.equal([...page.matchAll(/class="swatch/g)].length % 2, 0);
    assert.match(text, /\d+ rows of data: in the specification/);
  });
});
