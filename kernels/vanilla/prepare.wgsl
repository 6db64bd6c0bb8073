// The vanilla model's weights as stack.wgsl reads them: packed floats from packedStart up to packedEnd, each its parameter
// or zero, rounded as activations are. The first float is 1, the factor of every gradient (adamw/reduce.wgsl).

override W: u32 = 64;
override packedStart: u32;
override packedEnd: u32;

const NONE = 0xffffffffu;

// Storage: with --precision f16 that of storage/half.wgsl stands here --------------------------------------------------

/** Four neighbouring values of an activation, as memory holds them. */
alias Stored = vec4f;

fn loaded(value: Stored) -> vec4f { return value; }

fn firstTwo(value: Stored) -> vec2f { return value.xy; }

fn stored(value: vec4f) -> Stored { return value; }

// End of storage

@group(0) @binding(0) var<storage, read> parameters: array<f32>;
/** [packed floats behind packedStart] the parameter of each, NONE for zero. */
@group(0) @binding(1) var<storage, read> sources: array<u32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;

@compute @workgroup_size(W)
fn prepare(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  if (group.x == 0u && tid == 0u) { packed[0] = 1.0; }
  for (var p = packedStart + group.x * W + tid; p < packedEnd; p += groups.x * W) {
    let source = sources[p - packedStart];
    var value = 0.0;
    if (source != NONE) { value = parameters[source]; }
    packed[p] = loaded(stored(vec4f(value))).x;
  }
}
