import assert from "node:assert/strict";
import { WgslReflect } from "wgsl_reflect";
import { gpuLayout } from "../../src/engine/gpu/layout.ts";
import { BINDINGS, CONSTANT_BYTES, CONSTANTS, PASSES, pipelineSpecs } from "../../src/engine/gpu/pipelines.ts";
import { declaredBindings, declaredConstants } from "../../src/engine/gpu/shaders.ts";
import { UNIFORM_BYTES } from "../../src/engine/gpu/uniforms.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { tensorTable } from "../../src/model/tensors.ts";

const specs = pipelineSpecs(PAPER_CONFIG, gpuLayout(PAPER_CONFIG, tensorTable(PAPER_CONFIG)), 256);

/** Buffers that a shader calls otherwise than the host does, by what they are to it. */
const NAMES: Readonly<Record<string, string>> = {
  packedSources: "sources",
  slotPlaces: "slotLayout",
  prepareUniform: "preparation",
  sequenceUniform: "settings",
  reduceUniform: "reduction",
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

for (const pass of PASSES) {
  const { shader, entryPoint, constants } = specs[pass];
  const reflection: Reflection = new WgslReflect(shader.source);

  Deno.test(`${pass}: the bindings that ${shader.file} declares are those that the host makes`, () => {
    const groups = reflection.getBindGroups();
    assert.equal(groups.length, 1);
    const bindings = groups[0].map((variable) => {
      assert(variable !== null && variable !== undefined, "a binding's number is missing");
      const { binding, name, resourceType, access, size } = variable;
      return { binding, name, type: TYPES[`${resourceType === 0 ? "uniform" : "storage"} ${access}`], size };
    });
    assert.deepEqual(bindings.map(({ binding }) => binding), BINDINGS[pass].map((_, b) => b));
    assert.deepEqual(bindings.map(({ name }) => name), BINDINGS[pass].map((name) => NAMES[name] ?? name));
    assert.deepEqual(bindings.map(({ type }) => type), declaredBindings(shader));
    for (const { name, type, size } of bindings) {
      if (name === CONSTANTS) assert.equal(size, CONSTANT_BYTES);
      else if (type === "uniform") assert(size <= UNIFORM_BYTES, `${name} has ${size} bytes`);
    }
  });

  Deno.test(`${pass}: ${shader.file} has the entry point ${entryPoint}, and the host gives every constant without a value`, () => {
    assert(reflection.entry.compute.some(({ name }) => name === entryPoint));
    const given = declaredConstants(shader, constants);
    const declared = [...shader.source.matchAll(/^override (\w+)(?:: \w+)?( = [^;]+)?;/gm)];
    assert.deepEqual(declared.map(([, name]) => name), reflection.overrides.map(({ name }) => name));
    const needed = declared.filter(([, , value]) => value === undefined).map(([, name]) => name);
    assert.deepEqual(needed.filter((name) => !(name in given)), []);
    for (const [name, value] of Object.entries(given)) assert(Number.isFinite(value), `${name} is ${value}`);
  });
}
