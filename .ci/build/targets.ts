import { UsageError } from "../../src/errors.ts";

/** Deno's version in every executable, whichever way it is made; `.ci/run` installs the same. */
export const RUNTIME_VERSION = "2.9.6";

/** A platform that executables are made for. */
export interface Target {
  /** As compilers name it. */
  readonly triple: string;
  /** As people name it. */
  readonly name: string;
  readonly system: "linux" | "darwin" | "windows";
  /** npm package that carries the platform's Deno, and the SHA-256 of the program in it, version RUNTIME_VERSION. */
  readonly npm: { readonly name: string; readonly sha256: string };
  /** How every program of this platform begins: bytes in hex, `..` for any. */
  readonly magic: string;
}

export const TARGETS: readonly Target[] = [
  {
    triple: "x86_64-unknown-linux-gnu",
    name: "linux-x64",
    system: "linux",
    npm: {
      name: "@deno/linux-x64-glibc",
      sha256: "bceb5b6a6239b0b010418406d8c77a508f67cf4337d94288f1c19fe71304aab0",
    },
    magic: "7f454c460201..................00....3e00",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    name: "linux-arm64",
    system: "linux",
    npm: {
      name: "@deno/linux-arm64-glibc",
      sha256: "d08d392418df53f4e6e88a08909c0e1bccbf9adcead7232df72b6ad6075ec416",
    },
    magic: "7f454c460201..................00....b700",
  },
  {
    triple: "x86_64-apple-darwin",
    name: "macos-x64",
    system: "darwin",
    npm: {
      name: "@deno/darwin-x64",
      sha256: "ec9fbd8e8f5f6ca5ceb0ebe4a564636f2c698bf60e3187460ded400cc0147fd5",
    },
    magic: "cffaedfe07000001",
  },
  {
    triple: "aarch64-apple-darwin",
    name: "macos-arm64",
    system: "darwin",
    npm: {
      name: "@deno/darwin-arm64",
      sha256: "b3ac3bd206e48c26026cadd80c1367e96c149f9c66130952382a642b09fa8a71",
    },
    magic: "cffaedfe0c000001",
  },
  {
    triple: "x86_64-pc-windows-msvc",
    name: "windows-x64",
    system: "windows",
    npm: {
      name: "@deno/win32-x64",
      sha256: "2ff9493dfa356be2975f477025ea770088e9e9cb2c83d983236d13561b96b7a6",
    },
    magic: "4d5a",
  },
];

/** The target that `text` names, by triple or by friendly name. Throws UsageError when there is none. */
export function findTarget(text: string): Target {
  const found = TARGETS.find(({ triple, name }) => triple === text || name === text);
  if (found !== undefined) return found;
  const names = TARGETS.map(({ triple, name }) => `${name} (${triple})`).join(", ");
  throw new UsageError(`Cannot build for "${text}": no such target`, `Take one of ${names}.`);
}

/** The platform of this machine. Throws UsageError where there is no executable for it. */
export function ownTarget(): Target {
  return findTarget(Deno.build.target);
}

/** Whether `bytes` begin as a program of `target` does. */
export function isProgramOf(target: Target, bytes: Uint8Array): boolean {
  const wanted = target.magic.match(/../g) ?? [];
  return wanted.every((byte, i) => byte === ".." || Number.parseInt(byte, 16) === bytes[i]);
}
