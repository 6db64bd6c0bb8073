import assert from "node:assert/strict";
import { readTexts } from "../../src/cli/classify_input.ts";

Deno.test("only the byte order mark at the start of the lines is none of their text", async () => {
  const source = async function* () {
    yield await Promise.resolve(new TextEncoder().encode("\ufeffone\r\n\ufefftwo\n"));
  };
  const texts = await Array.fromAsync(readTexts(source(), { kind: "lines" }, "x", { replaced: 0 }));
  assert.deepEqual(texts.map(({ text }) => text), ["one", "\ufefftwo"]);
});
