import { ablateCommands } from "./ablate.ts";
import { benchCommand } from "./bench.ts";
import { classifyCommand } from "./classify.ts";
import type { Command, CommandGroup } from "./command.ts";
import { compareCommand } from "./compare.ts";
import { completionsCommand } from "./completions.ts";
import { configCommands } from "./config.ts";
import { dataCommands } from "./data.ts";
import { diagnoseCommand } from "./diagnose.ts";
import { doctorCommand } from "./doctor.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { manCommand } from "./man.ts";
import { plotCommand } from "./plot.ts";
import { provokeCommand } from "./provoke.ts";
import { reproduceCommand } from "./reproduce.ts";
import { reportCommand } from "./report.ts";
import { resonanceCommands } from "./resonance.ts";
import { trainCommand } from "./train.ts";
import { verifyCommand } from "./verify.ts";
import { watchCommand } from "./watch.ts";

/** Commands that do the work, in the order of the help. To add one: its file in this folder, and a line here. */
const WORKING_COMMANDS: readonly (Command | CommandGroup)[] = [
  trainCommand,
  watchCommand,
  evaluateCommand,
  classifyCommand,
  exportCommand,
  compareCommand,
  diagnoseCommand,
  reportCommand,
  plotCommand,
  reproduceCommand,
  provokeCommand,
  ablateCommands,
  resonanceCommands,
  dataCommands,
  verifyCommand,
  benchCommand,
  doctorCommand,
  completionsCommand,
  manCommand,
];

/** All commands, in the order of the help. */
export const COMMANDS: readonly (Command | CommandGroup)[] = [
  ...WORKING_COMMANDS,
  configCommands(WORKING_COMMANDS),
];
