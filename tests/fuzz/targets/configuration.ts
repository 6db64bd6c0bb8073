import assert from "node:assert/strict";
import { join } from "node:path";
import { readConfigurationFile, resolveOptions } from "../../../src/cli/configuration.ts";
import { kebabCase } from "../../../src/model/key_name.ts";
import { TRAIN_OPTIONS } from "../../../src/cli/train.ts";
import type { Mutator } from "../mutate.ts";
import { bytesOf, type FuzzTarget } from "../target.ts";

const KEYS = Object.keys(TRAIN_OPTIONS).map(kebabCase);
const VALUES = [
  "1",
  "0.5",
  "-1",
  '"cpu"',
  "'exit'",
  "true",
  "false",
  "[1, 2]",
  "{ a = 1 }",
  "2026-11-28T10:00:00Z",
  "inf",
  "nan",
  '"""\nx"""',
  "0xff",
  "1_000",
  "1e3",
];

const TOML = bytesOf(
  "learning-rate = 1e-3\nepochs = 3\n# a comment\ndevice = \"cpu\"\nhalting = 'soft'\njson = false\n",
  'dModel = 12\n"num-heads" = 2\nout = """runs/a"""\n',
);
const JSON_TEXTS = bytesOf(
  '{"learning-rate": 1e-3, "epochs": 3, "device": "cpu"}',
  '{\n  "dModel": 12,\n  "out": "runs/a"\n}\n',
);

function madeToml({ random, ...mutator }: Mutator): Uint8Array {
  const lines = Array.from({ length: random.below(8) }, () => {
    if (random.chance(0.1)) return random.pick(["[table]", "[[list]]", "# comment", "", "a.b.c = 1", "[a.b]"]);
    return `${random.chance(0.9) ? random.pick(KEYS) : random.pick(mutator.words)} = ${random.pick(VALUES)}`;
  });
  return new TextEncoder().encode(lines.join("\n"));
}

function madeJson(mutator: Mutator): Uint8Array {
  const { random } = mutator;
  const value = Object.fromEntries(
    Array.from({ length: random.below(6) }, () => [random.pick(KEYS), random.pick([1, 0.5, "cpu", true, "exit"])]),
  );
  return new TextEncoder().encode(JSON.stringify(random.chance(0.5) ? mutator.mutateJson(value) : value));
}

function configuration(
  extension: "toml" | "json",
  examples: readonly Uint8Array[],
  generate: FuzzTarget["generate"],
): FuzzTarget {
  return {
    name: extension,
    weight: 2,
    words: [...KEYS, ...VALUES, "=", "[", "]", "{", "}", "\n", '"', ":"],
    examples,
    ...generate === undefined ? {} : { generate },
    async read(input, folder) {
      const path = join(folder, `x.${extension}`);
      Deno.writeFileSync(path, input);
      const resolve = async (file: string) => {
        const sources = {
          flags: new Map(),
          assignments: [],
          environment: () => undefined,
          file: await readConfigurationFile(file),
        };
        return resolveOptions(TRAIN_OPTIONS, sources);
      };
      const { values, origins } = await resolve(path);
      const given = Object.entries(values).filter(([key]) => origins[key as keyof typeof origins] === "file");
      const again = join(folder, "again.json");
      Deno.writeTextFileSync(
        again,
        JSON.stringify(Object.fromEntries(given.map(([key, value]) => [kebabCase(key), value]))),
      );
      assert.deepEqual((await resolve(again)).values, values);
    },
  };
}

export const TOML_FILES = configuration("toml", TOML, madeToml);
export const JSON_FILES = configuration("json", JSON_TEXTS, madeJson);
