import project from "../deno.json" with { type: "json" };

/** What the build puts `+COMMIT` in the place of (see `.ci/build/bundle.ts`); it stays as it is in a checkout. */
export const BUILD_MARK = "%epsilon-build%";

/**
 * Version of the program, as `--version` prints it and `run.json` records it: `0.1.0` from a checkout,
 * `0.1.0+0123456789ab` when built from that commit, `0.1.0+0123456789ab.changed` from a checkout with changes.
 */
export const VERSION: string = BUILD_MARK.startsWith("+") ? `${project.version}${BUILD_MARK}` : project.version;
