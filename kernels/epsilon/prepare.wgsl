// What a step needs of the weights before its sequences (spec §1): a power iteration of the two spectral norms, σ, and the
// weights as sequence.wgsl reads them, W̄ = W/σ and prototypes over τ included. One workgroup.
//
// parameters [count]; buffers u₁ v₁ u₂ v₂; sources [packed floats] says where each comes from and which factor it takes;
// packed starts with the factors: 1, 1/σ₁, 1/σ₂, then for each head 1/(τ + 1e-8) and what carries z·∂z to ∂log τ. A copy of
// the buffers stands at atDirections, for the gradient. latch is 1 behind a step that was not finite (adamw.wgsl).

override W: u32 = 64;
override D: u32;
override H: u32;
override F: u32;
override atW1: u32;
override atW2: u32;
override atTau: u32;
override packedStart: u32;
override packedEnd: u32;
override atDirections: u32;

const NONE = 0xffffffffu;

struct Preparation {
  /** 1 in a training step. */
  iterate: u32,
}

/** A packed float: its parameter (NONE for zero) and its factor. */
struct Source {
  parameter: u32,
  factor: u32,
}

@group(0) @binding(0) var<uniform> preparation: Preparation;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> buffers: array<f32>;
@group(0) @binding(3) var<storage, read> sources: array<Source>;
@group(0) @binding(4) var<storage, read_write> packed: array<f32>;
@group(0) @binding(5) var<storage, read> latch: u32;

alias Summand = f32;
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

// Spectral norm -----------------------------------------------------------------------------------------------------

// Element o of W·v.
fn rowProduct(w: u32, v: u32, inputs: u32, o: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < inputs; i++) { sum += parameters[w + o * inputs + i] * buffers[v + i]; }
  return sum;
}

fn normalize(tid: u32, at: u32, count: u32) {
  var squares = 0.0;
  for (var i = tid; i < count; i += W) { squares += buffers[at + i] * buffers[at + i]; }
  // Below 1e-12 a direction stays as it is, as the published normalization leaves it.
  let inverse = 1.0 / max(sqrt(total(tid, squares)), 1e-12);
  for (var i = tid; i < count; i += W) { buffers[at + i] *= inverse; }
  storageBarrier();
  workgroupBarrier();
}

// v ← Wᵀu/‖Wᵀu‖, then u ← Wv/‖Wv‖ if asked; returns σ = uᵀWv.
fn spectralNorm(tid: u32, w: u32, u: u32, v: u32, outputs: u32, inputs: u32) -> f32 {
  if (preparation.iterate == 1u && latch == 0u) {
    for (var i = tid; i < inputs; i += W) {
      var sum = 0.0;
      for (var o = 0u; o < outputs; o++) { sum += parameters[w + o * inputs + i] * buffers[u + o]; }
      buffers[v + i] = sum;
    }
    normalize(tid, v, inputs);
    for (var o = tid; o < outputs; o += W) { buffers[u + o] = rowProduct(w, v, inputs, o); }
    normalize(tid, u, outputs);
  }
  var sigma = 0.0;
  for (var o = tid; o < outputs; o += W) { sigma += buffers[u + o] * rowProduct(w, v, inputs, o); }
  return total(tid, sigma);
}

@compute @workgroup_size(W)
fn prepare(@builtin(local_invocation_index) tid: u32) {
  let sigma1 = spectralNorm(tid, atW1, 0u, F, F, D);
  let sigma2 = spectralNorm(tid, atW2, F + D, F + 2u * D, D, F);
  if (tid == 0u) {
    packed[0] = 1.0;
    packed[1] = 1.0 / sigma1;
    packed[2] = 1.0 / sigma2;
  }
  for (var h = tid; h < H; h += W) {
    let tau = exp(parameters[atTau + h]);
    let sharpness = 1.0 / (max(tau, 1e-3) + 1e-8);
    packed[3u + 2u * h] = sharpness;
    packed[4u + 2u * h] = select(0.0, -sharpness * tau, tau >= 1e-3);
  }
  storageBarrier();
  workgroupBarrier();
  for (var p = packedStart + tid; p < packedEnd; p += W) {
    let source = sources[p - packedStart];
    var value = 0.0;
    if (source.parameter != NONE) { value = parameters[source.parameter] * packed[source.factor]; }
    packed[p] = value;
  }
  for (var i = tid; i < 2u * (F + D); i += W) { packed[atDirections + i] = buffers[i]; }
}
