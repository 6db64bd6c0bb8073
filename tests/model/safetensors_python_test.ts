/**
 * Our safetensors files against the Python library, both ways. Needs a Python with `safetensors` and `numpy`:
 * `python3`, or the interpreter that EPSILON_PYTHON names; skipped without.
 */
import assert from "node:assert/strict";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/model/checkpoint.ts";
import { tensorTable, tensorView } from "../../src/model/tensors.ts";
import { madeState, SMALL_CONFIG } from "./made_state.ts";

const PYTHON = Deno.env.get("EPSILON_PYTHON") ?? "python3";

async function python(program: string, ...args: string[]): Promise<string | undefined> {
  const command = new Deno.Command(PYTHON, { args: ["-c", program, ...args], stdout: "piped", stderr: "null" });
  const output = await command.output().catch(() => undefined);
  return output?.success ? new TextDecoder().decode(output.stdout) : undefined;
}

const missing = await python("import numpy, safetensors.numpy") === undefined;

/** Prints every tensor as {name: [dtype, shape, values]} and saves all of them to another file without metadata. */
const LOAD_AND_SAVE = `
import json, sys
from safetensors.numpy import load_file, save_file
tensors = load_file(sys.argv[1])
print(json.dumps({name: [str(t.dtype), list(t.shape), t.ravel().tolist()] for name, t in tensors.items()}))
save_file(tensors, sys.argv[2])
`;

Deno.test(
  "Python's safetensors loads our checkpoint to the bit, and we load what it saves" +
    (missing ? " (skipped: Python has no safetensors)" : ""),
  { ignore: missing },
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const { weights } = madeState(SMALL_CONFIG, 3);
      const [ours, theirs] = [`${folder}/ours.safetensors`, `${folder}/theirs.safetensors`];
      await Deno.writeFile(ours, await encodeCheckpoint({ config: SMALL_CONFIG, state: { weights }, details: {} }));
      const printed = await python(LOAD_AND_SAVE, ours, theirs);
      assert.ok(printed !== undefined, "Python refused our file");
      const table = tensorTable(SMALL_CONFIG);
      const wanted = Object.fromEntries([...table.parameters, ...table.buffers].map((spec) => [
        spec.name,
        ["float32", [...spec.shape], [...tensorView(weights, spec)]],
      ]));
      assert.deepEqual(JSON.parse(printed), wanted);
      const back = await decodeCheckpoint(await Deno.readFile(theirs), theirs, { fallbackConfig: SMALL_CONFIG });
      assert.deepEqual(back.state.weights, weights);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
