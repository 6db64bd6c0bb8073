import assert from "node:assert/strict";
import { WgslReflect } from "wgsl_reflect";
import { CONSTANT_BYTES, PASSES } from "../../src/engine/gpu/pipelines.ts";
import { programOf } from "../../src/engine/gpu/program.ts";
import { declaredBindings, declaredConstants, type Form, inForms, SHADERS } from "../../src/engine/gpu/shaders.ts";
import { UNIFORM_BYTES } from "../../src/engine/gpu/uniforms.ts";
import { HALTING_MODES, MODELS, PAPER_CONFIG } from "../../src/model/config.ts";

/** Buffers that a shader calls otherwise than the host does, by what they are to it. */
const NAMES: Readonly<Record<string, string>> = {
  slotPlaces: "slotLayout",
  sequenceUniform: "arguments",
  reduceUniform: "reduction",
  jitterUniform: "jitter",
  adamwUniform: "update",
};

/** How WebGPU calls the address spaces and access modes of WGSL. */
const TYPES: Readonly<Record<string, GPUBufferBindingType>> = {
  "uniform read": "uniform",
  "storage read": "read-only-storage",
  "storage read_write": "storage",
};

/** What is used of wgsl_reflect, which comes without types. */
interface Reflection {
  getBindGroups(): (
    | {
      readonly binding: number;
      readonly name: string;
      readonly resourceType: number;
      readonly access: string;
      readonly size: number;
    }
    | null
    | undefined
  )[][];
  readonly entry: { readonly compute: readonly { readonly name: string }[] };
  readonly overrides: readonly { readonly name: string }[];
}

for (const [model, pass] of MODELS.flatMap((model) => PASSES.map((pass) => [model, pass] as const))) {
  const { shader, entryPoint, constants, buffers, views = {} } =
    programOf({ ...PAPER_CONFIG, model }).passes(256)[pass];
  const reflection: Reflection = new WgslReflect(shader.source);

  Deno.test(`${model}, ${pass}: the bindings that ${shader.file} declares are those that the host makes`, () => {
    const groups = reflection.getBindGroups();
    assert.equal(groups.length, 1);
    const bindings = groups[0].map((variable) => {
      assert(variable !== null && variable !== undefined, "a binding's number is missing");
      const { binding, name, resourceType, access, size } = variable;
      return { binding, name, type: TYPES[`${resourceType === 0 ? "uniform" : "storage"} ${access}`], size };
    });
    assert.deepEqual(bindings.map(({ binding }) => binding), buffers.map((_, b) => b));
    assert.deepEqual(bindings.map(({ name }) => name), buffers.map((name) => NAMES[name] ?? name));
    assert.deepEqual(bindings.map(({ type }) => type), declaredBindings(shader));
    for (const { name, type, size } of bindings) {
      if (name in views) assert.equal(size, CONSTANT_BYTES);
      else if (type === "uniform") assert(size <= UNIFORM_BYTES, `${name} has ${size} bytes`);
    }
  });

  Deno.test(`${model}, ${pass}: ${shader.file} has the entry point ${entryPoint}, and the host gives every constant without a value`, () => {
    assert(reflection.entry.compute.some(({ name }) => name === entryPoint));
    const given = declaredConstants(shader, constants);
    const declared = [...shader.source.matchAll(/^override (\w+)(?:: \w+)?( = [^;]+)?;/gm)];
    assert.deepEqual(declared.map(([, name]) => name), reflection.overrides.map(({ name }) => name));
    const needed = declared.filter(([, , value]) => value === undefined).map(([, name]) => name);
    assert.deepEqual(needed.filter((name) => !(name in given)), []);
    for (const [name, value] of Object.entries(given)) assert(Number.isFinite(value), `${name} is ${value}`);
  });
}

/** Where each section stands. */
const SECTIONS: Readonly<Record<string, readonly (keyof typeof SHADERS)[]>> = {
  Storage: ["sequence", "stack", "reduce", "adamw"],
  Sum: ["sequence", "stack", "reduce", "adamw"],
  Together: ["sequence", "stack"],
  Shared: ["sequence"],
};

/** The sections that each form takes the place of, in the files that have all of them. */
const FORMS: Readonly<Record<Form, readonly string[]>> = {
  half: ["Storage"],
  subgroups: ["Sum"],
  together: ["Together"],
  inStorage: ["Shared", "Sum"],
};

function sectionOf(source: string, section: string): string | undefined {
  return new RegExp(`^// ${section}\\b.* -{3,}\\n([^]*?)^// End of ${section.toLowerCase()}$`, "m").exec(source)?.[1];
}

/** What a section defines for the rest of its file. */
function definitions(text = ""): string[] {
  return [...text.matchAll(/^(?:fn|alias|const|struct) (\w+)/gm)].map((match) => match[1]);
}

for (const [section, files] of Object.entries(SECTIONS)) {
  Deno.test(`the section ${section} is the same text in every kernel that has it`, () => {
    const [usual] = files.map((file) => sectionOf(SHADERS[file].source, section));
    assert(usual !== undefined);
    for (const [name, { source }] of Object.entries(SHADERS)) {
      if (name in FORMS) continue; // where another form comes from
      assert.equal(sectionOf(source, section), files.some((file) => file === name) ? usual : undefined, name);
    }
  });
}

for (const [form, sections] of Object.entries(FORMS) as [Form, readonly string[]][]) {
  Deno.test(`the form ${form} takes the place of ${sections.join(" and ")} in every kernel that has it`, () => {
    for (const [name, shader] of Object.entries(SHADERS)) {
      assert.equal(inForms(shader, new Set()).source, shader.source);
      if (name in FORMS) continue;
      const { source } = inForms(shader, new Set([form]));
      const has = sections.every((section) => sectionOf(shader.source, section) !== undefined);
      assert.equal(source !== shader.source, has, name);
      for (const section of sections) {
        const [before, after] = [shader.source, source].map((text) => sectionOf(text, section));
        assert.equal(after !== before, has, `${name}, ${section}`);
        assert.deepEqual(definitions(after), definitions(before), `${name}, ${section}`);
      }
    }
  });
}

Deno.test("pipelines and their variants are those on record (renewed by deno test -A -u tests/kernels/shaders_test.ts)", async (t) => {
  const variants = [
    ...HALTING_MODES.map((halting) => ({ ...PAPER_CONFIG, halting })),
    { ...PAPER_CONFIG, model: "vanilla" as const },
  ];
  const known = new Set<string>();
  for (const config of variants) {
    const made = Object.entries(programOf(config).passes(256)).map(([pass, { shader, entryPoint, constants }]) => {
      const values = Object.entries(declaredConstants(shader, constants)).map(([name, value]) => `${name} ${value}`);
      return [pass, `${shader.file} ${entryPoint}`, values.join(", ")] as const;
    });
    // What two variants have in common is listed once.
    const fresh = made.filter(([, file, values]) => !known.has(`${file} ${values}`));
    for (const [, file, values] of fresh) known.add(`${file} ${values}`);
    await t.assertSnapshot(Object.fromEntries(fresh.map(([pass, ...rest]) => [pass, rest])));
  }
});
