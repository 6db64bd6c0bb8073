import assert from "node:assert/strict";

/** Waits until the program has said `text`, then sends the signal and waits for the end; returns the exit code. */
export async function stopAfter(child: Deno.ChildProcess, text: string, signal: Deno.Signal): Promise<number> {
  const decoder = new TextDecoder();
  let said = "";
  let sent = false;
  const drained = child.stdout.pipeTo(new WritableStream());
  for await (const bytes of child.stderr) {
    said += decoder.decode(bytes, { stream: true });
    if (sent || !said.includes(text)) continue;
    sent = true;
    child.kill(signal);
  }
  await drained;
  assert.ok(sent, said);
  return (await child.status).code;
}
