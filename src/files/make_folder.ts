import { fileError } from "./file_error.ts";

/** Makes the folder `path`, and those above it, where they are missing. Throws DataError when the disk refuses. */
export async function makeFolder(path: string, action = "Cannot make the folder"): Promise<void> {
  await Deno.mkdir(path, { recursive: true }).catch((error) => {
    throw fileError(action, path, error);
  });
}
