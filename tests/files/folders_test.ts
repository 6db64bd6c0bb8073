import assert from "node:assert/strict";
import { DataError } from "../../src/errors.ts";
import { cacheFolder, configFolder, dataFolder, type FolderEnvironment } from "../../src/files/folders.ts";

const environment = (os: FolderEnvironment["os"], variables: Record<string, string>): FolderEnvironment => ({
  os,
  get: (name) => variables[name],
});

Deno.test("folders follow the XDG specification below HOME", () => {
  const linux = environment("linux", { HOME: "/home/a" });
  assert.equal(cacheFolder(linux), "/home/a/.cache/epsilon");
  assert.equal(dataFolder(linux), "/home/a/.local/share/epsilon");
  assert.equal(configFolder(linux), "/home/a/.config/epsilon");
});

Deno.test("an absolute XDG variable wins on every system, a relative one is ignored", () => {
  assert.equal(cacheFolder(environment("linux", { XDG_CACHE_HOME: "/c" })), "/c/epsilon");
  assert.equal(cacheFolder(environment("darwin", { HOME: "/h", XDG_CACHE_HOME: "/c" })), "/c/epsilon");
  assert.equal(cacheFolder(environment("linux", { HOME: "/h", XDG_CACHE_HOME: "c" })), "/h/.cache/epsilon");
});

Deno.test("macOS and Windows have their own places", () => {
  assert.equal(cacheFolder(environment("darwin", { HOME: "/Users/a" })), "/Users/a/Library/Caches/epsilon");
  const windows = environment("windows", { LOCALAPPDATA: "C:\\Local", APPDATA: "C:\\Roaming" });
  assert.equal(cacheFolder(windows), "C:\\Local\\epsilon\\cache");
  assert.equal(dataFolder(windows), "C:\\Local\\epsilon\\data");
  assert.equal(configFolder(windows), "C:\\Roaming\\epsilon\\config");
});

Deno.test("without a home the error names the variable to set", () => {
  assert.throws(
    () => cacheFolder(environment("linux", {})),
    (error) => error instanceof DataError && /HOME/.test(error.message) && /XDG_CACHE_HOME/.test(error.hint),
  );
});
