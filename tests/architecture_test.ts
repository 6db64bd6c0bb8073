import assert from "node:assert/strict";
import { dirname, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Rooms of the house in the order in which data flows; a file imports from its own rank or a lower one. */
const RANKS: readonly (readonly string[])[] = [
  ["src/errors.ts", "src/nearest.ts", "src/version.ts", "src/libraries/", "src/files/"],
  ["src/model/"],
  ["src/data/"],
  ["src/engine/"],
  ["src/train/"],
  ["src/diagnose/"],
  ["src/metrics/"],
  ["src/report/"],
  ["src/cli/"],
  ["mod.ts", "main.ts"],
];

const LONGEST_FILE = 400;
/** `.git` is a file in a second worktree. */
const SKIPPED = new Set([".git", "node_modules", "runs", "dist"]);
const BUILD_SCRIPTS = /^(kernels|tests)\/.*\b(build|make)\w*\.ts$/;

/** A file of the repository; `path` is relative to its root, with forward slashes. */
interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

async function* readTexts(folder: string): AsyncGenerator<SourceFile> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (SKIPPED.has(entry.name)) continue;
    if (entry.isDirectory) yield* readTexts(path);
    if (!entry.isFile) continue;
    const bytes = await Deno.readFile(path);
    if (bytes.includes(0)) continue;
    yield { path: relative(ROOT, path).replaceAll("\\", "/"), text: new TextDecoder().decode(bytes) };
  }
}

const isTypeScript = ({ path }: SourceFile) => path.endsWith(".ts");
const isProgram = (file: SourceFile) => isTypeScript(file) && /^(src\/|kernels\/|main\.ts|mod\.ts)/.test(file.path);

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}

/** Specifiers of static and dynamic imports, re-exports and worker modules. */
function importsOf({ text }: SourceFile): string[] {
  const code = withoutComments(text);
  const patterns = [
    /^(?:import|export)\b[^;"]*?\bfrom\s+"([^"]+)"/gm,
    /^import\s+"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"/g,
    /\bnew URL\(\s*"([^"]+)",\s*import\.meta\.url\s*\)/g,
    /\bimport\.meta\.resolve\(\s*"([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
}

function rankOf(path: string): number {
  return RANKS.findIndex((places) =>
    places.some((place) => place.endsWith("/") ? path.startsWith(place) : path === place)
  );
}

function importsPointingUp(file: SourceFile): string[] {
  const own = rankOf(file.path);
  return importsOf(file).filter((specifier) => specifier.startsWith(".")).flatMap((specifier) => {
    const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
    const fromKernels = file.path.startsWith("kernels/") && target.startsWith("src/");
    const upwards = own >= 0 && rankOf(target) > own;
    return fromKernels || upwards ? [`${file.path} imports ${target}`] : [];
  });
}

function packagesOf(file: SourceFile): string[] {
  return importsOf(file)
    .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
    .map((specifier) => specifier.replace(/^(npm|jsr):\/?/, "").match(/^(@[^/]+\/)?[^/@]+/)?.[0] ?? specifier);
}

function importsOutsideLibraries(file: SourceFile): string[] {
  if (file.path.startsWith("src/libraries/") || BUILD_SCRIPTS.test(file.path)) return [];
  return packagesOf(file).map((name) => `${file.path} imports ${name}`);
}

function printingOutsideTheCommandLine(file: SourceFile): string[] {
  const code = withoutComments(file.text);
  const allowed = file.path.startsWith("src/cli/") || file.path === "main.ts" || BUILD_SCRIPTS.test(file.path);
  const prints = !allowed && /\bconsole\.|\bDeno\.std(out|err)\b/.test(code);
  const exits = file.path !== "main.ts" && !BUILD_SCRIPTS.test(file.path) &&
    /\bDeno\.exit\(|\bprocess\.exit\(/.test(code);
  return [...prints ? [`${file.path} prints`] : [], ...exits ? [`${file.path} ends the process`] : []];
}

/** Written so that this file does not match itself. */
const FORBIDDEN: readonly RegExp[] = [
  /(?<![\w.*-])\/(?:work|root)\/[\w.]/,
  /registry\.npmjs\.org/,
  /\bTO[D]O\b|\bFIX[M]E\b/,
];

function forbiddenWords({ path, text }: SourceFile): string[] {
  return FORBIDDEN.flatMap((pattern) => {
    const found = pattern.exec(text)?.[0];
    return found === undefined ? [] : [`${path} says ${found}`];
  });
}

/** What a script wrote is read by nobody; it says so in its first line. */
const isGenerated = ({ text }: SourceFile) => /^\/\/ Written by \S+ .*do not edit\.\n/.test(text);

function tooLong(file: SourceFile): string[] {
  if (isGenerated(file)) return [];
  const lines = file.text.split("\n").length - 1;
  return lines > LONGEST_FILE ? [`${file.path} has ${lines} lines`] : [];
}

const files = await Array.fromAsync(readTexts(ROOT));
const program = files.filter(isProgram);

Deno.test("the rules see the program", () => {
  assert.ok(program.some(({ path }) => path === "main.ts"));
  assert.ok(program.flatMap(importsOf).length > program.length);
});

Deno.test("every file of src has a rank", () => {
  assert.deepEqual(
    program.filter(({ path }) => path.startsWith("src/") && rankOf(path) < 0).map(({ path }) => path),
    [],
  );
});

Deno.test("no import points back up, and kernels import nothing from src", () => {
  assert.deepEqual(program.flatMap(importsPointingUp), []);
  const file = (text: string, path = "src/model/a.ts") => importsPointingUp({ path, text });
  assert.equal(file('import { a } from "../cli/b.ts";\n').length, 1);
  assert.equal(file('import type {\n  a,\n} from "../cli/b.ts";\n').length, 1);
  assert.equal(file('const a = await import("../data/b.ts");\n').length, 1);
  assert.equal(file('new Worker(new URL("../data/b.ts", import.meta.url));\n').length, 1);
  assert.equal(file('import { a } from "../errors.ts";\n').length, 0);
  assert.equal(file('import { a } from "../../src/errors.ts";\n', "kernels/adamw/a.ts").length, 1);
});

Deno.test("each third-party package is imported in exactly one file, in src/libraries", () => {
  assert.deepEqual(program.flatMap(importsOutsideLibraries), []);
  const importers = new Map<string, Set<string>>();
  for (const file of program) {
    for (const name of packagesOf(file)) importers.set(name, (importers.get(name) ?? new Set()).add(file.path));
  }
  assert.deepEqual([...importers].filter(([, paths]) => paths.size > 1), []);
  assert.equal(importsOutsideLibraries({ path: "src/cli/a.ts", text: 'import a from "npm:commander@1/b";' }).length, 1);
});

Deno.test("only the command line prints, and only main.ts ends the process", () => {
  assert.deepEqual(program.flatMap(printingOutsideTheCommandLine), []);
  assert.equal(
    printingOutsideTheCommandLine({ path: "src/data/a.ts", text: "console.log(1);\nDeno.exit(1);" }).length,
    2,
  );
  assert.equal(printingOutsideTheCommandLine({ path: "src/cli/a.ts", text: "Deno.exit(1);" }).length, 1);
});

Deno.test("no file of code is longer than 400 lines", () => {
  assert.deepEqual(files.filter(isTypeScript).flatMap(tooLong), []);
  assert.equal(tooLong({ path: "a.ts", text: "\n".repeat(LONGEST_FILE + 1) }).length, 1);
});

Deno.test("no file names this machine, a registry or unfinished work", () => {
  assert.deepEqual(files.flatMap(forbiddenWords), []);
  for (const text of [`see /${"work"}/main`, `https://registry.${"npmjs"}.org/x`, `// TO${"DO"}`]) {
    assert.equal(forbiddenWords({ path: "a.ts", text }).length, 1, text);
  }
});

Deno.test("no file is called utils", () => {
  assert.deepEqual(
    files.filter(({ path }) => /(^|\/)(utils?|helpers?|misc|common)\.ts$/.test(path)).map(({ path }) => path),
    [],
  );
});
