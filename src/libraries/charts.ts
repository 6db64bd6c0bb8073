import { loader, logger, parse, View, Warn } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** A Vega-Lite specification with its data inside; it opens in any Vega tool. */
export type ChartSpec = TopLevelSpec;

/** Fonts, colours and sizes of all marks of a chart (Vega-Lite's `config`). */
export type ChartTheme = NonNullable<ChartSpec["config"]>;

/** Charts carry their data: what a specification names is never fetched or opened. */
const closed = loader();
closed.load = (uri) => Promise.reject(new RangeError(`a chart may load nothing, found ${uri}`));

/**
 * Draws `spec` in `theme` as an SVG element; text from the data stands in it escaped. Definitions get ids that no other
 * chart of the process has, so that several may stand in one page. `onWarning` hears what Vega has to say about the
 * specification. Throws Error when it is none.
 */
export async function renderSvg(
  spec: ChartSpec,
  theme: ChartTheme,
  onWarning: (text: string) => void = () => {},
): Promise<string> {
  const listener = logger(Warn, "warn", (_method, _level, parts) => onWarning([...parts].map(String).join(" ")));
  // A copy, since Vega marks the rows it is given.
  const compiled = compile(structuredClone(spec), { config: theme, logger: listener }).spec;
  const view = new View(parse(compiled), { renderer: "none", loader: closed, logger: listener });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
