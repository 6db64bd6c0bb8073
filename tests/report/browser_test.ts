import assert from "node:assert/strict";
import { join } from "node:path";
import { CHARTS } from "../../src/report/charts/all.ts";
import { makeReport, REPORT_INSTRUMENTS } from "../../src/report/report.ts";
import { readRuns } from "../../src/report/run.ts";
import { withFolder } from "../cli/run_program.ts";
import { Browser, findChromium } from "./chromium.ts";
import { ALL_INSTRUMENTS, type MadeRun, writeRun } from "./made_runs.ts";

const chromium = await findChromium();

const SKIPPED = chromium === undefined ? " (skipped: no Chromium is installed)" : "";

/** Where pictures of the pages are kept, if anywhere. */
const PICTURES = Deno.env.get("REPORT_PICTURES");

const HOSTILE = `<script>document.title="broken in"</script><img src=x onerror=alert(1)>&"'${"long".repeat(30)}`;

const PAGES: Readonly<Record<string, readonly MadeRun[]>> = {
  one: [{ name: "epsilon-exit-seed42-0badcafe", epochs: 25, logEvery: 50, instruments: ALL_INSTRUMENTS }],
  many: Array.from({ length: 10 }, (_, i) => ({
    name: `epsilon-${i < 5 ? "exit" : "soft"}-seed${42 + i % 5}-0badcaf${i}`,
    seed: 42 + i % 5,
    halting: i < 5 ? "exit" as const : "soft" as const,
    epochs: 25,
    instruments: i === 3 ? [] : ALL_INSTRUMENTS,
    shift: i,
  })),
  hostile: [{ name: HOSTILE, epochs: 1, instruments: ALL_INSTRUMENTS }, { name: "gaps", gaps: true, seed: 43 }],
  bare: [{ name: "bare", epochs: 0 }],
};

type View = readonly [width: number, scheme: "light" | "dark"];

/** Windows in which each page is looked at: a desk, half a desk, a telephone. */
const VIEWS: Readonly<Record<keyof typeof PAGES, readonly View[]>> = {
  one: [[1400, "light"], [1000, "dark"], [360, "light"], [360, "dark"]],
  many: [[1400, "dark"], [360, "light"]],
  hostile: [[1000, "light"], [360, "dark"]],
  bare: [[1400, "light"]],
};

/** Elements with text of their own that is wider than they are, or reaches out of the window. */
const CUT = `[...document.querySelectorAll("body *")].filter((element) => {
  if (element.closest("svg") && element.tagName !== "svg") return false;
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
  if (!own && element.tagName !== "svg") return false;
  const { left, right } = element.getBoundingClientRect();
  const inline = getComputedStyle(element).display === "inline";
  return left < -1 || right > innerWidth + 1 || (!inline && element.scrollWidth > element.clientWidth + 1);
}).map((element) => element.outerHTML.slice(0, 200))`;

/** Texts in charts that reach out of their chart. */
const CUT_IN_CHARTS = `[...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((text) => {
    const { left, right, top, bottom, width } = text.getBoundingClientRect();
    return width > 0 && (left < frame.left - 1 || right > frame.right + 1 || top < frame.top - 1 || bottom > frame.bottom + 1);
  }).map((text) => svg.getAttribute("aria-label") + ": " + text.textContent);
})`;

/** Charts whose data leave no mark that can be seen: names of the figures. */
const EMPTY_CHARTS = `[...document.querySelectorAll("figure")].filter((figure) =>
  ![...figure.querySelectorAll("svg .role-mark path, svg .role-mark text")].some((mark) => {
    const { width, height } = mark.getBoundingClientRect();
    return width > 0.5 || height > 0.5;
  })
).map((figure) => figure.id)`;

/** WCAG contrast of the text of body, captions and charts with the page. */
const CONTRASTS = `(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const contrast = (colour) => {
    const [high, low] = [paper, light(colour)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  return [
    ...[...document.querySelectorAll("body, figcaption, th, a")].map((element) => getComputedStyle(element).color),
    ...[...document.querySelectorAll("figure svg text")].map((element) => getComputedStyle(element).fill),
  ].map(contrast);
})()`;

Deno.test({
  name: `a report in Chromium: no complaint, every chart drawn, no text cut, light and dark${SKIPPED}`,
  ignore: chromium === undefined,
  fn: async () => {
    await withFolder(async (folder) => {
      await using browser = await Browser.start(chromium ?? "");
      for (const [page, made] of Object.entries(PAGES)) {
        const folders = made.map((_, i) => join(folder, `${page}-${i}`));
        for (const [i, run] of made.entries()) await writeRun(folders[i], run);
        const runs = await readRuns(folders, { instruments: REPORT_INSTRUMENTS, steps: true });
        const path = join(folder, `${page}.html`);
        await Deno.writeTextFile(path, (await makeReport(runs, { title: runs[0].label, folder: "charts" })).page);
        const drawable = CHARTS.filter((chart) =>
          (runs.length === 1 || !chart.single) && runs.some((run) => chart.lack(run) === undefined)
        );
        for (const [width, scheme] of VIEWS[page]) {
          const place = `${page}, ${scheme}, ${width}`;
          await browser.open(path, width, scheme);
          assert.deepEqual(browser.complaints, [], place);
          if (PICTURES !== undefined) {
            await Deno.writeFile(join(PICTURES, `${page}-${scheme}-${width}.png`), await browser.picture());
          }
          assert.equal(await browser.evaluate("document.title"), runs[0].label, place);
          assert.equal(await browser.evaluate("document.querySelectorAll('script, img').length"), 0, place);
          const ids = await browser.evaluate<string[]>(
            "[...document.querySelectorAll('figure')].map(({ id }) => id)",
          );
          assert.deepEqual(ids.toSorted(), drawable.map(({ name }) => name).toSorted(), place);
          assert.deepEqual(await browser.evaluate(EMPTY_CHARTS), [], place);
          assert.ok(await browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), place);
          assert.deepEqual(await browser.evaluate(CUT), [], place);
          assert.deepEqual(await browser.evaluate(CUT_IN_CHARTS), [], place);
          const contrasts = await browser.evaluate<number[]>(CONTRASTS);
          assert.ok(Math.min(...contrasts) >= 4.5, `${place}: contrast ${Math.min(...contrasts)}`);
        }
      }
    });
  },
});

const BROKEN = `<!DOCTYPE html><html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"></head>
<body style="background:#ffffff;color:#bbbbbb"><script>document.title = "x"</script><img src="x.png">
<p style="width:40px;white-space:nowrap">a text that does not fit</p>
<figure id="empty"><svg width="100" height="50" aria-label="chart"><text x="90" y="20">cut off</text></svg></figure>
</body></html>`;

Deno.test({
  name: `what the Chromium test looks for is found in a broken page${SKIPPED}`,
  ignore: chromium === undefined,
  fn: async () => {
    await withFolder(async (folder) => {
      await using browser = await Browser.start(chromium ?? "");
      const path = join(folder, "broken.html");
      await Deno.writeTextFile(path, BROKEN);
      await browser.open(path, 360, "light");
      assert.ok(browser.complaints.some((text) => /script/i.test(text)));
      assert.ok(browser.complaints.some((text) => text.includes("x.png")));
      assert.equal((await browser.evaluate<string[]>(CUT)).length, 1);
      assert.deepEqual(await browser.evaluate(CUT_IN_CHARTS), ["chart: cut off"]);
      assert.deepEqual(await browser.evaluate(EMPTY_CHARTS), ["empty"]);
      assert.ok(Math.min(...await browser.evaluate<number[]>(CONTRASTS)) < 4.5);
    });
  },
});
