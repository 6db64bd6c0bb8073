import { join } from "node:path";
import { copyFolder } from "../metrics/made_run.ts";
import { RESULTS, RUN, tinyTraining } from "./tiny_run.ts";

/** A command whose files are made to fail. */
export interface Scene {
  readonly name: string;
  readonly args: (folder: string, server: string) => string[];
  /** The command that goes on after a failure; by default the same again. */
  readonly mend?: (folder: string, begun: boolean) => string[];
  /** Makes what the command finds: earlier files of its outputs, a finished run … */
  readonly prepare?: (folder: string, finished: string, paused: string) => Promise<void>;
  /** What it writes, relative to the folder: a failure leaves the earlier or the new file, whole. */
  readonly outputs: readonly string[];
  /** Whether its outputs grow and are taken back to the last checkpoint by `mend`. */
  readonly grows?: boolean;
}

const DEVICE = ["--device", "cpu", "--threads", "1"];
const RUN_FILES = RESULTS.map((name) => `${RUN}/${name}`);

/** What stood in an output before the command came. */
export const EARLIER = "an earlier file\n";

const resume = (folder: string) => ["train", "--resume", join(folder, RUN), ...DEVICE];

const withRun = (...earlier: string[]) => async (folder: string, finished: string) => {
  await copyFolder(join(finished, RUN), join(folder, RUN));
  for (const name of earlier) await Deno.writeTextFile(join(folder, name), EARLIER);
};

export const SCENES: readonly Scene[] = [
  {
    name: "train",
    args: (folder) => tinyTraining(folder, "cpu"),
    mend: (folder, begun) => begun ? resume(folder) : tinyTraining(folder, "cpu"),
    outputs: RUN_FILES,
    grows: true,
  },
  {
    name: "train --resume",
    prepare: (folder, _, paused) => copyFolder(join(paused, RUN), join(folder, RUN)),
    args: resume,
    outputs: RUN_FILES,
    grows: true,
  },
  {
    name: "export",
    prepare: withRun("all.csv"),
    args: (folder) => ["export", join(folder, RUN), "--out", join(folder, "all.csv")],
    outputs: ["all.csv"],
  },
  {
    name: "report",
    prepare: withRun("page.html"),
    args: (folder) => ["report", join(folder, RUN), "--out", join(folder, "page.html")],
    outputs: ["page.html"],
  },
  {
    name: "plot",
    prepare: withRun("loss.svg", "loss.vl.json"),
    args: (folder) => ["plot", join(folder, RUN), "--chart", "loss", "--out", join(folder, "loss.svg")],
    outputs: ["loss.svg", "loss.vl.json"],
  },
  {
    name: "compare",
    prepare: withRun("table.csv"),
    args: (folder) => ["compare", join(folder, RUN), "--csv", "--out", join(folder, "table.csv")],
    outputs: ["table.csv"],
  },
  {
    name: "evaluate --predictions",
    prepare: withRun("said.csv"),
    args: (folder) => ["evaluate", join(folder, RUN), ...DEVICE, "--predictions", join(folder, "said.csv")],
    outputs: ["said.csv"],
  },
  {
    name: "evaluate --halt-threshold",
    prepare: withRun(`${RUN}/threshold.csv`),
    args: (folder) => ["evaluate", join(folder, RUN), ...DEVICE, "--halt-threshold", "0.5:0.9:0.4"],
    outputs: [`${RUN}/threshold.csv`],
  },
  {
    name: "diagnose",
    prepare: withRun(),
    args: (folder) => ["diagnose", join(folder, RUN), ...DEVICE, "--instruments", "halting,confusion"],
    outputs: ["halting.csv", "confusion.csv"].map((name) => `${RUN}/${name}`),
  },
  {
    name: "data prepare",
    args: (
      folder,
    ) => ["data", "prepare", "--data", join(folder, "reviews.csv"), "--vocabulary", join(folder, "vocab.txt")],
    outputs: [],
  },
  {
    name: "data fetch",
    prepare: (folder) => Deno.writeTextFile(join(folder, "archive"), EARLIER),
    args: (folder, server) => {
      const [url, sha256] = server.split(" ");
      return ["data", "fetch", "--url", url, "--sha256", sha256, "--out", join(folder, "archive")];
    },
    outputs: ["archive"],
  },
];
