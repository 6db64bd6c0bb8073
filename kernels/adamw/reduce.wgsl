// The batch's gradient from its sequences' slots and tokens, in a fixed order, and the squares of its norm.
//
// A workgroup takes blocks: 0 and 1 are the FFN's weights, through the spectral norm (spec §1), then blocks of W
// parameters behind the embedding, then blocks of W vectors of embedding rows that occur in the batch.
// store   per sequence, its slot first; slotLayout [parameters behind the embedding]: place in the slot and factor.
// batch   tokens sorted by id: `permutation` [tokens], `ids` [segments], `starts` [segments + 1].
// norms   [blocks] Σ g². gradient [parameters], zero before where no block writes.

override W: u32 = 64;
override D: u32;
override F: u32;
override atSmall: u32;
override atW1: u32;
override atW2: u32;
override parameterCount: u32;
override atDirections: u32;
override rowGradient: u32;
override storeStride: u32;
override D4 = (D + 3u) / 4u;

struct Reduction {
  tokens: u32,
  sequences: u32,
  segments: u32,
  blocks: u32,
  permutation: u32,
  ids: u32,
  starts: u32,
}

struct Place {
  float: u32,
  factor: u32,
}

@group(0) @binding(0) var<uniform> reduction: Reduction;
@group(0) @binding(1) var<storage, read> packed: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> batch: array<u32>;
@group(0) @binding(4) var<storage, read> slotLayout: array<Place>;
@group(0) @binding(5) var<storage, read> store: array<f32>;
@group(0) @binding(6) var<storage, read> rows: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(8) var<storage, read_write> norms: array<f32>;

var<workgroup> sums: array<f32, W>;

fn total(tid: u32, value: f32) -> f32 {
  workgroupBarrier();
  sums[tid] = value;
  workgroupBarrier();
  for (var width = W / 2u; width > 0u; width /= 2u) {
    if (tid < width) { sums[tid] += sums[tid + width]; }
    workgroupBarrier();
  }
  return sums[0];
}

// Σ over the sequences of parameter e's slot.
fn slotSum(e: u32) -> f32 {
  let place = slotLayout[e - atSmall];
  var sum = 0.0;
  for (var s = 0u; s < reduction.sequences; s++) { sum += store[s * 4u * storeStride + place.float]; }
  return sum * packed[place.factor];
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
  let pull = total(tid, inner) * inverse;
  var squares = 0.0;
  for (var e = tid; e < count; e += W) {
    let own = (gradient[w + e] - pull * packed[atDirections + u + e / inputs] * packed[atDirections + v + e % inputs]) * inverse;
    gradient[w + e] = own;
    squares += own * own;
  }
  return squares;
}

fn smallBlock(e: u32) -> f32 {
  let isSpectral = (e >= atW1 && e < atW1 + F * D) || (e >= atW2 && e < atW2 + F * D);
  if (e >= parameterCount || isSpectral) { return 0.0; }
  let own = slotSum(e);
  gradient[e] = own;
  return own * own;
}

// One vector of a row of the embedding: the sum over the tokens that have its id.
fn embeddingBlock(item: u32) -> f32 {
  let segment = item / D4;
  if (segment >= reduction.segments) { return 0.0; }
  let g = item % D4;
  var sum = vec4f(0.0);
  for (var k = batch[reduction.starts + segment]; k < batch[reduction.starts + segment + 1u]; k++) {
    sum += rows[(rowGradient + g) * reduction.tokens + batch[reduction.permutation + k]];
  }
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
  let smallBlocks = (parameterCount - atSmall + W - 1u) / W;
  for (var block = group.x; block < reduction.blocks; block += groups.x) {
    var squares = 0.0;
    if (block == 0u) {
      squares = spectralBlock(tid, atW1, 0u, F, F, D, packed[1]);
    } else if (block == 1u) {
      squares = spectralBlock(tid, atW2, F + D, F + 2u * D, D, F, packed[2]);
    } else if (block < 2u + smallBlocks) {
      squares = smallBlock(atSmall + (block - 2u) * W + tid);
    } else {
      squares = embeddingBlock((block - 2u - smallBlocks) * W + tid);
    }
    let sum = total(tid, squares);
    if (tid == 0u) { norms[block] = sum; }
  }
}
