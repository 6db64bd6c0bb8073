import { availableParallelism, cpus } from "node:os";
import { chooseDevice } from "../engine/choose_device.ts";
import { simdSupport } from "../engine/cpu/module.ts";
import { reportAdapters } from "../engine/device_report.ts";
import { cacheFolder, dataFolder } from "../files/folders.ts";
import { loadShippedModel } from "../model/shipped_model.ts";
import { VERSION } from "../version.ts";
import { modelName } from "./chosen_model.ts";
import type { DoctorContext } from "./doctor.ts";
import { markdownCell } from "./format.ts";
import { jsonDocument, visible, writeLast } from "./output.ts";
import { userFilePath } from "./user_file.ts";
import { requireAgreement, verifyDevice } from "./verify_run.ts";

type Entry = readonly [name: string, value: string];

/** The body of `epsilon doctor`. */
export async function doctor({ values, terminal }: DoctorContext): Promise<number> {
  const adapters = await reportAdapters();
  const auto = await chooseDevice({ device: "auto", adapter: values.adapter });
  const { device, rows } = await verifyDevice({ ...values, goldens: undefined, tolerance: 0 }, terminal);
  const model = modelName(await loadShippedModel());
  const failed = rows.filter(({ pass }) => !pass).length;
  const report = {
    epsilon: VERSION,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    processor: cpus()[0]?.model.trim() ?? "",
    simd: simdSupport(),
    threads: availableParallelism(),
    cache: cacheFolder(),
    data: dataFolder(),
    user_file: userFilePath() ?? "",
    model,
    device,
    auto,
    self_test: { values: rows.length, failed },
    adapters,
  };
  if (values.json) {
    await writeLast(terminal, jsonDocument(report));
  } else {
    const { self_test: selfTest, model: _, adapters: __, auto: ___, ...plain } = report;
    const entries: Entry[] = [
      ...Object.entries(plain).map(([name, value]): Entry => [name.replaceAll("_", " "), String(value)]),
      ["built-in model", `${model.model}, SHA-256 ${model.model_sha256}`],
      ["--device auto", `takes the ${auto.device === "gpu" ? "GPU" : "CPU"}: ${auto.reason}`],
      ["self-test", `${selfTest.values - failed} of ${selfTest.values} values agree`],
      ["adapters", adapters.length === 0 ? "none: install mesa-vulkan-drivers for a software one" : ""],
      ...adapters.flatMap(({ name, software, choices, subgroups, features, limits }): Entry[] => [
        ["adapter", `${name}${software ? " (software)" : ""}, --adapter ${choices.join(" or ")}`],
        ["sums", subgroups === null ? "unknown: it opens no device" : subgroups ? "by subgroups" : "by a tree"],
        ["half precision", "with --precision f16"],
        ["features", features.join(" ")],
        ...Object.entries(limits).map(([limit, value]): Entry => [limit, String(value)]),
      ]),
    ];
    await writeLast(terminal, values.markdown ? markdown(entries) : plainText(entries));
  }
  requireAgreement(rows);
  return 0;
}

function plainText(entries: readonly Entry[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.filter(([, value]) => value !== "").map(([name, value]) =>
    `${name.padEnd(width)}  ${visible(value)}\n`
  )
    .join("");
}

function markdown(entries: readonly Entry[]): string {
  const rows = entries.filter(([, value]) => value !== "").map(([name, value]) =>
    `| ${name} | ${markdownCell(value)} |\n`
  );
  return `| what | value |\n| --- | --- |\n${rows.join("")}`;
}
