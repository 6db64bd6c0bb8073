import assert from "node:assert/strict";
import { type Form, inForms, SHADERS } from "../../src/engine/gpu/shaders.ts";

/** The calls that all threads of a workgroup must make together. */
const BARRIER = /\b(?:workgroupBarrier|storageBarrier|workgroupUniformLoad)\(/;

/** A function of a WGSL file. */
interface Func {
  readonly name: string;
  readonly body: string;
}

/** The loops and branches of a WGSL file that have a barrier in them and depend on what may differ between threads. */
function divergentBarriers(source: string): string[] {
  const code = source.replace(/\/\/.*|\/\*[^]*?\*\//g, "");
  const functions = [...code.matchAll(/^(?:@compute[^\n]*\n)?fn (\w+)\([^{]*\{/gm)].map((match): Func => ({
    name: match[1],
    body: blockFrom(code, match.index + match[0].length),
  }));
  const meeting = closure(functions, (body) => BARRIER.test(body));
  const divergent = [...code.matchAll(/var<(?:private|workgroup|storage, read_write)> (\w+)/g)].map((match) =>
    match[1]
  );
  // What a function that knows of such a variable returns may differ too, but for what it loads for all threads alike.
  const differing = closure(
    functions.filter(({ body }) => !/return workgroupUniformLoad\(/.test(body)),
    (body) => mentions(body, divergent),
  );
  return functions.filter(({ name }) => meeting.has(name)).flatMap(({ name, body }) => {
    const names = new Set([...divergent, ...differing, "thread"]);
    for (let size = -1; size !== names.size;) {
      size = names.size;
      for (const [, local, value] of body.matchAll(/(?:let|var) (\w+)(?:: \w+)? = ([^;]+);/g)) {
        if (mentions(value, names)) names.add(local);
      }
    }
    return [...body.matchAll(/\b(?:for|if|while) \(([^{]*)\) \{/g)].filter((match) => {
      const [, header] = match, inside = blockFrom(body, match.index + match[0].length);
      // A loop's own variable is another one than that of a loop before it.
      const [, own, from] = /^var (\w+) = ([^;]+)/.exec(header) ?? [];
      const others = own === undefined || mentions(from, names) ? names : [...names].filter((other) => other !== own);
      return (BARRIER.test(inside) || calls(inside, meeting)) && mentions(header, others);
    }).map((match) => `${name}: ${match[0]}`);
  });
}

/** Text of a block from behind its opening brace to its closing one. */
function blockFrom(code: string, start: number): string {
  let depth = 1, end = start;
  for (; depth > 0 && end < code.length; end++) depth += code[end] === "{" ? 1 : code[end] === "}" ? -1 : 0;
  return code.slice(start, end - 1);
}

/** Names of the functions of which `holds`, and of those that call them. */
function closure(functions: readonly Func[], holds: (body: string) => boolean): Set<string> {
  const found = new Set<string>();
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const { name, body } of functions) if (holds(body) || calls(body, found)) found.add(name);
  }
  return found;
}

function calls(text: string, names: Iterable<string>): boolean {
  return [...names].some((name) => new RegExp(`\\b${name}\\(`).test(text));
}

function mentions(text: string, names: Iterable<string>): boolean {
  return [...names].some((name) => new RegExp(`(?<!\\.)\\b${name}\\b`).test(text));
}

/** The forms with barriers of their own. */
const FORMS: readonly Form[] = ["subgroups", "inStorage"];

for (const shader of Object.values(SHADERS)) {
  Deno.test(`all threads of a workgroup come to each barrier of ${shader.file}, as the standard defines it`, () => {
    assert.deepEqual(divergentBarriers(shader.source), []);
    for (const form of FORMS) assert.deepEqual(divergentBarriers(inForms(shader, new Set([form])).source), [], form);
  });
}

Deno.test("a barrier in a loop whose length lies in a private variable or in memory is found, also behind a call", () => {
  const declarations =
    "var<private> settings: Settings;\n@group(0) @binding(0) var<storage, read_write> halt: array<f32>;\n";
  const meet = "fn meet() {\n  workgroupBarrier();\n}\n";
  const found = (body: string) => divergentBarriers(`${declarations}${meet}fn main(steps: u32) {\n${body}\n}\n`);
  assert.deepEqual(found("for (var t = 0u; t < steps; t++) { meet(); }"), []);
  assert.deepEqual(found("if (settings.steps > 1u) { other(); }\n meet();"), []);
  assert.deepEqual(found("for (var t = 0u; t < settings.steps; t++) { meet(); }").length, 1);
  assert.deepEqual(found("let ran = u32(halt[0]);\nlet all = ran;\nif (all > 1u) { meet(); }").length, 1);
});
