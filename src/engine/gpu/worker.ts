import process from "node:process";
import { parentPort } from "node:worker_threads";
import { EpsilonError } from "../../errors.ts";
import type { Failure, Message, Request } from "./messages.ts";
import { GpuModel } from "./model.ts";

let model: GpuModel | undefined;

function opened(): GpuModel {
  if (model === undefined) throw new Error("The GPU is not open");
  return model;
}

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "open":
      model = await GpuModel.open(request.config, request.options);
      return { description: model.description, threads: model.widths.least, subgroups: model.forms.has("subgroups") };
    case "upload":
      return await opened().upload(request.state);
    case "download":
      return await opened().download();
    case "trainSteps":
      return await opened().trainSteps(request.steps);
    case "beginStep":
      return await opened().beginStep(request.step);
    case "readSlabs":
      return await opened().readSlabs(request.slabs);
    case "replaceGradient":
      return opened().replaceGradient(request.gradient);
    case "finishStep":
      return await opened().finishStep(request.adjustment);
    case "profile":
      return await opened().profile(request.step);
    case "gradient":
      return await opened().gradient(request.batch, request.settings);
    case "predictBatches":
      return await opened().predictBatches(request.batches, request.settings);
    case "trace":
      return await opened().trace(request.batch);
    case "close":
      model?.close();
      model = undefined;
  }
}

function failureOf(error: unknown): Failure {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return error instanceof EpsilonError ? { name, message, hint: error.hint } : { name, message };
}

const tell = (message: Message) => parentPort?.postMessage(message);

async function serve(request: Request): Promise<void> {
  try {
    tell({ result: await answer(request) });
  } catch (error) {
    tell({ failure: failureOf(error) });
  }
}

// One request at a time: two that map the same buffer would end the process.
let last = Promise.resolve();
parentPort?.on("message", (request: Request) => last = last.then(() => serve(request)));

for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => tell({ crash: error instanceof Error ? error.message : String(error) }));
}
