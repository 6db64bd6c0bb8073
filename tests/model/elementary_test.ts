import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { cos, exp, hypotenuse, log, log1p, pow, sin, square } from "../../src/model/elementary.ts";
import { RandomStream } from "../../src/model/random.ts";

const POINTS = 20_000;
/** Two libraries of good quality lie a unit in the last place apart, and the result's exponent may lie between. */
const CLOSE = 2 ** -51;

const FUNCTIONS = {
  exp: { found: exp, wanted: Math.exp, from: -700, to: 700 },
  log: { found: log, wanted: Math.log, from: 1e-300, to: 3 },
  log1p: { found: log1p, wanted: Math.log1p, from: -0.999, to: 3 },
  sin: { found: sin, wanted: Math.sin, from: -1e4, to: 1e4 },
  cos: { found: cos, wanted: Math.cos, from: -1e4, to: 1e4 },
  powerOfTenThousand: { found: (y: number) => pow(10_000, y), wanted: (y: number) => 10_000 ** y, from: -1, to: 1 },
  decay: {
    found: (n: number) => pow(0.999, Math.floor(n)),
    wanted: (n: number) => 0.999 ** Math.floor(n),
    from: 1,
    to: 1e5,
  },
} as const;

function points(from: number, to: number): Float64Array {
  const stream = new RandomStream(1, 1);
  return Float64Array.from({ length: POINTS }, () => from + (to - from) * stream.uniform());
}

for (const [name, { found, wanted, from, to }] of Object.entries(FUNCTIONS)) {
  Deno.test(`${name} is the engine's to the last places`, () => {
    for (const x of points(from, to)) {
      // Near a zero of sine and cosine the argument's reduction decides; its error is absolute.
      const size = Math.max(Math.abs(wanted(x)), name === "sin" || name === "cos" ? 0.01 : 0);
      assert(Math.abs(found(x) - wanted(x)) <= CLOSE * size, `${name}(${x}) is ${found(x)}, the engine's ${wanted(x)}`);
    }
  });
}

Deno.test("the bits are those that every machine gives", () => {
  const hash = createHash("sha256");
  for (const { found, from, to } of Object.values(FUNCTIONS)) hash.update(points(from, to).map((x) => found(x)));
  assert.equal(hash.digest("hex"), "e196bdf6496d60c9a5324d6bcd2c077537fcf77bd257f201a8e97e7b208d56b2");
});

Deno.test("borders are those of IEEE 754", () => {
  assert.deepEqual([exp(0), exp(-Infinity), exp(Infinity), exp(-800)], [1, 0, Infinity, 0]);
  assert.deepEqual([log(1), log(0), log1p(0), log1p(-1)], [0, -Infinity, 0, -Infinity]);
  assert.deepEqual([sin(0), cos(0), pow(3, 0), pow(2, -3)], [0, 1, 1, 0.125]);
  assert.deepEqual([square(-3), hypotenuse(3, -4)], [9, 5]);
  for (const value of [exp(NaN), log(-1), log(NaN), sin(Infinity), cos(NaN)]) assert(Number.isNaN(value));
});

/** Rooms whose results reach a run folder. */
const ROOMS = ["model", "data", "engine", "train", "diagnose", "metrics"];
/** Powers of two are exact; everything else is left to the engine. */
const LEFT_TO_THE_ENGINE =
  /Math\.(exp|expm1|pow|log|log2|log10|log1p|a?(sin|cos|tan)h?|atan2|hypot|cbrt)\b|(?<!\b2 )\*\*(?!\/)/;

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

Deno.test("nothing that reaches a run folder calls a function that engines may round differently", async () => {
  const found: string[] = [];
  for (const room of ROOMS) {
    for await (const path of sources(fileURLToPath(new URL(`../../src/${room}`, import.meta.url)))) {
      const code = (await Deno.readTextFile(path)).replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
      for (const line of code.split("\n")) if (LEFT_TO_THE_ENGINE.test(line)) found.push(`${path}: ${line.trim()}`);
    }
  }
  assert.deepEqual(found, []);
  for (const text of ["y = Math.exp(x)", "x ** 3", "Math.atan2(y, x)", "10 ** n"]) {
    assert.match(text, LEFT_TO_THE_ENGINE);
  }
  for (const text of ["2 ** 32", "Math.sqrt(x)", "exp(x)"]) assert.doesNotMatch(text, LEFT_TO_THE_ENGINE);
});
