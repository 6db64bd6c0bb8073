import { join } from "node:path";

/** Names under which Chromium is installed. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"];

/** How long a browser may take to start, and for an answer, in milliseconds. */
const PATIENCE = 180_000;

/** The installed Chromium, or undefined. */
export async function findChromium(): Promise<string | undefined> {
  for (const program of PROGRAMS) {
    const found = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output();
    if (found.success) return program;
  }
  return undefined;
}

/** A page in a headless Chromium, steered over the DevTools protocol. */
export class Browser implements AsyncDisposable {
  /** What the page or its security policy complained of. */
  readonly complaints: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  readonly #events = new Map<string, () => void>();
  #calls = 0;

  private constructor(child: Deno.ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  static async start(program: string): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "epsilon-chromium-" });
    const child = new Deno.Command(program, {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const port = await debuggingPort(profile);
    const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const { webSocketDebuggerUrl } = targets.find(({ type }: { type: string }) => type === "page");
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const browser = new Browser(child, profile, socket);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.call(`${domain}.enable`);
    return browser;
  }

  /** Opens a file in a window of `width` pixels, in light or dark. */
  async open(path: string, width: number, scheme: "light" | "dark"): Promise<void> {
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    await this.call("Emulation.setDeviceMetricsOverride", metrics);
    await this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    const loaded = new Promise<void>((resolve) => this.#events.set("Page.loadEventFired", resolve));
    await this.call("Page.navigate", { url: `file://${path}` });
    await loaded;
  }

  /** The value of an expression in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: Value }).value;
  }

  /** A picture of the whole page, as PNG. */
  async picture(): Promise<Uint8Array> {
    const { data } = await this.call("Page.captureScreenshot", { captureBeyondViewport: true });
    return Uint8Array.fromBase64(data as string);
  }

  async call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), PATIENCE);
    this.#answers.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await promise.finally(() => clearTimeout(timer));
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#profile, { recursive: true }).catch(() => {});
  }

  #receive(message: Answer): void {
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
      return;
    }
    this.#events.get(message.method ?? "")?.();
    const { params } = message;
    if (message.method === "Runtime.consoleAPICalled" || message.method === "Runtime.exceptionThrown") {
      this.complaints.push(JSON.stringify(params));
    }
    if (message.method === "Log.entryAdded") this.complaints.push(JSON.stringify(params));
    if (message.method === "Network.requestWillBeSent") {
      const { request } = params as { request: { url: string } };
      if (!request.url.startsWith("file://") || !request.url.endsWith(".html")) this.complaints.push(request.url);
    }
  }
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** The port that Chromium chose; it writes it into its profile once it listens. */
async function debuggingPort(profile: string): Promise<string> {
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) {
    const text = await Deno.readTextFile(join(profile, "DevToolsActivePort")).catch(() => "");
    if (text.includes("\n")) return text.split("\n")[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Chromium does not listen");
}
