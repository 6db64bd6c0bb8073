// The vanilla model's weights as stack.wgsl reads them: vectors from packedStart up to packedEnd, each float its parameter
// or zero. The first float, which the host writes, is 1, the factor of every gradient (adamw/reduce.wgsl).

override W: u32 = 64;
/** Places of vectors. */
override packedStart: u32;
override packedEnd: u32;

const NONE = 0xffffffffu;

// Storage: with --precision f16 that of storage/half.wgsl stands here --------------------------------------------------

/** Four neighbouring values of an activation or of the packed weights. */
alias Stored = vec4f;

/** What a uniform binding reads at a time, and how many vectors of weights that are. */
alias Constant = vec4f;
const PACK = 1u;

fn loaded(value: Stored) -> vec4f { return value; }

fn firstTwo(value: Stored) -> vec2f { return value.xy; }

fn stored(value: vec4f) -> Stored { return value; }

fn constant(value: Constant, place: u32) -> vec4f { return value; }

// End of storage

@group(0) @binding(0) var<storage, read> parameters: array<f32>;
/** [packed floats from packedStart on] the parameter of each, NONE for zero. */
@group(0) @binding(1) var<storage, read> sources: array<u32>;
@group(0) @binding(2) var<storage, read_write> packed: array<Stored>;

@compute @workgroup_size(W)
fn prepare(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  for (var p = packedStart + group.x * W + tid; p < packedEnd; p += groups.x * W) {
    var value = vec4f(0.0);
    for (var c = 0u; c < 4u; c++) {
      let source = sources[4u * (p - packedStart) + c];
      if (source != NONE) { value[c] = parameters[source]; }
    }
    packed[p] = stored(value);
  }
}
