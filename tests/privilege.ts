/** Whether this process may read and write what permissions forbid: root, and everybody on Windows. */
export const PRIVILEGED = Deno.build.os === "windows" || Deno.uid() === 0;

/** What the name of a test about permissions ends with where it cannot run. */
export const PRIVILEGE_SKIP = PRIVILEGED ? " (skipped: permissions do not bind this user)" : "";
