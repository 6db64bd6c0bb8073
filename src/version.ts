import project from "../deno.json" with { type: "json" };

/** Version of the program, as `--version` prints it and `run.json` records it. */
export const VERSION: string = project.version;
