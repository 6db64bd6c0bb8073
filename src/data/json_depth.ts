/** Deepest nesting that is taken: what is deeper than tens of thousands cannot be written or posted to a worker again. */
const DEEPEST = 1000;

/** Whether `json`, the text of a JSON value, nests lists and objects more than 1,000 deep. */
export function isTooDeep(json: string): boolean {
  if (json.length < DEEPEST) return false;
  let depth = 0, inText = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (inText) {
      if (character === "\\") i++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === "[" || character === "{") {
      if (++depth > DEEPEST) return true;
    } else if (character === "]" || character === "}") depth--;
  }
  return false;
}
