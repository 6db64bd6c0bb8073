import { PAGE_COLOURS } from "../theme.ts";
import { Markup, markup } from "./markup.ts";
import css from "./page.css" with { type: "text" };
import { SHADES } from "./reviews.ts";
import { SWATCHES } from "./legend.ts";

/** A part of a page, under a heading of its own. */
export interface PageSection {
  /** The heading's id. */
  readonly id: string;
  readonly heading: string;
  readonly body: Markup;
}

/**
 * A whole HTML document: no scripts, nothing loaded from anywhere, a Content-Security-Policy that allows only its own
 * style sheet.
 */
export async function renderPage(title: string, lead: Markup, sections: readonly PageSection[]): Promise<string> {
  const style = [PAGE_COLOURS, css, SWATCHES, SHADES].join("\n");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style))).toBase64();
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
  const places = sections.map(({ id, heading }) => markup`<li><a href="#${id}">${heading}</a></li>`);
  const parts = sections.map(({ id, heading, body }) =>
    markup`<section><h2 id="${id}">${heading}</h2>\n${body}</section>\n`
  );
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header><h1>${title}</h1>${lead}</header>
<nav aria-label="Parts of this page"><ul>${places}</ul></nav>
<main>
${parts}</main>
</body>
</html>
`.text;
}
