// The batch's gradient from its sequences' slots and tokens, in a fixed order, and the squares of its norm.
//
// A workgroup takes blocks: where SPECTRAL = 1, 0 and 1 are the FFN's weights, through the spectral norm (spec §1), then
// blocks of W parameters behind the embedding, then blocks of W vectors of embedding rows that occur in the batch.
// store   per sequence, its slot first; slotLayout [parameters behind the embedding]: place in the slot and factor.
// batch   tokens sorted by id: `permutation` [tokens], `ids` [segments], `starts` [segments + 1].
// norms   [blocks] Σ g², or −1 where the driver cut a loop short. gradient [parameters], zero before where no block writes.

override W: u32 = 64;
override D: u32;
override F: u32;
/** 1 where the FFN's weights have a spectral norm. */
override SPECTRAL: u32 = 1;
override atSmall: u32;
override atW1: u32;
override atW2: u32;
override parameterCount: u32;
override rowGradient: u32;
override storeStride: u32;
override D4 = (D + 3u) / 4u;

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

struct Reduction {
  tokens: u32,
  sequences: u32,
  segments: u32,
  blocks: u32,
  permutation: u32,
  ids: u32,
  starts: u32,
  /** Places in `halt`. */
  factors: u32,
  directions: u32,
  /** 2, unknown to the compiler. */
  two: u32,
  /** What the objective's weights were multiplied by, inverted: a power of two. */
  unscale: f32,
}

struct Place {
  float: u32,
  factor: u32,
}

@group(0) @binding(0) var<uniform> reduction: Reduction;
/** Behind the results, where SPECTRAL = 1: factors, and u₁ v₁ u₂ v₂ (sequence.wgsl). */
@group(0) @binding(1) var<storage, read> halt: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> batch: array<u32>;
@group(0) @binding(4) var<storage, read> slotLayout: array<Place>;
@group(0) @binding(5) var<storage, read> store: array<f32>;
@group(0) @binding(6) var<storage, read> rows: array<Stored>;
@group(0) @binding(7) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(8) var<storage, read_write> norms: array<f32>;

alias Summand = vec2f;
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

// Blocks ------------------------------------------------------------------------------------------------------------

// Σ over the sequences of parameter e's slot, four in a round.
fn slotSum(e: u32) -> f32 {
  let place = slotLayout[e - atSmall];
  let stride = 4u * storeStride;
  var sums = vec4f(0.0);
  var p = place.float;
  for (var s = 0u; s + 4u <= reduction.sequences; s += 4u) {
    sums += vec4f(store[p], store[p + stride], store[p + 2u * stride], store[p + 3u * stride]);
    p += 4u * stride;
  }
  var sum = (sums.x + sums.y) + (sums.z + sums.w);
  for (var s = 0u; s < reduction.sequences % 4u; s++) { sum += store[p + s * stride]; }
  sum *= reduction.unscale;
  if (SPECTRAL == 0u) { return sum; }
  return sum * halt[reduction.factors + place.factor];
}

// Whether this thread's loops ran to their ends (sequence.wgsl, proveComplete): a loop of two rounds still runs twice.
fn isComplete() -> bool {
  var rounds = 0u;
  for (var i = 0u; i < reduction.two; i++) { rounds += 1u + (rounds & 1u) * reduction.two; }
  return rounds == 4u;
}

// ∂W ← (∂W̄ − ⟨∂W̄, W̄⟩·u vᵀ)/σ; returns this thread's Σ g².
fn spectralBlock(tid: u32, w: u32, u: u32, v: u32, outputs: u32, inputs: u32, inverse: f32) -> f32 {
  let count = outputs * inputs;
  var inner = 0.0;
  for (var e = tid; e < count; e += W) {
    let slope = slotSum(w + e);
    gradient[w + e] = slope;
    inner += slope * parameters[w + e];
  }
  let pull = total(tid, vec2f(inner, 0.0)).x * inverse;
  var squares = 0.0;
  for (var e = tid; e < count; e += W) {
    let own = (gradient[w + e] - pull * halt[reduction.directions + u + e / inputs] * halt[reduction.directions + v + e % inputs]) * inverse;
    gradient[w + e] = own;
    squares += own * own;
  }
  return squares;
}

fn smallBlock(e: u32) -> f32 {
  let isSpectral = SPECTRAL == 1u && ((e >= atW1 && e < atW1 + F * D) || (e >= atW2 && e < atW2 + F * D));
  if (e >= parameterCount || isSpectral) { return 0.0; }
  let own = slotSum(e);
  gradient[e] = own;
  return own * own;
}

// A field of the token whose place in the batch stands at p.
fn tokenRow(field: u32, p: u32) -> vec4f {
  return loaded(rows[field + batch[p]]);
}

// One vector of a row of the embedding: the sum over the tokens that have its id.
fn embeddingBlock(item: u32) -> f32 {
  let segment = item / D4;
  if (segment >= reduction.segments) { return 0.0; }
  let g = item % D4;
  let field = (rowGradient + g) * reduction.tokens;
  let end = batch[reduction.starts + segment + 1u];
  var k = batch[reduction.starts + segment];
  var even = vec4f(0.0);
  var odd = vec4f(0.0);
  for (; k + 4u <= end; k += 4u) {
    let p = reduction.permutation + k;
    even += tokenRow(field, p) + tokenRow(field, p + 2u);
    odd += tokenRow(field, p + 1u) + tokenRow(field, p + 3u);
  }
  var sum = even + odd;
  for (; k < end; k++) { sum += tokenRow(field, reduction.permutation + k); }
  sum *= reduction.unscale;
  var squares = 0.0;
  for (var c = 0u; c < min(4u, D - 4u * g); c++) {
    gradient[batch[reduction.ids + segment] * D + 4u * g + c] = sum[c];
    squares += sum[c] * sum[c];
  }
  return squares;
}

@compute @workgroup_size(W)
fn reduce(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let before = 2u * SPECTRAL;
  let smallBlocks = (parameterCount - atSmall + W - 1u) / W;
  for (var b = group.x; b < reduction.blocks; b += groups.x) {
    var squares = 0.0;
    if (SPECTRAL == 1u && b == 0u) {
      squares = spectralBlock(tid, atW1, 0u, F, F, D, halt[reduction.factors + 1u]);
    } else if (SPECTRAL == 1u && b == 1u) {
      squares = spectralBlock(tid, atW2, F + D, F + 2u * D, D, F, halt[reduction.factors + 2u]);
    } else if (b < before + smallBlocks) {
      squares = smallBlock(atSmall + (b - before) * W + tid);
    } else {
      squares = embeddingBlock((b - before - smallBlocks) * W + tid);
    }
    let sum = total(tid, vec2f(squares, select(1.0, 0.0, isComplete())));
    if (tid == 0u) { norms[b] = select(-1.0, sum.x, sum.y == 0.0 && isComplete()); }
  }
}
