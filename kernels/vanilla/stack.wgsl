// The vanilla model on whole sequences (spec §4): embedding, pre-norm blocks with full softmax attention, final norm, mean
// over the tokens, head and cross-entropy. A training step dispatches `forward`, which keeps what the way back needs, and
// `backward`: two pipelines of half the size compile in much less time than one. A workgroup takes one sequence at a time.
//
// In what concerns single tokens a thread owns tokens i, i + W, …; in the attention a task is four queries or four keys of
// one head, in the gradients of weights a 4 × 4 tile. So every sum has a fixed order, no atomics are needed, and nothing
// of the size n × n exists: a task meets keys or queries four at a time and keeps a running maximum.
//
// Groups of four: a state of d features is D4 vectors; a head takes HG of them, an even number (PAIRS pairs), all heads P4;
// the hidden layer F4. What is beyond d, dh or F is zero.
// rows   [field + group][batch tokens]: fields `row…`; those from rowState to rowNoise are a layer's record, one behind
//        the other where a step or a trace keeps them, else all in the same place (layerStride). rowProjection: q · log₂e/√dh, k, v, P4 vectors each. rowSoftmax, a vector a head: the
//        largest score (base 2), 1/Σ, on the way back Σ dout ⊙ out/Σ. rowDMixed: dout/Σ. rowDProjection has room for the
//        gradients of q, k and v of two layers, as the next one's begin while the tiles still read the last one's.
// packed weights `at…` as [output group][input][4 outputs]; those of a layer lie attentionStride and ffnStride behind the
//        last one's; kept by adamw.wgsl.
// store  per sequence its gradient slot, in the same places as the packed weights, then `pooled` (storePooled, D4 vectors).
// halt   8 results a sequence, then its logits.

override W: u32 = 64;
override D: u32;
override H: u32;
override F: u32;
override L: u32;
override C: u32;
/** 1 where those weights fit into a uniform binding. */
override ATTENTION_CONSTANT: u32 = 0;
override FFN_CONSTANT: u32 = 0;
override D4 = (D + 3u) / 4u;
override PAIRS = (D / H + 7u) / 8u;
override HG = 2u * PAIRS;
override P4 = H * HG;
/** 1 where the second group of a head has two features at most. */
override SHORT = select(0u, 1u, D / H <= 6u);
override F4 = (F + 3u) / 4u;

override rowState: u32;
override rowMiddle: u32;
override rowMixed: u32;
override rowSoftmax: u32;
override rowNoise: u32;
override rowX: u32;
override rowProjection: u32;
override rowHidden: u32;
override rowGradient: u32;
override rowX1: u32;
override rowNormal1: u32;
override rowSlope1: u32;
override rowY: u32;
override rowNormal2: u32;
override rowSlope2: u32;
override rowBranch1: u32;
override rowBranch2: u32;
override rowDBefore: u32;
override rowDMixed: u32;
override rowDProjection: u32;

override attentionStride: u32;
override atGamma1: u32;
override atBeta1: u32;
override atProjection: u32;
override atProjectionBias: u32;
override atOutput: u32;
override atOutputBias: u32;
override atGammaOut: u32;
override atBetaOut: u32;
override atHead: u32;
override atHeadBias: u32;
override ffnStart: u32;
override ffnStride: u32;
override atGamma2: u32;
override atBeta2: u32;
override atFfn1: u32;
override atFfn1Bias: u32;
override atFfn2: u32;
override atFfn2Bias: u32;
override storePooled: u32;
override storeStride: u32;

const NONE = 0xffffffffu;
const LOG2E = 1.4426950408889634;
const LN2 = 0.6931471805599453;
const LOWEST = -1.0e38;
const EPSILON = 1e-5;
const SITES = 5u;
const SITE_ATTENTION_OUTPUT = 2u;
const SITE_FFN_HIDDEN = 3u;
const SITE_FFN_OUTPUT = 4u;
/** Counters of the noise, which no site reaches. */
const NOISE_COUNTERS = 0x8000u;

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

/** Which weights a product reads. */
const ATTENTION = 0u;
const FFN = 1u;

struct Settings {
  tokens: u32,
  sequences: u32,
  /** Of 65536; 0 switches dropout off. */
  dropThreshold: u32,
  dropScale: f32,
  taskWeight: f32,
  /** Gain of the noise on h⁰, and on the input of every later layer. */
  embeddingGain: f32,
  stateGain: f32,
  /** Places in `batch`. */
  offsets: u32,
  labels: u32,
  keys: u32,
  order: u32,
  /** Groups from a layer's record to the next one's; 0 where only the present one is kept. */
  layerStride: u32,
  /** Bounds of loops: the same as the override constants of those names. */
  @align(16) sizes: Sizes,
}

struct Sizes {
  d4: u32,
  p4: u32,
  hg: u32,
  pairs: u32,
  f4: u32,
  heads: u32,
  layers: u32,
  classes: u32,
  two: u32,
  three: u32,
  four: u32,
}

/**
 * Of these the first counts, and everything reads its copy: some compilers unroll every loop whose length they know, and then
 * take minutes; they look into uniforms for it, but not behind a place that they do not know.
 */
@group(0) @binding(0) var<uniform> arguments: array<Settings, 2>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> batch: array<u32>;
@group(0) @binding(4) var<storage, read_write> rows: array<Stored>;
@group(0) @binding(5) var<storage, read_write> halt: array<f32>;
@group(0) @binding(6) var<storage, read_write> store: array<vec4f>;

/** The same buffer as `packed`, from its start and from ffnStart on: a faster way to what all threads read alike. */
@group(0) @binding(7) var<uniform> constants: array<vec4f, 4096>;
@group(0) @binding(8) var<uniform> ffnConstants: array<vec4f, 4096>;

/** Quantiles of the normal distribution [65536]; nothing where there is no noise. */
@group(0) @binding(9) var<storage, read> quantiles: array<f32>;

/** Encodings of the positions [positions][D4]. */
@group(0) @binding(10) var<storage, read> positions: array<vec4f>;

alias Summand = vec4f;
var<workgroup> sums: array<Summand, W>;
var<workgroup> dPooled: array<vec4f, D4>;

var<private> settings: Settings;
// The present sequence and layer.
var<private> first: u32;
var<private> length: u32;
var<private> slot: u32;
var<private> key: vec2u;
var<private> tid: u32;
/** Whether the thread has a token, or tokens, of its own: where threads read together, others accompany them. */
var<private> awake: bool;
var<private> layer: u32;
/** How far this layer's weights lie behind the first one's. */
var<private> attentionShift: u32;
var<private> ffnShift: u32;
/** Σ (g·rms)² over this thread's tokens and the layers whose input got noise. */
var<private> power: f32;

// Places ------------------------------------------------------------------------------------------------------------

fn place(field: u32, token: u32) -> u32 {
  return field * settings.tokens + first + token;
}

fn row(field: u32, token: u32) -> vec4f {
  return loaded(rows[place(field, token)]);
}

fn setRow(field: u32, token: u32, value: vec4f) {
  if (TOGETHER && !awake) { return; }
  rows[place(field, token)] = stored(value);
}

fn addRow(field: u32, token: u32, value: vec4f) {
  setRow(field, token, row(field, token) + value);
}

fn layerField(base: u32, t: u32) -> u32 {
  return base + t * settings.layerStride;
}

fn enterLayer(t: u32) {
  layer = t;
  attentionShift = t * attentionStride;
  ffnShift = t * ffnStride;
}

fn weight(part: u32, p: u32) -> vec4f {
  if (part == FFN) {
    if (FFN_CONSTANT == 1u) { return ffnConstants[p - ffnStart]; }
  } else if (ATTENTION_CONSTANT == 1u) {
    return constants[p];
  }
  return packed[p];
}

// Together: where the threads of a subgroup are to read together, that of together/together.wgsl stands here -------------

/** Whether what all threads need alike is read once for a subgroup; none of its threads may then leave before the last. */
const TOGETHER = false;

/** Two 4 × 4 pieces of what all threads read alike. */
struct Pieces {
  a: mat4x4f,
  b: mat4x4f,
}

// Before anything else.
fn enter(thread: u32) {}

// Whether a thread that takes every W-th of `count` things, the next one k, goes on.
fn goesOn(k: u32, count: u32) -> bool { return k < count; }

// How many threads must have the same to read.
fn team() -> u32 { return 1u; }

// Which of the eight vectors of `ofEight` this thread has.
fn eighth() -> u32 { return 0u; }

// Eight vectors, one of each thread, as columns.
fn ofEight(own: vec4f) -> Pieces { return Pieces(); }

// End of together

// Four neighbouring vectors of weights: four inputs' weights of an output group.
fn weights(part: u32, p: u32) -> mat4x4f {
  if (TOGETHER) { return ofEight(weight(part, p + (eighth() & 3u))).a; }
  return mat4x4f(weight(part, p), weight(part, p + 1u), weight(part, p + 2u), weight(part, p + 3u));
}

// Two times four of them, the second ones `apart` from the first.
fn weightPairs(part: u32, p: u32, apart: u32) -> Pieces {
  if (!TOGETHER) { return Pieces(weights(part, p), weights(part, p + apart)); }
  let i = eighth();
  return ofEight(weight(part, p + (i & 3u) + (i >> 2u) * apart));
}

// The thread's token; without one it accompanies the last token's, and nothing that it finds counts.
fn ownToken(k: u32) -> u32 {
  awake = k < length;
  return min(k, length - 1u);
}

// The tokens j … j+3 of the sequence; beyond its end its last one.
fn fourTokens(j: u32) -> vec4u {
  return min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(length - 1u));
}

// Which of j … j+3 the sequence has.
fn present(j: u32) -> vec4<bool> {
  return vec4u(j) + vec4u(0u, 1u, 2u, 3u) < vec4u(length);
}

// A column a token.
fn four(field: u32, tokens: vec4u) -> mat4x4f {
  let p = vec4u(place(field, 0u)) + tokens;
  return mat4x4f(loaded(rows[p.x]), loaded(rows[p.y]), loaded(rows[p.z]), loaded(rows[p.w]));
}

// The same for the second group of a pair.
fn fourTails(field: u32, tokens: vec4u) -> mat4x4f {
  if (SHORT == 0u) { return four(field, tokens); }
  let p = vec4u(place(field, 0u)) + tokens;
  return mat4x4f(
    vec4f(firstTwo(rows[p.x]), 0.0, 0.0),
    vec4f(firstTwo(rows[p.y]), 0.0, 0.0),
    vec4f(firstTwo(rows[p.z]), 0.0, 0.0),
    vec4f(firstTwo(rows[p.w]), 0.0, 0.0),
  );
}

// Two groups of the tokens j … j+3, which all threads of a team read alike.
fn fourPairs(field: u32, j: u32) -> Pieces {
  if (!TOGETHER) { return Pieces(four(field, fourTokens(j)), fourTails(field + 1u, fourTokens(j))); }
  let i = eighth();
  return ofEight(row(field + (i >> 2u), min(j + (i & 3u), length - 1u)));
}

// The same of one group.
fn fourAlike(field: u32, j: u32) -> mat4x4f {
  if (TOGETHER) { return ofEight(row(field, min(j + (eighth() & 3u), length - 1u))).a; }
  return four(field, fourTokens(j));
}

// The same as `four`, in a loop, which compiles in less time: for what is read once.
fn fourInTurn(field: u32, tokens: vec4u) -> mat4x4f {
  var values: mat4x4f;
  for (var c = 0u; c < settings.sizes.four; c++) { values[c] = row(field, tokens[c]); }
  return values;
}

// Those of the tokens j … j+3 that the sequence has.
fn setFour(field: u32, j: u32, columns: mat4x4f) {
  if (TOGETHER && !awake) { return; }
  var values = columns;
  for (var c = 0u; c < min(settings.sizes.four, length - j); c++) { setRow(field, j + c, values[c]); }
}

// Mathematics -------------------------------------------------------------------------------------------------------

// 2^x for x up to 127, 2 ulp; below −126 as −126. What is no number stays none.
fn power2(x: vec4f) -> vec4f {
  let bounded = select(x, vec4f(-126.0), x < vec4f(-126.0));
  let n = round(bounded);
  let r = bounded - n;
  var p = 0.0013264586450532079 * r + 0.009671619161963463;
  p = p * r + 0.0555073507130146;
  p = p * r + 0.24022240936756134;
  p = p * r + 0.6931470036506653;
  p = p * r + 1.0;
  return p * bitcast<vec4f>((vec4i(n) + 127) << vec4u(23u));
}

// Φ(−|x|), density = e^(−x²/2): Abramowitz and Stegun 7.1.26, absolute error 7.5e-8.
fn normalTail(x: vec4f, density: vec4f) -> vec4f {
  let t = 1.0 / (abs(x) * 0.2316418882 + 1.0);
  var p = 0.5307027145 * t - 0.7265760135;
  p = p * t + 0.7107068705;
  p = p * t - 0.142248368;
  p = p * t + 0.127414796;
  return p * t * density;
}

fn sumOf(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// The same bits as src/model/random.ts.
fn pcg4d(counter: vec4u) -> vec4u {
  var v = counter * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v = v ^ (v >> vec4u(16u));
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// Dropout factors of rows 4·g … 4·g+3 in this layer (src/model/dropout.ts).
fn kept(g: u32, site: u32, token: u32) -> vec4f {
  if (settings.dropThreshold == 0u) { return vec4f(1.0); }
  let words = pcg4d(vec4u(key, token, ((layer * SITES + site) << 16u) + (g >> 1u)));
  let pair = select(words.xy, words.zw, (g & 1u) != 0u);
  let bits = vec4u(pair.x & 0xffffu, pair.x >> 16u, pair.y & 0xffffu, pair.y >> 16u);
  return select(vec4f(settings.dropScale), vec4f(0.0), bits < vec4u(settings.dropThreshold));
}

// Three output groups of a linear layer at once, from `w` on, `stride` vectors apart; `field` the input's first row.
fn product(part: u32, w: u32, stride: u32, field: u32, groups: u32, token: u32) -> mat3x4f {
  var sum: mat3x4f;
  var p = place(field, token);
  var at = w;
  for (var g = 0u; g < groups; g++) {
    let x = loaded(rows[p]);
    let both = weightPairs(part, at, stride);
    sum += mat3x4f(both.a * x, both.b * x, weights(part, at + 2u * stride) * x);
    at += 4u;
    p += settings.tokens;
  }
  return sum;
}

// The way back: three input groups at once from the gradient of the outputs, `w` being the first one's weights.
fn transposed(part: u32, w: u32, stride: u32, field: u32, groups: u32, token: u32) -> mat3x4f {
  var sum: mat3x4f;
  var p = place(field, token);
  var at = w;
  for (var g = 0u; g < groups; g++) {
    let x = loaded(rows[p]);
    let both = weightPairs(part, at, 4u);
    sum += mat3x4f(x * both.a, x * both.b, x * weights(part, at + 8u));
    at += stride;
    p += settings.tokens;
  }
  return sum;
}

// Those of the three groups from g on that are below `groups`.
fn setThree(field: u32, g: u32, groups: u32, token: u32, columns: mat3x4f) {
  var values = columns;
  for (var c = 0u; c < min(settings.sizes.three, groups - g); c++) { setRow(field + g + c, token, values[c]); }
}

fn withinState(g: u32) -> vec4f {
  return select(vec4f(0.0), vec4f(1.0), vec4u(4u * g) + vec4u(0u, 1u, 2u, 3u) < vec4u(D));
}

// out ← LayerNorm(field); `normal` (unless NONE) keeps it before γ and β. Returns 1/√(variance + ε).
fn layerNorm(part: u32, out: u32, normal: u32, field: u32, gamma: u32, beta: u32, token: u32) -> f32 {
  var sum = 0.0;
  for (var g = 0u; g < settings.sizes.d4; g++) { sum += sumOf(row(field + g, token)); }
  let mean = sum / f32(D);
  var squares = 0.0;
  for (var g = 0u; g < settings.sizes.d4; g++) {
    let centred = (row(field + g, token) - mean) * withinState(g);
    squares += dot(centred, centred);
  }
  let inverse = 1.0 / sqrt(squares / f32(D) + EPSILON);
  for (var g = 0u; g < settings.sizes.d4; g++) {
    let value = (row(field + g, token) - mean) * inverse;
    if (normal != NONE) { setRow(normal + g, token, value); }
    setRow(out + g, token, weight(part, gamma + g) * value + weight(part, beta + g));
  }
  return inverse;
}

// The state's gradient grows by that of the norm's input, from `field`, its output's.
fn layerNormBackward(part: u32, field: u32, normal: u32, gamma: u32, inverse: f32, token: u32) {
  var sum = 0.0;
  var along = 0.0;
  for (var g = 0u; g < settings.sizes.d4; g++) {
    let slope = weight(part, gamma + g) * row(field + g, token);
    sum += sumOf(slope);
    along += dot(slope, row(normal + g, token));
  }
  sum /= f32(D);
  along /= f32(D);
  for (var g = 0u; g < settings.sizes.d4; g++) {
    let slope = weight(part, gamma + g) * row(field + g, token);
    addRow(rowGradient + g, token, inverse * (slope - sum - along * row(normal + g, token)));
  }
}

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

// Gradients of weights ----------------------------------------------------------------------------------------------

// A tile of a weight's gradient: Σ over tokens of a ⊗ b goes to the slot's places `into`, one vector a column, or its
// diagonal alone; Σ a goes to `bias` unless NONE.
struct Tile {
  a: u32,
  b: u32,
  into: u32,
  bias: u32,
  diagonal: bool,
}

// Tile i of a matrix whose outputs are `a` and whose `columns` input groups are `b`.
fn matrixTile(i: u32, a: u32, b: u32, columns: u32, into: u32, bias: u32) -> Tile {
  let o = i / columns;
  return Tile(a + o, b + i % columns, into + 4u * i, select(NONE, bias + o, i % columns == 0u), false);
}

// γ and β of a norm, of one group: Σ slope ⊙ normal and Σ slope.
fn normTile(g: u32, slope: u32, normal: u32, gamma: u32, beta: u32) -> Tile {
  return Tile(slope + g, normal + g, gamma + g, beta + g, true);
}

fn setTile(part: Tile) {
  var m: mat4x4f;
  var sum = vec4f(0.0);
  for (var j = 0u; j < length; j += 4u) {
    let tokens = fourTokens(j);
    let isPresent = present(j);
    let none = vec4f(0.0);
    var a = four(part.a, tokens);
    a[1] = select(none, a[1], isPresent.y);
    a[2] = select(none, a[2], isPresent.z);
    a[3] = select(none, a[3], isPresent.w);
    m += a * transpose(four(part.b, tokens));
    sum += (a[0] + a[1]) + (a[2] + a[3]);
  }
  let p = slot + part.into;
  if (part.diagonal) {
    store[p] = vec4f(m[0].x, m[1].y, m[2].z, m[3].w);
  } else {
    for (var c = 0u; c < settings.sizes.four; c++) { store[p + c] = m[c]; }
  }
  if (part.bias != NONE) { store[slot + part.bias] = sum; }
}

// Embedding (spec §4) -----------------------------------------------------------------------------------------------

fn embed(token: u32) {
  let source = batch[first + token] * D;
  for (var g = 0u; g < settings.sizes.d4; g++) {
    var e = vec4f(0.0);
    for (var c = 0u; c < min(4u, D - 4u * g); c++) { e[c] = parameters[source + 4u * g + c]; }
    setRow(rowState + g, token, e + positions[token * D4 + g]);
  }
}

// Noise (stability spec §1): a layer's input is h + g·rms(h)·ε, and stands in h's place; rowNoise keeps g·rms(h) -------

fn gainAt(t: u32) -> f32 {
  return select(settings.stateGain, settings.embeddingGain, t == 0u);
}

// ε of group g (src/model/noise.ts); 0 beyond the state.
fn noiseAt(g: u32, token: u32, t: u32) -> vec4f {
  let words = pcg4d(vec4u(key, token, ((NOISE_COUNTERS + t) << 16u) + (g >> 1u)));
  let pair = select(words.xy, words.zw, (g & 1u) != 0u);
  let drawn = vec4f(
    quantiles[pair.x & 0xffffu],
    quantiles[pair.x >> 16u],
    quantiles[pair.y & 0xffffu],
    quantiles[pair.y >> 16u],
  );
  return drawn * withinState(g);
}

fn addNoise(t: u32, token: u32) {
  let gain = gainAt(t);
  if (!(gain > 0.0)) { return; }
  let state = layerField(rowState, t);
  var square = 0.0;
  for (var g = 0u; g < settings.sizes.d4; g++) { square += dot(row(state + g, token), row(state + g, token)); }
  let deviation = gain * sqrt(square / f32(D));
  for (var g = 0u; g < settings.sizes.d4; g++) {
    addRow(state + g, token, deviation * noiseAt(g, token, t));
  }
  setRow(layerField(rowNoise, t), token, vec4f(deviation));
  if (awake) { power += deviation * deviation; }
}

// From the gradient of a layer's input to that of the state before its noise: grows by g·(dx·ε)·h / (d·rms(h)).
fn noiseBackward(t: u32, token: u32) {
  let gain = gainAt(t);
  if (!(gain > 0.0)) { return; }
  let deviation = row(layerField(rowNoise, t), token).x;
  var slope = 0.0;
  for (var g = 0u; g < settings.sizes.d4; g++) { slope += dot(row(rowGradient + g, token), noiseAt(g, token, t)); }
  slope *= gain * gain / (f32(D) * max(deviation, 1e-15));
  for (var g = 0u; g < settings.sizes.d4; g++) {
    let quiet = row(layerField(rowState, t) + g, token) - deviation * noiseAt(g, token, t);
    addRow(rowGradient + g, token, slope * quiet);
  }
}

// Attention ---------------------------------------------------------------------------------------------------------

// q, k and v of a token, from its state.
fn project(token: u32) {
  layerNorm(ATTENTION, rowX, NONE, layerField(rowState, layer), atGamma1 + attentionShift, atBeta1 + attentionShift, token);
  let scale = LOG2E / sqrt(f32(D / H));
  for (var g = 0u; g < 3u * settings.sizes.p4; g += 3u) {
    let w = atProjection + attentionShift + 4u * D4 * g;
    var m = product(ATTENTION, w, 4u * D4, rowX, settings.sizes.d4, token);
    for (var c = 0u; c < settings.sizes.three; c++) {
      let value = m[c] + weight(ATTENTION, atProjectionBias + attentionShift + g + c);
      setRow(layerField(rowProjection, layer) + g + c, token, value * select(1.0, scale, g + c < P4));
    }
  }
}

// What the pairs of groups behind the first one add to the products of four tokens with four others.
fn furtherProducts(own: u32, ownTokens: vec4u, other: u32, otherTokens: vec4u) -> mat4x4f {
  var m: mat4x4f;
  for (var g = 2u; g < settings.sizes.hg; g++) {
    m += transpose(four(own + g, ownTokens)) * four(other + g, otherTokens);
  }
  return m;
}

// Item i of a sequence's tasks: a head, a pair of its groups, four of the sequence's tokens.
struct Task {
  head: u32,
  /** The pair's first group, from the head's first one. */
  pair: u32,
  start: u32,
}

// A team has tasks of the same head and pair, which read the same: the last ones may lie beyond the sequence.
fn foursOfTeams() -> u32 {
  let whole = 4u * team();
  return (length + whole - 1u) / whole * team();
}

fn tasks() -> u32 {
  return H * PAIRS * foursOfTeams();
}

fn taskOf(i: u32) -> Task {
  let fours = foursOfTeams();
  let unit = i / fours;
  return Task(unit / PAIRS, 2u * (unit % PAIRS), 4u * (i % fours));
}

// One pair of groups of four queries' outputs, and what softmax keeps of them.
fn attend(i: u32) {
  let task = taskOf(i);
  awake = task.start < length;
  let q = layerField(rowProjection, layer) + task.head * HG;
  let k = q + P4;
  let v = k + P4;
  let queries = fourTokens(task.start);
  let q0 = transpose(fourInTurn(q, queries));
  let q1 = transpose(fourInTurn(q + 1u, queries));
  var top = vec4f(LOWEST);
  var sum = vec4f(0.0);
  var out0: mat4x4f;
  var out1: mat4x4f;
  for (var j = 0u; j < length; j += 4u) {
    let isPresent = present(j);
    let keys = fourPairs(k, j);
    let values = fourPairs(v + task.pair, j);
    var s = q0 * keys.a + q1 * keys.b;
    if (PAIRS > 1u) { s += furtherProducts(q, queries, k, fourTokens(j)); }
    // Keys beyond the end are the last one again: they change no maximum.
    let before = top;
    top = max(max(top, max(s[0], s[1])), max(s[2], s[3]));
    let factor = power2(before - top);
    let none = vec4f(0.0);
    let e = mat4x4f(
      power2(s[0] - top),
      select(none, power2(s[1] - top), isPresent.y),
      select(none, power2(s[2] - top), isPresent.z),
      select(none, power2(s[3] - top), isPresent.w),
    );
    sum = sum * factor + ((e[0] + e[1]) + (e[2] + e[3]));
    let shares = transpose(e);
    out0 = scaled(out0, factor) + values.a * shares;
    out1 = scaled(out1, factor) + values.b * shares;
  }
  let inverse = 1.0 / sum;
  let mixed = layerField(rowMixed, layer) + task.head * HG + task.pair;
  setFour(mixed, task.start, scaled(out0, inverse));
  setFour(mixed + 1u, task.start, scaled(out1, inverse));
  if (task.pair == 0u) {
    // What is kept of the maximum may be rounded; 1/Σ is that of the rounded one.
    let kept = loaded(stored(top));
    let columns = mat4x4f(kept, inverse * power2(kept - top), vec4f(0.0), vec4f(0.0));
    setFour(layerField(rowSoftmax, layer) + task.head, task.start, transpose(columns));
  }
}

fn scaled(m: mat4x4f, factors: vec4f) -> mat4x4f {
  return mat4x4f(m[0] * factors.x, m[1] * factors.y, m[2] * factors.z, m[3] * factors.w);
}

// One pair of groups of the gradients of four queries, or, in the second half of the tasks, of four keys and their values.
// Both meet the others of the sequence, make the weights again, without 1/Σ, and the scores' gradients.
fn attendBackward(i: u32) {
  let isQuery = i < tasks();
  let task = taskOf(select(i - tasks(), i, isQuery));
  awake = task.start < length;
  let q = layerField(rowProjection, layer) + task.head * HG;
  let k = q + P4;
  let d = rowDMixed + task.head * HG;
  let softmax = layerField(rowSoftmax, layer) + task.head;
  let mine = select(k, q, isQuery);
  let theirs = select(q, k, isQuery);
  let myValue = select(k + P4, d, isQuery);
  let theirValue = select(d, k + P4, isQuery);
  let own = fourTokens(task.start);
  let a0 = transpose(fourInTurn(mine, own));
  let a1 = transpose(fourInTurn(mine + 1u, own));
  let b0 = transpose(fourInTurn(myValue, own));
  let b1 = transpose(fourInTurn(myValue + 1u, own));
  let saved = transpose(fourInTurn(softmax, own));
  var sum0: mat4x4f;
  var sum1: mat4x4f;
  var values0: mat4x4f;
  var values1: mat4x4f;
  for (var j = 0u; j < length; j += 4u) {
    let others = fourTokens(j);
    let isPresent = present(j);
    var c = fourPairs(theirs, j);
    var d = fourPairs(theirValue, j);
    var s = a0 * c.a + a1 * c.b;
    var t = b0 * d.a + b1 * d.b;
    if (PAIRS > 1u) {
      s += furtherProducts(mine, own, theirs, others);
      t += furtherProducts(myValue, own, theirValue, others);
      c = fourPairs(theirs + task.pair, j);
      d = fourPairs(theirValue + task.pair, j);
    }
    let theirSoftmax = fourAlike(softmax, j);
    let tops = vec4f(theirSoftmax[0].x, theirSoftmax[1].x, theirSoftmax[2].x, theirSoftmax[3].x);
    let dots = vec4f(theirSoftmax[0].z, theirSoftmax[1].z, theirSoftmax[2].z, theirSoftmax[3].z);
    let none = vec4f(0.0);
    let e0 = power2(s[0] - select(tops.xxxx, saved[0], isQuery));
    let e1 = select(none, power2(s[1] - select(tops.yyyy, saved[0], isQuery)), isPresent.y);
    let e2 = select(none, power2(s[2] - select(tops.zzzz, saved[0], isQuery)), isPresent.z);
    let e3 = select(none, power2(s[3] - select(tops.wwww, saved[0], isQuery)), isPresent.w);
    let slopes = transpose(mat4x4f(
      e0 * (t[0] - select(dots.xxxx, saved[2], isQuery)),
      e1 * (t[1] - select(dots.yyyy, saved[2], isQuery)),
      e2 * (t[2] - select(dots.zzzz, saved[2], isQuery)),
      e3 * (t[3] - select(dots.wwww, saved[2], isQuery)),
    ));
    let shares = transpose(mat4x4f(e0, e1, e2, e3));
    sum0 += c.a * slopes;
    sum1 += c.b * slopes;
    values0 += d.a * shares;
    values1 += d.b * shares;
  }
  // The queries carry log₂e/√dh, of which 1/√dh belongs into the keys' gradient.
  let scale = select(LN2, 1.0 / sqrt(f32(D / H)), isQuery);
  let out = dProjection(layer) + select(P4, 0u, isQuery) + task.head * HG + task.pair;
  setFour(out, task.start, sum0 * scale);
  setFour(out + 1u, task.start, sum1 * scale);
  if (!isQuery) {
    setFour(out + P4, task.start, values0);
    setFour(out + P4 + 1u, task.start, values1);
  }
}

fn dProjection(t: u32) -> u32 {
  return rowDProjection + (t & 1u) * 3u * P4;
}

// From the gradients of q, k and v to the state's, through the first norm.
fn projectBackward(token: u32) {
  let inverse = layerNorm(
    ATTENTION, rowX1, rowNormal1, layerField(rowState, layer), atGamma1 + attentionShift, atBeta1 + attentionShift, token,
  );
  for (var g = 0u; g < settings.sizes.d4; g += 3u) {
    let w = atProjection + attentionShift + 4u * g;
    setThree(rowSlope1, g, D4, token, transposed(ATTENTION, w, 4u * D4, dProjection(layer), 3u * settings.sizes.p4, token));
  }
  layerNormBackward(ATTENTION, rowSlope1, rowNormal1, atGamma1 + attentionShift, inverse, token);
  noiseBackward(layer, token);
}

// The rest of a block ------------------------------------------------------------------------------------------------

// `out` group g ← `base` + dropout(branch).
fn join(out: u32, base: u32, g: u32, branch: vec4f, site: u32, token: u32) {
  setRow(out + g, token, row(base + g, token) + kept(g, site, token) * branch);
}

// Group g of the hidden layer, from what comes before its GELU.
fn hide(g: u32, before: vec4f, token: u32) {
  let x = before + weight(FFN, atFfn1Bias + ffnShift + g);
  let tail = normalTail(x, power2(-0.5 * LOG2E * x * x));
  setRow(rowHidden + g, token, kept(g, SITE_FFN_HIDDEN, token) * (max(x, vec4f(0.0)) - abs(x) * tail));
}

// From the heads' outputs to the block's: both branches join the state.
fn finishBlock(token: u32) {
  let state = layerField(rowState, layer);
  let middle = layerField(rowMiddle, layer);
  let mixed = layerField(rowMixed, layer);
  for (var g = 0u; g < settings.sizes.d4; g += 3u) {
    var m = product(ATTENTION, atOutput + attentionShift + 4u * P4 * g, 4u * P4, mixed, settings.sizes.p4, token);
    for (var c = 0u; c < min(settings.sizes.three, D4 - g); c++) {
      let bias = weight(ATTENTION, atOutputBias + attentionShift + g + c);
      join(middle, state, g + c, m[c] + bias, SITE_ATTENTION_OUTPUT, token);
    }
  }
  layerNorm(FFN, rowX, NONE, middle, atGamma2 + ffnShift, atBeta2 + ffnShift, token);
  for (var g = 0u; g < settings.sizes.f4; g += 3u) {
    var m = product(FFN, atFfn1 + ffnShift + 4u * D4 * g, 4u * D4, rowX, settings.sizes.d4, token);
    for (var c = 0u; c < min(settings.sizes.three, F4 - g); c++) { hide(g + c, m[c], token); }
  }
  let next = layerField(rowState, layer + 1u);
  for (var g = 0u; g < settings.sizes.d4; g += 3u) {
    var m = product(FFN, atFfn2 + ffnShift + 4u * F4 * g, 4u * F4, rowHidden, settings.sizes.f4, token);
    for (var c = 0u; c < min(settings.sizes.three, D4 - g); c++) {
      join(next, middle, g + c, m[c] + weight(FFN, atFfn2Bias + ffnShift + g + c), SITE_FFN_OUTPUT, token);
    }
  }
}

// Group g of the hidden layer again, and the gradient before its GELU from `slope`, that of its output.
fn hideBackward(g: u32, before: vec4f, slope: vec4f, token: u32) {
  let x = before + weight(FFN, atFfn1Bias + ffnShift + g);
  let density = power2(-0.5 * LOG2E * x * x);
  let tail = normalTail(x, density);
  let mask = kept(g, SITE_FFN_HIDDEN, token);
  setRow(rowHidden + g, token, mask * (max(x, vec4f(0.0)) - abs(x) * tail));
  let own = select(1.0 - tail, tail, x < vec4f(0.0)) + x * density * 0.3989422804014327;
  setRow(rowDBefore + g, token, mask * own * slope);
}

// One token's gradient through the FFN and the attention's output layer, down to the heads' outputs.
fn finishBackward(token: u32) {
  for (var g = 0u; g < settings.sizes.d4; g++) {
    setRow(rowBranch2 + g, token, kept(g, SITE_FFN_OUTPUT, token) * row(rowGradient + g, token));
  }
  let inverse = layerNorm(
    FFN, rowY, rowNormal2, layerField(rowMiddle, layer), atGamma2 + ffnShift, atBeta2 + ffnShift, token,
  );
  for (var g = 0u; g < settings.sizes.f4; g += 3u) {
    var before = product(FFN, atFfn1 + ffnShift + 4u * D4 * g, 4u * D4, rowY, settings.sizes.d4, token);
    var slope = transposed(FFN, atFfn2 + ffnShift + 4u * g, 4u * F4, rowBranch2, settings.sizes.d4, token);
    for (var c = 0u; c < min(settings.sizes.three, F4 - g); c++) { hideBackward(g + c, before[c], slope[c], token); }
  }
  for (var g = 0u; g < settings.sizes.d4; g += 3u) {
    let w = atFfn1 + ffnShift + 4u * g;
    setThree(rowSlope2, g, D4, token, transposed(FFN, w, 4u * D4, rowDBefore, settings.sizes.f4, token));
  }
  layerNormBackward(FFN, rowSlope2, rowNormal2, atGamma2 + ffnShift, inverse, token);
  for (var g = 0u; g < settings.sizes.d4; g++) {
    setRow(rowBranch1 + g, token, kept(g, SITE_ATTENTION_OUTPUT, token) * row(rowGradient + g, token));
  }
  for (var g = 0u; g < settings.sizes.p4; g += 3u) {
    let w = atOutput + attentionShift + 4u * g;
    setThree(rowDMixed, g, P4, token, transposed(ATTENTION, w, 4u * P4, rowBranch1, settings.sizes.d4, token));
  }
  let mixed = layerField(rowMixed, layer);
  for (var h = 0u; h < settings.sizes.heads; h++) {
    let saved = row(layerField(rowSoftmax, layer) + h, token);
    var sum = 0.0;
    for (var g = h * HG; g < (h + 1u) * settings.sizes.hg; g++) {
      let own = row(rowDMixed + g, token) * saved.y;
      setRow(rowDMixed + g, token, own);
      sum += dot(own, row(mixed + g, token));
    }
    setRow(layerField(rowSoftmax, layer) + h, token, vec4f(saved.xy, sum, 0.0));
  }
}

// Tiles whose rows are complete when the layer's gradient has passed its FFN: of the layer before, which is the next one
// upwards, the norm and the projections; then of this one everything else. The last norm takes the place of the former in
// the first round.
fn tileOf(item: u32, isFirst: bool) -> Tile {
  var i = item;
  if (isFirst) {
    if (i < D4) { return normTile(i, rowSlope1, rowNormal1, atGammaOut, atBetaOut); }
    i -= D4;
  } else {
    let shift = attentionShift + attentionStride;
    if (i < D4) { return normTile(i, rowSlope1, rowNormal1, atGamma1 + shift, atBeta1 + shift); }
    i -= D4;
    if (i < 3u * P4 * D4) {
      return matrixTile(i, dProjection(layer + 1u), rowX1, D4, atProjection + shift, atProjectionBias + shift);
    }
    i -= 3u * P4 * D4;
  }
  if (i < D4 * F4) { return matrixTile(i, rowBranch2, rowHidden, F4, atFfn2 + ffnShift, atFfn2Bias + ffnShift); }
  i -= D4 * F4;
  if (i < D4 * F4) { return matrixTile(i, rowDBefore, rowY, D4, atFfn1 + ffnShift, atFfn1Bias + ffnShift); }
  i -= D4 * F4;
  if (i < D4 * P4) {
    let mixed = layerField(rowMixed, layer);
    return matrixTile(i, rowBranch1, mixed, P4, atOutput + attentionShift, atOutputBias + attentionShift);
  }
  return normTile(i - D4 * P4, rowSlope2, rowNormal2, atGamma2 + ffnShift, atBeta2 + ffnShift);
}

// Head and loss -----------------------------------------------------------------------------------------------------

// pooled ← mean over the tokens of the last norm.
fn pool(groups: u32) {
  for (var token = tid; token < length; token += W) {
    layerNorm(ATTENTION, rowX, NONE, layerField(rowState, L), atGammaOut, atBetaOut, token);
  }
  for (var g = 0u; g < groups; g++) {
    var sum = vec4f(0.0);
    for (var token = tid; token < length; token += W) { sum += row(rowX + g, token); }
    let all = total(tid, sum);
    if (tid == 0u) { store[slot + storePooled + g] = all / f32(length); }
  }
}

fn logitAt(s: u32, c: u32) -> u32 {
  return 8u * settings.sequences + s * C + c;
}

// One thread: logits and results.
fn headAndLoss(s: u32, label: u32) {
  var largest = LOWEST;
  var best = 0u;
  for (var c = 0u; c < settings.sizes.classes; c++) {
    var sum = weight(ATTENTION, atHeadBias + c / 4u)[c % 4u];
    for (var g = 0u; g < settings.sizes.d4; g++) { sum += dot(weight(ATTENTION, atHead + c * D4 + g), store[slot + storePooled + g]); }
    halt[logitAt(s, c)] = sum;
    if (sum > largest) {
      largest = sum;
      best = c;
    }
  }
  var sum = 0.0;
  for (var c = 0u; c < settings.sizes.classes; c++) { sum += power2(vec4f((halt[logitAt(s, c)] - largest) * LOG2E)).x; }
  let logSum = log(sum) + largest;
  // Cross-entropy, no KL, no entropy, whether it is right, block applications, log Σ e^logit.
  halt[8u * s] = logSum - halt[logitAt(s, label)];
  halt[8u * s + 1u] = 0.0;
  halt[8u * s + 2u] = 0.0;
  halt[8u * s + 3u] = select(0.0, 1.0, best == label);
  halt[8u * s + 4u] = f32(length * L);
  halt[8u * s + 5u] = logSum;
}

// ∂loss/∂logit of class c.
fn headSlope(s: u32, label: u32, c: u32) -> f32 {
  let p = power2(vec4f((halt[logitAt(s, c)] - halt[8u * s + 5u]) * LOG2E)).x;
  return settings.taskWeight * (p - select(0.0, 1.0, c == label));
}

// ∂W_c, ∂b_c and the gradient of `pooled`.
fn headBackward(s: u32, label: u32) {
  for (var g = tid; g < (C + 3u) / 4u; g += W) {
    var own = vec4f(0.0);
    for (var c = 0u; c < min(settings.sizes.four, C - 4u * g); c++) { own[c] = headSlope(s, label, 4u * g + c); }
    store[slot + atHeadBias + g] = own;
  }
  for (var g = tid; g < D4; g += W) {
    var sum = vec4f(0.0);
    for (var c = 0u; c < settings.sizes.classes; c++) {
      let slope = headSlope(s, label, c);
      store[slot + atHead + c * D4 + g] = slope * store[slot + storePooled + g];
      sum += slope * weight(ATTENTION, atHead + c * D4 + g);
    }
    dPooled[g] = sum;
  }
}

// The gradient of the last state; every token has the same share of the mean.
fn poolBackward(token: u32) {
  let inverse = layerNorm(ATTENTION, rowX, rowNormal1, layerField(rowState, L), atGammaOut, atBetaOut, token);
  for (var g = 0u; g < settings.sizes.d4; g++) {
    setRow(rowSlope1 + g, token, dPooled[g] / f32(length));
    setRow(rowGradient + g, token, vec4f(0.0));
  }
  layerNormBackward(ATTENTION, rowSlope1, rowNormal1, atGammaOut, inverse, token);
}

// Sequences ---------------------------------------------------------------------------------------------------------

fn begin(s: u32) {
  first = batch[settings.offsets + s];
  length = batch[settings.offsets + s + 1u] - first;
  slot = s * storeStride;
  key = vec2u(batch[settings.keys + 2u * s], batch[settings.keys + 2u * s + 1u]);
  awake = true;
}

fn stackForward(layers: u32, groups: u32) {
  power = 0.0;
  for (var token = tid; token < length; token += W) { embed(token); }
  for (var t = 0u; t < layers; t++) {
    enterLayer(t);
    for (var k = tid; goesOn(k, length); k += W) {
      let token = ownToken(k);
      addNoise(t, token);
      project(token);
    }
    storageBarrier();
    for (var i = tid; i < tasks(); i += W) { attend(i); }
    storageBarrier();
    for (var k = tid; goesOn(k, length); k += W) { finishBlock(ownToken(k)); }
  }
  awake = true;
  pool(groups);
}

// The slot is filled; rowGradient ends as the embedding's. The round behind the last layer makes its tiles alone.
fn stackBackward(layers: u32) {
  for (var token = tid; token < length; token += W) { poolBackward(token); }
  for (var round = 0u; round <= layers; round++) {
    let hasLayer = round < layers;
    enterLayer(layers - 1u - round);
    if (hasLayer) {
      for (var k = tid; goesOn(k, length); k += W) { finishBackward(ownToken(k)); }
    }
    storageBarrier();
    let items = D4 + select(3u * P4 * D4, 0u, round == 0u) + select(0u, 2u * D4 * F4 + D4 * P4 + D4, hasLayer);
    for (var i = tid; i < items; i += W) { setTile(tileOf(i, round == 0u)); }
    if (!hasLayer) { break; }
    for (var i = tid; i < 2u * tasks(); i += W) { attendBackward(i); }
    storageBarrier();
    for (var k = tid; goesOn(k, length); k += W) { projectBackward(ownToken(k)); }
  }
}

// Says that the sequence's loops ran to their ends: some software drivers cut all loops short after 65,535 rounds in one
// thread, without a word, and this one with them.
fn isComplete() -> bool {
  var rounds = 0u;
  for (var i = 0u; i < settings.sizes.two; i++) { rounds += 1u + (rounds & 1u) * settings.sizes.two; }
  return rounds == 4u;
}

fn proveComplete(s: u32, before: f32) {
  let complete = total(tid, vec4f(select(0.0, 1.0, isComplete()))).x;
  if (tid == 0u) { halt[8u * s + 6u] = select(0.0, before, complete == f32(W) && isComplete()); }
}

@compute @workgroup_size(W)
fn forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  tid = thread;
  enter(thread);
  let given = arguments[group.y];
  settings = given;
  for (var i = group.x; i < given.sequences; i += groups.x) {
    let s = batch[settings.order + i];
    begin(s);
    stackForward(given.sizes.layers, given.sizes.d4);
    let powers = total(tid, vec4f(power));
    if (tid == 0u) {
      headAndLoss(s, batch[settings.labels + s]);
      halt[8u * s + 7u] = powers.x;
    }
    proveComplete(s, 1.0);
    storageBarrier();
  }
}

/** Behind `forward` of the same batch. */
@compute @workgroup_size(W)
fn backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  tid = thread;
  enter(thread);
  let given = arguments[group.y];
  settings = given;
  for (var i = group.x; i < given.sequences; i += groups.x) {
    let s = batch[settings.order + i];
    begin(s);
    headBackward(s, batch[settings.labels + s]);
    workgroupBarrier();
    stackBackward(given.sizes.layers);
    proveComplete(s, halt[8u * s + 6u]);
    storageBarrier();
  }
}
