/// <reference lib="deno.worker" />
import { EpsilonError } from "../../errors.ts";
import type { Answer, Failure, Request } from "./messages.ts";
import { GpuModel } from "./model.ts";

let model: GpuModel | undefined;

function opened(): GpuModel {
  if (model === undefined) throw new Error("The GPU is not open");
  return model;
}

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "open":
      model = await GpuModel.open(request.config, request.adapter);
      return model.description;
    case "upload":
      return opened().upload(request.state);
    case "download":
      return await opened().download();
    case "trainStep":
      return await opened().trainStep(request.batch, request.settings);
    case "gradient":
      return await opened().gradient(request.batch, request.settings);
    case "predict":
      return await opened().predict(request.batch, request.settings);
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

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  let reply: Answer;
  try {
    reply = { result: await answer(data) };
  } catch (error) {
    reply = { failure: failureOf(error) };
  }
  self.postMessage(reply);
  if (data.kind === "close") self.close();
};
