const SPACE = 1;
const WORD = 2;
const PUNCTUATION = 3;

/** Kind of each ASCII character; 0 is a control character, of which BERT's rules make something else. */
const KINDS = new Uint8Array(128);
for (let code = 0x21; code < 0x7f; code++) KINDS[code] = PUNCTUATION;
for (const [first, last] of ["09", "AZ", "az"]) {
  KINDS.fill(WORD, first.charCodeAt(0), last.charCodeAt(0) + 1);
}
for (const space of " \t\n\r") KINDS[space.charCodeAt(0)] = SPACE;

/**
 * Cuts `text` into parts that BERT's rules tokenize independently of each other, in order, for a cache of parts to work
 * on. Stretches between white space that are plain printable ASCII are cut into words and single punctuation marks,
 * as those rules do; any other stretch is one part.
 */
export function scanWords(text: string, part: (part: string) => void): void {
  const { length } = text;
  for (let start = 0; start < length;) {
    if (kindAt(text, start) === SPACE) {
      start++;
      continue;
    }
    let plain = true;
    let end = start;
    for (; end < length; end++) {
      const kind = kindAt(text, end);
      if (kind === SPACE) break;
      if (kind === 0) plain = false;
    }
    if (plain) cutStretch(text, start, end, part);
    else part(text.slice(start, end));
    start = end;
  }
}

function cutStretch(text: string, start: number, end: number, part: (part: string) => void): void {
  while (start < end) {
    let stop = start + 1;
    if (kindAt(text, start) === WORD) {
      while (stop < end && kindAt(text, stop) === WORD) stop++;
    }
    part(text.slice(start, stop));
    start = stop;
  }
}

function kindAt(text: string, place: number): number {
  const code = text.charCodeAt(place);
  return code < 128 ? KINDS[code] : 0;
}
