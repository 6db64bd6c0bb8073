/** Runs `work` to its end, telling `onStep` of each step, and returns its result. Throws what `work` throws. */
export async function runToEnd<Step, Result>(
  work: AsyncGenerator<Step, Result, void>,
  onStep: (step: Step) => void = () => {},
): Promise<Result> {
  let next = await work.next();
  for (; !next.done; next = await work.next()) onStep(next.value);
  return next.value;
}
