/** One change of one backward kernel. */
export interface Mutant {
  /** Number that brings it to life, from 1 (kernels/mutation/operators.as.ts). */
  readonly id: number;
  readonly file: string;
  readonly line: number;
  readonly kernel: string;
  readonly change: string;
  /** The changed line, trimmed. */
  readonly source: string;
}

/** A kernel source in which every mutant sleeps. */
export interface MutatedSource {
  readonly text: string;
  readonly mutants: readonly Mutant[];
  /** Backward kernels of the file. */
  readonly kernels: readonly string[];
}

/** Kernels of the backward pass and the optimizer by their names, and what only they call. */
const BACKWARD = /(Backward|Gradients?|Slope|Scatter)$/;
const HELPERS = new Set([
  ...["adamwStep", "squaredNorm", "outerAdd", "rowSumsAdd"],
  ...["gainProduct", "scoreProduct", "storeProduct", "spread", "addReadout"],
]);

/** Vector operations and what becomes of them; `madd` has a second mutant. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "f32x4.add": "add becomes sub",
  "f32x4.sub": "sub becomes add",
  "f32x4.mul": "mul drops its second factor",
  "f32x4.div": "div becomes mul",
  "f32x4.neg": "neg is dropped",
  "f32x4.sqrt": "sqrt is dropped",
  "f32x4.ge": "ge becomes lt",
  "f32x4.gt": "gt becomes le",
  "f32x4.eq": "eq becomes ne",
  "v128.and": "and drops its mask",
  "v128.andnot": "andnot drops its mask",
  "v128.bitselect": "bitselect takes the other",
  "madd": "madd flips its product's sign",
};

/** A sum of scalars by the term that is added or subtracted; sums of addresses have others. */
const SCALAR_SUM =
  / (?:[+-]|\+=) (?=(<f64>|at\(|dLogit|dRest|load<f32>|sumOfLanes|weight \*|value \*|row \*|step\)|rest :|\(1 - beta|epsilon\)))/g;

/** The file that sums in double precision throughout. */
const DOUBLES = "epsilon/spectral_norm.as.ts";

/** Text between two places of a source, and what stands there instead. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Replaces all `edits`; at one place, text is inserted before what is replaced. */
function applyEdits(text: string, edits: readonly Edit[]): string {
  const ordered = [...edits].sort((a, b) => b.start - a.start || b.end - a.end);
  return ordered.reduce((result, { start, end, text }) => result.slice(0, start) + text + result.slice(end), text);
}

/** Ranges of the arguments of the call whose bracket opens at `open`. */
function argumentRanges(text: string, open: number): (readonly [start: number, end: number])[] {
  const ranges: (readonly [number, number])[] = [];
  let depth = 0, start = open + 1;
  for (let i = open; i < text.length; i++) {
    if ("([".includes(text[i])) depth++;
    if (text[i] === "," && depth === 1) {
      ranges.push([start, i]);
      start = i + 1;
    }
    if (")]".includes(text[i]) && --depth === 0) return [...ranges, [start, i]];
  }
  throw new Error(`A bracket is left open: ${text.slice(open, open + 60)}`);
}

class Mutator {
  readonly mutants: Mutant[] = [];
  readonly kernels: string[] = [];
  readonly #edits: Edit[] = [];
  #kernel = "";

  constructor(readonly file: string, readonly text: string, readonly firstId: number) {
    for (const match of text.matchAll(/^(?:export )?function (\w+)\(/gm)) {
      if (!BACKWARD.test(match[1]) && !HELPERS.has(match[1])) continue;
      this.#kernel = match[1];
      this.kernels.push(match[1]);
      // A parameter list may go over several lines; the body starts behind it and ends at the first bracket of column 0.
      const body = text.indexOf("{\n", match.index);
      this.#mutateBody(body, text.indexOf("\n}", body));
    }
  }

  get result(): MutatedSource {
    const folder = this.file.includes("/") ? "../" : "./";
    const importing = `import * as mutant from "${folder}mutation/operators.as";\n`;
    const text = this.mutants.length === 0 ? this.text : importing + applyEdits(this.text, this.#edits);
    return { text, mutants: this.mutants, kernels: this.kernels };
  }

  #add(place: number, change: string): number {
    const id = this.firstId + this.mutants.length;
    const from = this.text.lastIndexOf("\n", place) + 1;
    const source = this.text.slice(from, this.text.indexOf("\n", place)).trim();
    const line = this.text.slice(0, place).split("\n").length;
    this.mutants.push({ id, file: this.file, line, kernel: this.#kernel, change, source });
    return id;
  }

  #replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  #mutateBody(start: number, end: number): void {
    const body = this.text.slice(start, end);
    for (const match of body.matchAll(/(?<![\w.])((?:f32x4|v128)\.\w+|madd)\(/g)) {
      const change = OPERATIONS[match[1]];
      if (change === undefined) continue;
      const place = start + match.index;
      const id = this.#add(place, change);
      if (match[1] === "madd") this.#add(place, "madd drops what it adds to");
      this.#replace(place, place + match[0].length, `mutant.${match[1].replace(/.*\./, "")}(${id}, `);
    }
    for (const match of body.matchAll(/(?<=[;{}\n]\s*|\) )(?:[a-z]\w*(?:\.\w+)?(?:<\w+>)?)\(/g)) {
      const place = start + match.index;
      if (this.#isStatement(place)) this.#mutateStatement(place, match[0]);
    }
    for (const match of body.matchAll(SCALAR_SUM)) {
      const place = start + match.index + match[0].length;
      const sign = /f64|value/.test(match[1]) || this.file === DOUBLES ? "sign64" : "sign";
      this.#replace(place, place, `mutant.${sign}(${this.#add(place, "a term's sign is flipped")}) * `);
    }
  }

  /** Whether a call at `place` is a statement of its own: at a line's start or after the head of an `if` or `for`. */
  #isStatement(place: number): boolean {
    const before = this.text.slice(0, place);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    if (/^\s+(?:(?:if|for) \(.*\)|else) $/.test(line)) return true;
    return /^\s*$/.test(line) && /(?:[;{}]|\*\/|\/\/.*)\s*$/.test(before);
  }

  #mutateStatement(place: number, call: string): void {
    const name = call.slice(0, -1);
    if (["if", "for", "while", "return"].includes(name)) return;
    this.#replace(place, place, `if (mutant.kept(${this.#add(place, "a statement is dropped")})) `);
    if (name !== "v128.store" && name !== "store<f32>") return;
    const [, [from, to]] = argumentRanges(this.text, place + name.length);
    if (/^ (0|zero|f32x4\.splat\(0\))$/.test(this.text.slice(from, to))) return;
    const id = this.#add(place, "a stored value's sign is flipped");
    this.#replace(from, from, name === "v128.store" ? ` mutant.value(${id},` : ` mutant.sign(${id}) * (`);
    this.#replace(to, to, ")");
  }
}

/** Puts sleeping mutants, numbered from `firstId`, into the backward kernels of a source. */
export function mutate(file: string, text: string, firstId: number): MutatedSource {
  return new Mutator(file, text, firstId).result;
}
