import assert from "node:assert/strict";
import { parseCsv } from "../../src/libraries/csv.ts";
import { programCommand, programParts, runProgram, runShell, withFolder } from "./run_program.ts";
import { SMALL_CONFIG, writeSmallCheckpoint } from "./small_model.ts";

async function withModel(body: (classify: readonly string[], folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = `${folder}/small.safetensors`;
    await writeSmallCheckpoint(path);
    await body(["classify", "--device", "reference", "--checkpoint", path], folder);
  });
}

async function rows(csv: string): Promise<(readonly string[])[]> {
  return (await Array.fromAsync(parseCsv(csv, { name: "output" }))).map(({ values }) => values);
}

async function sha256(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** One line on standard error that names the fault, nothing on standard output, and the code. */
async function fails(args: readonly string[], code: number, pattern: RegExp, input?: string | Uint8Array) {
  const finished = await runProgram(args, input === undefined ? {} : { input });
  assert.equal(finished.code, code, finished.stderr);
  assert.match(finished.stderr, pattern);
  assert.equal(finished.stderr.split("\n").length, 2, finished.stderr);
  assert.equal(finished.stdout, "");
}

Deno.test("texts from arguments, a file and standard input get the same labels in their order", async () => {
  await withModel(async (classify, folder) => {
    const texts = ["A wonderful film.", "", 'Dull, boring "art".'];
    await Deno.writeTextFile(`${folder}/texts.txt`, texts.join("\r\n"));
    const fromArguments = await runProgram([...classify, ...texts]);
    assert.equal(fromArguments.code, 0, fromArguments.stderr);
    assert.equal(fromArguments.stderr, "");
    const [header, ...results] = await rows(fromArguments.stdout);
    assert.deepEqual(header, ["text", "label", "confidence", "steps"]);
    assert.deepEqual(results.map(([text]) => text), texts);
    for (const [, label, confidence, steps] of results) {
      assert.match(label, /^(positive|negative)$/);
      assert.ok(Number(confidence) >= 0.5 && Number(confidence) <= 1);
      assert.ok(Number(steps) >= 1 && Number(steps) <= SMALL_CONFIG.maxLayers);
    }
    const fromFile = await runProgram([...classify, "--file", `${folder}/texts.txt`]);
    const fromInput = await runProgram([...classify, "-"], { input: `${texts.join("\n")}\n` });
    assert.equal(fromFile.stdout, fromArguments.stdout);
    assert.equal(fromInput.stdout, fromArguments.stdout);
  });
});

Deno.test("a text's result does not depend on its neighbours in the batch", async () => {
  await withModel(async (classify) => {
    const texts = Array.from({ length: 150 }, (_, i) => `film number ${i}${" again".repeat(i % 20)}`);
    const all = await runProgram([...classify, "-"], { input: texts.join("\n") });
    const alone = await runProgram([...classify, texts[119]]);
    assert.equal(all.stdout.split("\n")[120], alone.stdout.split("\n")[1]);
  });
});

Deno.test("other columns of CSV pass through, and a column called label is kept as input_label", async () => {
  await withModel(async (classify) => {
    const input = '2,label,text\n"a, b",x,"two\nlines"\n=1+1,y,film\n';
    const { stdout, code } = await runProgram([...classify, "--text-column", "text", "-"], { input });
    assert.equal(code, 0);
    const [header, ...results] = await rows(stdout);
    assert.deepEqual(header, ["2", "input_label", "text", "label", "confidence", "steps"]);
    assert.deepEqual(results.map((row) => row.slice(0, 3)), [["a, b", "x", "two\nlines"], ["=1+1", "y", "film"]]);
  });
});

Deno.test("JSON lines stay JSON lines with the prediction added", async () => {
  await withModel(async (classify, folder) => {
    const path = `${folder}/small.safetensors`;
    const input = '{"id":7,"review":"film \\u009b","tags":["a"]}\n\n{"review":"dull","label":null}\n';
    const { stdout, code } = await runProgram([...classify, "--text-key", "review", "-"], { input });
    assert.equal(code, 0);
    assert.ok(!stdout.includes("\u009b"), "a control character is escaped");
    const [first, second] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.equal(first.id, 7);
    assert.equal(first.review, "film \u009b");
    assert.deepEqual(first.tags, ["a"]);
    assert.equal(first.confidence, first.probabilities[first.label]);
    assert.ok(Math.abs(first.probabilities.negative + first.probabilities.positive - 1) < 1e-12);
    assert.equal(second.input_label, null);
    assert.deepEqual([first.model, first.model_sha256], [path, await sha256(path)]);
    assert.equal(typeof second.steps, "number");
  });
});

Deno.test("--explain tells the steps of every token that the model read", async () => {
  await withModel(async (classify) => {
    const text = "An unforgettable film.";
    const { stdout } = await runProgram([...classify, "--explain", text, "dull"]);
    const [header, ...results] = await rows(stdout);
    assert.deepEqual(header, ["record", "label", "confidence", "position", "token", "steps"]);
    const tokens = results.filter(([record]) => record === "1").map((row) => row[4]);
    assert.deepEqual(tokens, ["[CLS]", "an", "un", "##for", "##get", "##table", "film", ".", "[SEP]"]);
    const explained = JSON.parse((await runProgram([...classify, "--explain", "--json", text])).stdout);
    assert.deepEqual(
      explained.tokens.map(({ token, steps }: { token: string; steps: number }) => [token, String(steps)]),
      results.filter(([record]) => record === "1").map((row) => [row[4], row[5]]),
    );
    assert.equal(explained.steps, explained.tokens[0].steps);
    const long = await rows((await runProgram([...classify, "--explain", "film ".repeat(100)])).stdout);
    assert.equal(long.length - 1, SMALL_CONFIG.maxSeqLength);
  });
});

Deno.test("text that is not UTF-8 is replaced, counted and said", async () => {
  await withModel(async (classify) => {
    const input = new Uint8Array([...new TextEncoder().encode("film \ufffd "), 0xff, 0xc3, 0x0a]);
    const { code, stdout, stderr } = await runProgram([...classify, "-"], { input });
    assert.equal(code, 0);
    assert.match(stdout, /film \ufffd \ufffd\ufffd,/);
    assert.match(stderr, /2 places of the texts were not UTF-8/);
  });
});

Deno.test("a slow source gets each answer before its next text", async () => {
  await withModel(async (classify) => {
    const child = programCommand([...classify, "-"], { stdin: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const line = new TextEncoder().encode("film\n");
    let seen = "";
    for (let i = 1; i <= 3; i++) {
      await writer.write(line);
      while (seen.split("\nfilm,").length <= i) {
        const { value, done } = await reader.read();
        assert.ok(!done);
        seen += value;
      }
    }
    await writer.close();
    assert.ok((await reader.read()).done);
    await child.stderr.cancel();
    assert.equal((await child.status).code, 0);
  });
});

Deno.test("memory does not grow with the number of texts", async () => {
  await withModel(async (classify, folder) => {
    // 10,000 texts of 4 KB: neither they nor their results have room in such a heap all at once.
    const text = new TextEncoder().encode(`${"film ".repeat(800)}\n`);
    const file = await Deno.open(`${folder}/texts.txt`, { write: true, createNew: true });
    const writer = file.writable.getWriter();
    for (let i = 0; i < 10_000; i++) await writer.write(text);
    await writer.close();
    const { code, stdout, stderr } = await runShell('"$@" | wc -l', [...classify, "--file", `${folder}/texts.txt`], {
      env: { DENO_V8_FLAGS: "--max-old-space-size=40" },
    });
    assert.deepEqual([code, stdout.trim()], [0, "10001"], stderr);
  });
});

Deno.test("--stream answers each text before it reads the next, from standard input unless a place is named", async () => {
  await withModel(async (classify, folder) => {
    for (const [flags, answer] of [[[], "\nfilm "], [["--json"], '"text":"film ']] as const) {
      const child = programCommand([...classify, "--stream", ...flags], { stdin: "piped" }).spawn();
      const writer = child.stdin.getWriter();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let seen = "";
      for (let i = 1; i <= 5; i++) {
        await writer.write(new TextEncoder().encode(`film ${i}\n`));
        while (!(seen.includes(`${answer}${i}`) && seen.endsWith("\n"))) {
          const { value, done } = await reader.read();
          assert.ok(!done);
          seen += value;
        }
        assert.ok(!seen.includes(`${answer}${i + 1}`));
      }
      await writer.close();
      assert.ok((await reader.read()).done);
      await child.stderr.cancel();
      assert.equal((await child.status).code, 0);
    }
    await Deno.writeTextFile(`${folder}/texts.txt`, "film\ndull\n");
    const plain = await runProgram([...classify, "--file", `${folder}/texts.txt`]);
    assert.equal((await runProgram([...classify, "--stream", "--file", `${folder}/texts.txt`])).stdout, plain.stdout);
    assert.equal((await runProgram([...classify, "--stream", "film", "dull"])).stdout, plain.stdout);
  });
});

Deno.test({
  name: "somebody who types at a terminal is told so before anything is waited for",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withModel(async (classify) => {
      const { args, env } = programParts([...classify, "-"]);
      const child = new Deno.Command("script", {
        args: ["--quiet", "--return", "--command", args.map((arg) => `'${arg}'`).join(" "), "/dev/null"],
        env,
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let seen = "";
      const until = async (text: string) => {
        while (!seen.includes(text)) {
          const { value, done } = await reader.read();
          assert.ok(!done, seen);
          seen += value;
        }
      };
      await until("Type one text a line; end with Ctrl-D.");
      await writer.write(new TextEncoder().encode("film\n"));
      await until("%");
      assert.match(seen, /(positive|negative) +\d/);
      await writer.write(new TextEncoder().encode("\x04"));
      while (!(await reader.read()).done);
      await writer.close().catch(() => {});
      assert.equal((await child.status).code, 0);
    });
  },
});

Deno.test("a reader that leaves early ends the program quietly", async () => {
  await withModel(async (classify) => {
    const child = programCommand([...classify, "-"], { stdin: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.getReader();
    const text = new TextEncoder().encode("film\n");
    await writer.write(text);
    await reader.read();
    await reader.cancel();
    await writer.write(text);
    const stderr = await new Response(child.stderr).text();
    assert.equal(stderr, "");
    assert.equal((await child.status).code, 0);
    await writer.abort();
  });
});

Deno.test("broken input is one line with the place and the remedy", async () => {
  await withModel(async (classify, folder) => {
    const column = [...classify, "--text-column", "text", "-"];
    await fails(column, 3, /line 2/, "id,text\n1\n");
    await fails(column, 3, /Did you mean texts\?/, "id,texts\n1,a\n");
    await fails(column, 3, /stands twice/, "text,text\na,b\n");
    await fails(column, 3, /empty/, "");
    await fails([...classify, "-"], 3, /binary/, new Uint8Array([102, 0, 105]));
    const key = [...classify, "--text-key", "text", "-"];
    await fails(key, 3, /line 1: .*JSON/, "{oops\n");
    await fails(key, 3, /line 1: no JSON object/, "[1]\n");
    await fails(key, 3, /key text is no text/, '{"text":1}\n');
    await fails([...classify, "--file", `${folder}/missing.txt`], 3, /missing\.txt: no such file/);
    await fails([...classify, "--file", folder], 3, /folder/);
  });
});

Deno.test("what precedes a broken record is still answered", async () => {
  await withModel(async (classify) => {
    const input = '{"text":"film"}\n{"text":"dull"}\noops\n';
    const { code, stdout, stderr } = await runProgram([...classify, "--text-key", "text", "-"], { input });
    assert.equal(code, 3);
    assert.match(stderr, /line 3/);
    assert.equal(stdout.trimEnd().split("\n").length, 2);
  });
});

Deno.test("contradictory places of texts, and none, are usage errors", async () => {
  await withModel(async (classify, folder) => {
    await fails(classify, 2, /no text was given/);
    await fails([...classify, "-", "film"], 2, /more than one place/);
    await fails([...classify, "film", "--file", "a.txt"], 2, /more than one place/);
    await fails([...classify, "-", "--file", "a.txt"], 2, /both --file and -/);
    await fails([...classify, "-", "--text-key", "a", "--text-column", "b"], 2, /both --text-column and --text-key/);
    await fails([...classify, "--file", `${folder}/a.csv`], 2, /--text-column/);
    await fails(["classify"], 2, /no text was given\. Give texts, --file PATH, or - for standard input/);
  });
});

Deno.test("a broken checkpoint, or one of another vocabulary, is refused", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/other.safetensors`;
    const classify = ["classify", "--device", "reference", "--checkpoint", path, "film"];
    await writeSmallCheckpoint(path, { vocabularyHash: "0".repeat(64) });
    await fails(classify, 3, /vocabulary/);
    await writeSmallCheckpoint(path, { config: { ...SMALL_CONFIG, vocabSize: 100 } });
    await fails(classify, 3, /30522 entries, the model 100/);
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.subarray(0, bytes.length - 5));
    await fails(classify, 3, /other\.safetensors/);
    await Deno.writeTextFile(path, "");
    await fails(classify, 3, /other\.safetensors/);
    await fails(["classify", "--checkpoint", folder, "film"], 3, /checkpoint/);
  });
});
