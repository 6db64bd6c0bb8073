import { fileURLToPath } from "node:url";

const SHARED = Deno.env.get("EPSILON_SHARED") ?? fileURLToPath(new URL("../../../shared", import.meta.url));

/** Folder of the golden values that nobody here wrote; may be absent. */
export const INDEPENDENT_GOLDENS = `${SHARED}/goldens`;

/** Folder of the golden values that come with the program. */
export const OWN_GOLDENS = fileURLToPath(new URL("../../fixtures/goldens", import.meta.url));

/** Whether the independent golden values are there; without them their tests are skipped. */
export const HAS_INDEPENDENT_GOLDENS = isFolder(INDEPENDENT_GOLDENS);

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
