/** A curve of a chart in text: a line through all points, or a mark at each. */
export interface TextSeries {
  readonly points: readonly { readonly x: number; readonly y: number | null }[];
  readonly style: "line" | "marks";
  /** Puts what it is drawn with in a colour; leaves it as it is where there are none. */
  readonly paint: (text: string) => string;
}

export interface TextChartOptions {
  /** Characters of a line, labels included. */
  readonly width: number;
  /** Lines, the axis included; at least 3. */
  readonly height: number;
  /** Whether lines are drawn with Braille dots, eight a character, or in ASCII. */
  readonly unicode: boolean;
}

/** Dots of a character across and down, and what draws a line and a mark. */
interface Pen {
  readonly across: number;
  readonly down: number;
  readonly mark: string;
  readonly axis: { readonly side: string; readonly corner: string; readonly line: string };
  readonly character: (dots: number) => string;
}

/** Bit of each dot in a Braille character, by row and column. */
const BRAILLE = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

const PENS: Readonly<Record<"unicode" | "ascii", Pen>> = {
  unicode: {
    across: 2,
    down: 4,
    mark: "●",
    axis: { side: "┤", corner: "└", line: "─" },
    character: (dots) => String.fromCodePoint(0x2800 + dots),
  },
  ascii: { across: 1, down: 1, mark: "o", axis: { side: "|", corner: "+", line: "-" }, character: () => "." },
};

const LABEL = 8;

/** A chart as lines of text without trailing blanks; of nothing, a chart that says so. */
export function textChart(series: readonly TextSeries[], { width, height, unicode }: TextChartOptions): string[] {
  const pen = PENS[unicode ? "unicode" : "ascii"];
  const columns = Math.max(4, width - LABEL - 2);
  const rows = Math.max(2, height - 1);
  const points = series.flatMap((one) => one.points).flatMap(({ x, y }) => y === null ? [] : [{ x, y }]);
  if (points.length === 0) return ["", "  nothing yet", ...Array<string>(Math.max(0, rows - 1)).fill("")];
  const range = { x: spread(points.map(({ x }) => x), 0), y: spread(points.map(({ y }) => y)) };
  const canvas = new Canvas(columns, rows, pen);
  for (const one of series) {
    const placed = one.points.map(({ x, y }) => ({
      x: share(x, range.x) * (columns * pen.across - 1),
      y: y === null ? null : (1 - share(y, range.y)) * (rows * pen.down - 1),
    }));
    if (one.style === "line") canvas.line(placed, one.paint);
    else canvas.marks(placed, one.paint);
  }
  const labels = new Map([[0, range.y.high], [rows - 1, range.y.low]]);
  const lines = canvas.lines().map((line, row) => {
    const value = labels.get(row);
    return `${(value === undefined ? "" : figure(value)).padStart(LABEL)} ${pen.axis.side}${line}`.trimEnd();
  });
  const [first, last] = [figure(range.x.low), `step ${figure(range.x.high)}`];
  const gap = Math.max(1, columns - first.length - last.length);
  return [
    ...lines,
    `${" ".repeat(LABEL)} ${pen.axis.corner}${first}${pen.axis.line.repeat(gap)}${last}`.slice(0, width),
  ];
}

interface Range {
  readonly low: number;
  readonly high: number;
}

/** The least and largest of `values`, and of `from` where it is given; apart also where all are one. */
function spread(values: readonly number[], from?: number): Range {
  let low = from ?? Infinity;
  let high = from ?? -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low < high) return { low, high };
  const margin = Math.abs(low) * 0.1 || 0.5;
  return { low: low - margin, high: high + margin };
}

function share(value: number, { low, high }: Range): number {
  return (value - low) / (high - low);
}

/** At most `LABEL` characters. */
function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return value.toPrecision(4).slice(0, LABEL);
  return value.toExponential(size < 1e-99 || size >= 1e100 ? 0 : 1);
}

function unpainted(text: string): string {
  return text;
}

interface Dot {
  readonly x: number;
  readonly y: number | null;
}

class Canvas {
  readonly #columns: number;
  readonly #rows: number;
  readonly #pen: Pen;
  /** By cell: the dots that are set, or a mark, and how it is painted. */
  readonly #cells = new Map<number, { dots: number; mark?: string; paint: (text: string) => string }>();

  constructor(columns: number, rows: number, pen: Pen) {
    this.#columns = columns;
    this.#rows = rows;
    this.#pen = pen;
  }

  /** A line through the means of the dots of each column; one that has no value breaks it. */
  line(dots: readonly Dot[], paint: (text: string) => string): void {
    let before: { x: number; y: number } | undefined;
    for (let i = 0; i < dots.length;) {
      const x = Math.round(dots[i].x);
      let sum = 0;
      let count = 0;
      for (; i < dots.length && Math.round(dots[i].x) === x; i++) {
        const { y } = dots[i];
        if (y === null) continue;
        sum += y;
        count++;
      }
      const here = count === 0 ? undefined : { x, y: sum / count };
      if (here !== undefined) this.#stroke(before ?? here, here, paint);
      before = here;
    }
  }

  marks(dots: readonly Dot[], paint: (text: string) => string): void {
    for (const { x, y } of dots) {
      if (y === null) continue;
      this.#cells.set(this.#cellAt(Math.round(x), Math.round(y)), { dots: 0, mark: this.#pen.mark, paint });
    }
  }

  lines(): string[] {
    return Array.from({ length: this.#rows }, (_, row) => this.#line(row));
  }

  /** Neighbours of one colour are painted together. */
  #line(row: number): string {
    let line = "";
    let run = { text: "", paint: unpainted };
    for (let column = 0; column < this.#columns; column++) {
      const cell = this.#cells.get(row * this.#columns + column);
      const paint = cell?.paint ?? unpainted;
      const text = cell === undefined ? " " : cell.mark ?? this.#pen.character(cell.dots);
      if (paint === run.paint) run.text += text;
      else {
        line += run.text === "" ? "" : run.paint(run.text);
        run = { text, paint };
      }
    }
    return (line + (run.text === "" ? "" : run.paint(run.text))).trimEnd();
  }

  #stroke(from: { x: number; y: number }, to: { x: number; y: number }, paint: (text: string) => string): void {
    const length = Math.max(1, Math.ceil(Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y))));
    for (let i = 0; i <= length; i++) {
      const x = Math.round(from.x + (to.x - from.x) * i / length);
      const y = Math.round(from.y + (to.y - from.y) * i / length);
      const cell = this.#cellAt(x, y);
      const dots = this.#cells.get(cell)?.dots ?? 0;
      const bit = BRAILLE[y % this.#pen.down][x % this.#pen.across];
      this.#cells.set(cell, { dots: dots | bit, paint });
    }
  }

  #cellAt(x: number, y: number): number {
    return Math.floor(y / this.#pen.down) * this.#columns + Math.floor(x / this.#pen.across);
  }
}
