import { parse, TomlError } from "smol-toml";

/** Thrown when a text is not TOML; `line` and `column` count from 1. */
export class TomlSyntaxError extends Error {
  constructor(readonly reason: string, readonly line: number, readonly column: number, options?: ErrorOptions) {
    super(reason, options);
    this.name = "TomlSyntaxError";
  }
}

/** The table that a TOML text holds; throws TomlSyntaxError. */
export function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0].replace(/^Invalid TOML document: /, "");
    throw new TomlSyntaxError(reason, error.line, error.column, { cause: error });
  }
}
