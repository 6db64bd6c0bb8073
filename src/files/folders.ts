import { posix, win32 } from "node:path";
import { DataError } from "../errors.ts";

/** What the choice of a folder depends on; by default this process. */
export interface FolderEnvironment {
  readonly get: (name: string) => string | undefined;
  readonly os: typeof Deno.build.os;
}

const PROGRAM = "epsilon";

interface Place {
  /** Variable of the XDG Base Directory Specification; wins on every system when it is an absolute path. */
  readonly variable: string;
  readonly linux: string;
  readonly darwin: string;
  readonly windows: { readonly variable: string; readonly below: string };
}

const CACHE: Place = {
  variable: "XDG_CACHE_HOME",
  linux: ".cache",
  darwin: "Library/Caches",
  windows: { variable: "LOCALAPPDATA", below: "cache" },
};
const DATA: Place = {
  variable: "XDG_DATA_HOME",
  linux: ".local/share",
  darwin: "Library/Application Support",
  windows: { variable: "LOCALAPPDATA", below: "data" },
};

const CONFIG: Place = {
  variable: "XDG_CONFIG_HOME",
  linux: ".config",
  darwin: "Library/Application Support",
  windows: { variable: "APPDATA", below: "config" },
};

/** Folder for what can be made again (prepared data). Not created. Throws DataError when no home folder is known. */
export function cacheFolder(environment?: FolderEnvironment): string {
  return locate(CACHE, environment);
}

/** Folder for what was fetched and should stay (the review archive). Not created. Throws DataError without a home. */
export function dataFolder(environment?: FolderEnvironment): string {
  return locate(DATA, environment);
}

/** Folder for what the user has set (`config.toml`). Not created. Throws DataError when no home folder is known. */
export function configFolder(environment?: FolderEnvironment): string {
  return locate(CONFIG, environment);
}

function locate(
  place: Place,
  environment: FolderEnvironment = { get: (name) => Deno.env.get(name), os: Deno.build.os },
): string {
  const { isAbsolute, join } = environment.os === "windows" ? win32 : posix;
  const absolute = (name: string): string | undefined => {
    const value = environment.get(name);
    return value !== undefined && isAbsolute(value) ? value : undefined;
  };
  const chosen = absolute(place.variable);
  if (chosen !== undefined) return join(chosen, PROGRAM);
  if (environment.os === "windows") {
    const base = absolute(place.windows.variable);
    if (base !== undefined) return join(base, PROGRAM, place.windows.below);
    throw homeless(place.windows.variable);
  }
  const home = absolute("HOME");
  if (home === undefined) throw homeless("HOME");
  return join(home, environment.os === "darwin" ? place.darwin : place.linux, PROGRAM);
}

function homeless(variable: string): DataError {
  return new DataError(
    `Cannot find the folders of this user: ${variable} is not set to an absolute path`,
    `Set ${variable}, or XDG_CACHE_HOME and XDG_DATA_HOME.`,
  );
}
