import assert from "node:assert/strict";
import fc from "fast-check";
import { textChart, type TextSeries } from "../../src/report/text_chart.ts";

const plain = (text: string) => text;

function series(values: readonly (number | null)[], style: TextSeries["style"] = "line"): TextSeries {
  return { points: values.map((y, x) => ({ x, y })), style, paint: plain };
}

Deno.test("a falling line falls, in dots and in ASCII", () => {
  const values = Array.from({ length: 24 }, (_, x) => 1 - x / 23);
  const dots = textChart([series(values)], { width: 22, height: 4, unicode: true });
  assert.deepEqual(dots, [
    "       1 ┤⠉⠒⠤⣀",
    "         ┤    ⠉⠒⠤⣀",
    "       0 ┤        ⠉⠒⠤⣀",
    "         └0────step 23",
  ]);
  const ascii = textChart([series([3, 2, 1])], { width: 13, height: 4, unicode: false });
  assert.deepEqual(ascii.slice(0, 3), ["       3 |.", "         | ..", "       1 |   ."]);
});

Deno.test("marks stand on the line, and a missing value breaks it", () => {
  const [top, , bottom] = textChart([series([1, null, 0]), series([1, null, 0], "marks")], {
    width: 13,
    height: 4,
    unicode: false,
  });
  assert.deepEqual([top, bottom], ["       1 |o", "       0 |   o"]);
  const [only] = textChart([series([null, 5, null])], { width: 40, height: 3, unicode: false });
  assert.match(only, /^ {5}5\.50 \||^ +5\.5/);
});

Deno.test("any values give lines of the size that was asked for", () => {
  const value = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }), { nil: null });
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { maxLength: 60 }), { maxLength: 3 }),
      fc.integer({ min: 20, max: 200 }),
      fc.integer({ min: 3, max: 40 }),
      fc.boolean(),
      (all, width, height, unicode) => {
        const lines = textChart(all.map((values, i) => series(values, i === 0 ? "line" : "marks")), {
          width,
          height,
          unicode,
        });
        assert.equal(lines.length, height);
        for (const line of lines) assert.ok([...line].length <= width, `${line} at ${width}`);
        if (!unicode) assert.ok(lines.every((line) => /^[\x20-\x7e]*$/.test(line)));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("each curve is painted with its own colour", () => {
  const painted = { ...series([1, 2, 3]), paint: (text: string) => `<${text}>` };
  const lines = textChart([painted], { width: 30, height: 4, unicode: true });
  assert.match(lines[0], /┤ +<[^<>]{7}>$/u);
});
