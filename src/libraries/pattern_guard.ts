/** What opens a repetition without an upper bound, and what closes a group. */
const MOST_REPETITIONS = 3;

interface Level {
  /** Whether it holds a repetition or a choice, so that repeating it can match one text in many ways. */
  ambiguous: boolean;
  /** Repetitions without an upper bound in the branch that is being read. */
  repetitions: number;
}

/**
 * Why a regular expression from a file could take exponential or high polynomial time, undefined when nothing says so: a
 * repeated group that itself holds a repetition or a choice, or more than three endless repetitions in one branch.
 */
export function slowPattern(source: string): string | undefined {
  const levels: Level[] = [{ ambiguous: false, repetitions: 0 }];
  for (let place = 0; place < source.length; place++) {
    const level = levels[levels.length - 1];
    switch (source[place]) {
      case "\\":
        place++;
        break;
      case "[":
        place = classEnd(source, place);
        break;
      case "(":
        levels.push({ ambiguous: false, repetitions: 0 });
        // What follows marks the kind of the group and repeats nothing.
        if (source[place + 1] === "?") place++;
        break;
      case ")": {
        if (levels.length === 1) break;
        const { ambiguous, repetitions } = levels[levels.length - 2];
        if (level.ambiguous && isEndless(source, place + 1)) {
          return "it repeats a group that has repetitions or choices";
        }
        levels.pop();
        levels[levels.length - 1] = {
          ambiguous: ambiguous || level.ambiguous,
          repetitions: repetitions + level.repetitions,
        };
        break;
      }
      case "|":
        level.ambiguous = true;
        level.repetitions = 0;
        break;
      default:
        if (!isEndless(source, place)) break;
        level.ambiguous = true;
        if (++level.repetitions > MOST_REPETITIONS) return `it has more than ${MOST_REPETITIONS} repetitions in a row`;
    }
  }
  return undefined;
}

/** Whether `*`, `+`, `{n,}` or a count of more than nine stands at `place`. */
function isEndless(source: string, place: number): boolean {
  return /^(?:[*+]|\{\d*,\}|\{\d*,?\d{2,}\})/.test(source.slice(place, place + 24));
}

/** Place of the `]` that closes the class which opens at `place`; classes may hold classes. */
function classEnd(source: string, place: number): number {
  let depth = 0;
  for (let i = place; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "[") depth++;
    else if (source[i] === "]" && --depth === 0) return i;
  }
  return source.length;
}
