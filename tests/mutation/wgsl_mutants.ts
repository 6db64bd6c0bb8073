import type { Mutant } from "./mutants.ts";

/** A place of a shader file where a mutant can sleep, and the forms to try there until one compiles. */
export interface Site {
  readonly mutant: Mutant;
  readonly alternatives: readonly Wrapping[];
}

/** What is put before and behind a piece of a source. */
interface Wrapping {
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly behind: string;
}

/** What every mutated file begins with: the number of the mutant that lives, and what it does. */
const MUTANT = [
  "@group(1) @binding(0) var<uniform> mutant: vec4u;",
  "fn flip(id: u32) -> f32 { return select(1.0, -1.0, mutant.x == id); }",
  "fn lives(id: u32) -> bool { return mutant.x == id; }",
  "",
].join("\n");

/** What has no sign. */
const ZERO = /^(?:vec\w+\(0\.0\)|0\.0|0u|mat\w+\(\)|zeros\([^)]*\))$/;

interface Function {
  readonly name: string;
  /** Places of the body's first character and behind its last. */
  readonly start: number;
  readonly end: number;
}

/** Functions of a file by name; each ends with the first bracket at a line's start. */
function functionsOf(source: string): Map<string, Function> {
  const functions = new Map<string, Function>();
  for (const match of source.matchAll(/^fn (\w+)\(/gm)) {
    const start = source.indexOf("{", closing(source, match.index + match[0].length - 1)) + 1;
    // A function of one line ends in it.
    const line = source.indexOf("\n", start), inLine = source.lastIndexOf("}", line);
    const end = inLine >= start ? inLine : source.indexOf("\n}", start) + 1;
    functions.set(match[1], { name: match[1], start, end });
  }
  return functions;
}

/** Names of the functions that `entries` reach, themselves included. */
function reached(source: string, functions: ReadonlyMap<string, Function>, entries: readonly string[]): Set<string> {
  const names = new Set<string>(), left = [...entries];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const found = functions.get(name);
    if (found === undefined || names.has(name)) continue;
    names.add(name);
    for (const [, called] of source.slice(found.start, found.end).matchAll(/(?<![\w.])(\w+)\(/g)) left.push(called);
  }
  return names;
}

/** The functions that the entry points `backward` need and none of `forward` does. */
export function backwardFunctions(source: string, backward: readonly string[], forward: readonly string[]): string[] {
  const functions = functionsOf(source);
  const others = reached(source, functions, forward);
  return [...reached(source, functions, backward)].filter((name) => !others.has(name)).sort();
}

/** The place of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if ("([".includes(text[i])) depth++;
    if (")]".includes(text[i]) && --depth === 0) return i;
  }
  throw new Error(`A bracket is left open: ${text.slice(open, open + 60)}`);
}

/** The place behind the operand that starts at `start`: a name, number or bracket with its members, calls and indices. */
function operandEnd(text: string, start: number): number {
  let i = start;
  if (text[i] === "-") i++;
  if (text[i] === "(") i = closing(text, i) + 1;
  for (;;) {
    const name = /^(?:\.?\w+(?:<\w+>)?|\d+\.\d+(?:e[+-]?\d+)?)/.exec(text.slice(i, i + 80));
    if (name !== null) i += name[0].length;
    else if ("([".includes(text[i])) i = closing(text, i) + 1;
    else return i;
  }
}

/** Sites of one function. */
class FunctionSites {
  readonly found: (Pick<Mutant, "id" | "change"> & Pick<Site, "alternatives"> & { readonly place: number })[] = [];
  readonly #text: string;

  constructor(readonly source: string, { start, end }: Function, readonly id: () => number) {
    // Comments keep their length and lose their text.
    const blank = (comment: string) => comment.replace(/[^\n]/g, " ");
    this.#text = source.slice(0, end).replace(/\/\/.*|\/\*[^]*?\*\//g, blank);
    this.#assignments(start);
    this.#terms(start);
    this.#factors(start);
    this.#choices(start);
    this.#statements(start);
  }

  /** Matches outside of square brackets, in which there are only whole numbers. */
  *#matches(pattern: RegExp, start: number): Generator<RegExpExecArray> {
    for (const match of this.#text.slice(start).matchAll(pattern)) {
      match.index += start;
      const line = this.#text.slice(this.#text.lastIndexOf("\n", match.index) + 1, match.index);
      if (line.split("[").length === line.split("]").length) yield match;
    }
  }

  #add(place: number, change: string, forms: (id: number) => Site["alternatives"]): void {
    const id = this.id();
    this.found.push({ id, place, change, alternatives: forms(id) });
  }

  /** `a = b;`, `a += b;`, `let a = b;`: the sign of b flips. */
  #assignments(start: number): void {
    for (const match of this.#matches(/(?<=[\w\]).]) ([+-]?)= (?!=)/g, start)) {
      const from = match.index + match[0].length, end = this.#text.indexOf(";", from);
      if (end < 0 || ZERO.test(this.#text.slice(from, end))) continue;
      this.#add(
        match.index,
        match[1] === "" ? "a value's sign flips" : "an added value's sign flips",
        (id) => [{ start: from, end, before: `flip(${id}u) * (`, behind: ")" }],
      );
    }
    for (const match of this.#matches(/\breturn (?=[^;])/g, start)) {
      const from = match.index + match[0].length, end = this.#text.indexOf(";", from);
      if (ZERO.test(this.#text.slice(from, end))) continue;
      this.#add(
        match.index,
        "a result's sign flips",
        (id) => [{ start: from, end, before: `flip(${id}u) * (`, behind: ")" }],
      );
    }
  }

  /** `a + b`, `a - b`: the sign of b flips. */
  #terms(start: number): void {
    for (const match of this.#matches(/ [+-]\s+(?=[\w(-])/g, start)) {
      const from = match.index + match[0].length;
      this.#add(
        match.index,
        "a term's sign flips",
        (id) => [{ start: from, end: from, before: `flip(${id}u) * `, behind: "" }],
      );
    }
  }

  /** `a * b`, `a / b`, `a *= b`: b becomes 1. */
  #factors(start: number): void {
    for (const match of this.#matches(/ [*/]=? (?=[\w(-])/g, start)) {
      const from = match.index + match[0].length, end = operandEnd(this.#text, from);
      this.#add(
        match.index,
        "a factor is dropped",
        (id) =>
          ["1.0", "vec4f(1.0)", "vec2f(1.0)", "vec3f(1.0)"].map((one) => (
            { start: from, end, before: "select(", behind: `, ${one}, lives(${id}u))` }
          )),
      );
    }
  }

  /** `if (c)` and `select(a, b, c)`: the other one is taken. */
  #choices(start: number): void {
    for (const match of this.#matches(/\bif \(/g, start)) {
      const open = match.index + match[0].length - 1, end = closing(this.#text, open);
      this.#add(
        match.index,
        "a condition is negated",
        (id) => [{ start: open + 1, end, before: "(", behind: `) != lives(${id}u)` }],
      );
    }
    for (const match of this.#matches(/\bselect\(/g, start)) {
      const open = match.index + match[0].length - 1, end = closing(this.#text, open);
      let from = open;
      for (let i = open + 1, depth = 0; i < end; i++) {
        if ("([".includes(this.#text[i])) depth++;
        if (")]".includes(this.#text[i])) depth--;
        if (this.#text[i] === "," && depth === 0) from = i + 1;
      }
      this.#add(
        match.index,
        "select takes the other",
        (id) =>
          [`lives(${id}u)`, `vec4<bool>(lives(${id}u))`].map((other) => (
            { start: from, end, before: "((", behind: `) != ${other})` }
          )),
      );
    }
  }

  /** `f(…);`: nothing is called. */
  #statements(start: number): void {
    for (
      const match of this.#matches(
        /(?<=[;{}]\s*)(?!if|for|while|return|switch|storageBarrier|workgroupBarrier|meet)\w+\(/g,
        start,
      )
    ) {
      const end = closing(this.#text, match.index + match[0].length - 1) + 1;
      if (this.#text[end] !== ";") continue;
      this.#add(match.index, "a call is dropped", (id) => [
        { start: match.index, end: end + 1, before: `if (!lives(${id}u)) { `, behind: " }" },
      ]);
    }
  }
}

/**
 * All sites of the functions `kernels` of a file, numbered from `firstId`. Where none of its forms compiles, a place holds no
 * floats and is no site.
 */
export function wgslSites(file: string, source: string, kernels: readonly string[], firstId: number): Site[] {
  const functions = functionsOf(source);
  const sites: Site[] = [];
  let last = firstId - 1;
  for (const name of kernels) {
    const found = functions.get(name);
    if (found === undefined) throw new Error(`${file} has no function ${name}`);
    for (const { id, place, change, alternatives } of new FunctionSites(source, found, () => ++last).found) {
      const from = source.lastIndexOf("\n", place) + 1, line = source.slice(0, place).split("\n").length;
      const text = source.slice(from, source.indexOf("\n", place)).trim();
      sites.push({ mutant: { id, file, line, kernel: name, change, source: text }, alternatives });
    }
  }
  return sites;
}

/** A site with the form of it that compiles. */
export interface SleepingMutant {
  readonly mutant: Mutant;
  readonly form: Wrapping;
}

/** `source` with all of `mutants` asleep. */
export function withMutants(source: string, mutants: readonly SleepingMutant[]): string {
  const marks = mutants.flatMap(({ form: { start, end, before, behind } }) => [
    { at: start, opens: true, other: end, text: before },
    { at: end, opens: false, other: start, text: behind },
  ]);
  // From the end. At one place inner brackets close first, then outer ones; outer ones open first, then inner ones.
  marks.sort((a, b) => b.at - a.at || Number(b.opens) - Number(a.opens) || a.other - b.other);
  return MUTANT + marks.reduce((text, mark) => text.slice(0, mark.at) + mark.text + text.slice(mark.at), source);
}
