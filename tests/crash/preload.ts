/** Loaded before the program in a process that is to die by its own hand after a file operation: `deno run --preload`. */
import { type FileOperation, watchFiles } from "./file_layer.ts";

/** Name of the environment variable that holds a `DeathPlan` as JSON. */
export const PLAN_VARIABLE = "FILE_LAYER_PLAN";

/** When the process dies. */
export interface DeathPlan {
  /** Folder whose operations count. */
  readonly root: string;
  /** It dies right after this operation that changes a file; 0: it lives. */
  readonly operation: number;
  /** Whether the operation, if it is a write, gets only half of its bytes down; any other is not done at all. */
  readonly torn: boolean;
  /** File into which the operations are written, one a line, of a process that lives. */
  readonly log?: string;
}

const text = Deno.env.get(PLAN_VARIABLE);
if (text !== undefined) {
  const plan: DeathPlan = JSON.parse(text);
  const write = Deno.writeTextFileSync;
  const die = () => Deno.kill(Deno.pid, "SIGKILL");
  const isLast = ({ change }: FileOperation) => change > 0 && change === plan.operation;
  watchFiles(plan.root, {
    decide: (operation) => {
      if (!plan.torn || !isLast(operation)) return "done";
      if (operation.kind !== "write") die();
      return "short";
    },
    after: (operation) => {
      if (isLast(operation)) die();
      if (plan.log !== undefined && operation.change > 0) {
        write(plan.log, `${operation.kind} ${operation.path}\n`, { append: true });
      }
    },
  });
}
