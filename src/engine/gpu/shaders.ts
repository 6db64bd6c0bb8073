import adamwSource from "../../../kernels/adamw/adamw.wgsl" with { type: "text" };
import reduceSource from "../../../kernels/adamw/reduce.wgsl" with { type: "text" };
import jitterSource from "../../../kernels/adamw/jitter.wgsl" with { type: "text" };
import sequenceSource from "../../../kernels/epsilon/sequence.wgsl" with { type: "text" };
import stackSource from "../../../kernels/vanilla/stack.wgsl" with { type: "text" };
import inStorageSource from "../../../kernels/shared/in_storage.wgsl" with { type: "text" };
import storageSource from "../../../kernels/storage/half.wgsl" with { type: "text" };
import subgroupsSource from "../../../kernels/sum/subgroups.wgsl" with { type: "text" };
import togetherSource from "../../../kernels/together/together.wgsl" with { type: "text" };
import { RunError } from "../../errors.ts";

/** A WGSL file of `kernels/`. */
export interface Shader {
  readonly file: string;
  readonly source: string;
}

const shader = (file: string, source: string): Shader => ({ file: `kernels/${file}`, source });

export const SHADERS = {
  sequence: shader("epsilon/sequence.wgsl", sequenceSource),
  stack: shader("vanilla/stack.wgsl", stackSource),
  reduce: shader("adamw/reduce.wgsl", reduceSource),
  jitter: shader("adamw/jitter.wgsl", jitterSource),
  adamw: shader("adamw/adamw.wgsl", adamwSource),
  subgroups: shader("sum/subgroups.wgsl", subgroupsSource),
  together: shader("together/together.wgsl", togetherSource),
} as const;

/** What of the files may stand there in another form: sections, and the file whose sections of those names take their places. */
const FORMS = {
  half: [["Storage"], storageSource],
  subgroups: [["Sum"], subgroupsSource],
  together: [["Together"], togetherSource],
  inStorage: [["Shared", "Sum"], inStorageSource],
} as const;
export type Form = keyof typeof FORMS;

/** `shader` in those of `forms` of which it has all sections. */
export function inForms({ file, source }: Shader, forms: ReadonlySet<Form>): Shader {
  let changed = source;
  for (const form of forms) {
    const [names, other] = FORMS[form];
    const sections = names.map(sectionPattern);
    if (!sections.every((section) => section.test(source))) continue;
    for (const section of sections) {
      const found = section.exec(other);
      if (found === null) throw new Error(`${form} lacks one of its sections: ${names}`);
      changed = changed.replace(section, () => found[0]);
    }
  }
  return { file, source: changed };
}

/** A section begins with its name in a comment and ends with one that says so. */
function sectionPattern(section: string): RegExp {
  return new RegExp(`^// ${section}\\b[^\\n]* -{3,}\\n[^]*?^// End of ${section.toLowerCase()}$`, "m");
}

/** A pipeline as it is made: the entry point of a file and its override constants. */
export interface PipelineSpec {
  readonly shader: Shader;
  readonly entryPoint: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Its buffers in the order of their bindings. */
  readonly buffers: readonly string[];
  /** Bytes of the packed weights before each of `buffers` that is a uniform view of them. */
  readonly views?: Readonly<Record<string, number>>;
}

/** The values of those of `constants` that the file declares without computing them itself. */
export function declaredConstants(
  { source }: Shader,
  constants: Readonly<Record<string, number>>,
): Record<string, number> {
  const declared = [...source.matchAll(/^override (\w+): \w+( = [\d.]+)?;/gm)].map((match) => match[1]);
  return Object.fromEntries(declared.filter((name) => name in constants).map((name) => [name, constants[name]]));
}

/** The type of each binding of group 0 that the file declares, in the order of their numbers, which have no gaps. */
export function declaredBindings({ source }: Shader): GPUBufferBindingType[] {
  const types: Record<string, GPUBufferBindingType> = {
    "uniform": "uniform",
    "storage, read": "read-only-storage",
    "storage, read_write": "storage",
  };
  return [...source.matchAll(/^@group\(0\) @binding\((\d+)\) var<([^>]+)>/gm)]
    .sort((a, b) => Number(a[1]) - Number(b[1]))
    .map(([, , space]) => types[space]);
}

/** Compiles a pipeline; throws RunError with the line at fault when the driver refuses the file. */
export async function compilePipeline(
  device: GPUDevice,
  spec: Omit<PipelineSpec, "buffers">,
  layout: GPUPipelineLayout | "auto" = "auto",
): Promise<GPUComputePipeline> {
  const { shader: { file, source }, entryPoint, constants } = spec;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: source, label: file });
  const { messages } = await module.getCompilationInfo();
  const fault = messages.find(({ type }) => type === "error");
  if (fault !== undefined) {
    await device.popErrorScope();
    throw shaderError(`${file}:${fault.lineNum}`, fault.message, source.split("\n")[fault.lineNum - 1]);
  }
  let pipeline: GPUComputePipeline | undefined;
  let message = "the driver gives no reason";
  try {
    pipeline = await device.createComputePipelineAsync({
      layout,
      label: `${file} ${entryPoint}`,
      compute: { module, entryPoint, constants: declaredConstants(spec.shader, constants) },
    });
  } catch (cause) {
    message = cause instanceof Error ? cause.message : String(cause);
  }
  const error = await device.popErrorScope();
  if (pipeline === undefined || error !== null) throw shaderError(file, error?.message ?? message);
  return pipeline;
}

function shaderError(place: string, message: string, line?: string): RunError {
  const [summary] = message.trim().split("\n");
  return new RunError(
    `Cannot compile the kernel ${place}: ${summary}${line === undefined ? "" : `: ${line.trim()}`}`,
    "Report this with the output of epsilon doctor, and use --device cpu.",
  );
}
