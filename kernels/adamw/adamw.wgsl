// Clipping and AdamW with decoupled decay (spec §2, "Optimizer"); the gradient is left zero for the next batch.
//
// Slabs [vectors] of four floats. norms [blocks] holds Σ g² of the gradient's blocks, which every workgroup sums in the same
// order, −1 where a block is incomplete; where a loss or the norm is not finite, or anything incomplete, nothing but the
// gradient changes. report: gradient norm, negative where a block is incomplete; 1 if updated.
// latch is set by such a step; the steps behind it in the same submission then change nothing either.
// What the sequences' kernels read of the parameters behind the embedding is kept up to date in `packed`, each at up to two
// places; the directions of the spectral norms, one power iteration further, become those of the model.

override W: u32 = 64;
override atSmall: u32;
override parameterCount: u32;
/** Floats of the directions; 0 where there is no spectral norm. */
override directionCount: u32;

const NONE = 0xffffffffu;
/** Of a place: half precision leaves the weight there as it is. */
const EXACT = 0x80000000u;

// Storage: with --precision f16 that of storage/half.wgsl stands here --------------------------------------------------

/** Four neighbouring values of an activation, as memory holds them. */
alias Stored = vec4f;

fn loaded(value: Stored) -> vec4f { return value; }

fn firstTwo(value: Stored) -> vec2f { return value.xy; }

fn stored(value: vec4f) -> Stored { return value; }

/** Whether a vector that must stay exact takes two places: `exactly` and `exactlyBehind`, `exact` of both. */
const HALF = false;

fn exactly(value: vec4f) -> Stored { return value; }

fn exactlyBehind(value: vec4f) -> Stored { return value; }

fn exact(value: Stored, behind: Stored) -> vec4f { return value; }

/** In which the Epsilon model's assignments are stored. */
const ASSIGNMENT_UNIT = 1.0;

// End of storage

struct Update {
  vectors: u32,
  blocks: u32,
  sequences: u32,
  /** Place of the sequences' results in `halt`, 8 floats each, and of the report. */
  results: u32,
  report: u32,
  /** Place of the directions in `halt`. */
  directions: u32,
  /** Largest gradient norm; 0 switches clipping off. */
  clip: f32,
  /** 1 − lr·λ */
  decay: f32,
  /** lr/(1 − β₁ᵗ) */
  rate: f32,
  /** 1/√(1 − β₂ᵗ) */
  secondScale: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  /** 1 − β, exact to single precision. */
  rest1: f32,
  rest2: f32,
  /** Factor of the clipped gradient. */
  scale: f32,
}

@group(0) @binding(0) var<uniform> update: Update;
@group(0) @binding(1) var<storage, read> norms: array<f32>;
@group(0) @binding(2) var<storage, read_write> halt: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> firstMoment: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> secondMoment: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> latch: atomic<u32>;
/** [parameters behind the embedding] */
@group(0) @binding(8) var<storage, read> packedPlaces: array<vec2u>;
@group(0) @binding(9) var<storage, read_write> packed: array<f32>;
@group(0) @binding(10) var<storage, read_write> buffers: array<f32>;

alias Summand = vec3f;
var<workgroup> sums: array<Summand, W>;

// Sum: where the adapter has subgroups, that of sum/subgroups.wgsl stands here -------------------------------------------

// Σ over the workgroup in a fixed tree; every thread gets it.
fn total(tid: u32, value: Summand) -> Summand {
  workgroupBarrier();
  sums[tid] = value;
  workgroupBarrier();
  for (var width = W / 2u; width > 0u; width /= 2u) {
    if (tid < width) { sums[tid] += sums[tid + width]; }
    workgroupBarrier();
  }
  return sums[0];
}

// End of sum

// Update ------------------------------------------------------------------------------------------------------------

// By its bits, since a compiler may assume that there are no such numbers.
fn isFinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

// Puts four parameters to where the other kernels read them.
fn pack(i: u32, parameters: vec4f) {
  let rounded = loaded(stored(parameters));
  for (var c = 0u; c < 4u; c++) {
    let e = 4u * i + c;
    if (e < atSmall || e >= parameterCount) { continue; }
    let places = packedPlaces[e - atSmall];
    let value = select(rounded[c], parameters[c], (places.x & EXACT) != 0u);
    if (places.x != NONE) { packed[places.x & ~EXACT] = value; }
    if (places.y != NONE) { packed[places.y & ~EXACT] = value; }
  }
}

@compute @workgroup_size(W)
fn adamw(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  // Σ g², the count of numbers that are not finite, and of incomplete blocks.
  var sum = vec3f(0.0);
  for (var b = tid; b < update.blocks; b += W) {
    sum.x += norms[b];
    if (norms[b] < 0.0) { sum.z += 1.0; }
  }
  for (var s = tid; s < update.sequences; s += W) {
    for (var term = 0u; term < 3u; term++) {
      if (!isFinite(halt[update.results + 8u * s + term])) { sum.y += 1.0; }
    }
    // A sequence that the driver cut short (sequence.wgsl, proveComplete).
    if (halt[update.results + 8u * s + 6u] != 1.0) { sum.y += 1.0; }
  }
  let before = atomicLoad(&latch);
  let all = total(tid, sum);
  let good = isFinite(all.x) && all.y == 0.0 && all.z == 0.0;
  // Only the first workgroup sets the latch, where the step is not good; then all agree, whatever they read before.
  let updated = good && before == 0u;
  if (group.x == 0u) {
    if (tid == 0u && !good) { atomicStore(&latch, 1u); }
    // A step that is not good has made its power iteration all the same.
    if (before == 0u) {
      for (var i = tid; i < directionCount; i += W) { buffers[i] = halt[update.directions + i]; }
    }
  }
  let norm = sqrt(all.x);
  if (tid == 0u && group.x == 0u) {
    halt[update.report] = select(norm, -1.0, all.z > 0.0);
    halt[update.report + 1u] = select(0.0, 1.0, updated);
  }
  var factor = 1.0;
  if (update.clip > 0.0) { factor = min(1.0, update.clip / (norm + 1e-6)); }
  factor *= update.scale;
  for (var i = group.x * W + tid; i < update.vectors; i += groups.x * W) {
    let g = gradient[i] * factor;
    gradient[i] = vec4f(0.0);
    if (!updated) { continue; }
    let m = update.beta1 * firstMoment[i] + update.rest1 * g;
    let v = update.beta2 * secondMoment[i] + update.rest2 * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    let p = parameters[i] * update.decay - update.rate * m / (sqrt(v) * update.secondScale + update.epsilon);
    parameters[i] = p;
  }
  if (!updated) { return; }
  // Apart, since most threads have nothing to pack; each packs what it made.
  let start = group.x * W + tid;
  let step = groups.x * W;
  let skipped = (max(atSmall / 4u, start) - start + step - 1u) / step;
  for (var i = start + skipped * step; i < update.vectors; i += step) { pack(i, parameters[i]); }
}
