import { join } from "node:path";
import { RUNTIME_VERSION } from "./targets.ts";
import { runTool } from "./tool.ts";

interface Package {
  readonly name: string;
  readonly version: string;
  /** Folder of the package on this machine. */
  readonly localPath: string;
}

const DENO = `Deno ${RUNTIME_VERSION}, MIT License as above, Copyright 2018-2026 the Deno authors.
`;

/** The project's licence, then that of everything else in an executable: Deno and the packages, by name. */
export async function collectLicenses(root: string): Promise<string> {
  const info: { npmPackages: Readonly<Record<string, Package>> } = JSON.parse(
    await runTool("list the packages", Deno.execPath(), ["info", "--json", "main.ts"], { cwd: root }),
  );
  const packages = Object.entries(info.npmPackages).sort(([a], [b]) => a < b ? -1 : 1);
  const parts = [await Deno.readTextFile(join(root, "LICENSE")), DENO];
  for (const [, found] of packages) parts.push(await licenseOf(found));
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

async function licenseOf({ name, version, localPath }: Package): Promise<string> {
  const { license = "no licence named" } = JSON.parse(await Deno.readTextFile(join(localPath, "package.json")));
  const files = await Array.fromAsync(Deno.readDir(localPath), (entry) => entry.name);
  const texts = files.filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const heading = `${name} ${version}, ${typeof license === "string" ? license : license.type}\n`;
  return [heading, ...await Promise.all(texts.map((file) => Deno.readTextFile(join(localPath, file))))].join("\n");
}
