/**
 * Stands in the place of `src/engine/gpu/adapter.ts` in a program whose device is lost after as many submissions as
 * LOSE_DEVICE_AFTER says.
 */
import { openDevice as openRealDevice } from "../../src/engine/gpu/adapter.ts";

export * from "../../src/engine/gpu/adapter.ts";

/** As the real one, which this declaration hides. */
export async function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const device = await openRealDevice(adapter);
  const { queue } = device;
  let left = Number(Deno.env.get("LOSE_DEVICE_AFTER"));
  const submit = queue.submit.bind(queue);
  queue.submit = (commands) => {
    submit(commands);
    if (--left === 0) device.destroy();
  };
  return device;
}
