import assert from "node:assert/strict";
import { slowPattern } from "../../src/libraries/pattern_guard.ts";

Deno.test("patterns of well-known tokenizers are taken", () => {
  const patterns = [
    String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    String
      .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    String.raw`\s+|\w+`,
    " {2,}",
    String.raw`[(+)*]+\(a\)`,
    "(?:ab){1,9}",
  ];
  for (const pattern of patterns) assert.equal(slowPattern(pattern), undefined, pattern);
});

Deno.test("patterns that can match one text in very many ways are refused", () => {
  const patterns = [
    "(a+)+$",
    "(a|a)*b",
    "((ab)*c?)*",
    "(?:a*){20}",
    "(?<n>x+x+)+y",
    String.raw`\s*\s*\s*\s*x`,
    "(a{2,})+",
  ];
  for (const pattern of patterns) assert.notEqual(slowPattern(pattern), undefined, pattern);
});
