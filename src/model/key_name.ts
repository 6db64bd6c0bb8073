/** A configuration key as flags and tables name it: `learningRate` → `learning-rate`. */
export function kebabCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
